// Geometry shared by the spatial operators (convolutions, pools, resizing): where channels lie, how a window slides,
// and views of 3-D to 5-D tensors as [N, C, D, H, W] with strides, so that one loop serves 1-D to 3-D data in either
// layout.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/checked.h"
#include "ops/contexts.h"

namespace minnow {

inline constexpr size_t kMaxSpatialRank = 3;

// One spatial axis of a sliding window. Sizes that are not known are -1.
struct WindowAxis {
  int64_t in = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0, out = 1;
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  // Input position of tap k at output position o; outside [0, in) it lies in the padding.
  int64_t position(int64_t o, int64_t k) const { return o * stride - pad_begin + k * dilation; }
  // Taps [first, last) of output position o that lie inside the input.
  int64_t first_tap(int64_t o) const {
    return std::clamp<int64_t>(ceil_div(pad_begin - o * stride, dilation), 0, kernel);
  }
  int64_t last_tap(int64_t o) const {
    return std::clamp<int64_t>(ceil_div(in + pad_begin - o * stride, dilation), 0, kernel);
  }
  // Output positions [first, last) at which tap k lies inside the input.
  int64_t first_output(int64_t k) const {
    return std::clamp<int64_t>(ceil_div(pad_begin - k * dilation, stride), 0, out);
  }
  int64_t last_output(int64_t k) const {
    return std::clamp<int64_t>(ceil_div(in + pad_begin - k * dilation, stride), 0, out);
  }
};

// Depth, height, width; axes that the data does not have keep size 1.
using Window = std::array<WindowAxis, kMaxSpatialRank>;

// True for "NHWC", false for "NCHW"; an error otherwise.
Result<bool> channels_last(const NodeView& node);
inline int64_t channel_axis(int64_t rank, bool last) { return last ? rank - 1 : 1; }
inline int64_t first_spatial_axis(bool last) { return last ? 1 : 2; }
// Dimensions of a ranked image shape, apart.
struct ImageShape {
  Dim batch, channels;
  std::vector<Dim> spatial;
  Shape shape(bool last) const;
};
// Also of weights: [M, C, k...] or [M, k..., C]. `what` names the tensor in the message; needs 1 to 3 spatial
// dimensions.
Result<ImageShape> image_shape(const Shape& shape, bool last, std::string_view what);

// Resolves strides, dilations, pads and auto_pad of a node (attributes that its operator does not have count as absent)
// to one axis for each entry of `in`. Negative padding crops, where `negative_pads` allows it.
struct WindowOptions {
  bool ceil_mode = false;
  bool negative_pads = false;
};
Result<std::vector<WindowAxis>> resolve_window(const NodeView& node, std::span<const Dim> in,
                                               std::span<const Dim> kernel, const WindowOptions& options);
Window as_window(std::span<const WindowAxis> axes);
std::vector<Dim> window_outputs(std::span<const WindowAxis> axes);

// A tensor of 3 to 5 dimensions seen as [N, C, D, H, W].
struct Planes {
  int64_t batch = 1, channels = 1;
  std::array<int64_t, kMaxSpatialRank> size{1, 1, 1};
  int64_t batch_stride = 0, channel_stride = 0;
  std::array<int64_t, kMaxSpatialRank> stride{0, 0, 0};
  int64_t plane_size() const { return size[0] * size[1] * size[2]; }
  int64_t offset(int64_t n, int64_t c) const { return n * batch_stride + c * channel_stride; }
  int64_t at(int64_t d, int64_t h, int64_t w) const { return d * stride[0] + h * stride[1] + w * stride[2]; }
};
Planes planes_of(std::span<const int64_t> dims, bool last);

// The attribute when it is there, else `fallback` repeated; its length must be `count`.
Result<Ints> ints_or(const NodeView& node, std::string_view name, size_t count, int64_t fallback);
// The element type, where it is known, must be an integer or a real number.
Status expect_integers(const InferContext& c, int i, std::string_view what);
Status expect_real(const InferContext& c, int i, std::string_view what);
// Gradient functions ask this before they build what nobody reads.
inline bool is_wanted(const GradientContext& c, int i) {
  return c.has_input(i) && (c.wanted.empty() || c.wanted[static_cast<size_t>(i)]);
}

}  // namespace minnow
