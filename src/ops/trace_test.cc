// Events that the interpreter records.
#include "base/trace.h"

#include <gtest/gtest.h>

#include <thread>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/interpreter.h"

namespace minnow {
namespace {

TEST(Trace, RingKeepsTheNewestEvents) {
  Trace trace(3);
  for (int i = 0; i < 5; ++i) trace.record({"n", "relu", "avx2", i, i + 1, 0, 0, 0, 0});
  const std::vector<TraceEvent> events = trace.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(trace.dropped(), 2u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(events[static_cast<size_t>(i)].start_ns, i + 2);
  trace.clear();
  EXPECT_TRUE(trace.events().empty());
  EXPECT_EQ(trace.dropped(), 0u);
}

TEST(Trace, ThreadsRecordTogether) {
  constexpr int kThreads = 4, kEach = 1000;
  Trace trace(kThreads * kEach);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) trace.record({"n", "relu", "avx2", i, i + 1, 0, 0, t, 0});
    });
  for (std::thread& thread : threads) thread.join();
  int64_t next[kThreads] = {};
  for (const TraceEvent& event : trace.events()) EXPECT_EQ(event.start_ns, next[event.thread]++);
  for (int64_t count : next) EXPECT_EQ(count, kEach);
}

// y = reduce_l2(x w): a matrix product with a cost of its own, and an operator made of parts.
TEST(Trace, InterpreterRecordsNodesAndTheirParts) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, Shape(Dims{2, 3})));
  const ValueId w = b.constant(random_tensor(DType::float32, {3, 5}, 1), "w");
  const ValueId product = b.add("matmul", {x, w});
  const ValueId y = b.add("reduce_l2", {product});
  b.output(y);
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  graph.nodes[0].name = "layer/MatMul";
  Result<Interpreter> interpreter = Interpreter::prepare(graph);
  ASSERT_TRUE(interpreter.ok());
  Trace trace(64);
  RunOptions options;
  options.trace = &trace;
  const std::vector<Datum> inputs{random_tensor(DType::float32, {2, 3}, 2)};
  ASSERT_TRUE(interpreter->run(inputs, options).ok());
  const std::vector<TraceEvent> events = trace.events();
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events[0].name, "layer/MatMul");
  EXPECT_EQ(events[0].op, "matmul");
  EXPECT_EQ(events[0].kernel, "reference");
  EXPECT_EQ(events[0].multiply_adds, 2 * 3 * 5);
  EXPECT_EQ(events[0].bytes, 4 * (2 * 3 + 3 * 5 + 2 * 5));
  const TraceEvent& norm = events.back();
  EXPECT_EQ(norm.op, "reduce_l2");
  EXPECT_EQ(norm.kernel, "composed");
  EXPECT_EQ(norm.depth, 0);
  EXPECT_EQ(norm.name, graph.value(y).name);
  for (size_t i = 1; i + 1 < events.size(); ++i) {
    EXPECT_EQ(events[i].depth, 1);
    EXPECT_TRUE(events[i].name.empty());
    EXPECT_LE(norm.start_ns, events[i].start_ns);
    EXPECT_LE(events[i].start_ns, events[i].end_ns);
    EXPECT_LE(events[i].end_ns, norm.end_ns);
  }
}

}  // namespace
}  // namespace minnow
