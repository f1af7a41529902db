// From int32 sums to what is stored, for the sources of simd/ that multiply integers. They are compiled without fused
// multiply-adds: scaling and shifting round twice, on every instruction set.
#pragma once

#include <string.h>

#include "kernels/simd/integer.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {

typedef uint32_t Sums __attribute__((vector_size(MN_WIDTH * 4), aligned(4), may_alias));
typedef int16_t Words __attribute__((vector_size(MN_WIDTH * 4), aligned(2), may_alias));  // as many again
typedef int8_t Bytes __attribute__((vector_size(MN_WIDTH), aligned(1), may_alias));

MN_INLINE Sums load_sums(const int32_t* from) { return *reinterpret_cast<const Sums*>(from); }

// sums[i] + a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1]
MN_INLINE Sums add_pairs(Sums sums, Words a, Words b) {
#if MN_WIDTH == 16
  return sums + (Sums)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif MN_WIDTH == 8
  return sums + (Sums)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return sums + (Sums)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(MN_NEON)
  const int16x8_t x = (int16x8_t)a, y = (int16x8_t)b;
  return sums + (Sums)vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
#else
  const IntVector x = (IntVector)a, y = (IntVector)b;
  return sums + (Sums)((x << 16 >> 16) * (y << 16 >> 16)) + (Sums)((x >> 16) * (y >> 16));
#endif
}

// round(x) + zero, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves the rounded integer in the low bits.
MN_INLINE IntVector rounded(Vector x, int32_t zero) {
  constexpr float kRound = 12582912.0f;
  constexpr int32_t kRoundBits = 0x4B400000;
  return (IntVector)(x + kRound) - (kRoundBits - zero);
}

// Limits x; the lower limit where x is no number.
MN_INLINE Vector limited(Vector x, Vector low, Vector high) {
#if MN_WIDTH == 16
  return (Vector)_mm512_maskz_min_ps(0xFFFF, _mm512_maskz_max_ps(0xFFFF, (__m512)x, (__m512)low), (__m512)high);
#elif MN_WIDTH == 8
  return (Vector)_mm256_min_ps(_mm256_max_ps((__m256)x, (__m256)low), (__m256)high);
#elif defined(__SSE2__)
  return (Vector)_mm_min_ps(_mm_max_ps((__m128)x, (__m128)low), (__m128)high);
#else
  const Vector above = x > low ? x : low;
  return above < high ? above : high;
#endif
}

// The low bytes of the lanes.
MN_INLINE void store_bytes(uint8_t* to, IntVector value) {
#if MN_WIDTH == 16
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi32_epi8(0xFFFF, (__m512i)value));
#elif MN_WIDTH == 8
  const __m256i low = _mm256_and_si256((__m256i)value, _mm256_set1_epi32(255));
  const __m256i words = _mm256_packus_epi32(low, low);
  const __m256i bytes = _mm256_packus_epi16(words, words);  // bytes 0-3 of both halves
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to),
                   _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
#else
  *reinterpret_cast<Bytes*>(to) = __builtin_convertvector(value, Bytes);
#endif
}

MN_INLINE Vector scaled(const IntegerFinish& f, Sums sums, int64_t col) {
  const Vector x = __builtin_convertvector((IntVector)sums, Vector) * load(f.scales + col);
  return f.shifts != nullptr ? x + load(f.shifts + col) : x;
}

MN_INLINE void store_codes(const IntegerFinish& f, Vector x, uint8_t* to) {
  const Vector low = splat(static_cast<float>(f.low - f.zero)), high = splat(static_cast<float>(f.high - f.zero));
  store_bytes(to, rounded(limited(x, low, high), f.zero));
}

#if MN_WIDTH == 8
// Two registers at once: what is too large for 32 bits is limited before the conversion, which makes the least number
// of what is too small or no number; packing saturates, and so does the addition of the zero point.
MN_INLINE void store_two(const IntegerFinish& f, Vector x, Vector y, uint8_t* to) {
  const __m256 most = _mm256_set1_ps(static_cast<float>(f.high - f.zero));
  const __m256i left = _mm256_cvtps_epi32(_mm256_min_ps(most, (__m256)x));
  const __m256i right = _mm256_cvtps_epi32(_mm256_min_ps(most, (__m256)y));
  const __m256i mixed = _mm256_packs_epi32(left, right);
  const __m256i words =
      _mm256_adds_epi16(_mm256_permute4x64_epi64(mixed, 0xD8), _mm256_set1_epi16(static_cast<int16_t>(f.zero)));
  const __m128i a = _mm256_castsi256_si128(words), b = _mm256_extracti128_si256(words, 1);
  const __m128i low = _mm_set1_epi8(static_cast<char>(f.low)), high = _mm_set1_epi8(static_cast<char>(f.high));
  const __m128i codes = f.is_signed ? _mm_min_epi8(_mm_max_epi8(_mm_packs_epi16(a, b), low), high)
                                    : _mm_min_epu8(_mm_max_epu8(_mm_packus_epi16(a, b), low), high);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), codes);
}
#else
MN_INLINE void store_two(const IntegerFinish& f, Vector x, Vector y, uint8_t* to) {
  store_codes(f, x, to);
  store_codes(f, y, to + kWidth);
}
#endif

// Stores V registers of sums of columns from `col` on at element `at` of `out`.
template <int V>
MN_INLINE void finish_sums(const IntegerFinish& f, const Sums (&sums)[V], int64_t col, void* out, int64_t at) {
  static_assert(V <= 2);
  if (f.scales == nullptr) {
    for (int v = 0; v < V; ++v) *reinterpret_cast<Sums*>(static_cast<int32_t*>(out) + at + v * kWidth) = sums[v];
    return;
  }
  Vector x[V];
  for (int v = 0; v < V; ++v) x[v] = scaled(f, sums[v], col + v * kWidth);
  if (!f.to_codes) {
    for (int v = 0; v < V; ++v) store(static_cast<float*>(out) + at + v * kWidth, x[v]);
  } else if constexpr (V == 2) {
    store_two(f, x[0], x[1], static_cast<uint8_t*>(out) + at);
  } else {
    store_codes(f, x[0], static_cast<uint8_t*>(out) + at);
  }
}

// Stores a tile's sums after B's zero points.
template <int R>
MN_INLINE void finish_tile_sums(const IntegerTile& t, Sums (&sums)[R][2]) {
  const IntegerFinish f = *t.finish;  // no store reaches a copy
  if (f.zero_points != nullptr) {
    for (int r = 0; r < R; ++r) {
      const auto sum = static_cast<uint32_t>(t.a_sums[r]);
      for (int v = 0; v < 2; ++v) sums[r][v] -= load_sums(f.zero_points + v * kWidth) * sum;
    }
  }
  for (int r = 0; r < R; ++r) finish_sums<2>(f, sums[r], 0, t.c, r * t.c_row);
}

// A tile of fewer columns, through memory where all are there.
template <int Rows, int Cols>
MN_INLINE void part_of_tile(int rows, int cols, const IntegerTile& t, void (*whole_tile)(int, const IntegerTile&)) {
  int32_t whole[Rows * Cols];
  IntegerTile inner = t;
  inner.c = whole;
  inner.c_row = Cols;
  whole_tile(rows, inner);
  const auto width = static_cast<int64_t>(t.finish->scales != nullptr && t.finish->to_codes ? 1 : 4);
  for (int64_t r = 0; r < rows; ++r) {
    memcpy(static_cast<char*>(t.c) + r * t.c_row * width, reinterpret_cast<const char*>(whole) + r * Cols * width,
           static_cast<size_t>(cols * width));
  }
}

}  // namespace minnow::simd::MN_ISA
