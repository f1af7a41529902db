// Compiled once for each instruction set with MN_ISA (the namespace) and MN_WIDTH (floats in a register) defined.
// Everything but the table has internal linkage, so that no symbol of one instruction set can stand in for another's.
#include "kernels/simd/f32.h"

#include <math.h>

#include "kernels/simd/math.h"
#include "kernels/simd/tables.h"

namespace minnow::simd::MN_ISA {
namespace {

float dot(int64_t count, const float* a, const float* b) {
  Vector sums[4] = {};  // four chains hide the latency of an addition
  int64_t i = 0;
  for (; i + 4 * kWidth <= count; i += 4 * kWidth) {
    for (int v = 0; v < 4; ++v) sums[v] += load(a + i + v * kWidth) * load(b + i + v * kWidth);
  }
  for (; i + kWidth <= count; i += kWidth) sums[0] += load(a + i) * load(b + i);
  const Vector all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float sum = 0;
  for (int v = 0; v < kWidth; ++v) sum += all[v];
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

void add_scaled(int64_t count, float factor, const float* in, int64_t stride, float* out) {
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] += factor * in[i];
  } else if (stride == 2) {
    for (int64_t i = 0; i < count; ++i) out[i] += factor * in[2 * i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] += factor * in[stride * i];
  }
}

void add_products(int64_t count, const float* a, const float* b, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] += a[i] * b[i];
}

// `Apply` has a static float of(float, float): the three forms below are what broadcasting leaves of an innermost run.
template <class Apply>
void binary(int64_t count, const float* a, int64_t a_step, const float* b, int64_t b_step, float* out) {
  if (a_step == 1 && b_step == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] = Apply::of(a[i], b[i]);
  } else if (a_step == 1) {
    const float right = *b;
    for (int64_t i = 0; i < count; ++i) out[i] = Apply::of(a[i], right);
  } else if (b_step == 1) {
    const float left = *a;
    for (int64_t i = 0; i < count; ++i) out[i] = Apply::of(left, b[i]);
  } else {
    const float value = Apply::of(*a, *b);
    for (int64_t i = 0; i < count; ++i) out[i] = value;
  }
}

template <class Apply>
void unary(int64_t count, const float* in, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = Apply::of(in[i]);
}

struct Add {
  static float of(float a, float b) { return a + b; }
};
struct Sub {
  static float of(float a, float b) { return a - b; }
};
struct Mul {
  static float of(float a, float b) { return a * b; }
};
struct Div {
  static float of(float a, float b) { return a / b; }
};
// NaN in either is the result.
struct Max {
  static float of(float a, float b) { return a > b || a != a ? a : b; }
};
struct Min {
  static float of(float a, float b) { return a < b || a != a ? a : b; }
};
struct Prelu {
  static float of(float x, float slope) { return x < 0.0f ? x * slope : x; }
};
struct Neg {
  static float of(float x) { return -x; }
};
struct Abs {
  static float of(float x) { return fabsf(x); }
};
struct Reciprocal {
  static float of(float x) { return 1.0f / x; }
};
struct Sqrt {
  static float of(float x) { return sqrtf(x); }
};

struct Power {
  static float of(float a, float b) { return powf(a, b); }
};

// The exponents of normalizations and polynomials are constants of a few values.
void power(int64_t count, const float* a, int64_t a_step, const float* b, int64_t b_step, float* out) {
  if (b_step != 0 || a_step != 1) return binary<Power>(count, a, a_step, b, b_step, out);
  if (*b == 2.0f) {
    for (int64_t i = 0; i < count; ++i) out[i] = a[i] * a[i];
  } else if (*b == 3.0f) {
    for (int64_t i = 0; i < count; ++i) out[i] = a[i] * a[i] * a[i];
  } else {
    binary<Power>(count, a, a_step, b, b_step, out);
  }
}

struct VectorExp {
  static Vector of(Vector x) { return exp_of(x); }
};
struct VectorErf {
  static Vector of(Vector x) { return erf_of(x); }
};

template <class Apply>
void vectors(int64_t count, const float* in, float* out) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) store(out + i, Apply::of(load(in + i)));
  if (i < count) store_part(out + i, Apply::of(load_part(in + i, count - i)), count - i);
}

const F32Table kTable = {
    &kGemmTable,
    &kDepthwiseTable,
    &kRowTable,
    &kPoolTable,
    &kResizeTable,
    &kCodeTable,
    &kRecurrentTable,
    &kIntegerTable,
    kActivationRuns,
    dot,
    add_scaled,
    add_products,
    {binary<Add>, binary<Sub>, binary<Mul>, binary<Div>, power, binary<Max>, binary<Min>, binary<Prelu>},
    {unary<Neg>, unary<Abs>, unary<Sqrt>, unary<Reciprocal>, vectors<VectorExp>, vectors<VectorErf>},
};

}  // namespace

// Cold: asked for once, so that the linker places it with what else runs once, not on pages of its own.
[[gnu::cold]] const F32Table* f32_table() { return &kTable; }

}  // namespace minnow::simd::MN_ISA
