// What a run did, when and for how long: events in a ring that is allocated before the run, so that recording costs a
// copy and no allocation. Whatever executes nodes records here; insight reads it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace minnow {

// One execution of one node. The texts belong to the model, its plan, the registry or the program.
struct TraceEvent {
  std::string_view name;    // the node's, or its first output's; empty: a part of the event that encloses it
  std::string_view op;      // name of the operator
  std::string_view kernel;  // instruction set of the kernel row; "reference", "composed" or "custom" without one
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  int64_t bytes = 0;          // of inputs and outputs
  int64_t multiply_adds = 0;  // 0 where the operator has none, or its parts count them
  int32_t thread = 0;
  int32_t depth = 0;  // 0: the main graph; more: inside the event of depth - 1 that this thread records next
};

// record() may be called by several threads; everything else only while none of them runs.
class Trace {
 public:
  explicit Trace(size_t capacity) : ring_(std::max<size_t>(capacity, 1)) {}

  // When the ring is full the oldest events go.
  void record(const TraceEvent& event) {
    ring_[static_cast<size_t>(recorded_.fetch_add(1, std::memory_order_relaxed) % ring_.size())] = event;
  }
  void clear() { recorded_.store(0, std::memory_order_relaxed); }
  uint64_t dropped() const { return recorded() > ring_.size() ? recorded() - ring_.size() : 0; }
  // In the order of recording: what is inside an event stands before it.
  std::vector<TraceEvent> events() const {
    std::vector<TraceEvent> events;
    for (uint64_t i = dropped(); i < recorded(); ++i) events.push_back(ring_[static_cast<size_t>(i % ring_.size())]);
    return events;
  }

 private:
  uint64_t recorded() const { return recorded_.load(std::memory_order_relaxed); }
  std::vector<TraceEvent> ring_;
  std::atomic<uint64_t> recorded_{0};
};

}  // namespace minnow
