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
  EXPECT_LT(elapsed_ns, 60'000'000'000);
  EXPECT_GE(watch.elapsed_ms(), static_cast<double>(elapsed_ns) * 1e-6);
  EXPECT_NEAR(watch.elapsed_seconds(), watch.elapsed_ms() * 1e-3, 1.0);
  const int64_t before_ns = now_ns();
  watch.restart();
  EXPECT_LE(watch.elapsed_ns(), now_ns() - before_ns);
}

}  // namespace
}  // namespace minnow
