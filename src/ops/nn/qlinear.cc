// Operators on quantized tensors. Convolution and matrix product become products of integers (ops/integer_product.h);
// the others are dequantize, compute, quantize.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/integer_product.h"
#include "ops/pooling.h"

namespace minnow::ops {
namespace {

ValueId optional_input(const DecomposeContext& c, int i) { return c.has_input(i) ? c.input(i) : kNoValue; }

// Inputs: x, its scale and zero point, w, its scale and zero point, scale and zero point of y, int32 bias.
Status qlinear_conv_infer(InferContext& c) {
  Shape shape;
  if (c.shape(0).ranked && c.shape(3).ranked) {
    MN_ASSIGN(const ConvolutionShapes shapes, convolution_shapes(c, c.shape(0), c.shape(3)));
    shape = shapes.y.shape(shapes.last);
  }
  c.set_output(0, c.dtype(7), shape);
  return {};
}

Status qlinear_conv_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId scale = b.add("div", {b.add("mul", {c.input(1), c.input(4)}), c.input(6)});
  c.set_output(0, b.add("conv_integer",
                        {c.input(0), c.input(3), c.input(2), c.input(5), optional_input(c, 8), scale, c.input(7)},
                        c.node().attributes));
  return b.status();
}

Cost qlinear_conv_cost(const InferContext& c) {
  const int64_t bytes = element_count(c.shape(0).to_dims()) + element_count(c.shape(3).to_dims()) +
                        element_count(c.outputs()[0].shape.to_dims());
  return {convolution_multiply_adds(c, c.shape(0), c.shape(3)), bytes};
}

// Inputs: a, its scale and zero point, b, its scale and zero point, scale and zero point of y. One scale of a, and one
// or one a column of b, is the common form; else a's stand one a row ([rows], or already [..., rows, 1]).
Status qlinear_matmul_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const auto shape = [&](int i) { return c.type(c.input(i)).shape; };
  MN_CHECK(shape(1).ranked && shape(2).ranked && shape(4).ranked && shape(5).ranked,
           "needs scales and zero points of known rank");
  const auto by_row = [&](int i) {
    return shape(i).rank() == 1 && shape(i).dims[0].value != 1 ? b.add("unsqueeze", {c.input(i), b.ints({-1})})
                                                               : c.input(i);
  };
  const ValueId a_scale = by_row(1), a_zero = by_row(2);
  const ValueId ratio = b.add("div", {b.add("mul", {a_scale, c.input(4)}), c.input(6)});
  const ValueId scale =
      c.type(ratio).dtype == DType::float32 ? ratio : b.add("cast", {ratio}, {{"to", DType::float32}});
  MN_TRY(b.status());
  if (b.type(a_zero).shape.rank() <= 1 && b.type(scale).shape.rank() <= 1 && shape(5).rank() <= 1) {
    c.set_output(0, b.add("matmul_integer", {c.input(0), c.input(3), a_zero, c.input(5), kNoValue, scale, c.input(7)}));
    return b.status();
  }
  MN_ASSIGN(const ValueId left, centered(c, c.input(0), a_zero, {}));
  MN_ASSIGN(const ValueId right, centered(c, c.input(3), c.input(5), {}));
  const ValueId sums = b.add("cast", {b.add("matmul", {left, right})}, {{"to", DType::float32}});
  const ValueId zero = b.add("reshape", {c.input(7), b.ints({})});
  c.set_output(0, b.add("quantize_linear", {b.add("mul", {sums, scale}), b.constant(1.0f), zero}));
  return b.status();
}

// Inputs x, scale, zero point (may be absent), scale of y, zero point of y (may be absent).
ValueId dequantized(DecomposeContext& c, int first) {
  std::vector<ValueId> inputs{c.input(first), c.input(first + 1)};
  if (c.has_input(first + 2)) inputs.push_back(c.input(first + 2));
  return c.b.add("dequantize_linear", inputs);
}

Status expect_scales(const DecomposeContext& c) {
  MN_CHECK(c.has_input(0) && c.has_input(1) && c.has_input(3),
           "expected a tensor, its scale, and the scale of the output");
  return {};
}

ValueId quantized(DecomposeContext& c, ValueId real, int scale, ValueId like) {
  // Without a zero point the output has x's type and zero point 0.
  const ValueId zero = c.has_input(scale + 1) ? c.input(scale + 1) : c.b.scalar_like(0.0, like);
  return c.b.add("quantize_linear", {real, c.input(scale), zero});
}

Status average_pool_decompose(DecomposeContext& c) {
  MN_TRY(expect_scales(c));
  c.set_output(0, quantized(c, c.b.add("average_pool", {dequantized(c, 0)}, c.node().attributes), 3, c.input(0)));
  return {};
}

Status global_average_pool_decompose(DecomposeContext& c) {
  MN_TRY(expect_scales(c));
  c.set_output(0,
               quantized(c, c.b.add("global_average_pool", {dequantized(c, 0)}, c.node().attributes), 3, c.input(0)));
  return {};
}

Status softmax_decompose(DecomposeContext& c) {
  MN_TRY(expect_scales(c));
  Builder& b = c.b;
  MN_CHECK(c.has_input(1) && c.has_input(3), "expected the scales of input and output");  // zero points are optional
  const ValueId real = dequantized(c, 0);
  const int64_t axis = c.int_attribute("axis");
  // Before version 13 softmax ran over all axes from `axis` on.
  ValueId out = kNoValue;
  if (c.int_attribute("opset") >= 13) {
    out = b.add("softmax", {real}, {{"axis", axis}});
  } else {
    out = b.add("softmax", {b.add("flatten", {real}, {{"axis", axis}})}, {{"axis", 1}});
    out = b.add("reshape", {out, b.add("shape", {real})});
  }
  c.set_output(0, quantized(c, out, 3, c.input(0)));
  return {};
}

// Inputs: scale and zero point of y, then x, scale and zero point of each part.
Status concat_decompose(DecomposeContext& c) {
  MN_CHECK(c.input_count() >= 5 && (c.input_count() - 2) % 3 == 0,
           "expected scale and zero point of the output, then three inputs a part, got ", c.input_count());
  std::vector<ValueId> parts;
  for (int i = 2; i < c.input_count(); i += 3) parts.push_back(dequantized(c, i));
  const ValueId joined = c.b.add("concat", parts, {{"axis", c.int_attribute("axis")}});
  c.set_output(0, c.b.add("quantize_linear", {joined, c.input(0), c.input(1)}));
  return {};
}

// com.microsoft's channels_last is our data_layout.
Status import_channels_last(ImportContext& c) {
  MN_ASSIGN(const int64_t last, c.int_attribute("channels_last", 0));
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()}, {{"data_layout", last != 0 ? "NHWC" : "NCHW"}});
}

// Here only x and y have the channels last; the weight stays [M, C/group, k...].
Status import_qlinear_conv(ImportContext& c) {
  MN_ASSIGN(const int64_t last, c.int_attribute("channels_last", 0));
  std::vector<ValueId> inputs(c.node.inputs.begin(), c.node.inputs.end());
  if (last == 0) return c.take_over(std::move(inputs));
  const Shape shape = c.b.type(inputs[3]).shape;
  MN_CHECK(shape.ranked && shape.rank() >= 3, "channels_last needs a weight of known rank");
  Ints perm{0};
  for (int64_t i = 2; i < shape.rank(); ++i) perm.push_back(i);
  perm.push_back(1);
  inputs[3] = c.b.add("transpose", {inputs[3]}, {{"perm", perm}});
  return c.take_over(std::move(inputs), {{"data_layout", "NHWC"}});
}

Tensor scale(float value) { return Tensor::scalar(value); }
Tensor zero(uint8_t value) { return Tensor::scalar<uint8_t>(value); }
Tensor bytes(Dims dims, uint64_t seed) { return random_tensor(DType::uint8, std::move(dims), seed, 0, 256); }
Tensor signed_bytes(Dims dims, uint64_t seed) { return random_tensor(DType::int8, std::move(dims), seed, -128, 128); }

std::vector<Case> qlinear_conv_cases() {
  // (x - 1) * 2 in steps of 0.5 * 0.25, in steps of 0.5: 0.25 times, ties to even, plus 10.
  return {{.inputs = {Tensor::of<uint8_t>({1, 2, 3, 4}, {1, 1, 4}), scale(0.5f), zero(1),
                      Tensor::of<uint8_t>({4}, {1, 1, 1}), scale(0.25f), zero(2), scale(0.5f), zero(10)},
           .expected = {Tensor::of<uint8_t>({10, 10, 11, 12}, {1, 1, 4})}},
          {.inputs = {bytes({1, 4, 5, 5}, 1), scale(0.02f), zero(120), signed_bytes({3, 4, 3, 3}, 2),
                      Tensor::of<float>({0.01f, 0.02f, 0.03f}, {3}), Tensor::of<int8_t>({0, 0, 0}, {3}), scale(0.1f),
                      zero(128), Tensor::of<int32_t>({100, -200, 300}, {3})},
           .attributes = {{"pads", Ints{1, 1, 1, 1}}}}};
}

std::vector<Case> qlinear_matmul_cases() {
  const Tensor a = Tensor::of<uint8_t>({2, 4}, {1, 2}), b = Tensor::of<uint8_t>({1, 3, 5, 7}, {2, 2});
  // Centred: [1, 3] times [[0, 2], [4, 6]] = [12, 20]; times 0.5 * 0.5 / 0.5.
  return {{.inputs = {a, scale(0.5f), zero(1), b, scale(0.5f), zero(1), scale(0.5f), zero(100)},
           .expected = {Tensor::of<uint8_t>({106, 110}, {1, 2})}},
          {.inputs = {bytes({2, 3, 4}, 1), Tensor::of<float>({0.1f, 0.2f, 0.3f}, {3}),
                      Tensor::of<uint8_t>({1, 2, 3}, {3}), bytes({4, 2}, 2), Tensor::of<float>({0.1f, 0.2f}, {2}),
                      Tensor::of<uint8_t>({1, 2}, {2}), scale(40), zero(0)},
           .note = "by row and by column"}};
}

std::vector<Case> average_pool_cases() {
  const Tensor x = Tensor::of<uint8_t>({0, 10, 20, 30}, {1, 1, 4});
  return {{.inputs = {x, scale(0.5f), zero(10), scale(0.25f), zero(0)},
           .attributes = {{"kernel_shape", Ints{2}}},
           .expected = {Tensor::of<uint8_t>({0, 10, 30}, {1, 1, 3})}},
          {.inputs = {bytes({2, 4, 4, 3}, 1), scale(0.1f), zero(7), scale(0.1f), zero(9)},
           .attributes = {{"kernel_shape", Ints{2, 2}}, {"data_layout", "NHWC"}}}};
}

std::vector<Case> global_average_pool_cases() {
  return {{.inputs = {Tensor::of<uint8_t>({0, 10, 20, 30}, {1, 2, 2}), scale(0.5f), zero(0), scale(0.5f), zero(1)},
           .expected = {Tensor::of<uint8_t>({6, 26}, {1, 2, 1})}},
          {.inputs = {bytes({2, 4, 4, 3}, 1), scale(0.1f), zero(7), scale(0.1f), zero(9)},
           .attributes = {{"data_layout", "NHWC"}}}};
}

std::vector<Case> softmax_cases() {
  const Tensor x = Tensor::of<uint8_t>({5, 5, 5, 5}, {2, 2});
  return {{.inputs = {x, scale(0.5f), zero(0), scale(1.0f / 256), zero(0)},
           .expected = {Tensor::of<uint8_t>({128, 128, 128, 128}, {2, 2})}},
          {.inputs = {x, scale(0.5f), {}, scale(1.0f / 256), zero(0)},
           .attributes = {{"opset", 12}, {"axis", 0}},
           .expected = {Tensor::of<uint8_t>({64, 64, 64, 64}, {2, 2})},
           .note = "over all axes"}};
}

std::vector<Case> concat_cases() {
  const Tensor a = Tensor::of<uint8_t>({10, 20}, {2}), b = Tensor::of<uint8_t>({30}, {1});
  return {
      {.inputs = {scale(0.5f), zero(5), a, scale(1), zero(0), b, scale(0.5f), zero(10)},
       .attributes = {{"axis", 0}},
       .expected = {Tensor::of<uint8_t>({25, 45, 25}, {3})}},
      {.inputs = {scale(0.1f), zero(5), bytes({2, 3}, 1), scale(0.1f), zero(0), bytes({2, 2}, 2), scale(0.2f), zero(9)},
       .attributes = {{"axis", -1}}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> qlinear() {
  constexpr std::string_view kMicrosoft = "com.microsoft";
  std::vector<AttributeSpec> average = pool_attributes();
  average.push_back({"count_include_pad", Attribute(0)});
  return {{.name = "qlinear_conv",
           .doc = "Convolution of quantized tensors.",
           .inputs = {8, 9},
           .attributes = convolution_attributes(),
           .infer = qlinear_conv_infer,
           .decompose = qlinear_conv_decompose,
           .cost = qlinear_conv_cost,
           .imports = {{"ai.onnx", "QLinearConv"}, {kMicrosoft, "QLinearConv", 1, 1, import_qlinear_conv}},
           .exports = {{"ai.onnx", "QLinearConv", 10}},
           .cases = qlinear_conv_cases},
          {.name = "qlinear_matmul",
           .doc = "Matrix product of quantized tensors.",
           .inputs = {8, 8},
           .decompose = qlinear_matmul_decompose,
           .imports = {{"ai.onnx", "QLinearMatMul"}},
           .exports = {{"ai.onnx", "QLinearMatMul", 10}},
           .cases = qlinear_matmul_cases},
          {.name = "qlinear_average_pool",
           .doc = "Average pool of a quantized tensor.",
           .inputs = {2, 5},
           .attributes = average,
           .decompose = average_pool_decompose,
           .imports = {{kMicrosoft, "QLinearAveragePool", 1, 1, import_channels_last}},
           .cases = average_pool_cases},
          {.name = "qlinear_global_average_pool",
           .doc = "Global average pool of a quantized tensor.",
           .inputs = {2, 5},
           .attributes = {{"data_layout", "NCHW"}},
           .decompose = global_average_pool_decompose,
           .imports = {{kMicrosoft, "QLinearGlobalAveragePool", 1, 1, import_channels_last}},
           .cases = global_average_pool_cases},
          {.name = "qlinear_softmax",
           .doc = "Softmax of a quantized tensor.",
           .inputs = {2, 5},
           .attributes = {{"axis", -1}, {"opset", 13}},
           .decompose = softmax_decompose,
           .imports = {{kMicrosoft, "QLinearSoftmax"}},
           .cases = softmax_cases},
          {.name = "qlinear_concat",
           .doc = "Concatenation of quantized tensors.",
           .inputs = {5, Arity::kMany},
           .attributes = {required("axis", AttributeKind::integer)},
           .decompose = concat_decompose,
           .imports = {{kMicrosoft, "QLinearConcat"}},
           .cases = concat_cases}};
}

}  // namespace minnow::ops
