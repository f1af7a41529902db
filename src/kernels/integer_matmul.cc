// matmul_integer: rows of A times B, a matrix for all or one a batch.
#include <cstring>

#include "kernels/integer_gemm.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

struct Shape {
  int64_t m, n, k;
  bool transposed;
};

int64_t dim(const Operand& x, int32_t from_end) { return x.dims[static_cast<size_t>(x.rank - from_end)]; }

int64_t batches(const Operand& x) {
  int64_t count = 1;
  for (int32_t d = 0; d < x.rank - 2; ++d) count *= x.dims[static_cast<size_t>(d)];
  return count;
}

Shape shape_of(const Problem& p) {
  const Operand &a = p.input(kIntegerX), &b = p.input(kIntegerW);
  const bool transposed = p.ints[0] != 0;
  return {dim(a, 2), transposed ? dim(b, 2) : dim(b, 1), dim(a, 1), transposed};
}

bool accepts(const Problem& p) {
  if (p.input_count < 2 || p.operand_count <= p.input_count) return false;
  const Operand &a = p.input(kIntegerX), &b = p.input(kIntegerW), &y = p.output(0);
  if (!is_product(a, b, y, false, p.ints[0] != 0)) return false;
  // One matrix for all, or one for each of A's: both batches are the output's.
  if (batches(a) != batches(y) || (batches(b) != 1 && batches(b) != batches(y))) return false;
  return accepts_integer_product(p, shape_of(p).n);
}

IntegerMatrix matrix_of(const Problem& p) {
  const Shape s = shape_of(p);
  return {.columns = s.n,
          .outer_count = 1,
          .inner_count = s.k,
          .outer_step = 0,
          .inner_step = s.transposed ? 1 : s.n,
          .column_step = s.transposed ? s.k : 1,
          .is_signed = p.input(kIntegerW).dtype == DType::int8};
}

// With one B for all, a batch is just more rows of A.
int64_t product_rows(const Problem& p) {
  return batches(p.input(kIntegerW)) == 1 ? dim(p.input(kIntegerX), 2) * batches(p.input(kIntegerX))
                                          : dim(p.input(kIntegerX), 2);
}

int64_t panels_bytes(const KernelRow& row, const Problem& p) {
  const Shape s = shape_of(p);
  return whole_lines(integer_panel_bytes(row, s.k, s.n));
}

int64_t scratch_bytes(const KernelRow& row, const Problem& p, int threads, uint32_t packed) {
  const Shape s = shape_of(p);
  return finish_bytes(row, s.n) + ((packed & 2) != 0 ? 0 : panels_bytes(row, p)) +
         integer_product_scratch_bytes(row, product_rows(p), s.k, threads);
}

int64_t pack_bytes(const KernelRow& row, const Problem& p, int operand) {
  return operand == kIntegerW && batches(p.input(kIntegerW)) == 1 ? panels_bytes(row, p) : 0;
}

void pack(const KernelRow& row, const Problem& p, int, const void* source, void* destination) {
  pack_integer_panels(row, matrix_of(p), static_cast<const uint8_t*>(source), static_cast<int8_t*>(destination));
}

struct Rows {
  const simd::IntegerTable* table;
  const uint8_t* a;
  int64_t k;
  bool is_signed;
  int32_t zero;
};

void fill(const void* context, int64_t first, int64_t count, int64_t row, void* out) {
  const Rows& rows = *static_cast<const Rows*>(context);
  const int64_t bytes = rows.table->element_bytes;
  for (int64_t i = 0; i < count; ++i) {
    char* to = static_cast<char*>(out) + i * row * bytes;
    rows.table->widen(rows.k, rows.a + (first + i) * rows.k, rows.is_signed, rows.zero, to);
    std::memset(to + rows.k * bytes, 0, static_cast<size_t>((row - rows.k) * bytes));
  }
}

KernelStatus run(const KernelCall& call) {
  const Problem& p = *call.problem;
  const Shape s = shape_of(p);
  char* memory = static_cast<char*>(call.scratch);
  const bool folded = batches(p.input(kIntegerW)) == 1;
  const int64_t count = folded ? 1 : batches(p.output(0)), m = product_rows(p);
  const int64_t y_bytes = m * s.n * (is_byte(p.output(0).dtype) ? 1 : 4);
  IntegerProduct product{.m = m, .n = s.n, .k = s.k, .fill = fill, .c_row = s.n};
  product.finish = make_finish(call, s.n, memory);
  memory += finish_bytes(*call.row, s.n);
  product.panels = static_cast<const int8_t*>(call.packed_input(kIntegerW));
  auto* panels = reinterpret_cast<int8_t*>(memory);
  if (product.panels == nullptr) memory += panels_bytes(*call.row, p);
  Rows rows{call.row->f32->integer, static_cast<const uint8_t*>(call.inputs[kIntegerX]), s.k,
            p.input(kIntegerX).dtype == DType::int8, zero_of(call, kXZero)};
  for (int64_t batch = 0; batch < count; ++batch, rows.a += m * s.k) {
    if (call.packed_input(kIntegerW) == nullptr) {
      pack(*call.row, p, kIntegerW, static_cast<const uint8_t*>(call.inputs[kIntegerW]) + batch * s.k * s.n, panels);
      product.panels = panels;
    }
    product.context = &rows;
    product.c = static_cast<char*>(call.outputs[0]) + batch * y_bytes;
    if (run_integer_product(call, product, memory) == kStopped) return kStopped;
  }
  return kDone;
}

}  // namespace

const std::array<KernelRow, 1> kIntegerMatmulRows = {{
    {.op = "matmul_integer",
     .accepts = accepts,
     .scratch_bytes = scratch_bytes,
     .pack_bytes = pack_bytes,
     .pack = pack,
     .run = run},
}};

}  // namespace minnow::kernels
