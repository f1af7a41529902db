// The float32 loops that are compiled once for each instruction set (simd/f32.cc), as a table of functions. This header
// and that source use C headers only: a shared inline function compiled for AVX could be the one that the linker keeps
// for all.
#pragma once

#include <stdint.h>

namespace minnow::simd {

enum BinaryOp { kAdd, kSub, kMul, kDiv, kBinaryOpCount };
enum UnaryOp { kRelu, kNeg, kAbs, kSqrt, kUnaryOpCount };

struct F32Table {
  // C[rows, cols] (+)= A B for one register tile. a: [depth, tile_rows] packed, b: rows of at least tile_cols floats,
  // b_row apart; c_row: floats between rows of C. rows <= tile_rows, cols <= tile_cols.
  void (*tile)(int rows, int cols, int64_t depth, const float* a, const float* b, int64_t b_row, float* c,
               int64_t c_row, int accumulate);
  int tile_rows;
  int tile_cols;
  // sum of a[i] * b[i]
  float (*dot)(int64_t count, const float* a, const float* b);
  // out[i] += factor * in[i * stride]
  void (*add_scaled)(int64_t count, float factor, const float* in, int64_t stride, float* out);
  // out[i] = a[i * a_step] op b[i * b_step], steps 0 or 1
  void (*binary[kBinaryOpCount])(int64_t count, const float* a, int64_t a_step, const float* b, int64_t b_step,
                                 float* out);
  void (*unary[kUnaryOpCount])(int64_t count, const float* in, float* out);
};

namespace generic {
const F32Table* f32_table();
}
namespace avx2 {
const F32Table* f32_table();
}
namespace avx512 {
const F32Table* f32_table();
}

}  // namespace minnow::simd
