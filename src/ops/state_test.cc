// Streaming: a causal convolution that keeps its last columns in a state gives, chunk by chunk, what it gives on the
// whole.
#include <gtest/gtest.h>

#include <limits>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/check.h"
#include "ops/interpreter.h"

namespace minnow {
namespace {

constexpr int64_t kChannels = 3, kOutputs = 2, kKernel = 4;

Tensor weight() { return random_tensor(DType::float32, {kOutputs, kChannels, kKernel}, 7); }

// chunk [1, C, length] -> concat(state, chunk) -> conv; the new state is the last kernel - 1 columns.
Graph streaming_graph() {
  Graph graph;
  Builder b(graph);
  const int64_t end = std::numeric_limits<int64_t>::max();
  const ValueId chunk = b.input("chunk", Type::tensor(DType::float32, Shape{Dim(1), Dim(kChannels), Dim("length")}));
  const ValueId past =
      b.state("past", Tensor::of<float>(std::vector<float>(kChannels * (kKernel - 1)), {1, kChannels, kKernel - 1}));
  const ValueId window = b.add("concat", {past, chunk}, {{"axis", 2}}, "window");
  b.output(b.add("conv", {window, b.constant(weight(), "weight")}, {}, "conv"));
  b.set_state("past", b.add("slice", {window, b.ints({-(kKernel - 1)}), b.ints({end}), b.ints({2})}, {}, "kept"));
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  const Status status = check_graph(graph, Registry::builtin());
  EXPECT_TRUE(status.ok()) << status.error().message;
  return graph;
}

// Columns [begin, end) of [1, C, L].
Tensor columns(const Tensor& x, int64_t begin, int64_t end) {
  const int64_t channels = x.dim(1), length = x.dim(2);
  std::vector<float> out;
  for (int64_t c = 0; c < channels; ++c) {
    const float* row = x.data<float>() + c * length;
    out.insert(out.end(), row + begin, row + end);
  }
  return Tensor::of<float>(out, {1, channels, end - begin});
}

Tensor run_chunk(const Interpreter& interpreter, const Tensor& chunk, std::vector<Tensor>* states) {
  const std::vector<Datum> inputs = {chunk};
  auto result = interpreter.run(inputs, {}, states);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return (*result)[0].tensor;
}

void expect_equal(const Tensor& actual, const Tensor& expected) {
  ASSERT_EQ(actual.dims(), expected.dims());
  for (int64_t i = 0; i < expected.size(); ++i) EXPECT_EQ(actual.data<float>()[i], expected.data<float>()[i]) << i;
}

class StreamingTest : public testing::TestWithParam<std::vector<int64_t>> {};

TEST_P(StreamingTest, ChunksEqualTheWhole) {
  const Graph graph = streaming_graph();
  auto interpreter = Interpreter::prepare(graph);
  ASSERT_TRUE(interpreter.ok());
  int64_t total = 0;
  for (const int64_t length : GetParam()) total += length;
  const Tensor input = random_tensor(DType::float32, {1, kChannels, total}, 11);

  // The whole, by padding: an oracle that knows no state.
  const auto whole = evaluate("conv", std::vector<Datum>{input, weight()}, {{"pads", Ints{kKernel - 1, 0}}});
  ASSERT_TRUE(whole.ok()) << whole.error().message;

  std::vector<Tensor> states = {graph.states[0].initial};
  int64_t at = 0;
  for (const int64_t length : GetParam()) {
    const Tensor y = run_chunk(*interpreter, columns(input, at, at + length), &states);
    expect_equal(y, columns((*whole)[0].tensor, at, at + length));
    at += length;
  }
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].dims(), (Dims{1, kChannels, kKernel - 1}));
  if (total >= kKernel - 1) expect_equal(states[0], columns(input, total - kKernel + 1, total));
}

INSTANTIATE_TEST_SUITE_P(All, StreamingTest,
                         testing::Values(std::vector<int64_t>{12}, std::vector<int64_t>{1, 1, 1, 1, 1, 1},
                                         std::vector<int64_t>{5, 2, 1, 4}, std::vector<int64_t>{2}));

TEST(State, ResetsToItsInitialValue) {
  const Graph graph = streaming_graph();
  auto interpreter = Interpreter::prepare(graph);
  ASSERT_TRUE(interpreter.ok());
  const Tensor chunk = random_tensor(DType::float32, {1, kChannels, 5}, 3);
  std::vector<Tensor> states = {graph.states[0].initial};
  const Tensor first = run_chunk(*interpreter, chunk, &states);
  const Tensor second = run_chunk(*interpreter, chunk, &states);
  EXPECT_NE(first.data<float>()[0], second.data<float>()[0]);  // the state mattered
  states = {graph.states[0].initial};
  expect_equal(run_chunk(*interpreter, chunk, &states), first);
}

TEST(State, AFailedRunKeepsIt) {
  const Graph graph = streaming_graph();
  auto interpreter = Interpreter::prepare(graph);
  ASSERT_TRUE(interpreter.ok());
  std::vector<Tensor> states = {graph.states[0].initial};
  run_chunk(*interpreter, random_tensor(DType::float32, {1, kChannels, 5}, 3), &states);
  const Tensor before = states[0];
  const std::vector<Datum> wrong = {random_tensor(DType::float32, {1, kChannels + 1, 5}, 3)};
  EXPECT_FALSE(interpreter->run(wrong, {}, &states).ok());
  expect_equal(states[0], before);
}

}  // namespace
}  // namespace minnow
