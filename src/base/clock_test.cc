#include "base/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace minnow {
namespace {

TEST(Clock, StopwatchMeasuresASleep) {
  Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const int64_t elapsed_ns = watch.elapsed_ns();
  EXPECT_GE(elapsed_ns, 5'000'000);
  const double elapsed_ms = watch.elapsed_ms();
  EXPECT_GE(elapsed_ms, static_cast<double>(elapsed_ns) * 1e-6);
  EXPECT_GE(watch.elapsed_seconds(), elapsed_ms * 1e-3 * (1 - 1e-12));  // two roundings against one
  EXPECT_LT(watch.elapsed_seconds(), 60.0);
}

TEST(Clock, RestartForgetsTheTimeBefore) {
  const int64_t start_ns = now_ns();
  Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  watch.restart();
  const int64_t elapsed_ns = watch.elapsed_ns();
  const int64_t total_ns = now_ns() - start_ns;
  EXPECT_GE(elapsed_ns, 0);
  EXPECT_LE(elapsed_ns, total_ns - 5'000'000);
}

}  // namespace
}  // namespace minnow
