// Compiled once for each instruction set with MN_ISA (the namespace) and MN_WIDTH (floats in a register) defined.
// Everything but the table has internal linkage, so that no symbol of one instruction set can stand in for another's.
#include "kernels/simd/f32.h"

#include <math.h>

namespace minnow::simd::MN_ISA {
namespace {

typedef float Vector __attribute__((vector_size(MN_WIDTH * 4), aligned(4), may_alias));

// A tile is kRows x 2 registers of sums. 16 registers hold 6 x 2 sums, two of B and one of A; 32 hold 12 x 2.
constexpr int kWidth = MN_WIDTH;
constexpr int kRows = MN_WIDTH == 16 ? 12 : 6;
constexpr int kCols = 2 * kWidth;

inline Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }

template <int R>
void full_tile(int64_t depth, const float* a, const float* b, int64_t b_row, float* c, int64_t c_row, int accumulate) {
  Vector sums[R][2];
  for (int r = 0; r < R; ++r) {
    sums[r][0] = accumulate ? load(c + r * c_row) : Vector{};
    sums[r][1] = accumulate ? load(c + r * c_row + kWidth) : Vector{};
  }
  for (int64_t p = 0; p < depth; ++p, a += kRows, b += b_row) {
    const Vector b0 = load(b), b1 = load(b + kWidth);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      sums[r][0] += a[r] * b0;
      sums[r][1] += a[r] * b1;
    }
  }
  for (int r = 0; r < R; ++r) {
    store(c + r * c_row, sums[r][0]);
    store(c + r * c_row + kWidth, sums[r][1]);
  }
}

void any_rows(int rows, int64_t depth, const float* a, const float* b, int64_t b_row, float* c, int64_t c_row,
              int accumulate) {
  switch (rows) {
    case 1: return full_tile<1>(depth, a, b, b_row, c, c_row, accumulate);
    case 2: return full_tile<2>(depth, a, b, b_row, c, c_row, accumulate);
    case 3: return full_tile<3>(depth, a, b, b_row, c, c_row, accumulate);
    case 4: return full_tile<4>(depth, a, b, b_row, c, c_row, accumulate);
    case 5: return full_tile<5>(depth, a, b, b_row, c, c_row, accumulate);
    case 6: return full_tile<6>(depth, a, b, b_row, c, c_row, accumulate);
#if MN_WIDTH == 16
    case 7: return full_tile<7>(depth, a, b, b_row, c, c_row, accumulate);
    case 8: return full_tile<8>(depth, a, b, b_row, c, c_row, accumulate);
    case 9: return full_tile<9>(depth, a, b, b_row, c, c_row, accumulate);
    case 10: return full_tile<10>(depth, a, b, b_row, c, c_row, accumulate);
    case 11: return full_tile<11>(depth, a, b, b_row, c, c_row, accumulate);
    default: return full_tile<12>(depth, a, b, b_row, c, c_row, accumulate);
#else
    default: return;
#endif
  }
}

void tile(int rows, int cols, int64_t depth, const float* a, const float* b, int64_t b_row, float* c, int64_t c_row,
          int accumulate) {
  if (cols == kCols) return any_rows(rows, depth, a, b, b_row, c, c_row, accumulate);
  float whole[kRows * kCols];
  for (int r = 0; accumulate && r < rows; ++r) {
    for (int j = 0; j < kCols; ++j) whole[r * kCols + j] = j < cols ? c[r * c_row + j] : 0.0f;
  }
  any_rows(rows, depth, a, b, b_row, whole, kCols, accumulate);
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < cols; ++j) c[r * c_row + j] = whole[r * kCols + j];
  }
}

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
struct Relu {
  static float of(float x) { return x < 0.0f ? 0.0f : x; }
};  // NaN stays
struct Neg {
  static float of(float x) { return -x; }
};
struct Abs {
  static float of(float x) { return fabsf(x); }
};
struct Sqrt {
  static float of(float x) { return sqrtf(x); }
};

const F32Table kTable = {
    tile,
    kRows,
    kCols,
    dot,
    add_scaled,
    {binary<Add>, binary<Sub>, binary<Mul>, binary<Div>},
    {unary<Relu>, unary<Neg>, unary<Abs>, unary<Sqrt>},
};

}  // namespace

const F32Table* f32_table() { return &kTable; }

}  // namespace minnow::simd::MN_ISA
