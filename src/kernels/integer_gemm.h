// Products of 8-bit integers with what both their families (matmul_integer, conv_integer) take: zero points, bias, and
// the scale that makes real numbers or codes of the sums. Inputs 0 and 1 are the factors.
#pragma once

#include "kernels/families.h"

namespace minnow::kernels {

enum IntegerInput { kIntegerX, kIntegerW, kXZero, kWZero, kIntegerBias, kIntegerScale, kYZero, kIntegerInputs };

bool has_input(const Problem& p, int i);
bool is_byte(DType dtype);
// Types and sizes of all but the factors' dims; `channels` of the output.
bool accepts_integer_product(const Problem& p, int64_t channels);
// The zero point, 0 where it is absent.
int32_t zero_of(const KernelCall& call, int input);

// Offsets, zero points, scales and shifts of all output channels. Behind the last one follow as many as a tile reads.
int64_t finish_bytes(const KernelRow& row, int64_t channels);
simd::IntegerFinish make_finish(const KernelCall& call, int64_t channels, void* memory);
// The same for the columns from `first` on.
simd::IntegerFinish from_column(const simd::IntegerFinish& finish, int64_t first);

// B's columns in panels: [groups of k, tile_cols, group] each, zeros behind the last of both, and the columns' sums
// where the tile wants them (simd/integer.h). Unsigned codes less 128. Element k = outer * inner_count + inner of
// column j lies at outer * outer_step + inner * inner_step + j * column_step.
struct IntegerMatrix {
  int64_t columns, outer_count, inner_count;
  int64_t outer_step, inner_step, column_step;
  bool is_signed;
  int64_t depth() const { return outer_count * inner_count; }
};
int64_t integer_panel_bytes(const KernelRow& row, int64_t depth, int64_t columns);
void pack_integer_panels(const KernelRow& row, const IntegerMatrix& matrix, const uint8_t* from, int8_t* to);

// C[m, n] = finish(A B)
struct IntegerProduct {
  int64_t m = 0, n = 0, k = 0;
  // Rows [first, first + count) of A in the table's form, `row` elements from one to the next, 0 behind the k-th. 15
  // elements behind the last row may be written.
  void (*fill)(const void* context, int64_t first, int64_t count, int64_t row, void* out) = nullptr;
  const void* context = nullptr;
  const int8_t* panels = nullptr;
  void* c = nullptr;
  int64_t c_row = 0;  // elements
  simd::IntegerFinish finish{};
};
int64_t integer_product_scratch_bytes(const KernelRow& row, int64_t m, int64_t k, int threads);
KernelStatus run_integer_product(const KernelCall& call, const IntegerProduct& product, void* scratch);

inline int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace minnow::kernels
