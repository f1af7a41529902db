// Bands of input rows, and convolution of one channel with one filter.
#include <algorithm>

#include "kernels/conv_shape.h"

namespace minnow::kernels {
namespace {

// Half of a level-1 cache of 32 KiB.
constexpr int64_t kBandFloats = 4096;

int64_t whole_lines(int64_t floats) { return (floats + 15) / 16 * 16; }
// A band and what may be read behind it.
int64_t memory_floats(const ConvShape& s) {
  return whole_lines(band_shape(s, kBandFloats).plane_floats(s) + simd::kDepthwiseSlack);
}

}  // namespace

BandShape band_shape(const ConvShape& s, int64_t floats) {
  BandShape band;
  band.phase_cols = s.ow + (s.kw - 1) * s.dilation_w / s.stride_w + 1;
  band.row_floats = band.phase_cols * std::min(s.stride_w, (s.kw - 1) * s.dilation_w + 1);
  band.rows = std::min<int64_t>(s.oh, 8);
  while (band.rows < s.oh && BandShape::in_rows(s, band.rows + 8) * band.row_floats <= floats) band.rows += 8;
  band.rows = std::min(band.rows, s.oh);
  return band;
}

int64_t tap_offset(const ConvShape& s, const BandShape& band, int64_t tap) {
  const int64_t x = tap % s.kw * s.dilation_w;
  return tap / s.kw * s.dilation_h * band.row_floats + x % s.stride_w * band.phase_cols + x / s.stride_w;
}

void fill_band(const KernelCall& call, const ConvShape& s, const BandShape& band, const float* plane, int64_t first,
               int64_t count, float* out) {
  const simd::BandRows rows{.plane = plane,
                            .h = s.h,
                            .w = s.w,
                            .first = first,
                            .rows = count,
                            .stride = s.stride_w,
                            .left = s.left,
                            .remainders = band.row_floats / band.phase_cols,
                            .cols = band.phase_cols,
                            .out = out};
  call.row->f32->depthwise->fill(&rows);
}

int64_t depthwise_scratch_bytes(const ConvShape& s, int threads) {
  // The taps' offsets come first, for all threads.
  return (whole_lines(2 * s.kh * s.kw) + threads * memory_floats(s)) * static_cast<int64_t>(sizeof(float));
}

KernelStatus run_depthwise(const KernelCall& call, const ConvShape& s) {
  const bool has_bias = call.problem->own_input_count() >= 3;
  const simd::Finish finish = finish_of(call.problem->epilogue);
  const float* residual = residual_of(call);
  const BandShape band = band_shape(s, kBandFloats);
  const int64_t floats = memory_floats(s), taps = s.kh * s.kw;
  int64_t* offsets = static_cast<int64_t*>(call.scratch);
  float* bands = static_cast<float*>(call.scratch) + whole_lines(2 * taps);
  for (int64_t t = 0; t < taps; ++t) offsets[t] = tap_offset(s, band, t);
  return for_each_item(call, s.n * s.m, [&](int64_t plane, int thread) {
    float* memory = bands + thread * floats;
    const int64_t filter = plane % s.m;
    const float* in = call.input(0) + (plane / s.m * s.c + filter / s.m_group) * s.h * s.w;
    for (int64_t oy = 0; oy < s.oh; oy += band.rows) {
      const int64_t rows = std::min(band.rows, s.oh - oy), start = (plane * s.oh + oy) * s.ow;
      fill_band(call, s, band, in, oy * s.stride_h - s.top, BandShape::in_rows(s, rows), memory);
      const simd::DepthwiseBand work{.in = memory,
                                     .in_step = s.stride_h * band.row_floats,
                                     .taps = taps,
                                     .weights = call.input(1) + filter * taps,
                                     .offsets = offsets,
                                     .rows = rows,
                                     .cols = s.ow,
                                     .out = call.output(0) + start,
                                     .out_row = s.ow,
                                     .bias = has_bias ? call.input(2)[filter] : 0.0f,
                                     .finish = &finish,
                                     .residual = residual != nullptr ? residual + start : nullptr};
      call.row->f32->depthwise->band(&work);
    }
  });
}

}  // namespace minnow::kernels
