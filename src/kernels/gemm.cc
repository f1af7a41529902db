// matmul and gemm in float32.
#include "kernels/blocked_gemm.h"
#include "kernels/families.h"

namespace minnow::kernels {
namespace {

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

bool accepts_matmul(const Problem& p) {
  return p.input_count == 2 && p.operand_count == 3 && all_float32(p, 2, kMaxRank);
}

KernelStatus run_matmul(const KernelCall& call) {
  const Problem& p = *call.problem;
  // With one matrix B for all, the batch is just more rows of A.
  const bool folded = batches(p.input(1)) == 1;
  const auto fill = [](const void* context, int64_t batch) {
    const KernelCall& c = *static_cast<const KernelCall*>(context);
    const Operand& a = c.problem->input(0);
    const Operand& b = c.problem->input(1);
    const Operand& out = c.problem->output(0);
    Product product{.m = rows_of(a), .n = cols_of(b), .k = cols_of(a)};
    product.a = c.input(0) + batch_of(batch, out, a) * product.m * product.k;
    product.a_row = product.k;
    product.b = c.input(1) + batch_of(batch, out, b) * product.k * product.n;
    product.b_row = product.n;
    product.c = c.output(0) + batch * product.m * product.n;
    product.c_row = product.n;
    if (batches(b) == 1) product.m *= batches(a);
    return product;
  };
  return run_products(call, folded ? 1 : batches(p.output(0)), fill, &call);
}

int64_t scratch_bytes(const KernelRow&, const Problem&, int threads, uint32_t) {
  return product_scratch_bytes(threads);
}

bool accepts_gemm(const Problem& p) {
  return p.input_count >= 2 && p.operand_count == p.input_count + 1 && all_float32(p, 0, 2) && p.input(0).rank == 2 &&
         p.input(1).rank == 2 && p.output(0).rank == 2;
}

// out = alpha * out + beta * c, c broadcast to [m, n]
void scale_and_add(const KernelCall& call) {
  const Problem& p = *call.problem;
  const int64_t m = p.output(0).dims[0], n = p.output(0).dims[1];
  const float alpha = p.floats[0], beta = p.floats[1];
  float* out = call.output(0);
  for (int64_t i = 0; alpha != 1.0f && i < m * n; ++i) out[i] *= alpha;
  if (p.input_count < 3) return;
  const Operand& c = p.input(2);
  const int64_t c_cols = c.rank > 0 ? c.dims[static_cast<size_t>(c.rank - 1)] : 1, c_rows = c.rank == 2 ? c.dims[0] : 1;
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
  const auto fill = [](const void* context, int64_t) {
    const KernelCall& c = *static_cast<const KernelCall*>(context);
    const bool a_transposed = c.problem->ints[0] != 0, b_transposed = c.problem->ints[1] != 0;
    const Operand& a = c.problem->input(0);
    const Operand& b = c.problem->input(1);
    Product product{
        .m = c.problem->output(0).dims[0], .n = c.problem->output(0).dims[1], .k = a.dims[a_transposed ? 0 : 1]};
    product.a = c.input(0);
    product.a_row = a_transposed ? 1 : a.dims[1];
    product.a_col = a_transposed ? a.dims[1] : 1;
    product.b = c.input(1);
    product.b_row = b_transposed ? 1 : b.dims[1];
    product.b_col = b_transposed ? b.dims[1] : 1;
    product.c = c.output(0);
    product.c_row = product.n;
    return product;
  };
  const KernelStatus status = run_products(call, 1, fill, &call);
  if (status == kDone) scale_and_add(call);
  return status;
}

}  // namespace

const std::array<KernelRow, 2> kGemmRows = {{
    {.op = "matmul", .accepts = accepts_matmul, .scratch_bytes = scratch_bytes, .run = run_matmul},
    {.op = "gemm", .accepts = accepts_gemm, .scratch_bytes = scratch_bytes, .run = run_gemm},
}};

}  // namespace minnow::kernels
