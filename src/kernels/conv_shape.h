// What the ways to convolve share: the shape, and bands of padded input rows.
#pragma once

#include <cstring>

#include "kernels/families.h"

namespace minnow::kernels {

struct ConvShape {
  int64_t n, c, h, w;         // input
  int64_t m, kh, kw, oh, ow;  // output
  int64_t group, c_group, m_group;
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
};

ConvShape conv_shape(const Problem& p);

// Output columns [first, last) whose input column ox * stride + offset lies in [0, width).
struct Span {
  int64_t first, last;
};
Span valid_columns(int64_t offset, int64_t stride, int64_t width, int64_t out_width);

// Runs of a patch are as short as a picture's rows or a few colours: a call of memcpy would cost more than its copying.
inline void copy_run(const float* in, int64_t count, float* out) {
  constexpr int64_t kPiece = 4;
  if (count < kPiece) {
    for (int64_t i = 0; i < count; ++i) out[i] = in[i];
    return;
  }
  for (int64_t i = 0; i < count - kPiece; i += kPiece) std::memcpy(out + i, in + i, kPiece * sizeof(float));
  std::memcpy(out + count - kPiece, in + count - kPiece, kPiece * sizeof(float));  // overlaps the piece before
}

// The rows of a plane that a band of output rows reads, padded, and split by the columns' remainder modulo the stride,
// so that every tap reads neighbours.
struct BandShape {
  int64_t phase_cols, row_floats;  // of one remainder, of a row
  int64_t rows;                    // output rows
  int64_t in_rows(const ConvShape& s) const { return in_rows(s, rows); }
  static int64_t in_rows(const ConvShape& s, int64_t rows) {
    return (rows - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
  }
  int64_t plane_floats(const ConvShape& s) const { return in_rows(s) * row_floats; }
};
// As many rows as `floats` of one plane hold, but 8 (or all) at least.
BandShape band_shape(const ConvShape& s, int64_t floats);
// Input rows [first, first + count) of a plane into the band's form.
void fill_band(const KernelCall& call, const ConvShape& s, const BandShape& band, const float* plane, int64_t first,
               int64_t count, float* out);
// Where tap (ky, kx) of output (0, 0) lies in a band.
int64_t tap_offset(const ConvShape& s, const BandShape& band, int64_t tap);

int64_t depthwise_scratch_bytes(const ConvShape& s, int threads);
KernelStatus run_depthwise(const KernelCall& call, const ConvShape& s);
int64_t direct_scratch_bytes(const ConvShape& s, int threads);
KernelStatus run_direct(const KernelCall& call, const ConvShape& s);

}  // namespace minnow::kernels
