// Matrix products in blocks that fit the caches. B may be a matrix or something that can produce its rows (the patches
// of a convolution), so one driver serves both.
#pragma once

#include "kernels/kernel_row.h"

namespace minnow::kernels {

// B's blocks are packed as 256 rows x 256 columns (256 KiB) and A's as 256 x 96 (96 KiB): together they stay in a
// level-2 cache of 512 KiB, while one panel of B (256 x 16, 16 KiB) stays in level 1.
inline constexpr int64_t kBlockDepth = 256;
inline constexpr int64_t kBlockCols = 256;
inline constexpr int64_t kBlockRows = 96;

// Writes B[row, begin .. begin + count) to out.
using RowSource = void (*)(const void* context, int64_t row, int64_t begin, int64_t count, float* out);

// C[m,n] = activation(A[m,k] B[k,n] + biases + residual); strides in elements.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  int64_t a_row = 0, a_col = 1;  // one of them is 1
  const float* b = nullptr;      // or
  int64_t b_row = 0, b_col = 1;
  const float* b_panels = nullptr;  // what pack_panels() made of B, or
  RowSource source = nullptr;
  const void* source_context = nullptr;
  float* c = nullptr;
  int64_t c_row = 0;
  const float* row_bias = nullptr;  // [m], or null
  const float* col_bias = nullptr;  // [n], or null
  const float* residual = nullptr;  // at C's strides, or null; may be C
  simd::Finish finish{};
};

// Rows of the next tile: two halves rather than a whole tile and a thin one, which would wait for its own sums.
inline int64_t rows_of_tile(int64_t left, int64_t height) {
  if (left <= height) return left;
  return left < 2 * height ? (left + 1) / 2 : height;
}

// B[k,n] as panels of tile_cols columns, [k, tile_cols] each, zeros behind the last column.
int64_t panel_bytes(const KernelRow& row, int64_t k, int64_t n);
void pack_panels(const KernelRow& row, int64_t k, int64_t n, const float* b, int64_t b_row, int64_t b_col, float* out);

int64_t product_scratch_bytes(int threads);
// `fill(context, item)` gives the product number `item`; the products are independent and have the same m, n and k. All
// threads share them.
KernelStatus run_products(const KernelCall& call, int64_t count, Product (*fill)(const void* context, int64_t item),
                          const void* context);

}  // namespace minnow::kernels
