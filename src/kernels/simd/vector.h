// Vectors of MN_WIDTH floats over the compilers' vector extension, for sources that are compiled once for each
// instruction set. Everything has internal linkage.
#pragma once

#include <stdint.h>
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(MN_NEON)
#include <arm_neon.h>
#endif

#define MN_INLINE static inline __attribute__((always_inline, unused))

namespace minnow::simd::MN_ISA {

constexpr int kWidth = MN_WIDTH;

typedef float Vector __attribute__((vector_size(MN_WIDTH * 4), aligned(4), may_alias));
typedef int32_t IntVector __attribute__((vector_size(MN_WIDTH * 4), aligned(4), may_alias));

MN_INLINE Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
MN_INLINE void store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }
MN_INLINE Vector splat(float value) { return value - Vector{}; }

// The first count < kWidth floats; zeros behind them.
MN_INLINE Vector load_part(const float* from, int64_t count) {
#if MN_WIDTH == 16
  return (Vector)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
#else
  Vector value{};
  for (int64_t i = 0; i < count; ++i) value[i] = from[i];
  return value;
#endif
}
MN_INLINE void store_part(float* to, Vector value, int64_t count) {
#if MN_WIDTH == 16
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), (__m512)value);
#else
  for (int64_t i = 0; i < count; ++i) to[i] = value[i];
#endif
}

// x where it is not a number, else the smaller or larger of the two.
MN_INLINE Vector at_most(Vector x, Vector limit) {
#if MN_WIDTH == 16
  return (Vector)_mm512_maskz_min_ps(0xFFFF, (__m512)limit, (__m512)x);
#elif MN_WIDTH == 8
  return (Vector)_mm256_min_ps((__m256)limit, (__m256)x);
#elif defined(__SSE2__)
  return (Vector)_mm_min_ps((__m128)limit, (__m128)x);
#else
  return limit < x ? limit : x;
#endif
}
MN_INLINE Vector at_least(Vector x, Vector limit) {
#if MN_WIDTH == 16
  return (Vector)_mm512_maskz_max_ps(0xFFFF, (__m512)limit, (__m512)x);
#elif MN_WIDTH == 8
  return (Vector)_mm256_max_ps((__m256)limit, (__m256)x);
#elif defined(__SSE2__)
  return (Vector)_mm_max_ps((__m128)limit, (__m128)x);
#else
  return limit > x ? limit : x;
#endif
}

MN_INLINE float sum_of(Vector x) {
  float sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += x[i];
  return sum;
}

}  // namespace minnow::simd::MN_ISA
