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
    if (last_part == kWidth) {
      store(out + (V - 1) * kWidth, sums[r][V - 1]);
    } else {
      store_part(out + (V - 1) * kWidth, sums[r][V - 1], last_part);
    }
  }
}

template <int R, int V>
void columns(const DepthwiseBand& d, int64_t x, int64_t last_part) {
  int64_t y = 0;
  for (; y + R <= d.rows; y += R) block<R, V>(d, y, x, last_part);
  if (R > 4 && y + 4 <= d.rows) {
    block<4, V>(d, y, x, last_part);
    y += 4;
  }
  for (; y < d.rows; ++y) block<1, V>(d, y, x, last_part);
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

const DepthwiseTable kDepthwiseTable = {band, every, pixel};

}  // namespace minnow::simd::MN_ISA
