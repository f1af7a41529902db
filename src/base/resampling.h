// Where an element of a resized axis lies in the input: what operators and kernels must agree on to the last bit, since
// the nearest element is found by rounding it.
#pragma once

#include <cstdint>

namespace minnow {

struct Interpolation {
  enum class Mode : uint8_t { nearest, linear, cubic };
  enum class Coordinates : uint8_t {
    half_pixel,
    half_pixel_symmetric,
    pytorch_half_pixel,
    align_corners,
    asymmetric,
    tf_half_pixel_for_nn,
    tf_crop_and_resize
  };
  enum class Nearest : uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };
  Mode mode = Mode::nearest;
  Coordinates coordinates = Coordinates::half_pixel;
  Nearest nearest = Nearest::round_prefer_floor;
  double cubic_coefficient = -0.75;
  bool exclude_outside = false;
  bool antialias = false;
};

struct ResampledAxis {
  int64_t in = 0, out = 0;
  double scale = 1;
  double roi_begin = 0, roi_end = 1;  // of tf_crop_and_resize, in units of the input
};

// Where output element `o` lies in the input. The resized length is scale * in, which need not be whole.
double source_position(double o, const ResampledAxis& axis, Interpolation::Coordinates coordinates);
double nearest_position(double x, Interpolation::Nearest nearest);

}  // namespace minnow
