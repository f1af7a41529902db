// matmul_integer: (A - zero point) (B - zero point) of 8-bit matrices in int32.
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/matmul_shape.h"

namespace minnow::ops {
namespace {

bool is_byte(DType dtype) { return dtype == DType::int8 || dtype == DType::uint8; }

Status matmul_integer_infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) MN_TRY(expect_dtype(c, i, is_byte, "int8 or uint8"));
  MN_TRY(c.expect_same_dtype(0, 2));
  MN_TRY(c.expect_same_dtype(1, 3));
  MN_ASSIGN(Shape shape, matmul_shape(c.shape(0), c.shape(1)));
  for (int i = 2; i < 4; ++i) {
    const Shape &point = c.shape(i), &x = c.shape(i - 2);
    if (!c.has_input(i) || !point.ranked || point.rank() != 1 || !x.ranked || x.rank() < 2) continue;
    const Dim& slices = x.dims[static_cast<size_t>(i == 2 ? x.rank() - 2 : x.rank() - 1)];
    MN_CHECK(
        !point.dims[0].known() || point.dims[0].value == 1 || !slices.known() || point.dims[0].value == slices.value,
        "the zero point of ", i == 2 ? "A" : "B", " must have 1 element or ", slices.value, ", got ",
        point.dims[0].value);
  }
  c.set_output(0, DType::int32, std::move(shape));
  return {};
}

// A zero point of A may be one a row: then it stands before the column axis. One of B is one a column already.
Status matmul_integer_decompose(DecomposeContext& c) {
  const auto centred = [&](int i) {
    const Expression x = Expression{&c.b, c.input(i)}.apply("cast", {{"to", DType::int32}});
    if (!c.has_input(i + 2)) return x;
    Expression point = Expression{&c.b, c.input(i + 2)}.apply("cast", {{"to", DType::int32}});
    const Shape shape = c.type(c.input(i + 2)).shape;
    const bool per_row = i == 0 && shape.ranked && shape.rank() == 1 && c.type(c.input(0)).shape.rank() > 1;
    if (per_row) point = {&c.b, c.b.add("unsqueeze", {point.id, c.b.ints({1})})};
    return x - point;
  };
  const Expression a = centred(0), b = centred(1);
  c.set_output(0, a.apply("matmul", b).id);
  return {};
}

Cost matmul_integer_cost(const InferContext& c) {
  const Dims a = c.shape(0).to_dims(), b = c.shape(1).to_dims(), out = c.outputs()[0].shape.to_dims();
  return {element_count(out) * a.back(), element_count(a) + element_count(b) + element_count(out) * 4};
}

std::vector<Case> matmul_integer_cases() {
  const auto u8 = [](Dims dims, uint64_t seed) { return random_tensor(DType::uint8, std::move(dims), seed, 0, 255); };
  return {{.inputs = {Tensor::of<uint8_t>({11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0}, {4, 3}),
                      Tensor::of<uint8_t>({1, 4, 2, 5, 3, 6}, {3, 2}), Tensor::scalar<uint8_t>(12),
                      Tensor::scalar<uint8_t>(0)},
           .expected = {Tensor::of<int32_t>({-38, -83, -44, -98, -50, -113, -56, -128}, {4, 2})}},
          {.inputs = {u8({2, 3}, 1), random_tensor(DType::int8, {3, 4}, 2, -128, 127)}},
          {.inputs = {u8({2, 3}, 3), u8({3, 2}, 4), u8({2}, 5), u8({2}, 6)}, .note = "a zero point a row and a column"},
          {.inputs = {u8({2, 2, 3}, 7), u8({3, 1}, 8), Tensor::of<uint8_t>({5}, {1})}, .note = "batch"}};
}

}  // namespace

std::vector<OpDef> matmul_integer() {
  return {{
      .name = "matmul_integer",
      .doc = "Product of 8-bit matrices less their zero points, in int32.",
      .inputs = {2, 4},
      .infer = matmul_integer_infer,
      .decompose = matmul_integer_decompose,
      .cost = matmul_integer_cost,
      .imports = {{"ai.onnx", "MatMulInteger"}},
      .exports = {{"ai.onnx", "MatMulInteger", 10}},
      .cases = matmul_integer_cases,
  }};
}

}  // namespace minnow::ops
