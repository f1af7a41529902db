// matmul and gemm in float32.
#include <algorithm>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

enum MatmulInt { kTransposedA, kTransposedB };

// The last dimension; 1 without any.
int64_t cols_of_last(const Operand& x) { return x.rank > 0 ? x.dims[static_cast<size_t>(x.rank - 1)] : 1; }
int64_t rows_of(const Operand& x) { return x.dims[static_cast<size_t>(x.rank - 2)]; }
int64_t cols_of(const Operand& x) { return x.dims[static_cast<size_t>(x.rank - 1)]; }

// The batch index of operand x that belongs to batch number `batch` of the output (batch dimensions are aligned at the
// right).
int64_t batch_of(int64_t batch, const Operand& out, const Operand& x) {
  int64_t index = 0, stride = 1;
  for (int32_t d = out.rank - 3, e = x.rank - 3; d >= 0; --d, --e) {
    const int64_t position = batch % out.dims[static_cast<size_t>(d)];
    batch /= out.dims[static_cast<size_t>(d)];
    if (e < 0) continue;
    if (x.dims[static_cast<size_t>(e)] != 1) index += position * stride;
    stride *= x.dims[static_cast<size_t>(e)];
  }
  return index;
}

int64_t batches(const Operand& x) {
  int64_t count = 1;
  for (int32_t d = 0; d < x.rank - 2; ++d) count *= x.dims[static_cast<size_t>(d)];
  return count;
}

// Rows and columns of the matrices as they are multiplied, and where B's elements lie.
struct MatmulShape {
  int64_t m, n, k;
  int64_t a_row, a_col, b_row, b_col;
};

MatmulShape shape_of(const Operand& a, const Operand& b, bool a_transposed, bool b_transposed) {
  MatmulShape s;
  s.m = a_transposed ? cols_of(a) : rows_of(a);
  s.k = a_transposed ? rows_of(a) : cols_of(a);
  s.n = b_transposed ? rows_of(b) : cols_of(b);
  s.a_row = a_transposed ? 1 : s.k;
  s.a_col = a_transposed ? s.m : 1;
  s.b_row = b_transposed ? 1 : s.n;
  s.b_col = b_transposed ? s.k : 1;
  return s;
}

MatmulShape shape_of(const Problem& p) {
  return shape_of(p.input(0), p.input(1), p.ints[kTransposedA] != 0, p.ints[kTransposedB] != 0);
}

// A vector of all columns' biases.
bool is_row(const Operand& x, int64_t n) { return x.elements() == n && cols_of_last(x) == n; }

bool accepts_matmul(const Problem& p) {
  if (p.own_input_count() < 2 || p.own_input_count() > 3 || p.operand_count != p.input_count + 1) return false;
  if (!all_float32(p, 1, kMaxRank) ||
      !is_product(p.input(0), p.input(1), p.output(0), p.ints[kTransposedA] != 0, p.ints[kTransposedB] != 0))
    return false;
  return p.own_input_count() == 2 || is_row(p.input(2), cols_of(p.output(0)));
}

Product with_epilogue(const KernelCall& call, Product product) {
  product.finish = finish_of(call.problem->epilogue);
  product.residual = residual_of(call);
  return product;
}

KernelStatus run_matmul(const KernelCall& call) {
  const Problem& p = *call.problem;
  // With one matrix B for all, the batch is just more rows of A.
  const bool folded = batches(p.input(1)) == 1 && (p.ints[kTransposedA] == 0 || batches(p.input(0)) == 1);
  const auto fill = [](const void* context, int64_t batch) {
    const KernelCall& c = *static_cast<const KernelCall*>(context);
    const Operand& a = c.problem->input(0);
    const Operand& b = c.problem->input(1);
    const Operand& out = c.problem->output(0);
    const MatmulShape s = shape_of(*c.problem);
    Product product = with_epilogue(c, {.m = s.m, .n = s.n, .k = s.k});
    product.a = c.input(0) + batch_of(batch, out, a) * s.m * s.k;
    product.a_row = s.a_row;
    product.a_col = s.a_col;
    if (c.packed_input(1) != nullptr) {
      product.b_panels = static_cast<const float*>(c.packed_input(1));
    } else {
      product.b = c.input(1) + batch_of(batch, out, b) * s.k * s.n;
    }
    product.b_row = s.b_row;
    product.b_col = s.b_col;
    product.c = c.output(0) + batch * s.m * s.n;
    product.c_row = s.n;
    if (product.residual != nullptr) product.residual += batch * s.m * s.n;
    if (c.problem->own_input_count() == 3) product.col_bias = c.input(2);
    return product;
  };
  if (!folded) return run_products(call, batches(p.output(0)), fill, &call);
  const auto fill_all = [](const void* context, int64_t) {
    const KernelCall& c = *static_cast<const KernelCall*>(context);
    Product product = decltype(fill)()(context, 0);
    product.m *= batches(c.problem->input(0));
    return product;
  };
  return run_products(call, 1, fill_all, &call);
}

int64_t scratch_bytes(const KernelRow&, const Problem&, int threads, uint32_t packed) {
  return (packed & 2) != 0 ? 0 : product_scratch_bytes(threads);
}

// One matrix for all batches is packed.
int64_t pack_bytes(const KernelRow& row, const Problem& p, int operand) {
  if (operand != 1 || batches(p.input(1)) != 1) return 0;
  const MatmulShape s = shape_of(p);
  return panel_bytes(row, s.k, s.n);
}

void pack(const KernelRow& row, const Problem& p, int, const void* source, void* destination) {
  const MatmulShape s = shape_of(p);
  pack_panels(row, s.k, s.n, static_cast<const float*>(source), s.b_row, s.b_col, static_cast<float*>(destination));
}

// alpha A B + beta C where the sum may start with C: it is a row, taken once.
bool is_plain_gemm(const Problem& p) {
  const bool has_c = p.own_input_count() == 3;
  return p.floats[0] == 1.0f && (!has_c || (p.floats[1] == 1.0f && is_row(p.input(2), p.output(0).dims[1])));
}

bool accepts_gemm(const Problem& p) {
  if (p.own_input_count() < 2 || p.own_input_count() > 3 || p.operand_count != p.input_count + 1) return false;
  const Operand& out = p.output(0);
  if (!all_float32(p, 0, 2) || out.rank != 2 ||
      !is_product(p.input(0), p.input(1), out, p.ints[kTransposedA] != 0, p.ints[kTransposedB] != 0))
    return false;
  if (p.own_input_count() == 3) {
    const int64_t cols = cols_of_last(p.input(2)), rows = p.input(2).elements() / std::max<int64_t>(cols, 1);
    if ((cols != 1 && cols != out.dims[1]) || (rows != 1 && rows != out.dims[0])) return false;
  }
  return p.epilogue.none() || is_plain_gemm(p);
}

// out = alpha * out + beta * c, c broadcast to [m, n]
void scale_and_add(const KernelCall& call) {
  const Problem& p = *call.problem;
  const int64_t m = p.output(0).dims[0], n = p.output(0).dims[1];
  const float alpha = p.floats[0], beta = p.floats[1];
  float* out = call.output(0);
  for (int64_t i = 0; alpha != 1.0f && i < m * n; ++i) out[i] *= alpha;
  if (p.own_input_count() < 3) return;
  const Operand& c = p.input(2);
  const int64_t c_cols = cols_of_last(c), c_rows = c.rank == 2 ? c.dims[0] : 1;
  for (int64_t i = 0; i < m; ++i) {
    const float* row = call.input(2) + (c_rows == 1 ? 0 : i * c_cols);
    if (c_cols == 1) {
      const float value = beta * row[0];
      for (int64_t j = 0; j < n; ++j) out[i * n + j] += value;
    } else {
      call.row->f32->add_scaled(n, beta, row, 1, out + i * n);
    }
  }
}

KernelStatus run_gemm(const KernelCall& call) {
  const bool plain = is_plain_gemm(*call.problem);
  const auto fill = [](const void* context, int64_t) {
    const KernelCall& c = *static_cast<const KernelCall*>(context);
    const MatmulShape s = shape_of(*c.problem);
    Product product = with_epilogue(c, {.m = s.m, .n = s.n, .k = s.k});
    product.a = c.input(0);
    product.a_row = s.a_row;
    product.a_col = s.a_col;
    product.b = c.input(1);
    product.b_row = s.b_row;
    product.b_col = s.b_col;
    if (c.packed_input(1) != nullptr) {
      product.b = nullptr;
      product.b_panels = static_cast<const float*>(c.packed_input(1));
    }
    product.c = c.output(0);
    product.c_row = s.n;
    if (c.problem->own_input_count() == 3 && is_plain_gemm(*c.problem)) product.col_bias = c.input(2);
    return product;
  };
  const KernelStatus status = run_products(call, 1, fill, &call);
  if (status == kDone && !plain) scale_and_add(call);
  return status;
}

}  // namespace

const std::array<KernelRow, 2> kGemmRows = {{
    {.op = "matmul",
     .accepts = accepts_matmul,
     .scratch_bytes = scratch_bytes,
     .pack_bytes = pack_bytes,
     .pack = pack,
     .run = run_matmul},
    {.op = "gemm",
     .accepts = accepts_gemm,
     .scratch_bytes = scratch_bytes,
     .pack_bytes = pack_bytes,
     .pack = pack,
     .run = run_gemm},
}};

}  // namespace minnow::kernels
