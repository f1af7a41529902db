// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/reduce.h"

#include <math.h>

#include "kernels/simd/math.h"
#include "kernels/simd/tables.h"

namespace minnow::simd::MN_ISA {
namespace {

// NaN in either stays: at_least keeps it in its first operand only.
struct Max {
  static constexpr float kNeutral = -INFINITY;
  static Vector of(Vector sum, Vector x) { return x != x ? x : at_least(sum, x); }
  static float of(float sum, float x) { return x != x || sum < x ? x : sum; }
};
struct Min {
  static constexpr float kNeutral = INFINITY;
  static Vector of(Vector sum, Vector x) { return x != x ? x : at_most(sum, x); }
  static float of(float sum, float x) { return x != x || sum > x ? x : sum; }
};
struct Add {
  static constexpr float kNeutral = 0;
  static Vector of(Vector sum, Vector x) { return sum + x; }
  static float of(float sum, float x) { return sum + x; }
};

// Four chains hide the latency of one operation.
template <class Combine>
float reduce(int64_t count, const float* in) {
  Vector sums[4];
  for (Vector& sum : sums) sum = splat(Combine::kNeutral);
  int64_t i = 0;
  for (; i + 4 * kWidth <= count; i += 4 * kWidth) {
    for (int v = 0; v < 4; ++v) sums[v] = Combine::of(sums[v], load(in + i + v * kWidth));
  }
  for (; i + kWidth <= count; i += kWidth) sums[0] = Combine::of(sums[0], load(in + i));
  const Vector all = Combine::of(Combine::of(sums[0], sums[1]), Combine::of(sums[2], sums[3]));
  float result = Combine::kNeutral;
  for (int v = 0; v < kWidth; ++v) result = Combine::of(result, all[v]);
  for (; i < count; ++i) result = Combine::of(result, in[i]);
  return result;
}

template <class Combine>
void combine(int64_t count, const float* in, float* out) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) store(out + i, Combine::of(load(out + i), load(in + i)));
  for (; i < count; ++i) out[i] = Combine::of(out[i], in[i]);
}

void scale(int64_t count, const float* in, float factor, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = in[i] * factor;
}

void softmax(int64_t count, const float* in, float* out) {
  const float top = reduce<Max>(count, in);
  Vector sums{};
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    const Vector e = exp_of(load(in + i) - top);
    store(out + i, e);
    sums += e;
  }
  float sum = sum_of(sums);
  if (i < count) {
    const Vector e = exp_of(load_part(in + i, count - i) - top);
    store_part(out + i, e, count - i);
    for (int v = 0; v < count - i; ++v) sum += e[v];
  }
  scale(count, out, 1.0f / sum, out);
}

// `width` columns, at most a register's.
void softmax_of_columns(int64_t count, int64_t columns, int64_t width, const float* in, float* out) {
  const auto read = [&](const float* from) { return width == kWidth ? load(from) : load_part(from, width); };
  const auto write = [&](float* to, Vector x) {
    if (width == kWidth) return store(to, x);
    store_part(to, x, width);
  };
  Vector top = splat(-INFINITY), sum{};
  for (int64_t i = 0; i < count; ++i) top = Max::of(top, read(in + i * columns));
  for (int64_t i = 0; i < count; ++i) {
    const Vector e = exp_of(read(in + i * columns) - top);
    write(out + i * columns, e);
    sum += e;
  }
  const Vector factor = 1.0f / sum;
  for (int64_t i = 0; i < count; ++i) write(out + i * columns, read(out + i * columns) * factor);
}

void softmax_columns(int64_t count, int64_t columns, const float* in, float* out) {
  for (int64_t j = 0; j < columns; j += kWidth) {
    const int64_t width = columns - j < kWidth ? columns - j : kWidth;
    softmax_of_columns(count, columns, width, in + j, out + j);
  }
}

// Mean and variance of a row, two passes.
void moments(int64_t count, const float* in, float* mean, float* variance) {
  const float center = reduce<Add>(count, in) / static_cast<float>(count);
  Vector sums[2] = {};
  int64_t i = 0;
  for (; i + 2 * kWidth <= count; i += 2 * kWidth) {
    const Vector a = load(in + i) - center, b = load(in + i + kWidth) - center;
    sums[0] += a * a;
    sums[1] += b * b;
  }
  float sum = sum_of(sums[0] + sums[1]);
  for (; i < count; ++i) sum += (in[i] - center) * (in[i] - center);
  *mean = center;
  *variance = sum / static_cast<float>(count);
}

void normalize(int64_t count, const float* in, const float* scale, const float* bias, float epsilon, float* out) {
  float mean = 0, variance = 0;
  moments(count, in, &mean, &variance);
  const float factor = 1.0f / sqrtf(variance + epsilon);
  if (bias != nullptr) {
    for (int64_t i = 0; i < count; ++i) out[i] = (in[i] - mean) * factor * scale[i] + bias[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = (in[i] - mean) * factor * scale[i];
  }
}

// Blocks of 16 x 16: both sides touch whole cache lines, and the 32 lines in flight fit every level-1 cache.
void transpose(int64_t rows, int64_t cols, const float* in, int64_t in_row, float* out, int64_t out_row) {
  constexpr int64_t kBlock = 16;
  for (int64_t i0 = 0; i0 < rows; i0 += kBlock) {
    const int64_t i1 = i0 + kBlock < rows ? i0 + kBlock : rows;
    for (int64_t j0 = 0; j0 < cols; j0 += kBlock) {
      const int64_t j1 = j0 + kBlock < cols ? j0 + kBlock : cols;
      for (int64_t j = j0; j < j1; ++j) {
        for (int64_t i = i0; i < i1; ++i) out[j * out_row + i] = in[i * in_row + j];
      }
    }
  }
}

}  // namespace

const RowTable kRowTable = {reduce<Add>, reduce<Max>,     reduce<Min>, combine<Add>, combine<Max>, combine<Min>,
                            softmax,     softmax_columns, normalize,   scale,        transpose};

}  // namespace minnow::simd::MN_ISA
