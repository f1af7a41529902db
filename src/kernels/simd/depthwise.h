// Convolution of one channel with one filter (or of NHWC rows, channel by channel), compiled once for each instruction
// set (simd/depthwise.cc). C headers only.
#pragma once

#include <stdint.h>

#include "kernels/simd/finish.h"

namespace minnow::simd {

// out[y, x] = bias + sum over taps t of weights[t] * in[y * in_step + offsets[t] + x]; `in` may be read for a tile's
// width (kDepthwiseSlack floats) behind the last column.
struct DepthwiseBand {
  const float* in;
  int64_t in_step;
  int64_t taps;
  const float* weights;
  const int64_t* offsets;
  int64_t rows, cols;
  float* out;
  int64_t out_row;
  float bias;
  const Finish* finish;
  const float* residual;  // at out's strides, or null
};
constexpr int kDepthwiseSlack = 64;

// Rows [first, first + rows) of a plane [h, w], each padded and split by its columns' remainder modulo the stride:
// column c of remainder p is x[c * stride + p - left]. kDepthwiseSlack floats behind the last row may be written.
struct BandRows {
  const float* plane;
  int64_t h, w;
  int64_t first, rows;
  int64_t stride, left;
  int64_t remainders, cols;  // columns of one remainder
  float* out;                // [rows, remainders, cols]
};

// Neighbouring output pixels of all channels, NHWC, with the same taps inside: out[i, c] = bias[c] + sum over tap rows
// y and columns x of weights[y * weight_row + x * channels + c] * in[i * in_step + y * row_step + x * col_step + c].
struct DepthwisePixels {
  int64_t pixels, channels;
  const float* in;
  int64_t in_step, row_step, col_step;
  int64_t tap_rows, tap_cols;
  const float* weights;
  int64_t weight_row;
  const float* bias;      // or null
  const float* residual;  // at out's strides, or null; may be out
  float* out;             // [pixels, channels]
};

struct DepthwiseTable {
  void (*fill)(const BandRows* band);
  void (*band)(const DepthwiseBand* band);
  // out[i] = in[i * stride], i < count
  void (*every)(int64_t count, int64_t stride, const float* in, float* out);
  void (*pixels)(const DepthwisePixels* pixels);
};

}  // namespace minnow::simd
