// Pools of one pixel of all channels (NHWC), compiled once for each instruction set (simd/pool.cc). C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

struct PoolTable {
  // out[c] = max over t < taps of in[t][c]; NaN where one is NaN, -inf of no taps
  void (*max)(int64_t channels, int64_t taps, const float* const* in, float* out);
  // out[c] = sum over t < taps of in[t][c] / divisor
  void (*mean)(int64_t channels, int64_t taps, const float* const* in, float divisor, float* out);
};

}  // namespace minnow::simd
