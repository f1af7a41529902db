#include "base/limits.h"

namespace minnow {

Status Budget::take_bytes(int64_t bytes) {
  const int64_t before = live_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (bytes < 0 || before > limits_.bytes - bytes) {
    live_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return over_limit({"memory: ", bytes, " bytes asked for, ", before, " in use, the limit is ", limits_.bytes,
                       " (raise it with --max-bytes or Limits.bytes)"});
  }
  int64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (before + bytes > peak && !peak_bytes_.compare_exchange_weak(peak, before + bytes)) {
  }
  return {};
}

Status Budget::step(int64_t count) {
  if (cancelled_.load(std::memory_order_relaxed)) return make_error(ErrorCode::cancelled, {"cancelled"});
  const int64_t steps = steps_.fetch_add(count, std::memory_order_relaxed) + count;
  if (steps > limits_.steps) {
    return over_limit({"more than ", limits_.steps, " steps (raise it with --max-steps or Limits.steps)"});
  }
  if (limits_.seconds > 0) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    if (elapsed.count() > limits_.seconds) {
      return over_limit({"more than ", limits_.seconds, " seconds (raise it with --max-seconds or Limits.seconds)"});
    }
  }
  return {};
}

void Budget::restart() {
  steps_.store(0, std::memory_order_relaxed);
  cancelled_.store(false, std::memory_order_relaxed);
  start_ = std::chrono::steady_clock::now();
}

}  // namespace minnow
