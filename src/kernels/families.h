// The kernel families, one source each; rows.cc repeats their rows for every instruction set.
//
// Problems, besides `op`:
//   matmul   inputs a [batch.., m, k], b [batch.., k, n] (ranks 2 to 8, batch dimensions broadcast),
//            output [batch.., m, n]
//   gemm     inputs a, b and maybe c, output [m, n]; ints: transA, transB; floats: alpha, beta
//   conv     inputs x [N,C,H,W], w [M,C/group,kH,kW] and maybe bias [M], output [N,M,oH,oW];
//            ints: stride h, w; dilation h, w; pad top, left; group
//   add, sub, mul, div            inputs a, b with strides 0 where they broadcast, one rank for all
//   relu, neg, abs, sqrt          one input, one output of as many elements
#pragma once

#include <array>

#include "kernels/kernel_row.h"

namespace minnow::kernels {

// Without isa and f32, which rows.cc fills in.
extern const std::array<KernelRow, 2> kGemmRows;
extern const std::array<KernelRow, 1> kConvRows;
extern const std::array<KernelRow, 8> kElementwiseRows;

enum ConvInt { kStrideH, kStrideW, kDilationH, kDilationW, kPadTop, kPadLeft, kGroup };

// Every operand is float32 with rank in [low, high], and there is no epilogue.
bool all_float32(const Problem& problem, int low, int high);

}  // namespace minnow::kernels
