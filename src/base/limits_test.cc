#include "base/limits.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

namespace minnow {
namespace {

TEST(Budget, CountsLiveAndPeakBytes) {
  Limits limits;
  limits.bytes = 100;
  Budget budget(limits);
  EXPECT_TRUE(budget.take_bytes(60).ok());
  const Status over = budget.take_bytes(41);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::limit);
  EXPECT_NE(over.error().message.find("41 bytes asked for, 60 in use, the limit is 100"), std::string::npos)
      << over.error().message;
  EXPECT_TRUE(budget.take_bytes(40).ok());
  budget.give_bytes(70);
  EXPECT_EQ(budget.live_bytes(), 30);
  EXPECT_EQ(budget.peak_bytes(), 100);
  EXPECT_FALSE(budget.take_bytes(-1).ok());
  EXPECT_FALSE(budget.take_bytes(std::numeric_limits<int64_t>::max()).ok());
  EXPECT_EQ(budget.live_bytes(), 30);
}

TEST(Budget, StepsTimeAndCancellation) {
  Limits limits;
  limits.steps = 10;
  Budget budget(limits);
  EXPECT_TRUE(budget.step(10).ok());
  EXPECT_EQ(budget.step().error().code, ErrorCode::limit);
  budget.restart();
  EXPECT_TRUE(budget.step().ok());
  budget.cancel();
  EXPECT_EQ(budget.step().error().code, ErrorCode::cancelled);
  budget.restart();
  EXPECT_TRUE(budget.step().ok());

  limits.seconds = 1e-3;
  Budget timed(limits);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(timed.step().error().code, ErrorCode::limit);
}

TEST(Budget, ThreadsShareOneCount) {
  Limits limits;
  limits.bytes = 1000;
  Budget budget(limits);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 2000; ++j) {
        if (budget.take_bytes(300).ok()) budget.give_bytes(300);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.live_bytes(), 0);
  EXPECT_LE(budget.peak_bytes(), 1000);
  EXPECT_GE(budget.peak_bytes(), 300);
}

}  // namespace
}  // namespace minnow
