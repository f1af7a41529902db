// gemm: alpha op(A) op(B) + beta C, spelled as a matrix product.
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/matmul_shape.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Result<Shape> product_shape(const InferContext& c) {
  Shape a = c.shape(0), b = c.shape(1);
  if (a.ranked && c.int_attribute("transA") != 0) std::swap(a.dims[0], a.dims[1]);
  if (b.ranked && c.int_attribute("transB") != 0) std::swap(b.dims[0], b.dims[1]);
  MN_ASSIGN(Shape shape, matmul_shape(a, b));
  return shape.ranked ? shape : Shape{a.ranked ? a.dims[0] : Dim(), b.ranked ? b.dims[1] : Dim()};
}

Status gemm_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  MN_TRY(c.expect_rank(0, 2, "A"));
  MN_TRY(c.expect_rank(1, 2, "B"));
  MN_TRY(c.expect_same_dtype(0, 1));
  MN_TRY(c.expect_same_dtype(0, 2));
  MN_ASSIGN(Shape shape, product_shape(c));
  if (c.has_input(2) && c.shape(2).ranked) {
    MN_CHECK(c.shape(2).rank() <= 2, "C must broadcast to the product ", to_string(shape), ", got ",
             to_string(c.shape(2)));
    MN_ASSIGN(const Shape sum, broadcast_shapes(c.shape(2), shape));
    MN_CHECK(!shape.static_dims() || !sum.static_dims() || sum == shape, "C must broadcast to the product ",
             to_string(shape), ", got ", to_string(c.shape(2)));
  }
  c.set_output(0, c.dtype(0), std::move(shape));
  return {};
}

Status gemm_decompose(DecomposeContext& c) {
  const auto operand = [&](int i, std::string_view transpose) {
    const Expression x{&c.b, c.input(i)};
    return c.int_attribute(transpose) != 0 ? x.apply("transpose", {{"perm", Ints{1, 0}}}) : x;
  };
  const double alpha = c.float_attribute("alpha"), beta = c.float_attribute("beta");
  Expression y = operand(0, "transA").apply("matmul", operand(1, "transB"));
  if (alpha != 1) y = y * alpha;
  if (c.has_input(2)) {
    const Expression bias{&c.b, c.input(2)};
    y = y + (beta != 1 ? bias * beta : bias);
  }
  c.set_output(0, y.id);
  return {};
}

Cost gemm_cost(const InferContext& c) {
  const Dims a = c.shape(0).to_dims(), b = c.shape(1).to_dims(), out = c.outputs()[0].shape.to_dims();
  const int64_t k = c.int_attribute("transA") != 0 ? a[0] : a[1];
  return {element_count(out) * k,
          (element_count(a) + element_count(b) + element_count(out)) * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

std::vector<Case> gemm_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {{.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 2}), Tensor::of<float>({5, 6, 7, 8}, {2, 2}),
                      Tensor::of<float>({1, -1}, {2})},
           .attributes = {{"alpha", 2.0f}, {"beta", 0.5f}},
           .expected = {Tensor::of<float>({38.5f, 43.5f, 86.5f, 99.5f}, {2, 2})}},
          {.inputs = {f({3, 2}, 1), f({4, 3}, 2), f({2, 1}, 3)}, .attributes = {{"transA", 1}, {"transB", 1}}},
          {.inputs = {f({2, 3}, 4), f({3, 4}, 5)}, .note = "no bias"},
          {.inputs = {f({0, 3}, 6), f({3, 4}, 7), f({}, 8)}, .note = "empty"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> gemm() {
  return {{
      .name = "gemm",
      .doc = "alpha op(A) op(B) + beta C.",
      .inputs = {2, 3},
      .attributes = {{"alpha", 1.0f}, {"beta", 1.0f}, {"transA", 0}, {"transB", 0}},
      .infer = gemm_infer,
      .decompose = gemm_decompose,
      .cost = gemm_cost,
      .imports = {{"ai.onnx", "Gemm"}, {"tflite", "FULLY_CONNECTED", 1, 1 << 20, tflite::import_fully_connected}},
      .exports = {{"ai.onnx", "Gemm", 11}},
      .cases = gemm_cases,
  }};
}

}  // namespace minnow::ops
