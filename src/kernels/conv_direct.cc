// Convolution with windows of several elements, [N,C,H,W], as a matrix product without a matrix of patches: the rows of
// B are windows into a band of padded input rows, and a table says where.
#include <algorithm>

#include "kernels/blocked_gemm.h"
#include "kernels/conv_shape.h"

namespace minnow::kernels {
namespace {

// Channels are taken in slices whose taps make at most this depth (as in blocked_gemm.h: a tile's part of B stays in
// level 1), bands so that a slice of them stays in level 2.
constexpr int64_t kDepth = 256;
constexpr int64_t kSliceFloats = 32768;

struct Plan {
  int64_t channels, slices;  // of a slice; slices
  BandShape band;
  int64_t bands;
  int64_t band_floats, table_floats;  // of a slice; of the offsets, which all threads share
};

Plan plan_of(const ConvShape& s) {
  Plan plan;
  const int64_t most = std::clamp<int64_t>(kDepth / (s.kh * s.kw), 1, s.c_group);
  plan.slices = (s.c_group + most - 1) / most;
  plan.channels = (s.c_group + plan.slices - 1) / plan.slices;
  plan.slices = (s.c_group + plan.channels - 1) / plan.channels;
  plan.band = band_shape(s, kSliceFloats / plan.channels);
  plan.bands = (s.oh + plan.band.rows - 1) / plan.band.rows;
  plan.band_floats = (plan.channels * plan.band.plane_floats(s) + simd::kDepthwiseSlack + 15) / 16 * 16;
  plan.table_floats = (2 * plan.channels * s.kh * s.kw + 15) / 16 * 16;
  return plan;
}

struct Slice {
  int64_t image, group, row, rows;  // output rows
  int64_t channel, channels;        // within the group
};

// All filters on some rows of output, for one slice of channels.
void run_slice(const KernelCall& call, const ConvShape& s, const Plan& plan, const Slice& slice, const float* band,
               const int64_t* offsets) {
  const simd::GemmTable& gemm = *call.row->f32->gemm;
  const simd::Finish finish = finish_of(call.problem->epilogue);
  const int64_t taps = s.kh * s.kw, depth = s.c_group * taps, filter = slice.group * s.m_group;
  const bool first = slice.channel == 0, last = slice.channel + slice.channels == s.c_group;
  const int64_t plane = s.oh * s.ow, start = (slice.image * s.m + filter) * plane;
  const float* bias = first && call.problem->own_input_count() >= 3 ? call.input(2) + filter : nullptr;
  const float* before = first ? residual_of(call) : call.output(0);
  simd::GemmTile tile{};
  tile.depth = slice.channels * taps;
  tile.a_row = depth;
  tile.a_col = 1;
  tile.b_offsets = offsets;
  tile.c_row = plane;
  tile.finish = last ? &finish : nullptr;
  for (int64_t y = 0; y < slice.rows; ++y) {
    for (int64_t x = 0; x < s.ow; x += gemm.tile_cols) {
      const int cols = static_cast<int>(std::min<int64_t>(gemm.tile_cols, s.ow - x));
      tile.b = band + y * s.stride_h * plan.band.row_floats + x;
      for (int64_t m = 0; m < s.m_group;) {
        const int64_t rows = rows_of_tile(s.m_group - m, gemm.tile_rows);
        const int64_t at = start + m * plane + (slice.row + y) * s.ow + x;
        tile.a = call.input(1) + (filter + m) * depth + slice.channel * taps;
        tile.c = call.output(0) + at;
        tile.start = before != nullptr ? before + at : nullptr;
        tile.row_bias = bias != nullptr ? bias + m : nullptr;
        gemm.tile(static_cast<int>(rows), cols, &tile);
        m += rows;
      }
    }
  }
}

}  // namespace

int64_t direct_scratch_bytes(const ConvShape& s, int threads) {
  const Plan plan = plan_of(s);
  return (plan.table_floats + threads * plan.band_floats) * static_cast<int64_t>(sizeof(float));
}

KernelStatus run_direct(const KernelCall& call, const ConvShape& s) {
  const Plan plan = plan_of(s);
  const int64_t taps = s.kh * s.kw, plane_floats = plan.band.plane_floats(s);
  int64_t* offsets = static_cast<int64_t*>(call.scratch);
  float* bands = static_cast<float*>(call.scratch) + plan.table_floats;
  for (int64_t k = 0; k < plan.channels * taps; ++k)
    offsets[k] = k / taps * plane_floats + tap_offset(s, plan.band, k % taps);
  return for_each_item(call, s.n * s.group * plan.bands, [&](int64_t item, int thread) {
    float* memory = bands + thread * plan.band_floats;
    Slice slice{};
    slice.image = item / plan.bands / s.group;
    slice.group = item / plan.bands % s.group;
    slice.row = item % plan.bands * plan.band.rows;
    slice.rows = std::min(plan.band.rows, s.oh - slice.row);
    for (slice.channel = 0; slice.channel < s.c_group; slice.channel += plan.channels) {
      slice.channels = std::min(plan.channels, s.c_group - slice.channel);
      for (int64_t c = 0; c < slice.channels; ++c) {
        const float* plane =
            call.input(0) + (slice.image * s.c + slice.group * s.c_group + slice.channel + c) * s.h * s.w;
        fill_band(call, s, plan.band, plane, slice.row * s.stride_h - s.top, BandShape::in_rows(s, slice.rows),
                  memory + c * plane_floats);
      }
      run_slice(call, s, plan, slice, memory, offsets);
    }
  });
}

}  // namespace minnow::kernels
