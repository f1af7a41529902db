// The kernel families, one source each; rows.cc repeats their rows for every instruction set.
//
// Problems, besides `op`:
//   matmul   inputs a [batch.., m, k], b [batch.., k, n] (ranks 2 to 8, batch dimensions broadcast) and maybe bias
//            [n], output [batch.., m, n]; ints: a stored as [batch.., k, m], b stored as [batch.., n, k]
//   gemm     inputs a, b and maybe c, output [m, n]; ints: transA, transB; floats: alpha, beta
//   conv     inputs x [N,C,H,W], w [M,C/group,kH,kW] and maybe bias [M], output [N,M,oH,oW];
//            ints: stride h, w; dilation h, w; pad top, left; group
//   add, sub, mul, div            inputs a, b with strides 0 where they broadcast, one rank for all
//   relu, neg, abs, sqrt          one input, one output of as many elements
#pragma once

#include <array>
#include <atomic>

#include "kernels/kernel_row.h"

namespace minnow::kernels {

// Without isa and f32, which rows.cc fills in.
extern const std::array<KernelRow, 2> kGemmRows;
extern const std::array<KernelRow, 1> kConvRows;
extern const std::array<KernelRow, 8> kElementwiseRows;

enum ConvInt { kStrideH, kStrideW, kDilationH, kDilationW, kPadTop, kPadLeft, kGroup };

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
