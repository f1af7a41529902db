// Products of 8-bit integers for ARM's dotprod (sdot: groups of 4 along the depth) and i8mm (smmla: groups of 8),
// compiled once for each (MN_GROUP). A lies as signed bytes: its codes, unsigned ones less 128. What is missing to
// codes less the zero point, the same for all of A, is made up for with the sums of B's columns that stand behind its
// panel.
#include <arm_neon.h>

#include "kernels/simd/integer_finish.h"
#include "kernels/simd/integer_patches.h"

namespace minnow::simd::MN_ISA {
namespace {

constexpr int kRows = 8;
constexpr int kCols = 8;

MN_INLINE Sums first_sums(const IntegerTile& t, int col) {
  const Sums columns = load_sums(reinterpret_cast<const int32_t*>(t.b + t.groups * kCols * MN_GROUP) + col);
  return load_sums(t.finish->offsets + col) + columns * static_cast<uint32_t>(t.shift);
}

#if MN_GROUP == 4

// Four elements of each row, at `Lane` of the 16 that a register holds.
template <int R, int Lane>
MN_INLINE void multiply_group(const int8_t* b, const int8x16_t (&a)[R], int32x4_t (&sums)[R][2]) {
  const int8x16_t left = vld1q_s8(b), right = vld1q_s8(b + 16);
  for (int r = 0; r < R; ++r) {
    sums[r][0] = vdotq_laneq_s32(sums[r][0], left, a[r], Lane);
    sums[r][1] = vdotq_laneq_s32(sums[r][1], right, a[r], Lane);
  }
}

template <int R>
MN_INLINE void multiply(const IntegerTile& t, Sums (&out)[R][2]) {
  int32x4_t sums[R][2];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) sums[r][v] = (int32x4_t)first_sums(t, v * 4);
  }
  const int8_t* a_rows = static_cast<const int8_t*>(t.a);
  const int8_t* b = t.b;
  int64_t k = 0;
  int8x16_t a[R];
  for (; k + 4 <= t.groups; k += 4, b += 128) {
    for (int r = 0; r < R; ++r) a[r] = vld1q_s8(a_rows + r * t.a_row + 4 * k);
    multiply_group<R, 0>(b, a, sums);
    multiply_group<R, 1>(b + 32, a, sums);
    multiply_group<R, 2>(b + 64, a, sums);
    multiply_group<R, 3>(b + 96, a, sums);
  }
  for (; k < t.groups; ++k, b += 32) {
    for (int r = 0; r < R; ++r)
      a[r] = vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(a_rows + r * t.a_row + 4 * k)));
    multiply_group<R, 0>(b, a, sums);
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) out[r][v] = (Sums)sums[r][v];
  }
}

#else

// Products of two rows by two columns at a time; the last row of an odd number stands for a second one.
template <int R>
MN_INLINE void multiply(const IntegerTile& t, Sums (&out)[R][2]) {
  constexpr int kPairs = (R + 1) / 2;
  int32x4_t sums[kPairs][4];
  for (int v = 0; v < 2; ++v) {
    const int64x2_t first = (int64x2_t)first_sums(t, v * 4);
    for (int i = 0; i < kPairs; ++i) {
      sums[i][2 * v] = vreinterpretq_s32_s64(vdupq_laneq_s64(first, 0));
      sums[i][2 * v + 1] = vreinterpretq_s32_s64(vdupq_laneq_s64(first, 1));
    }
  }
  const int8_t* a_rows = static_cast<const int8_t*>(t.a);
  const int8_t* b = t.b;
  for (int64_t k = 0; k < t.groups; ++k, b += 64) {
    int8x16_t columns[4], a[kPairs];
    for (int j = 0; j < 4; ++j) columns[j] = vld1q_s8(b + 16 * j);
    for (int i = 0; i < kPairs; ++i) {
      const int second = 2 * i + 1 < R ? 2 * i + 1 : 2 * i;
      a[i] = vcombine_s8(vld1_s8(a_rows + 2 * i * t.a_row + 8 * k), vld1_s8(a_rows + second * t.a_row + 8 * k));
    }
    for (int i = 0; i < kPairs; ++i) {
      for (int j = 0; j < 4; ++j) sums[i][j] = vmmlaq_s32(sums[i][j], a[i], columns[j]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) {
      const int64x2_t left = vreinterpretq_s64_s32(sums[r / 2][2 * v]);
      const int64x2_t right = vreinterpretq_s64_s32(sums[r / 2][2 * v + 1]);
      out[r][v] = (Sums)(r % 2 == 0 ? vzip1q_s64(left, right) : vzip2q_s64(left, right));
    }
  }
}

#endif

template <int R>
void whole_tile(const IntegerTile& t) {
  Sums sums[R][2];
  multiply<R>(t, sums);
  finish_tile_sums<R>(t, sums);
}

void any_rows(int rows, const IntegerTile& t) {
  switch (rows) {
    case 1: return whole_tile<1>(t);
    case 2: return whole_tile<2>(t);
    case 3: return whole_tile<3>(t);
    case 4: return whole_tile<4>(t);
    case 5: return whole_tile<5>(t);
    case 6: return whole_tile<6>(t);
    case 7: return whole_tile<7>(t);
    case 8: return whole_tile<8>(t);
    default: return;
  }
}

void tile(int rows, int cols, const IntegerTile* given) {
  if (cols == kCols) return any_rows(rows, *given);
  part_of_tile<kRows, kCols>(rows, cols, *given, any_rows);
}

// What A's bytes lack to be signed.
MN_INLINE int32_t middle(bool is_signed) { return is_signed ? 0 : 128; }

void widen(int64_t count, const uint8_t* in, bool is_signed, int32_t, void* out) {
  auto* to = static_cast<int8_t*>(out);
  if (is_signed) return widen_codes<int8_t>(count, in, 0, to);
  widen_codes<uint8_t>(count, in, middle(false), to);
}

int32_t sum(int64_t count, const void* in) {
  int32_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += static_cast<const int8_t*>(in)[i];
  return total;
}

void patches(const IntegerPatches* p, int64_t first, int64_t count, int64_t row, void* out) {
  auto* to = static_cast<int8_t*>(out);
  const auto padding = static_cast<int8_t>(p->zero - middle(p->is_signed));
  if (p->is_signed) return patches_of<int8_t, int8_t>(*p, 0, padding, first, count, row, to);
  patches_of<uint8_t, int8_t>(*p, middle(false), padding, first, count, row, to);
}

}  // namespace

const IntegerProducts kIntegerProducts = {MN_GROUP, sizeof(int8_t), tile, kRows, kCols, widen, sum, patches};

}  // namespace minnow::simd::MN_ISA
