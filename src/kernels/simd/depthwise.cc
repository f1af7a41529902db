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

// R pixels x V registers of channels: weights are loaded once for R multiply-adds.
template <int R, int V>
MN_INLINE void channels_of_pixels(const DepthwisePixels& d, int64_t pixel, int64_t c) {
  Vector sums[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) sums[r][v] = d.bias != nullptr ? load(d.bias + c + v * kWidth) : Vector{};
  }
  const float* in = d.in + pixel * d.in_step + c;
  const float* weights = d.weights + c;
  for (int64_t y = 0; y < d.tap_rows; ++y) {
    for (int64_t x = 0; x < d.tap_cols; ++x) {
      const float* from = in + y * d.row_step + x * d.col_step;
      const float* at = weights + y * d.weight_row + x * d.channels;
      for (int v = 0; v < V; ++v) {
        const Vector weight = load(at + v * kWidth);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sums[r][v] += weight * load(from + r * d.in_step + v * kWidth);
      }
    }
  }
  const int64_t at = pixel * d.channels + c;
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      const int64_t i = at + r * d.channels + v * kWidth;
      store(d.out + i, d.residual != nullptr ? sums[r][v] + load(d.residual + i) : sums[r][v]);
    }
  }
}

// The channels behind the last whole register: the last register of channels once more, unless a residual in the
// output's own memory would be added twice.
template <int R>
MN_INLINE void last_channels(const DepthwisePixels& d, int64_t pixel, int64_t c) {
  if (d.channels >= kWidth && d.residual == nullptr) return channels_of_pixels<R, 1>(d, pixel, d.channels - kWidth);
  for (int r = 0; r < R; ++r) {
    const float* in = d.in + (pixel + r) * d.in_step;
    for (int64_t i = c; i < d.channels; ++i) {
      float sum = d.bias != nullptr ? d.bias[i] : 0.0f;
      for (int64_t y = 0; y < d.tap_rows; ++y) {
        for (int64_t x = 0; x < d.tap_cols; ++x)
          sum += d.weights[y * d.weight_row + x * d.channels + i] * in[y * d.row_step + x * d.col_step + i];
      }
      const int64_t at = (pixel + r) * d.channels + i;
      d.out[at] = d.residual != nullptr ? sum + d.residual[at] : sum;
    }
  }
}

template <int R>
void all_channels(const DepthwisePixels& d, int64_t pixel) {
  int64_t c = 0;
  for (; c + 2 * kWidth <= d.channels; c += 2 * kWidth) channels_of_pixels<R, 2>(d, pixel, c);
  for (; c + kWidth <= d.channels; c += kWidth) channels_of_pixels<R, 1>(d, pixel, c);
  if (c < d.channels) last_channels<R>(d, pixel, c);
}

void pixels(const DepthwisePixels* given) {
  const DepthwisePixels& d = *given;
  int64_t i = 0;
  for (; i + 4 <= d.pixels; i += 4) all_channels<4>(d, i);
  for (; i < d.pixels; ++i) all_channels<1>(d, i);
}

}  // namespace

const DepthwiseTable kDepthwiseTable = {fill, band, every, pixels};

}  // namespace minnow::simd::MN_ISA
