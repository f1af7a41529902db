// The windows of pools, for all element types.
#pragma once

#include <algorithm>

#include "kernels/families.h"

namespace minnow::kernels {

struct PoolAxis {
  int64_t in, out, kernel, stride, dilation, begin, end;
  int64_t position(int64_t o, int64_t tap) const { return o * stride + tap * dilation - begin; }
  // Taps [first, last) of output `o` that lie inside.
  int64_t first_tap(int64_t o) const {
    const int64_t start = position(o, 0);
    return start >= 0 ? 0 : std::min((-start + dilation - 1) / dilation, kernel);
  }
  int64_t last_tap(int64_t o) const {
    const int64_t left = in - position(o, 0);
    return left <= 0 ? 0 : std::min((left + dilation - 1) / dilation, kernel);
  }
  // Taps that an average divides by: those inside, or those in the padding as well, but not those beyond it.
  int64_t counted(int64_t o, bool padding) const {
    if (!padding) return std::max<int64_t>(last_tap(o) - first_tap(o), 0);
    const int64_t left = in + end - position(o, 0);
    return left <= 0 ? 0 : std::min((left + dilation - 1) / dilation, kernel);
  }
};

struct PoolShape {
  int64_t n, c;
  PoolAxis h, w;
  bool channels_last, count_padding;
  float divisor(int64_t oy, int64_t ox) const {
    return static_cast<float>(std::max<int64_t>(h.counted(oy, count_padding) * w.counted(ox, count_padding), 1));
  }
};

// Of a problem of rank 4.
PoolShape pool_shape_of(const Problem& problem);

// A window's pointers are scratch.
inline constexpr int64_t kMaxTaps = 1 << 20;

}  // namespace minnow::kernels
