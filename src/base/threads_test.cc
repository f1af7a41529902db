#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <numeric>
#include <thread>
#include <tuple>
#include <vector>

namespace minnow {
namespace {

using Ranges = std::vector<std::tuple<int64_t, int64_t>>;  // by thread

Ranges ranges_of(ThreadPool* pool, int64_t count) {
  Ranges ranges(static_cast<size_t>(pool->thread_count()), {-1, -1});
  pool->for_each(count, [&](int64_t begin, int64_t end, int thread) {
    ranges[static_cast<size_t>(thread)] = {begin, end};
  });
  return ranges;
}

TEST(ThreadPool, CoversEachIndexOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int64_t count : {1, 2, 7, 8, 9, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<size_t>(count));
      pool.for_each(count, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      for (const auto& hit : hits) ASSERT_EQ(hit.load(), 1) << threads << " threads, " << count << " indices";
    }
  }
}

#if MINNOW_THREADS
TEST(ThreadPool, SplitIsEvenAndDependsOnCountsOnly) {
  ThreadPool pool(4);
  ASSERT_EQ(pool.thread_count(), 4);
  EXPECT_EQ(ranges_of(&pool, 10), (Ranges{{0, 3}, {3, 6}, {6, 8}, {8, 10}}));
  EXPECT_EQ(ranges_of(&pool, 2), (Ranges{{0, 1}, {1, 2}, {-1, -1}, {-1, -1}}));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const Ranges huge = ranges_of(&pool, kMax);
  EXPECT_EQ(std::get<1>(huge[3]), kMax);
  EXPECT_EQ(std::get<1>(huge[2]), std::get<0>(huge[3]));
}

TEST(ThreadPool, RangesRunOnDifferentThreads) {
  ThreadPool pool(2);
  std::vector<std::thread::id> ids(2);
  pool.for_each(2,
                [&](int64_t, int64_t, int thread) { ids[static_cast<size_t>(thread)] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  EXPECT_NE(ids[1], std::thread::id());
  EXPECT_NE(ids[1], ids[0]);
}
#endif

TEST(ThreadPool, NothingToDo) {
  ThreadPool pool(2);
  int calls = 0;
  pool.for_each(0, [&](int64_t, int64_t, int) { ++calls; });
  pool.for_each(-5, [&](int64_t, int64_t, int) { ++calls; });
  EXPECT_EQ(calls, 0);
}

TEST(ThreadPool, OddThreadCountsBecomeOne) {
  EXPECT_EQ(ThreadPool(0).thread_count(), 1);
  EXPECT_EQ(ThreadPool(-3).thread_count(), 1);
  EXPECT_GE(hardware_threads(), 1);
}

// Writes of one call are read by the next on another thread: a lost wake-up hangs, a missing fence shows as a wrong
// sum.
TEST(ThreadPool, ManyShortCalls) {
  ThreadPool pool(3);
  std::vector<int64_t> sums(3, 0);
  constexpr int kCalls = 5000;
  for (int call = 0; call < kCalls; ++call) {
    pool.for_each(3, [&](int64_t begin, int64_t, int) {
      const size_t from = static_cast<size_t>((begin + call) % 3);
      sums[from] += begin + 1;
    });
  }
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), int64_t{0}), int64_t{kCalls} * (1 + 2 + 3));
}

TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::atomic<int64_t> total{0};
  std::atomic<int> running{0};
  std::atomic<bool> overlapped{false};
  const auto caller = [&] {
    for (int i = 0; i < 200; ++i) {
      pool.for_each(2, [&](int64_t begin, int64_t end, int) {
        if (running.fetch_add(1) >= 2) overlapped = true;
        total += end - begin;
        running.fetch_sub(1);
      });
    }
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back(caller);
  for (std::thread& thread : callers) thread.join();
  EXPECT_EQ(total.load(), 4 * 200 * 2);
  EXPECT_FALSE(overlapped.load());
}

TEST(ThreadPool, TasksMayCallPoolsAgain) {
  ThreadPool outer(2), inner(2);
  std::atomic<int64_t> total{0};
  outer.for_each(4, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      inner.for_each(10, [&](int64_t b, int64_t e, int) {
        outer.for_each(e - b, [&](int64_t b2, int64_t e2, int) { total += e2 - b2; });
      });
    }
  });
  EXPECT_EQ(total.load(), 40);
  // Afterwards the caller has its workers back.
  EXPECT_EQ(std::get<1>(ranges_of(&outer, 2).back()), 2);
}

TEST(ThreadPool, PoolsComeAndGo) {
  std::atomic<int64_t> total{0};
  for (int i = 0; i < 200; ++i) {
    ThreadPool pool(3);
    if (i % 2 == 0) pool.for_each(3, [&](int64_t begin, int64_t end, int) { total += end - begin; });
  }
  EXPECT_EQ(total.load(), 300);
}

}  // namespace
}  // namespace minnow
