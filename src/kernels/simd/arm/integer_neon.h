// The tile of 8-bit products for 64-bit ARM: smlal by element on widened codes.
#pragma once

#include <arm_neon.h>

#include "kernels/simd/integer_finish.h"

namespace minnow::simd::MN_ISA {

// One pair of B's rows of 8 columns against element `Pair` of four pairs of each row of A.
template <int R, int Pair>
MN_INLINE void multiply_pair(const int8_t* b, const int16x8_t (&a)[R], int32x4_t (&sums)[R][2]) {
  const int8x8x2_t codes = vld2_s8(b);
  const int16x8_t even = vmovl_s8(codes.val[0]), odd = vmovl_s8(codes.val[1]);
  for (int r = 0; r < R; ++r) {
    sums[r][0] = vmlal_laneq_s16(sums[r][0], vget_low_s16(even), a[r], 2 * Pair);
    sums[r][1] = vmlal_high_laneq_s16(sums[r][1], even, a[r], 2 * Pair);
    sums[r][0] = vmlal_laneq_s16(sums[r][0], vget_low_s16(odd), a[r], 2 * Pair + 1);
    sums[r][1] = vmlal_high_laneq_s16(sums[r][1], odd, a[r], 2 * Pair + 1);
  }
}

template <int R>
MN_INLINE void multiply_pairs(int64_t pairs, const int16_t* const (&rows)[R], const int8_t* b, Sums (&out)[R][2]) {
  int32x4_t sums[R][2];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) sums[r][v] = (int32x4_t)out[r][v];
  }
  int64_t k = 0;
  int16x8_t a[R];
  for (; k + 4 <= pairs; k += 4, b += 64) {
    for (int r = 0; r < R; ++r) a[r] = vld1q_s16(rows[r] + 2 * k);
    multiply_pair<R, 0>(b, a, sums);
    multiply_pair<R, 1>(b + 16, a, sums);
    multiply_pair<R, 2>(b + 32, a, sums);
    multiply_pair<R, 3>(b + 48, a, sums);
  }
  for (; k < pairs; ++k, b += 16) {
    for (int r = 0; r < R; ++r) a[r] = vld1q_lane_s16(rows[r] + 2 * k + 1, vld1q_dup_s16(rows[r] + 2 * k), 1);
    multiply_pair<R, 0>(b, a, sums);
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) out[r][v] = (Sums)sums[r][v];
  }
}

}  // namespace minnow::simd::MN_ISA
