// Bounds on what an untrusted model may use. One Limits goes through every parser and the interpreter; Budget is a
// running count against it, shared by everything that one open or run does.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/result.h"

namespace minnow {

struct Limits {
  int64_t bytes = int64_t{8} << 30;  // tensors alive at once
  int64_t nodes = 1'000'000;         // nodes of a graph after functions are expanded
  int64_t depth = 64;                // nested subgraphs, functions and messages
  int64_t steps = 100'000'000;       // node executions in one run
  double seconds = 0;                // wall time of one run; 0: no limit
};

// Counts against Limits. Thread-safe; cancel() may be called from any thread.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), start_(std::chrono::steady_clock::now()) {}
  const Limits& limits() const { return limits_; }

  // Reserves bytes, or fails with what was asked, what is in use and the limit. Every take has its give.
  Status take_bytes(int64_t bytes);
  void give_bytes(int64_t bytes) { live_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  int64_t live_bytes() const { return live_bytes_.load(std::memory_order_relaxed); }
  int64_t peak_bytes() const { return peak_bytes_.load(std::memory_order_relaxed); }

  // Call before executing one node, and every so often in long loops: counts a step, checks time and cancellation.
  Status step(int64_t count = 1);
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  // Starts a new run: steps, time and cancellation begin again, live bytes stay.
  void restart();

 private:
  Limits limits_;
  std::atomic<int64_t> live_bytes_{0};
  std::atomic<int64_t> peak_bytes_{0};
  std::atomic<int64_t> steps_{0};
  std::atomic<bool> cancelled_{false};
  std::chrono::steady_clock::time_point start_;
};

}  // namespace minnow
