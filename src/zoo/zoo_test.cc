// The zoo's networks: parameter counts as published, shapes, and errors. Values are checked against oracles by
// tests/oracle.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/cases.h"
#include "ops/check.h"
#include "ops/interpreter.h"
#include "zoo/bert.h"
#include "zoo/lenet.h"
#include "zoo/mobilenet_v2.h"
#include "zoo/resnet.h"

namespace minnow {
namespace {

Graph built(Result<Graph> result) {
  EXPECT_TRUE(result.ok()) << result.error().message;
  Graph graph = result.ok() ? std::move(result).value() : Graph();
  const Status status = check_graph(graph, Registry::builtin());
  EXPECT_TRUE(status.ok()) << status.error().message;
  return graph;
}

// Trainable parameters and running statistics: float constants that a layer reads by name.
int64_t parameters(const Graph& graph) {
  int64_t count = 0;
  for (const Value& value : graph.values) {
    if (value.is_constant() && value.constant.dtype() == DType::float32 && value.constant.rank() > 0)
      count += value.constant.size();
  }
  return count;
}

std::vector<Tensor> run(const Graph& graph, std::vector<Datum> inputs) {
  auto interpreter = Interpreter::prepare(graph);
  EXPECT_TRUE(interpreter.ok());
  auto outputs = interpreter->run(inputs, {});
  EXPECT_TRUE(outputs.ok()) << outputs.error().message;
  std::vector<Tensor> tensors;
  if (!outputs.ok()) return tensors;
  for (const Datum& datum : *outputs) tensors.push_back(datum.tensor);
  return tensors;
}

TEST(LeNet, HasItsParametersAndShape) {
  RandomWeights weights(1);
  const Graph graph = built(build_lenet({}, weights));
  EXPECT_EQ(parameters(graph), 61'706);
  const std::vector<Tensor> out = run(graph, {random_tensor(DType::float32, {2, 1, 28, 28}, 3)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].dims(), (Dims{2, 10}));
}

TEST(CifarResNet, HasItsParametersAndShape) {
  RandomWeights weights(1);
  const Graph graph = built(build_cifar_resnet({.depth = 20}, weights));
  // 269,722 as published for option A, and the running means and variances of 688 channels.
  EXPECT_EQ(parameters(graph), 269'722 + 2 * 688);
  const std::vector<Tensor> out = run(graph, {random_tensor(DType::float32, {1, 3, 32, 32}, 3)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].dims(), (Dims{1, 10}));
}

TEST(CifarResNet, RefusesOtherDepths) {
  RandomWeights weights(1);
  EXPECT_NE(build_cifar_resnet({.depth = 21}, weights).error().message.find("6 n + 2"), std::string::npos);
}

TEST(MobileNetV2, HasItsParametersAndShape) {
  RandomWeights weights(1);
  const Graph graph = built(build_mobilenet_v2({}, weights));
  // 3,504,872 trainable parameters (torchvision) and the statistics of 17,056 channels.
  EXPECT_EQ(parameters(graph), 3'504'872 + 2 * 17'056);
  const Graph small = built(build_mobilenet_v2({.width = 0.35, .resolution = 32, .classes = 7}, weights));
  const std::vector<Tensor> out = run(small, {random_tensor(DType::float32, {1, 3, 32, 32}, 3)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].dims(), (Dims{1, 7}));
}

BertConfig tiny_bert() {
  BertConfig config;
  config.vocabulary = 11;
  config.positions = 8;
  config.hidden = 12;
  config.layers = 2;
  config.heads = 3;
  config.intermediate = 20;
  return config;
}

std::vector<Datum> tokens(const std::vector<int64_t>& ids, const std::vector<int64_t>& mask, int64_t batch) {
  const Dims dims = {batch, static_cast<int64_t>(ids.size()) / batch};
  return {Tensor::of<int64_t>(ids, dims), Tensor::of<int64_t>(mask, dims),
          Tensor::of<int64_t>(std::vector<int64_t>(ids.size()), dims)};
}

TEST(Bert, HasItsParameters) {
  RandomWeights weights(1);
  EXPECT_EQ(parameters(built(build_bert(BertConfig::mini_lm_l6(), weights))),
            22'713'216 - 384 * 385);  // without the pooler
}

TEST(Bert, PaddingDoesNotChangeAnEmbedding) {
  RandomWeights weights(5);
  const Graph graph = built(build_bert(tiny_bert(), weights));
  const Tensor alone = run(graph, tokens({2, 7, 3}, {1, 1, 1}, 1)).at(0);
  const Tensor padded = run(graph, tokens({2, 7, 3, 0, 0, 2, 8, 9, 4, 3}, {1, 1, 1, 0, 0, 1, 1, 1, 1, 1}, 2)).at(0);
  ASSERT_EQ(padded.dims(), (Dims{2, 12}));
  double length = 0, difference = 0;
  for (int64_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(alone.data<float>()[i], padded.data<float>()[i], 1e-5) << i;
    length += static_cast<double>(padded.data<float>()[i]) * static_cast<double>(padded.data<float>()[i]);
    difference += std::abs(padded.data<float>()[i] - padded.data<float>()[12 + i]);
  }
  EXPECT_NEAR(length, 1, 1e-5);
  EXPECT_GT(difference, 1e-3);  // another text, another vector
}

TEST(Weights, ErrorsNameTheParameter) {
  NamedWeights weights({{"conv1.weight", Tensor::of<float>({1, 2}, {2})}});
  const std::string message = build_lenet({}, weights).error().message;
  EXPECT_NE(message.find("conv1.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("[6, 1, 5, 5]"), std::string::npos) << message;
  EXPECT_EQ(weights.unused().size(), 0u);
}

TEST(Weights, SeedsAreRepeatable) {
  RandomWeights a(3), b(3), c(4);
  const Tensor x = a.get("w", {50, 50}, Initial::he_normal).value();
  b.get("other", {3}, Initial::he_normal).value();
  const Tensor y = b.get("w", {50, 50}, Initial::he_normal).value(),
               z = c.get("w", {50, 50}, Initial::he_normal).value();
  double squares = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(x.data<float>()[i], y.data<float>()[i]);
    squares += static_cast<double>(x.data<float>()[i]) * static_cast<double>(x.data<float>()[i]);
  }
  EXPECT_NE(x.data<float>()[0], z.data<float>()[0]);
  EXPECT_NEAR(squares / 2500, 2.0 / 50, 0.004);  // variance 2 / fan_in; its own deviation is 0.0011
}

}  // namespace
}  // namespace minnow
