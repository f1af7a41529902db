// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/depthwise.h"

#include "kernels/simd/activations.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {
namespace {

// R rows x V registers of outputs. Eight sums hide the latency of a fused multiply-add (4 cycles, two a cycle).
template <int R, int V>
void block(const DepthwiseBand& d, int64_t y, int64_t x, int64_t last_part) {
  Vector sums[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      sums[r][v] = splat(d.bias);
      if (d.residual == nullptr) continue;
      const float* start = d.residual + (y + r) * d.out_row + x + v * kWidth;
      sums[r][v] += v == V - 1 && last_part < kWidth ? load_part(start, last_part) : load(start);
    }
  }
  const float* in = d.in + y * d.in_step + x;
  for (int64_t t = 0; t < d.taps; ++t) {
    const Vector weight = splat(d.weights[t]);
    const float* from = in + d.offsets[t];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) sums[r][v] += weight * load(from + r * d.in_step + v * kWidth);
    }
  }
  if (is_clip(*d.finish)) {
    const Vector low = splat(d.finish->a), high = splat(d.finish->b);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) sums[r][v] = at_most(at_least(sums[r][v], low), high);
    }
  }
  for (int r = 0; r < R; ++r) {
    float* out = d.out + (y + r) * d.out_row + x;
    for (int v = 0; v < V - 1; ++v) store(out + v * kWidth, sums[r][v]);
    // What a whole register writes too much is overwritten by the next row.
    const bool next_follows = V == 1 && r < R - 1 && x == 0 && 2 * last_part >= kWidth && d.out_row == last_part;
    if (last_part == kWidth || next_follows) {
      store(out + (V - 1) * kWidth, sums[r][V - 1]);
    } else {
      store_part(out + (V - 1) * kWidth, sums[r][V - 1], last_part);
    }
  }
}

template <int V>
void last_rows(const DepthwiseBand& d, int64_t y, int64_t x, int64_t last_part) {
  switch (d.rows - y) {
    case 1: return block<1, V>(d, y, x, last_part);
    case 2: return block<2, V>(d, y, x, last_part);
    case 3: return block<3, V>(d, y, x, last_part);
    case 4: return block<4, V>(d, y, x, last_part);
    case 5: return block<5, V>(d, y, x, last_part);
    case 6: return block<6, V>(d, y, x, last_part);
    case 7: return block<7, V>(d, y, x, last_part);
    default: return;
  }
}

template <int R, int V>
void columns(const DepthwiseBand& d, int64_t x, int64_t last_part) {
  int64_t y = 0;
  for (; y + R <= d.rows; y += R) block<R, V>(d, y, x, last_part);
  if (R > 2) return last_rows<V>(d, y, x, last_part);
  if (y < d.rows) block<1, V>(d, y, x, last_part);
}

void band(const DepthwiseBand* given) {
  const DepthwiseBand& d = *given;
  int64_t x = 0;
  for (; x + 4 * kWidth <= d.cols; x += 4 * kWidth) columns<2, 4>(d, x, kWidth);
  if (d.cols - x > 3 * kWidth) {
    columns<2, 4>(d, x, d.cols - x - 3 * kWidth);
    x = d.cols;
  } else if (d.cols - x >= 2 * kWidth) {
    columns<4, 2>(d, x, kWidth);
    x += 2 * kWidth;
  }
  if (d.cols - x > kWidth) {
    columns<4, 2>(d, x, d.cols - x - kWidth);
  } else if (d.cols > x) {
    columns<8, 1>(d, x, d.cols - x);
  }
  if (!is_clip(*d.finish)) finish_tile(static_cast<int>(d.rows), d.cols, *d.finish, d.out, d.out_row);
}

// Outputs [first, last) whose input position lies in the row.
struct Inside {
  int64_t first, last;
};
MN_INLINE Inside inside(const BandRows& b, int64_t remainder) {
  const int64_t offset = remainder - b.left;
  const int64_t first = offset >= 0 ? 0 : (-offset + b.stride - 1) / b.stride;
  const int64_t last = offset >= b.w ? 0 : (b.w - 1 - offset) / b.stride + 1;
  const int64_t begin = first < b.cols ? first : b.cols;
  return {begin, last < begin ? begin : last < b.cols ? last : b.cols};
}

MN_INLINE Vector evens(Vector a, Vector b) {
#if MN_WIDTH == 16
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif MN_WIDTH == 8
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
}

MN_INLINE Vector odds(Vector a, Vector b) {
#if MN_WIDTH == 16
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif MN_WIDTH == 8
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

// Whole registers: what they write too much is overwritten by what follows.
MN_INLINE void zeros(int64_t count, float* out) {
  if (count > 0) store(out, Vector{});
  for (int64_t i = kWidth; i < count; i += kWidth) store(out + i, Vector{});
}

// out[i] = in[i * stride]. What is left behind the last whole register is copied with some of its elements again.
MN_INLINE void copy_every(int64_t count, int64_t stride, const float* in, float* out) {
  int64_t i = 0;
  if (stride == 1 && count >= kWidth) {
    for (; i + kWidth <= count; i += kWidth) store(out + i, load(in + i));
    store(out + count - kWidth, load(in + count - kWidth));
    return;
  }
  if (stride == 2 && count > kWidth) {
    // While another element follows, both registers lie in the row; the last ones begin an element earlier.
    for (; i + kWidth < count; i += kWidth) store(out + i, evens(load(in + 2 * i), load(in + 2 * i + kWidth)));
    i = count - kWidth;
    store(out + i, odds(load(in + 2 * i - 1), load(in + 2 * i - 1 + kWidth)));
    return;
  }
  for (; i < count; ++i) out[i] = in[i * stride];
}

void fill(const BandRows* given) {
  const BandRows& b = *given;
  constexpr int64_t kKept = 4;
  Inside kept[kKept];
  for (int64_t p = 0; p < b.remainders && p < kKept; ++p) kept[p] = inside(b, p);
  float* out = b.out;
  for (int64_t row = b.first; row < b.first + b.rows; ++row) {
    for (int64_t p = 0; p < b.remainders; ++p, out += b.cols) {
      const Inside range = row < 0 || row >= b.h ? Inside{b.cols, b.cols} : p < kKept ? kept[p] : inside(b, p);
      zeros(range.first, out);
      const float* in = b.plane + row * b.w + range.first * b.stride + p - b.left;
      copy_every(range.last - range.first, b.stride, in, out + range.first);
      zeros(b.cols - range.last, out + range.last);
    }
  }
}

void every(int64_t count, int64_t stride, const float* in, float* out) {
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] = in[i];
  } else if (stride == 2) {
    for (int64_t i = 0; i < count; ++i) out[i] = in[2 * i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = in[stride * i];
  }
}

// V registers of channels of one pixel.
template <int V>
MN_INLINE void channels_of_pixel(int64_t c, int64_t channels, int64_t taps, const float* const* in,
                                 const float* weights, const float* bias, const float* residual, float* out) {
  Vector sums[V];
  for (int v = 0; v < V; ++v) {
    sums[v] = bias != nullptr ? load(bias + c + v * kWidth) : Vector{};
    if (residual != nullptr) sums[v] += load(residual + c + v * kWidth);
  }
  for (int64_t t = 0; t < taps; ++t) {
    if (in[t] == nullptr) continue;
    for (int v = 0; v < V; ++v) sums[v] += load(weights + t * channels + c + v * kWidth) * load(in[t] + c + v * kWidth);
  }
  for (int v = 0; v < V; ++v) store(out + c + v * kWidth, sums[v]);
}

void pixel(int64_t channels, int64_t taps, const float* const* in, const float* weights, const float* bias,
           const Finish* finish, const float* residual, float* out) {
  int64_t c = 0;
  for (; c + 4 * kWidth <= channels; c += 4 * kWidth)
    channels_of_pixel<4>(c, channels, taps, in, weights, bias, residual, out);
  for (; c + kWidth <= channels; c += kWidth) channels_of_pixel<1>(c, channels, taps, in, weights, bias, residual, out);
  for (; c < channels; ++c) {
    float sum = (bias != nullptr ? bias[c] : 0.0f) + (residual != nullptr ? residual[c] : 0.0f);
    for (int64_t t = 0; t < taps; ++t) {
      if (in[t] != nullptr) sum += weights[t * channels + c] * in[t][c];
    }
    out[c] = sum;
  }
  finish_tile(1, channels, *finish, out, channels);
}

}  // namespace

const DepthwiseTable kDepthwiseTable = {fill, band, every, pixel};

}  // namespace minnow::simd::MN_ISA
