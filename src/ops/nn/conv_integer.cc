// conv_integer: convolution of 8-bit integers, in int32, scaled to real numbers or to codes (ops/integer_product.h).
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/integer_product.h"

namespace minnow::ops {
namespace {

Status conv_integer_infer(InferContext& c) {
  Shape shape;
  Dim channels;
  if (c.shape(kX).ranked && c.shape(kW).ranked) {
    MN_ASSIGN(const ConvolutionShapes shapes, convolution_shapes(c, c.shape(kX), c.shape(kW)));
    shape = shapes.y.shape(shapes.last);
    channels = shapes.y.channels;
  }
  MN_ASSIGN(const DType dtype, integer_product_dtype(c, channels));
  c.set_output(0, dtype, shape);
  return {};
}

Status conv_integer_decompose(DecomposeContext& c) {
  const Shape shape = c.type(c.input(kW)).shape;
  MN_CHECK(shape.ranked, "needs a weight of known rank");
  MN_ASSIGN(const bool last, channels_last(c));
  Ints first(static_cast<size_t>(shape.rank()), 1), middle = first;
  first[0] = -1;
  middle[static_cast<size_t>(channel_axis(shape.rank(), last))] = -1;
  const auto zero = [&](int i) { return c.has_input(i) ? c.input(i) : kNoValue; };
  MN_ASSIGN(const ValueId x, centered(c, c.input(kX), zero(kXZero), {1}));
  MN_ASSIGN(const ValueId w, centered(c, c.input(kW), zero(kWZero), first));
  c.set_output(0, finished_product(c, c.b.add("conv", {x, w}, c.node().attributes), middle));
  return c.b.status();
}

Cost conv_integer_cost(const InferContext& c) {
  const int64_t bytes =
      element_count(c.shape(kX).to_dims()) + element_count(c.shape(kW).to_dims()) +
      element_count(c.outputs()[0].shape.to_dims()) * static_cast<int64_t>(element_bytes(c.outputs()[0].dtype));
  return {convolution_multiply_adds(c, c.shape(kX), c.shape(kW)), bytes};
}

Status export_conv_integer(ExportContext& c) {
  if (c.string_attribute("data_layout") == "NHWC") return unsupported({"ONNX has channels first only"});
  return export_integer_product(c, "ConvInteger");
}

Tensor zero(uint8_t value) { return Tensor::scalar<uint8_t>(value); }
Tensor bytes(Dims dims, uint64_t seed) { return random_tensor(DType::uint8, std::move(dims), seed, 0, 256); }
Tensor signed_bytes(Dims dims, uint64_t seed) { return random_tensor(DType::int8, std::move(dims), seed, -128, 128); }

std::vector<Case> conv_integer_cases() {
  const Tensor weights = signed_bytes({6, 2, 3, 3}, 2), points = Tensor::of<int8_t>({0, 1, -1, 2, 3, -4}, {6});
  const Tensor scales = Tensor::of<float>({1e-3f, 2e-3f, 3e-3f, 4e-3f, 5e-4f, 6e-3f}, {6});
  return {{.inputs = {Tensor::of<uint8_t>({2, 3, 4, 5}, {1, 1, 4}), Tensor::of<uint8_t>({1, 3}, {1, 1, 2}), zero(1),
                      zero(2)},
           .attributes = {{"pads", Ints{1, 0}}},
           .expected = {Tensor::of<int32_t>({1, 1, 1, 1}, {1, 1, 4})}},
          {.inputs = {bytes({2, 4, 5, 5}, 1), weights, zero(128), points}, .attributes = {{"group", 2}}},
          // 3 * 2 * 0.5 = 3, plus 1: 4; 5 * 2 * 0.5 = 5, plus 1: 6.
          {.inputs = {Tensor::of<uint8_t>({3, 5}, {1, 1, 2}),
                      Tensor::of<uint8_t>({2}, {1, 1, 1}),
                      {},
                      {},
                      Tensor::of<float>({1}, {1}),
                      Tensor::scalar(0.5f)},
           .expected = {Tensor::of<float>({4, 6}, {1, 1, 2})},
           .differentiable = false,
           .note = "real"},
          // (3 - 1) * 2 + 1 = 5, times 0.5: 2.5, to 2; 5 * 0.5 + 10 with the bias: (4 * 2 + 1) / 2 = 4.5, to 4.
          {.inputs = {Tensor::of<uint8_t>({3, 5}, {1, 1, 2}),
                      Tensor::of<uint8_t>({2}, {1, 1, 1}),
                      zero(1),
                      {},
                      Tensor::of<int32_t>({1}, {1}),
                      Tensor::scalar(0.5f),
                      Tensor::scalar<int8_t>(-10)},
           .expected = {Tensor::of<int8_t>({-8, -6}, {1, 1, 2})},
           .differentiable = false,
           .note = "codes"},
          {.inputs = {bytes({1, 5, 5, 4}, 3), signed_bytes({6, 3, 3, 4}, 4), zero(120), points,
                      Tensor::of<int32_t>({100, -200, 300, 0, 5, 6}, {6}), scales, zero(128)},
           .attributes = {{"pads", Ints{1, 1, 1, 1}}, {"data_layout", "NHWC"}},
           .differentiable = false,
           .note = "channels last"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> conv_integer() {
  return {{.name = "conv_integer",
           .doc = "Convolution of 8-bit integers in int32, maybe scaled to real numbers or codes.",
           .inputs = {2, 7},
           .attributes = convolution_attributes(),
           .infer = conv_integer_infer,
           .decompose = conv_integer_decompose,
           .cost = conv_integer_cost,
           .imports = {{"ai.onnx", "ConvInteger"}},
           .exports = {{"ai.onnx", "ConvInteger", 10, export_conv_integer}},
           .cases = conv_integer_cases}};
}

}  // namespace minnow::ops
