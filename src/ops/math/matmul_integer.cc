// matmul_integer: product of 8-bit matrices, in int32, scaled to real numbers or to codes (ops/integer_product.h).
#include <utility>

#include "base/text.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/integer_product.h"
#include "ops/matmul_shape.h"

namespace minnow::ops {
namespace {

Shape turned(Shape shape) {
  if (shape.ranked && shape.rank() >= 2)
    std::swap(shape.dims[shape.dims.size() - 1], shape.dims[shape.dims.size() - 2]);
  return shape;
}

Shape shape_of_b(const InferContext& c) { return c.int_attribute("transB") != 0 ? turned(c.shape(kW)) : c.shape(kW); }

Status matmul_integer_infer(InferContext& c) {
  const Shape& a = c.shape(kX);
  const Shape b = shape_of_b(c);
  MN_ASSIGN(Shape shape, matmul_shape(a, b));
  const Dim columns = b.ranked && b.rank() >= 2 ? b.dims.back() : Dim();
  MN_ASSIGN(const DType dtype, integer_product_dtype(c, columns));
  for (int i : {kXZero, kWZero}) {
    const Shape &point = c.shape(i), &x = i == kXZero ? a : b;
    if (!c.has_input(i) || !point.ranked || point.rank() != 1 || !x.ranked || x.rank() < 2) continue;
    const Dim& slices = x.dims[static_cast<size_t>(i == kXZero ? x.rank() - 2 : x.rank() - 1)];
    MN_CHECK(
        !point.dims[0].known() || point.dims[0].value == 1 || !slices.known() || point.dims[0].value == slices.value,
        "the zero point of ", i == kXZero ? "A" : "B", " must have 1 element or ", slices.value, ", got ",
        point.dims[0].value);
  }
  c.set_output(0, dtype, std::move(shape));
  return {};
}

// A zero point of A may be one a row: then it stands before the column axis. One of B is one a column already.
Status matmul_integer_decompose(DecomposeContext& c) {
  const auto zero = [&](int i) { return c.has_input(i) ? c.input(i) : kNoValue; };
  const Shape a = c.type(c.input(kX)).shape;
  const bool rows = a.ranked && a.rank() > 1 && c.has_input(kXZero) && c.type(c.input(kXZero)).shape.rank() == 1;
  MN_ASSIGN(const ValueId left, centered(c, c.input(kX), zero(kXZero), rows ? Ints{-1, 1} : Ints{}));
  ValueId weight = c.input(kW);
  if (c.int_attribute("transB") != 0) {
    const Shape shape = c.type(weight).shape;
    MN_CHECK(shape.ranked && shape.rank() >= 2, "transB needs a matrix, got ", to_string(shape));
    Ints perm;
    for (int64_t axis = 0; axis < shape.rank(); ++axis) perm.push_back(axis);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    weight = c.b.add("transpose", {weight}, {{"perm", perm}});
  }
  MN_ASSIGN(const ValueId right, centered(c, weight, zero(kWZero), {}));
  c.set_output(0, finished_product(c, c.b.add("matmul", {left, right}), {}));
  return c.b.status();
}

Cost matmul_integer_cost(const InferContext& c) {
  const Dims a = c.shape(kX).to_dims(), b = c.shape(kW).to_dims(), out = c.outputs()[0].shape.to_dims();
  return {element_count(out) * a.back(),
          element_count(a) + element_count(b) +
              element_count(out) * static_cast<int64_t>(element_bytes(c.outputs()[0].dtype))};
}

Status export_matmul_integer(ExportContext& c) {
  if (c.int_attribute("transB") != 0) return unsupported({"MatMulInteger transposes nothing"});
  return export_integer_product(c, "MatMulInteger");
}

std::vector<Case> matmul_integer_cases() {
  const auto u8 = [](Dims dims, uint64_t seed) { return random_tensor(DType::uint8, std::move(dims), seed, 0, 255); };
  return {{.inputs = {Tensor::of<uint8_t>({11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0}, {4, 3}),
                      Tensor::of<uint8_t>({1, 4, 2, 5, 3, 6}, {3, 2}), Tensor::scalar<uint8_t>(12),
                      Tensor::scalar<uint8_t>(0)},
           .expected = {Tensor::of<int32_t>({-38, -83, -44, -98, -50, -113, -56, -128}, {4, 2})}},
          {.inputs = {u8({2, 3}, 1), random_tensor(DType::int8, {3, 4}, 2, -128, 127)}},
          {.inputs = {u8({2, 3}, 3), u8({3, 2}, 4), u8({2}, 5), u8({2}, 6)}, .note = "a zero point a row and a column"},
          // (1 * 3 + 2 * 4) and (1 * 5 + 2 * 6), plus 1, times 0.5, plus 100: 106, 108.5 + 0.5 = 109.
          {.inputs = {Tensor::of<uint8_t>({1, 2}, {1, 2}),
                      Tensor::of<int8_t>({3, 4, 5, 6}, {2, 2}),
                      {},
                      {},
                      Tensor::of<int32_t>({1, 1}, {2}),
                      Tensor::scalar(0.5f),
                      Tensor::scalar<uint8_t>(100)},
           .attributes = {{"transB", 1}},
           .expected = {Tensor::of<uint8_t>({106, 109}, {1, 2})},
           .differentiable = false,
           .note = "codes"},
          {.inputs = {u8({3, 5}, 9), u8({5, 2}, 10), Tensor::scalar<uint8_t>(7), Tensor::scalar<uint8_t>(9),
                      Tensor::of<float>({0.5f, -1}, {2}), Tensor::of<float>({0.01f, 0.02f}, {2})},
           .differentiable = false,
           .note = "real"},
          {.inputs = {u8({2, 2, 3}, 7), u8({3, 1}, 8), Tensor::of<uint8_t>({5}, {1})}, .note = "batch"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> matmul_integer() {
  return {{
      .name = "matmul_integer",
      .doc = "Product of 8-bit matrices in int32, maybe scaled to real numbers or codes.",
      .inputs = {2, 7},
      .attributes = {{"transB", 0}},
      .infer = matmul_integer_infer,
      .decompose = matmul_integer_decompose,
      .cost = matmul_integer_cost,
      .imports = {{"ai.onnx", "MatMulInteger"}},
      .exports = {{"ai.onnx", "MatMulInteger", 10, export_matmul_integer}},
      .cases = matmul_integer_cases,
  }};
}

}  // namespace minnow::ops
