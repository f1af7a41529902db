// What convolution and its two backward operators share: the checks of shapes and attributes, and the walk over rows.
#pragma once

#include "ops/broadcast.h"
#include "ops/op.h"
#include "ops/spatial.h"

namespace minnow {

// Attributes of every convolution-like operator.
std::vector<AttributeSpec> convolution_attributes();

// Shapes of y = conv(x, w): x [N, C, ...], w [M, C/group, k...], y [N, M, ...] (NHWC: channels last in all three).
struct ConvolutionShapes {
  bool last = false;
  int64_t group = 1;
  ImageShape x, w, y;
  std::vector<WindowAxis> axes;
};
// Checks x and w against each other and the attributes; both must be ranked. Unknown dimensions pass.
Result<ConvolutionShapes> convolution_shapes(const NodeView& node, const Shape& x, const Shape& w);
int64_t convolution_multiply_adds(const NodeView& node, const Shape& x, const Shape& w);

// The same with concrete sizes and strides.
struct Convolution {
  Window window;
  Planes x, w, y;
  int64_t group = 1;
};
Result<Convolution> concrete_convolution(const NodeView& node, const Dims& x, const Dims& w, const Dims& y);

// A run of multiply-adds y[i * y_step] <-> w[w_offset] * x[i * x_step], i < count, that belong to one tap.
struct ConvolutionRow {
  int64_t x = 0, x_step = 1, w = 0, y = 0, y_step = 1, count = 0;
};

// Calls body(row) for every run of image `n` that touches output channel `m`.
template <class Body>
void for_each_row(const Convolution& conv, int64_t n, int64_t m, Body body) {
  const int64_t channels = conv.w.channels, group = m / (conv.y.channels / conv.group);
  const auto& [depth, height, width] = conv.window;
  // A pointwise convolution has no rows that end: the whole plane is one run.
  const bool pointwise = depth.kernel * height.kernel * width.kernel == 1 &&
                         conv.x.plane_size() == conv.y.plane_size() &&
                         depth.stride * height.stride * width.stride == 1 && depth.pad_begin == 0 &&
                         height.pad_begin == 0 && width.pad_begin == 0;
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t x_base = conv.x.offset(n, group * channels + c), w_base = conv.w.offset(m, c),
                  y_base = conv.y.offset(n, m);
    if (pointwise) {
      body(ConvolutionRow{x_base, conv.x.stride[2], w_base, y_base, conv.y.stride[2], conv.x.plane_size()});
      continue;
    }
    for (int64_t kd = 0; kd < depth.kernel; ++kd) {
      for (int64_t kh = 0; kh < height.kernel; ++kh) {
        for (int64_t kw = 0; kw < width.kernel; ++kw) {
          const int64_t first = width.first_output(kw), count = width.last_output(kw) - first;
          if (count <= 0) continue;
          const int64_t w = w_base + conv.w.at(kd, kh, kw), x_step = width.stride * conv.x.stride[2];
          for (int64_t od = depth.first_output(kd); od < depth.last_output(kd); ++od) {
            for (int64_t oh = height.first_output(kh); oh < height.last_output(kh); ++oh) {
              const int64_t x =
                  x_base + conv.x.at(depth.position(od, kd), height.position(oh, kh), width.position(first, kw));
              body(ConvolutionRow{x, x_step, w, y_base + conv.y.at(od, oh, first), conv.y.stride[2], count});
            }
          }
        }
      }
    }
  }
}

// out[i * out_step] += scale * in[i * in_step]; contiguous runs are apart because they vectorise.
template <class T>
void add_scaled(T* out, int64_t out_step, const T* in, int64_t in_step, T scale, int64_t count) {
  if (out_step == 1 && in_step == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] += scale * in[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i * out_step] += scale * in[i * in_step];
  }
}

}  // namespace minnow
