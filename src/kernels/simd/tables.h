// What the sources of one instruction set share. Each symbol lies in that set's namespace and is defined once.
#pragma once

#include "kernels/simd/f32.h"
#include "kernels/simd/integer.h"

namespace minnow::simd::MN_ISA {

extern const GemmTable kGemmTable;
extern const DepthwiseTable kDepthwiseTable;
extern const RowTable kRowTable;
extern const PoolTable kPoolTable;
extern const ResizeTable kResizeTable;
extern const CodeTable kCodeTable;
extern const RecurrentTable kRecurrentTable;
extern const IntegerTable kIntegerTable;
// Channels that integer depthwise convolution takes at a time.
constexpr int kChannelBlock = 2 * MN_WIDTH;
void depthwise(const IntegerDepthwise* row);
// out[i] = activation(in[i] + residual[i]); residual may be null, out may be in.
extern const ActivationRun kActivationRuns[kActCount];

}  // namespace minnow::simd::MN_ISA
