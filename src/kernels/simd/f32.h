// The loops that are compiled once for each instruction set (simd/*.cc), as tables of functions. These headers
// and sources use C headers only: a shared inline function compiled for AVX could be the one that the linker keeps
// for all.
#pragma once

#include <stdint.h>

#include "kernels/simd/codes.h"
#include "kernels/simd/depthwise.h"
#include "kernels/simd/finish.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/integer.h"
#include "kernels/simd/pool.h"
#include "kernels/simd/recurrent.h"
#include "kernels/simd/reduce.h"
#include "kernels/simd/resize.h"

namespace minnow::simd {

enum BinaryOp { kAdd, kSub, kMul, kDiv, kPow, kMax, kMin, kPrelu, kBinaryOpCount };
enum UnaryOp { kNeg, kAbs, kSqrt, kReciprocal, kExp, kErf, kUnaryOpCount };

// out[i] = activation(in[i] + residual[i]); residual may be null, out may be in.
typedef void (*ActivationRun)(int64_t count, const float* in, const float* residual, float a, float b, float* out);

struct F32Table {
  const GemmTable* gemm;
  const DepthwiseTable* depthwise;
  const RowTable* rows;
  const PoolTable* pool;
  const ResizeTable* resize;
  const CodeTable* codes;
  const RecurrentTable* recurrent;
  const IntegerTable* integer;
  const ActivationRun* activations;  // by ActivationKind
  // sum of a[i] * b[i]
  float (*dot)(int64_t count, const float* a, const float* b);
  // out[i] += factor * in[i * stride]
  void (*add_scaled)(int64_t count, float factor, const float* in, int64_t stride, float* out);
  // out[i] += a[i] * b[i]
  void (*add_products)(int64_t count, const float* a, const float* b, float* out);
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
namespace neon {
const F32Table* f32_table();
}

}  // namespace minnow::simd
