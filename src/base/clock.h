// Monotonic time.
#pragma once

#include <chrono>
#include <cstdint>

namespace minnow {

// Nanoseconds since an arbitrary start; never goes back.
inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Time since construction or the last restart().
class Stopwatch {
 public:
  int64_t elapsed_ns() const { return now_ns() - start_ns_; }
  double elapsed_ms() const { return static_cast<double>(elapsed_ns()) * 1e-6; }
  double elapsed_seconds() const { return static_cast<double>(elapsed_ns()) * 1e-9; }
  void restart() { start_ns_ = now_ns(); }

 private:
  int64_t start_ns_ = now_ns();
};

}  // namespace minnow
