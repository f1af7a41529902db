// conv in float32, [N,C,H,W]: as a matrix product with the image's patches, or tap by tap where a group has one
// channel.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"

namespace minnow::kernels {
namespace {

struct ConvShape {
  int64_t n, c, h, w;         // input
  int64_t m, kh, kw, oh, ow;  // output
  int64_t group, c_group, m_group;
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
};

ConvShape shape_of(const Problem& p) {
  const auto& x = p.input(0).dims;
  const auto& w = p.input(1).dims;
  const auto& out = p.output(0).dims;
  const int64_t group = p.ints[kGroup];
  return {x[0],
          x[1],
          x[2],
          x[3],
          w[0],
          w[2],
          w[3],
          out[2],
          out[3],
          group,
          w[1],
          w[0] / group,
          p.ints[kStrideH],
          p.ints[kStrideW],
          p.ints[kDilationH],
          p.ints[kDilationW],
          p.ints[kPadTop],
          p.ints[kPadLeft]};
}

bool accepts(const Problem& p) {
  if (p.own_input_count() < 2 || p.own_input_count() > 3 || p.operand_count != p.input_count + 1 ||
      !all_float32(p, 1, 4))
    return false;
  if (p.input(0).rank != 4 || p.input(1).rank != 4 || p.output(0).rank != 4) return false;
  const int64_t group = p.ints[kGroup];
  if (group < 1 || p.input(1).dims[0] % group != 0 || p.input(1).dims[1] * group != p.input(0).dims[1]) return false;
  return p.ints[kStrideH] > 0 && p.ints[kStrideW] > 0 && p.ints[kDilationH] > 0 && p.ints[kDilationW] > 0;
}

// Output columns [first, last) whose input column ox * stride + offset lies in [0, width).
struct Span {
  int64_t first, last;
};
Span valid_columns(int64_t offset, int64_t stride, int64_t width, int64_t out_width) {
  const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t last = offset >= width ? 0 : (width - 1 - offset) / stride + 1;
  return {std::min(first, out_width), std::clamp<int64_t>(last, std::min(first, out_width), out_width)};
}

struct Patches {
  ConvShape s;
  const float* x;  // of one image and group
};

// Runs are as short as a picture's rows: a call of memcpy would cost more than its copying.
inline void copy_run(const float* in, int64_t count, float* out) {
  constexpr int64_t kPiece = 4;
  if (count < kPiece) {
    for (int64_t i = 0; i < count; ++i) out[i] = in[i];
    return;
  }
  for (int64_t i = 0; i < count - kPiece; i += kPiece) std::memcpy(out + i, in + i, kPiece * sizeof(float));
  std::memcpy(out + count - kPiece, in + count - kPiece, kPiece * sizeof(float));  // overlaps the piece before
}

// Row (channel, ky, kx) of the patch matrix, output pixels [begin, begin + count): zeros where the kernel leaves the
// image.
void patch_row(const void* context, int64_t row, int64_t begin, int64_t count, float* out) {
  const Patches& patches = *static_cast<const Patches*>(context);
  const ConvShape& s = patches.s;
  const int64_t kx = row % s.kw, ky = row / s.kw % s.kh, channel = row / (s.kw * s.kh);
  const float* plane = patches.x + channel * s.h * s.w;
  const int64_t offset = kx * s.dilation_w - s.left;
  const Span valid = valid_columns(offset, s.stride_w, s.w, s.ow);
  while (count > 0) {
    const int64_t oy = begin / s.ow, ox = begin % s.ow, run = std::min(count, s.ow - ox);
    const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.top;
    const int64_t first = std::clamp(valid.first, ox, ox + run), last = std::clamp(valid.last, first, ox + run);
    if (iy < 0 || iy >= s.h || first == last) {
      std::memset(out, 0, static_cast<size_t>(run) * sizeof(float));
    } else {
      for (int64_t i = 0; i < first - ox; ++i) out[i] = 0.0f;
      const float* in = plane + iy * s.w + first * s.stride_w + offset;
      if (s.stride_w == 1) {
        copy_run(in, last - first, out + (first - ox));
      } else {
        for (int64_t i = 0; i < last - first; ++i) out[first - ox + i] = in[i * s.stride_w];
      }
      for (int64_t i = last - ox; i < run; ++i) out[i] = 0.0f;
    }
    out += run;
    begin += run;
    count -= run;
  }
}

// One image for many filters is better as a matrix product.
bool is_depthwise(const ConvShape& s) { return s.c_group == 1 && (s.group > 1 || s.m < 4); }

// The rows of a plane that one band of a depthwise convolution reads, padded, and split by the columns' remainder
// modulo the stride, so that every tap reads neighbours. A band is as tall as fits half of a level-1 cache of 32 KiB.
struct BandShape {
  int64_t phase_cols, row_floats;  // of one remainder, of a row
  int64_t rows;                    // output rows
  int64_t in_rows(const ConvShape& s) const { return in_rows(s, rows); }
  static int64_t in_rows(const ConvShape& s, int64_t rows) {
    return (rows - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
  }
};

BandShape band_of(const ConvShape& s) {
  constexpr int64_t kBandFloats = 4096;
  BandShape band;
  band.phase_cols = s.ow + (s.kw - 1) * s.dilation_w / s.stride_w + 1;
  band.row_floats = band.phase_cols * std::min(s.stride_w, (s.kw - 1) * s.dilation_w + 1);
  band.rows = std::min<int64_t>(s.oh, 8);
  while (band.rows < s.oh && BandShape::in_rows(s, band.rows + 8) * band.row_floats <= kBandFloats) band.rows += 8;
  band.rows = std::min(band.rows, s.oh);
  return band;
}

int64_t band_floats(const ConvShape& s) {
  const BandShape band = band_of(s);
  const int64_t floats = band.in_rows(s) * band.row_floats + simd::kDepthwiseSlack;
  // the taps' offsets lie behind the rows
  return (floats + 15) / 16 * 16 + (2 * s.kh * s.kw + 15) / 16 * 16;
}

// Input rows [first, first + count) of a plane into the band's form.
void fill_band(const KernelCall& call, const ConvShape& s, const BandShape& band, const float* plane, int64_t first,
               int64_t count, float* out) {
  const int64_t phases = band.row_floats / band.phase_cols;
  for (int64_t row = first; row < first + count; ++row, out += band.row_floats) {
    if (row < 0 || row >= s.h) {
      std::memset(out, 0, static_cast<size_t>(band.row_floats) * sizeof(float));
      continue;
    }
    for (int64_t phase = 0; phase < phases; ++phase) {
      float* part = out + phase * band.phase_cols;
      const Span valid = valid_columns(phase - s.left, s.stride_w, s.w, band.phase_cols);
      std::memset(part, 0, static_cast<size_t>(valid.first) * sizeof(float));
      if (valid.last > valid.first) {
        call.row->f32->depthwise->every(valid.last - valid.first, s.stride_w,
                                        plane + row * s.w + valid.first * s.stride_w + phase - s.left,
                                        part + valid.first);
      }
      std::memset(part + valid.last, 0, static_cast<size_t>(band.phase_cols - valid.last) * sizeof(float));
    }
  }
}

KernelStatus run_depthwise(const KernelCall& call, const ConvShape& s) {
  const bool has_bias = call.problem->own_input_count() >= 3;
  const simd::Finish finish = finish_of(call.problem->epilogue);
  const float* residual = residual_of(call);
  const BandShape band = band_of(s);
  const int64_t floats = band_floats(s), taps = s.kh * s.kw;
  return for_each_item(call, s.n * s.m, [&](int64_t plane, int thread) {
    float* memory = static_cast<float*>(call.scratch) + thread * floats;
    int64_t* offsets = reinterpret_cast<int64_t*>(memory + floats - (2 * taps + 15) / 16 * 16);
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t x = t % s.kw * s.dilation_w;
      offsets[t] = t / s.kw * s.dilation_h * band.row_floats + x % s.stride_w * band.phase_cols + x / s.stride_w;
    }
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

struct ConvProducts {
  const KernelCall* call;
  ConvShape s;
  bool plain;        // 1 x 1, stride 1, no padding: the image is the patch matrix
  Patches* patches;  // of this image and group
};

Product conv_product(const void* context, int64_t group) {
  const ConvProducts& c = *static_cast<const ConvProducts*>(context);
  const ConvShape& s = c.s;
  Product product{.m = s.m_group, .n = s.oh * s.ow, .k = s.c_group * s.kh * s.kw};
  product.a = c.call->input(1) + group % s.group * product.m * product.k;
  product.a_row = product.k;
  if (c.plain) {
    product.b = c.call->input(0) + group * s.c_group * s.h * s.w;
    product.b_row = product.n;
  } else {
    product.source = patch_row;
    product.source_context = c.patches + group;
  }
  product.c = c.call->output(0) + group * product.m * product.n;
  product.c_row = product.n;
  if (c.call->problem->own_input_count() >= 3) product.row_bias = c.call->input(2) + group % s.group * product.m;
  product.residual = residual_of(*c.call);
  if (product.residual != nullptr) product.residual += group * product.m * product.n;
  product.finish = finish_of(c.call->problem->epilogue);
  return product;
}

int64_t patches_bytes(const ConvShape& s) {
  return (s.n * s.group * static_cast<int64_t>(sizeof(Patches)) + 63) / 64 * 64;
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  const ConvShape s = shape_of(p);
  if (is_depthwise(s)) return threads * band_floats(s) * static_cast<int64_t>(sizeof(float));
  return patches_bytes(s) + product_scratch_bytes(threads);
}

KernelStatus run(const KernelCall& call) {
  const ConvShape s = shape_of(*call.problem);
  if (is_depthwise(s)) return run_depthwise(call, s);
  const bool plain = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.top == 0 && s.left == 0 &&
                     s.oh == s.h && s.ow == s.w;
  Patches* patches = static_cast<Patches*>(call.scratch);
  for (int64_t i = 0; i < s.n * s.group; ++i) patches[i] = {s, call.input(0) + i * s.c_group * s.h * s.w};
  const ConvProducts products{&call, s, plain, patches};
  KernelCall inner = call;
  inner.scratch = static_cast<char*>(call.scratch) + patches_bytes(s);
  return run_products(inner, s.n * s.group, conv_product, &products);
}

}  // namespace

const std::array<KernelRow, 1> kConvRows = {{
    {.op = "conv", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run},
}};

}  // namespace minnow::kernels
