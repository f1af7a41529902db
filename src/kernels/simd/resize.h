// Linear interpolation of rows, compiled once for each instruction set (simd/resize.cc). C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

struct ResizeTable {
  // out[i] = a[i] * wa + b[i] * wb; out may be a
  void (*blend)(int64_t count, const float* a, float wa, const float* b, float wb, float* out);
  // out[i] = in[a[i]] * wa[i] + in[b[i]] * wb[i]
  void (*pick)(int64_t count, const float* in, const int32_t* a, const float* wa, const int32_t* b, const float* wb,
               float* out);
};

}  // namespace minnow::simd
