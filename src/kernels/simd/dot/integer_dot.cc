// Products of bytes for x86's VNNI (vpdpbusd) and ARM's dotprod (sdot), which take groups of 4 along the depth, and
// i8mm (smmla: groups of 8), compiled once for each (MN_GROUP). A's bytes are signed for ARM and unsigned for x86: its
// codes, moved by 128 where their signs differ. What is missing to codes less the zero point, the same for all of A, is
// made up for with the sums of B's columns that stand behind its panel.
#include "kernels/simd/integer_finish.h"
#include "kernels/simd/integer_patches.h"

namespace minnow::simd::MN_ISA {
namespace {

#if defined(MN_NEON)
typedef int8_t Byte;
constexpr int kLowest = -128;
constexpr int kRows = 8;
#else
typedef uint8_t Byte;
constexpr int kLowest = 0;
// As in simd/integer.cc: 32 registers hold 12 x 2 sums, 16 hold 6 x 2, with two of B and one of A.
constexpr int kRows = MN_WIDTH == 16 ? 12 : 6;
#endif
constexpr int kCols = 2 * kWidth;

MN_INLINE Sums first_sums(const IntegerTile& t, int col) {
  const Sums columns = load_sums(reinterpret_cast<const int32_t*>(t.b + t.groups * kCols * MN_GROUP) + col);
  return load_sums(t.finish->offsets + col) + columns * static_cast<uint32_t>(t.shift);
}

#if !defined(MN_NEON)

// sums[i] + the four products of a's unsigned with b's signed bytes 4 i to 4 i + 3
MN_INLINE Sums add_fours(Sums sums, IntVector a, IntVector b) {
#if MN_WIDTH == 16
  return (Sums)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
#else
  return (Sums)_mm256_dpbusd_avx_epi32((__m256i)sums, (__m256i)a, (__m256i)b);
#endif
}

typedef int32_t Four __attribute__((may_alias, aligned(1)));

template <int R>
MN_INLINE void multiply(const IntegerTile& t, Sums (&sums)[R][2]) {
  const Sums first[2] = {first_sums(t, 0), first_sums(t, kWidth)};
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) sums[r][v] = first[v];
  }
  const Byte* rows[R];
  for (int r = 0; r < R; ++r) rows[r] = static_cast<const Byte*>(t.a) + r * t.a_row;
  const int8_t* b = t.b;
  for (int64_t k = 0; k < t.groups; ++k, b += 4 * kCols) {
    const IntVector left = *reinterpret_cast<const IntVector*>(b);
    const IntVector right = *reinterpret_cast<const IntVector*>(b + 4 * kWidth);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const IntVector a = *reinterpret_cast<const Four*>(rows[r] + 4 * k) - IntVector{};
      sums[r][0] = add_fours(sums[r][0], a, left);
      sums[r][1] = add_fours(sums[r][1], a, right);
    }
  }
}

#elif MN_GROUP == 4

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
    case 7: return whole_tile<(kRows >= 7 ? 7 : 1)>(t);
    case 8: return whole_tile<(kRows >= 8 ? 8 : 1)>(t);
    case 9: return whole_tile<(kRows >= 9 ? 9 : 1)>(t);
    case 10: return whole_tile<(kRows >= 10 ? 10 : 1)>(t);
    case 11: return whole_tile<(kRows >= 11 ? 11 : 1)>(t);
    case 12: return whole_tile<(kRows >= 12 ? 12 : 1)>(t);
    default: return;
  }
}

void tile(int rows, int cols, const IntegerTile* given) {
  if (cols == kCols) return any_rows(rows, *given);
  part_of_tile<kRows, kCols>(rows, cols, *given, any_rows);
}

// What is taken off codes.
MN_INLINE int32_t excess(bool is_signed) { return (is_signed ? -128 : 0) - kLowest; }

void widen(int64_t count, const uint8_t* in, bool is_signed, int32_t, void* out) {
  auto* to = static_cast<Byte*>(out);
  if (is_signed) return widen_codes<int8_t>(count, in, excess(true), to);
  widen_codes<uint8_t>(count, in, excess(false), to);
}

int32_t sum(int64_t count, const void* in) {
  int32_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += static_cast<const Byte*>(in)[i];
  return total;
}

void patches(const IntegerPatches* p, int64_t first, int64_t count, int64_t row, void* out) {
  auto* to = static_cast<Byte*>(out);
  const auto padding = static_cast<Byte>(p->zero - excess(p->is_signed));
  if (p->is_signed) return patches_of<int8_t>(*p, excess(true), padding, first, count, row, to);
  patches_of<uint8_t>(*p, excess(false), padding, first, count, row, to);
}

}  // namespace

const IntegerProducts kIntegerProducts = {MN_GROUP, sizeof(Byte), kLowest, tile, kRows, kCols, widen, sum, patches};

}  // namespace minnow::simd::MN_ISA
