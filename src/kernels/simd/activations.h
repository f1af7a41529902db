// The end of a kernel that computes in tiles.
#pragma once

#include "kernels/simd/tables.h"

namespace minnow::simd::MN_ISA {

// True where two comparisons in registers are the whole activation.
static inline bool is_clip(const Finish& finish) { return finish.kind == kActRelu || finish.kind == kActClip; }

static inline __attribute__((unused)) void finish_tile(int rows, int64_t cols, const Finish& finish, float* c,
                                                       int64_t c_row) {
  if (finish.kind == kActNone) return;
  for (int r = 0; r < rows; ++r) {
    float* row = c + r * c_row;
    kActivationRuns[finish.kind](cols, row, nullptr, finish.a, finish.b, row);
  }
}

}  // namespace minnow::simd::MN_ISA
