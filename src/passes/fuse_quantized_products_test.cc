// Products of integers in place of dequantize, product, quantize: what fuses, what stays, and the same codes. Scales
// are powers of two, so that the float product is exact and both forms must agree bit by bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "graph/tensor_equal.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/interpreter.h"
#include "passes/pass.h"

namespace minnow {
namespace {

constexpr float kXScale = 0.25f, kWScale = 0.0078125f, kYScale = 0.5f;

struct Model {
  Graph graph;
  Builder b{graph};
  ValueId input(Dims dims) { return b.input("x", Type::tensor(DType::uint8, Shape(dims))); }
  ValueId real(ValueId codes, float scale, Tensor zero) {
    return b.add("dequantize_linear", {codes, b.constant(scale), b.constant(std::move(zero))});
  }
  ValueId weights(Dims dims, int64_t channels = 0, int64_t axis = 0) {
    std::vector<float> scales(static_cast<size_t>(std::max<int64_t>(channels, 1)), kWScale);
    for (size_t i = 1; i < scales.size(); i += 2) scales[i] *= 2;
    const ValueId codes = b.constant(random_tensor(DType::int8, std::move(dims), 3, -128, 128));
    return b.add("dequantize_linear",
                 {codes, b.constant(Tensor::of<float>(scales, channels > 0 ? Dims{channels} : Dims{}))},
                 {{"axis", axis}});
  }
  ValueId bias(int64_t channels) {
    const ValueId codes = b.constant(random_tensor(DType::int32, {channels}, 4, -2000, 2000));
    return b.add("dequantize_linear", {codes, b.constant(kXScale * kWScale)});
  }
  void codes(ValueId real) {
    b.output(b.add("quantize_linear", {real, b.constant(kYScale), b.constant(Tensor::scalar<int8_t>(-5))}));
  }
};

int64_t count(const Graph& graph, std::string_view op) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.op == op; });
}

std::vector<Datum> run(const Graph& graph, const Datum& input) {
  const auto interpreter = Interpreter::prepare(graph);
  EXPECT_TRUE(interpreter.ok()) << interpreter.error().message;
  auto outputs = interpreter->run({&input, 1}, {});
  EXPECT_TRUE(outputs.ok()) << outputs.error().message;
  return outputs.ok() ? *outputs : std::vector<Datum>();
}

// Runs the pass; the outputs stay as they are.
Graph fused(const Model& model, const Dims& dims) {
  EXPECT_TRUE(model.b.status().ok()) << model.b.status().error().message;
  const Datum input(random_tensor(DType::uint8, dims, 1, 0, 256));
  Graph graph = model.graph;
  EXPECT_TRUE(passes::fuse_quantized_products(graph, {}).ok());
  EXPECT_TRUE(verify_graph(graph).ok());
  const auto before = run(model.graph, input), after = run(graph, input);
  EXPECT_EQ(before.size(), after.size());
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    EXPECT_TRUE(same_bits(before[i].tensor, after[i].tensor)) << "output " << i;
  return graph;
}

Tensor zero() { return Tensor::scalar<uint8_t>(117); }

TEST(FuseQuantizedProducts, ConvolutionWithBiasAndRelu) {
  for (const char* layout : {"NHWC", "NCHW"}) {
    const bool last = layout[1] == 'H';
    const Dims dims = last ? Dims{1, 5, 6, 4} : Dims{1, 4, 5, 6};
    Model m;
    const ValueId x = m.real(m.input(dims), kXScale, zero());
    const ValueId y = m.b.add("conv", {x, m.weights(last ? Dims{3, 3, 3, 4} : Dims{3, 4, 3, 3}), m.bias(3)},
                              {{"pads", Ints{1, 1, 1, 1}}, {"data_layout", layout}});
    m.codes(m.b.add("relu", {y}));
    const Graph graph = fused(m, dims);
    EXPECT_EQ(count(graph, "conv_integer"), 1);
    EXPECT_EQ(count(graph, "clip"), 1);  // codes from -5 on
    EXPECT_EQ(graph.nodes.size(), 2u);
  }
}

TEST(FuseQuantizedProducts, LimitsThatCodesHaveAnywayVanish) {
  Model m;
  const ValueId x = m.real(m.input({2, 8}), kXScale, zero());
  const ValueId y = m.b.add("gemm", {x, m.weights({3, 8}), m.bias(3)}, {{"transB", 1}});
  m.codes(m.b.add("clip", {y, m.b.constant(-100.0f), m.b.constant(100.0f)}));
  const Graph graph = fused(m, {2, 8});
  ASSERT_EQ(graph.nodes.size(), 1u);
  EXPECT_EQ(graph.nodes[0].op, "matmul_integer");
}

TEST(FuseQuantizedProducts, MatmulWithAnAddedRow) {
  for (bool turned : {false, true}) {
    Model m;
    const ValueId x = m.real(m.input({2, 3, 8}), kXScale, zero());
    ValueId w = turned ? m.weights({5, 8}, 5, 0) : m.weights({8, 5}, 5, 1);
    if (turned) w = m.b.add("transpose", {w}, {{"perm", Ints{1, 0}}});
    const ValueId bias = m.b.constant(Tensor::of<float>({1, -2, 3, 0.5f, 4}, {5}));
    m.codes(m.b.add("add", {bias, m.b.add("matmul", {x, w})}));
    const Graph graph = fused(m, {2, 3, 8});
    ASSERT_EQ(graph.nodes.size(), 1u);
    EXPECT_EQ(graph.nodes[0].op, "matmul_integer");
  }
}

TEST(FuseQuantizedProducts, ProductOfTwoActivations) {
  Model m;
  const ValueId x = m.input({2, 4, 4});
  m.codes(m.b.add("matmul", {m.real(x, kXScale, zero()), m.real(x, kWScale, zero())}));
  EXPECT_EQ(count(fused(m, {2, 4, 4}), "matmul_integer"), 1);
}

TEST(FuseQuantizedProducts, WhatOthersReadStays) {
  Model m;
  const ValueId x = m.real(m.input({2, 8}), kXScale, zero());
  const ValueId y = m.b.add("matmul", {x, m.weights({8, 3})});
  m.codes(y);
  m.b.output(m.b.add("neg", {y}));
  const Graph graph = fused(m, {2, 8});
  EXPECT_EQ(count(graph, "matmul"), 1);
  EXPECT_EQ(count(graph, "matmul_integer"), 0);
}

TEST(FuseQuantizedProducts, DequantizedValuesMayHaveOtherReaders) {
  Model m;
  const ValueId x = m.real(m.input({2, 8}), kXScale, zero());
  m.codes(m.b.add("matmul", {x, m.weights({8, 3})}));
  m.b.output(m.b.add("neg", {x}));
  const Graph graph = fused(m, {2, 8});
  EXPECT_EQ(count(graph, "matmul_integer"), 1);
  EXPECT_EQ(count(graph, "dequantize_linear"), 1);
}

TEST(FuseQuantizedProducts, ScalesOfOtherAxesStay) {
  Model m;
  const ValueId x = m.real(m.input({2, 8}), kXScale, zero());
  m.codes(m.b.add("matmul", {x, m.weights({8, 3}, 8, 0)}));
  EXPECT_EQ(count(fused(m, {2, 8}), "matmul"), 1);
}

TEST(FuseQuantizedProducts, DynamicQuantization) {
  Model m;
  const ValueId x = m.input({2, 8});
  const ValueId w = m.b.constant(random_tensor(DType::int8, {8, 3}, 3, -128, 128));
  const ValueId product = m.b.add("matmul_integer", {x, w, m.b.constant(zero())});
  const ValueId scale = m.b.add("mul", {m.b.constant(0.5f), m.b.constant(0.25f)});
  const ValueId real = m.b.add("mul", {m.b.add("cast", {product}, {{"to", DType::float32}}), scale});
  m.b.output(m.b.add("add", {real, m.b.constant(Tensor::of<float>({1, 2, 3}, {3}))}));
  const Graph graph = fused(m, {2, 8});
  EXPECT_EQ(count(graph, "cast") + count(graph, "add"), 0);
  EXPECT_EQ(count(graph, "matmul_integer"), 1);
}

// Two products, each a row, that are added: one of them takes the addition in.
TEST(FuseQuantizedProducts, SumOfTwoScaledRows) {
  Model m;
  const ValueId x = m.input({8});
  ValueId rows[2];
  for (ValueId& row : rows) {
    const ValueId w = m.b.constant(random_tensor(DType::int8, {8, 3}, 3, -128, 128));
    const ValueId cast = m.b.add("cast", {m.b.add("matmul_integer", {x, w})}, {{"to", DType::float32}});
    row = m.b.add("mul", {cast, m.b.constant(0.5f)});
  }
  m.b.output(m.b.add("add", {rows[0], rows[1]}));
  EXPECT_EQ(count(fused(m, {8}), "matmul_integer"), 2);
}

}  // namespace
}  // namespace minnow
