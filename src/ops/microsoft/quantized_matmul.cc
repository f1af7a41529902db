// Products of integers that come out as floats (ONNX Runtime's DynamicQuantizeMatMul and MatMulIntegerToFloat).
#include "ops/builder.h"
#include "ops/cases.h"

namespace minnow::ops {
namespace {

ValueId optional_input(const RewriteContext& c, int i) { return c.has_input(i) ? c.input(i) : kNoValue; }

// scale * (a - a_zero) (b - b_zero) + bias, the product in int32.
ValueId scaled_product(Builder& b, ValueId a, ValueId right, ValueId a_zero, ValueId b_zero, ValueId scale,
                       ValueId bias) {
  const auto is_row = [&](ValueId id) { return b.type(id).shape.ranked && b.type(id).shape.rank() == 1; };
  const Type type = b.type(scale);
  const bool by_columns = type.dtype == DType::float32 && type.shape.ranked && type.shape.rank() <= 1;
  if (by_columns && (bias == kNoValue || is_row(bias)))
    return b.add("matmul_integer", {a, right, a_zero, b_zero, bias, scale});
  const ValueId product = b.add("cast", {b.add("matmul_integer", {a, right, a_zero, b_zero})}, {{"to", type.dtype}});
  const ValueId y = b.add("mul", {product, scale});
  return bias == kNoValue ? y : b.add("add", {y, bias});
}

Status dynamic_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId inputs[] = {c.input(0)};
  const std::vector<ValueId> a = b.add_many("dynamic_quantize_linear", inputs, 3);
  MN_TRY(b.status());
  const ValueId scale = b.add("mul", {a[1], c.input(2)});
  c.set_output(0, scaled_product(b, a[0], c.input(1), a[2], optional_input(c, 3), scale, optional_input(c, 4)));
  return b.status();
}

Status integer_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  ValueId a_scale = c.input(2);
  // A scale per row of A stands in a column.
  if (b.type(a_scale).shape.ranked && b.type(a_scale).shape.rank() == 1 && b.type(a_scale).shape.dims[0] != Dim(1)) {
    a_scale = b.add("unsqueeze", {a_scale, b.ints({1})});
  }
  const ValueId scale = b.add("mul", {a_scale, c.input(3)});
  c.set_output(0, scaled_product(b, c.input(0), c.input(1), optional_input(c, 4), optional_input(c, 5), scale,
                                 optional_input(c, 6)));
  return b.status();
}

std::vector<Case> dynamic_cases() {
  // A's range [0, 255] makes its scale 1: y = 0.5 A (B - 1) + 10.
  return {
      {.inputs = {Tensor::of<float>({0, 255, 3, 4}, {2, 2}), Tensor::of<int8_t>({2, 3, 1, 5}, {2, 2}),
                  Tensor::scalar<float>(0.5f), Tensor::scalar<int8_t>(1), Tensor::of<float>({10, 10}, {2})},
       .expected = {Tensor::of<float>({10, 520, 11.5f, 21}, {2, 2})},
       .differentiable = false},
      {.inputs = {random_tensor(DType::float32, {3, 4}, 1), random_tensor(DType::uint8, {4, 2}, 2, 0, 255),
                  Tensor::of<float>({0.1f, 0.2f}, {2})},
       .differentiable = false,
       .note = "a scale per column"},
  };
}

std::vector<Case> integer_cases() {
  return {
      {.inputs = {Tensor::of<uint8_t>({3, 5}, {1, 2}), Tensor::of<int8_t>({1, -2, 4, 6}, {2, 2}),
                  Tensor::scalar<float>(0.5f), Tensor::scalar<float>(2.0f), Tensor::scalar<uint8_t>(1)},
       // (3 - 1) * [1, -2] + (5 - 1) * [4, 6]
       .expected = {Tensor::of<float>({18, 20}, {1, 2})},
       .differentiable = false},
      {.inputs = {random_tensor(DType::uint8, {3, 4}, 1, 0, 255), random_tensor(DType::uint8, {4, 2}, 2, 0, 255),
                  Tensor::scalar<float>(0.1f), Tensor::of<float>({0.1f, 0.2f}, {2}), Tensor::scalar<uint8_t>(7),
                  Tensor::scalar<uint8_t>(9), random_tensor(DType::float32, {2}, 3)},
       .differentiable = false,
       .note = "zero points and bias"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> quantized_matmul() {
  return {
      {
          .name = "dynamic_quantize_matmul",
          .doc = "Product of a float matrix, quantized on the fly, with quantized weights.",
          .inputs = {3, 5},
          .decompose = dynamic_decompose,
          .imports = {{"com.microsoft", "DynamicQuantizeMatMul"}},
          .exports = {{"com.microsoft", "DynamicQuantizeMatMul", 1}},
          .tolerance = {.relative = 1e-4, .absolute = 1e-5},
          .cases = dynamic_cases,
      },
      {
          .name = "matmul_integer_to_float",
          .doc = "Product of quantized matrices, scaled to float.",
          .inputs = {4, 7},
          .decompose = integer_decompose,
          .imports = {{"com.microsoft", "MatMulIntegerToFloat"}},
          .exports = {{"com.microsoft", "MatMulIntegerToFloat", 1}},
          .tolerance = {.relative = 1e-4, .absolute = 1e-5},
          .cases = integer_cases,
      },
  };
}

}  // namespace minnow::ops
