// The kernel families, one source each; rows.cc repeats their rows for every instruction set.
//
// Problems, besides `op`:
//   matmul   inputs a [batch.., m, k], b [batch.., k, n] (ranks 2 to 8, batch dimensions broadcast) and maybe bias
//            [n], output [batch.., m, n]; ints: a stored as [batch.., k, m], b stored as [batch.., n, k]
//   gemm     inputs a, b and maybe c, output [m, n]; ints: transA, transB; floats: alpha, beta
//   conv     inputs x [N,C,H,W], w [M,C/group,kH,kW] and maybe bias [M], output [N,M,oH,oW];
//            ints: stride h, w; dilation h, w; pad top, left; group; at kChannelsLast 1 where x is [N,H,W,C],
//            w [M,kH,kW,C/group] and the output [N,oH,oW,M]
//   matmul_integer   inputs a [batch.., m, k], b [k, n] or [batch.., k, n], 8-bit both, then zero points of a (one) and
//            b (one or [n]), bias, scale (one or [n]), zero point of the output: ops/integer_product.h; those absent
//            have no type. Output int32, float32 or 8-bit; the epilogue's clip limits codes. ints: b stored as [.., n,
//            k]
//   conv_integer   the same with x, w and ints as conv
//   quantize_linear, dequantize_linear   8-bit codes, inputs as the operators', one scale; float32 on the other side
//   conv_grad_input   inputs output gradient [N,M,oH,oW], w [M,C/group,kH,kW], output [N,C,H,W]; ints: as conv; at
//            kChannelsLast 1: gradient [N,oH,oW,M], w [M,kH,kW,C/group], output [N,H,W,C]
//   add, sub, mul, div, pow, max, min, prelu   inputs a, b with strides 0 where they broadcast, one rank for all
//   neg, abs, sqrt, reciprocal, exp, erf, relu, sigmoid, hard_swish, tanh, swish (alpha 1)
//                                 one input, one output of as many elements
//   clip, hard_sigmoid, leaky_relu  the same; floats: the activation's parameters (base/problem.h)
//   gelu                          the same; ints: 1 for the tanh form
//   softmax                       one input as [outer, count, inner], ints: these
//   reduce_mean, _sum, _max, _min the same; output [outer, inner]
//   layer_normalization           inputs x, scale [count] and maybe bias [count]; ints: outer, count; floats: epsilon
//   global_average_pool, global_max_pool   x [N,C,..]; ints: as reduce_mean
//   max_pool, average_pool        x [N,C,H,W], or [N,H,W,C] as for conv; ints: as conv (group 1), then PoolInt's
//   concat, split                 any fixed-size type; ints: axis
//   transpose                     ints: for each dimension of the output that of the input
//   slice                         one rank for both; ints: first position of each dimension, from kMaxRank on the steps
//   expand                        one rank for both
//   pad                           float32 or 8 bits, with the constant floats[0]; ints: elements before the first of
//   each dimension resize                        x [outer, h, w, inner]; ints: ResizeInt's; the nearest element of any
//   fixed-size
//                                 type, or linear in float32
//   gather                        any fixed-size type, indices int32 or int64; ints: axis
//   attention                     inputs q, k, v [batch, heads, length, size] or [batch, length, heads * size] and
//   maybe
//            a mask that broadcasts to [batch, heads, queries, keys]; ints: AttentionInt's; floats: scale
//   max_pool, integer_average_pool, integer_resize (linear)   of 8-bit codes, as those of float32
//   lookup                        inputs x of 8 bits and table [256] of 8 bits, one entry a code from the lowest on;
//                                 output of as many elements as x
//   quantized_add, _sub, _mul     inputs a, b, output, each of 8 bits, strides as add; floats: the scales of the three;
//                                 ints: their zero points, then the lowest and the highest code of the output
//   lstm, gru                     operands as ONNX has them, without peepholes; ints: RecurrentInt's
#pragma once

#include <array>
#include <atomic>

#include "kernels/kernel_row.h"

namespace minnow::kernels {

// Without isa and f32, which rows.cc fills in.
extern const std::array<KernelRow, 2> kGemmRows;
extern const std::array<KernelRow, 1> kConvRows;
extern const std::array<KernelRow, 1> kConvNhwcRows;
extern const std::array<KernelRow, 1> kConvGradRows;
extern const std::array<KernelRow, 1> kConvGradNhwcRows;
extern const std::array<KernelRow, 4> kCodeRows;
extern const std::array<KernelRow, 2> kCodePoolRows;
extern const std::array<KernelRow, 23> kElementwiseRows;
extern const std::array<KernelRow, 1> kIntegerMatmulRows;
extern const std::array<KernelRow, 1> kIntegerConvRows;
extern const std::array<KernelRow, 2> kQuantizeRows;
extern const std::array<KernelRow, 8> kReduceRows;
extern const std::array<KernelRow, 2> kPoolRows;
extern const std::array<KernelRow, 6> kMoveRows;
extern const std::array<KernelRow, 2> kResizeRows;
extern const std::array<KernelRow, 1> kGatherRows;
extern const std::array<KernelRow, 1> kAttentionRows;
extern const std::array<KernelRow, 2> kRecurrentRows;

enum ConvInt { kStrideH, kStrideW, kDilationH, kDilationW, kPadTop, kPadLeft, kGroup, kChannelsLast = 10 };
// After those of conv.
enum PoolInt { kKernelH = kGroup + 1, kKernelW, kCountPadding, kPadBottom = kChannelsLast + 1, kPadRight };
enum AttentionInt { kHeads, kKeyHeads, kCausal };
// kReverse: of a single direction. kResetLast: gru's linear_before_reset.
enum RecurrentInt { kReverse, kBatchFirst, kResetLast };
enum ReduceInt { kOuter, kCount, kInner };
// Mode, coordinates and nearest are those of base/resampling.h; a scale is a double's upper and lower half.
enum ResizeInt {
  kResizeOuter,
  kInH,
  kInW,
  kOutH,
  kOutW,
  kResizeInner,
  kResizeMode,
  kCoordinates,
  kNearest,
  kScaleH,
  kScaleW = kScaleH + 2
};
double scale_of(const Problem& problem, int at);
void set_scale(Problem& problem, int at, double scale);
// Of operators on codes: the zero points of inputs and output, and the limits of the output behind two inputs.
enum CodesInt { kZeroPoints, kLowestCode = kZeroPoints + 3, kHighestCode };

// The epilogue in the terms of simd/.
simd::Finish finish_of(const Epilogue& epilogue);
// The residual, or null.
const float* residual_of(const KernelCall& call);
// Every operand is float32 with rank in [low, high].
bool all_float32(const Problem& problem, int low, int high);

// Calls body(item, thread) for [0, count) on all threads.
template <class Body>
KernelStatus for_each_item(const KernelCall& call, int64_t count, Body&& body) {
  std::atomic<bool> stopped{false};
  auto range = [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end && !stopped.load(std::memory_order_relaxed); ++item) {
      if (call.stopped()) return stopped.store(true, std::memory_order_relaxed);
      body(item, thread);
    }
  };
  if (call.threads != nullptr) {
    call.threads->for_each(count, range);
  } else {
    range(0, count, 0);
  }
  return stopped.load() ? kStopped : kDone;
}

}  // namespace minnow::kernels
