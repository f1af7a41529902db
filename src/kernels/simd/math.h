// Elementary functions on vectors, within 4 units in the last place (the tests hold them to it); NaN stays NaN, and
// infinities give the limits. The polynomials are minimax fits by Remez' exchange, rounded to float.
#pragma once

#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {

// e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln(2) / 2. ln 2 is split in two so that n times its head is exact.
MN_INLINE Vector exp_of(Vector x) {
  constexpr float kLog2E = 1.44269504f, kHead = 0.693359375f, kTail = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  x = at_most(at_least(x, splat(-104.0f)), splat(89.0f));  // e^-104 rounds to 0, e^89 overflows
  const Vector shifted = x * kLog2E + kRound, n = shifted - kRound;
  const IntVector power = (IntVector)shifted - 0x4B400000;
  const Vector r = (x - n * kHead) - n * kTail;
  Vector p = splat(1.991973986e-04f);
  p = p * r + 1.394694787e-03f;
  p = p * r + 8.333262056e-03f;
  p = p * r + 4.166625813e-02f;
  p = p * r + 1.666666716e-01f;
  p = p * r + 0.5f;
  const Vector e = (p * r * r + r) + 1.0f;
  // 2^n in two factors: it may be subnormal or just too large for one.
  const IntVector half = power >> 1;
  const Vector first = (Vector)((half + 127) << 23), second = (Vector)((power - half + 127) << 23);
  return e * first * second;
}

MN_INLINE Vector magnitude(Vector x) { return (Vector)((IntVector)x & 0x7FFFFFFF); }
MN_INLINE Vector with_sign_of(Vector size, Vector x) {
  return (Vector)((IntVector)size | ((IntVector)x & static_cast<int32_t>(0x80000000u)));
}

MN_INLINE Vector sigmoid_of(Vector x) {
  const Vector e = exp_of((Vector)((IntVector)x | static_cast<int32_t>(0x80000000u)));  // e^-|x|
  return (x < 0.0f ? e : splat(1.0f)) / (e + 1.0f);
}

MN_INLINE Vector tanh_of(Vector x) {
  const Vector size = magnitude(x), z = x * x;
  Vector p = splat(-5.665333476e-03f);
  p = p * z + 2.060670778e-02f;
  p = p * z - 5.373094231e-02f;
  p = p * z + 1.333135366e-01f;
  p = p * z - 3.333328068e-01f;
  const Vector small = p * z * x + x;
  const Vector large = with_sign_of(1.0f - 2.0f / (exp_of(size + size) + 1.0f), x);
  return size < 0.625f ? small : large;
}

MN_INLINE Vector erf_of(Vector x) {
  const Vector size = magnitude(x), z = x * x;
  Vector p = splat(7.889122935e-05f);
  p = p * z - 8.020842215e-04f;
  p = p * z + 5.189535674e-03f;
  p = p * z - 2.685444430e-02f;
  p = p * z + 1.128360033e-01f;
  p = p * z - 3.761262596e-01f;
  p = p * z + 1.283791661e-01f;
  const Vector small = p * x + x;
  // erf(t) = 1 - e^(t q(t)) for 1 <= t <= 3.93, where it reaches 1.
  const Vector t = at_most(size, splat(3.93f));
  Vector q = splat(2.106728934e-04f);
  q = q * t - 3.187296214e-03f;
  q = q * t + 2.279997244e-02f;
  q = q * t - 1.051191911e-01f;
  q = q * t - 6.358285546e-01f;
  q = q * t - 1.128481150e+00f;
  const Vector large = with_sign_of(1.0f - exp_of(q * t), x);
  return size < 1.0f ? small : large;
}

}  // namespace minnow::simd::MN_ISA
