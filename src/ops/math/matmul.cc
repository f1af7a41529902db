// matmul: matrix products with NumPy's rules for 1-D operands and broadcast batch dimensions.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/matmul_shape.h"
#include "ops/op.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

Status matmul_infer(InferContext& c) {
  MN_TRY(c.expect_same_dtype(0, 1));
  MN_ASSIGN(Shape shape, matmul_shape(c.shape(0), c.shape(1)));
  c.set_output(0, c.dtype(0), std::move(shape));
  return {};
}

// Index of the matrix that batch number `batch` of the output reads, in an operand with these batch dims
// (right-aligned).
int64_t batch_index(int64_t batch, std::span<const int64_t> out_dims, std::span<const int64_t> dims) {
  int64_t index = 0, stride = 1;
  for (size_t i = 0; i < out_dims.size(); ++i) {
    const int64_t position = batch % out_dims[out_dims.size() - 1 - i];
    batch /= out_dims[out_dims.size() - 1 - i];
    if (i >= dims.size()) continue;
    const int64_t dim = dims[dims.size() - 1 - i];
    if (dim != 1) index += position * stride;
    stride *= dim;
  }
  return index;
}

// c[m,n] = a[m,k] b[k,n]; the j loop is innermost so that it vectorises and every sum runs over k in order.
template <class T>
void multiply(const T* a, const T* b, T* c, int64_t m, int64_t n, int64_t k) {
  for (int64_t i = 0; i < m; ++i) {
    T* row = c + i * n;
    std::fill(row, row + n, T(0));
    for (int64_t p = 0; p < k; ++p) {
      const T scale = a[i * k + p];
      for (int64_t j = 0; j < n; ++j) row[j] = wrapping_add(row[j], wrapping_mul(scale, b[p * n + j]));
    }
  }
}

Status matmul_reference(EvalContext& c) {
  Dims a_dims = c.input(0).dims(), b_dims = c.input(1).dims();
  if (a_dims.size() == 1) a_dims.insert(a_dims.begin(), 1);
  if (b_dims.size() == 1) b_dims.push_back(1);
  const int64_t m = a_dims[a_dims.size() - 2], k = a_dims.back(), n = b_dims.back();
  a_dims.resize(a_dims.size() - 2);
  b_dims.resize(b_dims.size() - 2);
  MN_ASSIGN(const Dims batch_dims, broadcast_dims(a_dims, b_dims));
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* a = c.input(0).data<T>();
    const T* b = c.input(1).data<T>();
    T* out = c.output(0).mutable_data<T>();
    for (int64_t batch = 0; batch < element_count(batch_dims); ++batch) {
      MN_TRY(c.budget()->step(0));
      multiply(a + batch_index(batch, batch_dims, a_dims) * m * k, b + batch_index(batch, batch_dims, b_dims) * k * n,
               out + batch * m * n, m, n, k);
    }
    return {};
  });
}

// dA = dC B^T and dB = A^T dC, summed over broadcast batch dimensions (1-D operands: of the matrices they stand for).
Status matmul_gradient(GradientContext& c) {
  const Shape a_shape = c.type(c.input(0)).shape,
              b_shape = c.type(c.input(1)).shape;  // copies: adding nodes moves the types
  MN_CHECK(a_shape.ranked && b_shape.ranked, "the gradient needs operands of known rank");
  Builder& b = c.b;
  ValueId left = c.input(0), right = c.input(1), gradient = c.output_gradient(0);
  if (b_shape.rank() == 1) {
    right = b.add("unsqueeze", {right, b.ints({1})});
    gradient = b.add("unsqueeze", {gradient, b.ints({-1})});
  }
  if (a_shape.rank() == 1) {
    left = b.add("unsqueeze", {left, b.ints({0})});
    gradient = b.add("unsqueeze", {gradient, b.ints({-2})});
  }
  const auto transposed = [&](ValueId id, int64_t rank) {
    Ints perm(static_cast<size_t>(rank));
    for (int64_t i = 0; i < rank; ++i) perm[static_cast<size_t>(i)] = i;
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return b.add("transpose", {id}, {{"perm", perm}});
  };
  const auto shape_like = [&](ValueId id, ValueId like) {
    const ValueId shape = b.add("shape", {like});
    return b.add("sum_to_shape", {id, shape});
  };
  const int64_t a_rank = std::max<int64_t>(a_shape.rank(), 2), b_rank = std::max<int64_t>(b_shape.rank(), 2);
  ValueId da = shape_like(b.add("matmul", {gradient, transposed(right, b_rank)}), left);
  ValueId db = shape_like(b.add("matmul", {transposed(left, a_rank), gradient}), right);
  if (a_shape.rank() == 1) da = b.add("squeeze", {da, b.ints({0})});
  if (b_shape.rank() == 1) db = b.add("squeeze", {db, b.ints({1})});
  c.set_input_gradient(0, da);
  c.set_input_gradient(1, db);
  return {};
}

Cost matmul_cost(const InferContext& c) {
  const Dims a = c.shape(0).to_dims(), b = c.shape(1).to_dims(), out = c.outputs()[0].shape.to_dims();
  return {element_count(out) * a.back(),
          (element_count(a) + element_count(b) + element_count(out)) * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

// com.microsoft.FusedMatMul: alpha op(A) op(B), where op may swap the last two axes (transA, transB) or move the first
// batch axis behind the row axis (transBatchA, transBatchB).
Result<ValueId> fused_operand(ImportContext& c, int i, std::string_view transpose, std::string_view transpose_batch) {
  MN_ASSIGN(const int64_t swap, c.int_attribute(transpose, 0));
  MN_ASSIGN(const int64_t move, c.int_attribute(transpose_batch, 0));
  if (swap == 0 && move == 0) return c.input(i);
  const Shape shape = c.b.type(c.input(i)).shape;
  MN_CHECK(shape.ranked, "input ", i, " needs a known rank to be transposed");
  const int64_t rank = shape.rank();
  if (rank < 2) return c.input(i);
  Ints perm;
  for (int64_t d = move != 0 ? 1 : 0; d < rank - 1; ++d) perm.push_back(d);
  if (move != 0) perm.push_back(0);
  perm.push_back(rank - 1);
  if (swap != 0) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return c.b.add("transpose", {c.input(i)}, {{"perm", perm}});
}

Status fused_matmul_import(ImportContext& c) {
  MN_ASSIGN(const ValueId a, fused_operand(c, 0, "transA", "transBatchA"));
  MN_ASSIGN(const ValueId b, fused_operand(c, 1, "transB", "transBatchB"));
  MN_ASSIGN(const float alpha, c.float_attribute("alpha", 1.0f));
  if (alpha == 1.0f) return c.take_over({a, b});
  const ValueId product = c.b.add("matmul", {a, b});
  c.set_output(0, c.b.add("mul", {product, c.b.scalar_like(alpha, product)}, {}, c.node.name));
  return c.b.status();
}

std::vector<Case> matmul_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 2}), Tensor::of<float>({5, 6, 7, 8}, {2, 2})},
       .expected = {Tensor::of<float>({19, 22, 43, 50}, {2, 2})}},
      {.inputs = {f({3, 5}, 1), f({5, 4}, 2)}},
      {.inputs = {f({2, 1, 3, 5}, 3), f({4, 5, 2}, 4)}, .note = "broadcast batch"},
      {.inputs = {f({5}, 5), f({2, 5, 3}, 6)}, .note = "vector times matrices"},
      {.inputs = {f({2, 3, 5}, 7), f({5}, 8)}, .note = "matrices times vector"},
      {.inputs = {f({4}, 9), f({4}, 10)}, .note = "two vectors"},
      {.inputs = {f({0, 5}, 1), f({5, 4}, 2)}, .note = "no rows"},
      {.inputs = {Tensor::of<int32_t>({1, -2, 3}, {1, 3}), Tensor::of<int32_t>({4, 5, 6}, {3, 1})},
       .expected = {Tensor::of<int32_t>({12}, {1, 1})}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> matmul() {
  return {{
      .name = "matmul",
      .doc = "Matrix product with broadcast batch dimensions.",
      .inputs = {2, 2},
      .infer = matmul_infer,
      .reference = matmul_reference,
      .gradient = matmul_gradient,
      .cost = matmul_cost,
      .imports = {{"ai.onnx", "MatMul"},
                  {"com.microsoft", "FusedMatMul", 1, 1 << 20, fused_matmul_import},
                  {"tflite", "BATCH_MATMUL", 1, 1 << 20, tflite::import_batch_matmul}},
      .exports = {{"ai.onnx", "MatMul", 1}},
      .cases = matmul_cases,
  }};
}

}  // namespace minnow::ops
