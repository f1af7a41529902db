// The register tile of matrix products, compiled once for each instruction set (simd/gemm.cc). C headers only.
#pragma once

#include <stdint.h>

#include "kernels/simd/finish.h"

namespace minnow::simd {

// C[rows, cols] = start + biases + A[rows, depth] B[depth, cols], rows <= tile_rows, cols <= tile_cols.
struct GemmTile {
  int64_t depth;
  const float* a;
  int64_t a_row, a_col;      // element (r, k) of A at a[r * a_row + k * a_col]; one of the strides is 1
  const float* b;            // tile_cols floats can be read of every row
  int64_t b_row;             // row k of B at b + k * b_row,
  const int64_t* b_offsets;  // or, where not null, at b + b_offsets[k]; A's column stride is 1 then
  float* c;
  int64_t c_row;
  const float* start;     // [rows, cols] at C's strides, null: zeros; may be C itself
  const float* row_bias;  // [rows], or null
  const float* col_bias;  // [cols], or null
  const Finish* finish;   // null: more is to come
};

struct GemmTable {
  void (*tile)(int rows, int cols, const GemmTile* tile);
  int tile_rows;
  int tile_cols;
};

}  // namespace minnow::simd
