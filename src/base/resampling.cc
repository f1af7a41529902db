#include "base/resampling.h"

#include <cmath>

namespace minnow {

double source_position(double o, const ResampledAxis& axis, Interpolation::Coordinates coordinates) {
  using Coordinates = Interpolation::Coordinates;
  const double in = static_cast<double>(axis.in), length = axis.scale * in;
  switch (coordinates) {
    case Coordinates::align_corners: return length == 1 ? 0 : o * (in - 1) / (length - 1);
    case Coordinates::asymmetric: return o / axis.scale;
    case Coordinates::pytorch_half_pixel: return length == 1 ? -0.5 : (o + 0.5) / axis.scale - 0.5;
    case Coordinates::tf_half_pixel_for_nn: return (o + 0.5) / axis.scale;
    case Coordinates::half_pixel_symmetric: {
      const double offset = in / 2 * (1 - static_cast<double>(axis.out) / length);
      return offset + (o + 0.5) / axis.scale - 0.5;
    }
    case Coordinates::tf_crop_and_resize: {
      const double extent = (axis.roi_end - axis.roi_begin) * (in - 1);
      return axis.roi_begin * (in - 1) + (length == 1 ? extent / 2 : o * extent / (length - 1));
    }
    case Coordinates::half_pixel: break;
  }
  return (o + 0.5) / axis.scale - 0.5;
}

double nearest_position(double x, Interpolation::Nearest nearest) {
  using Nearest = Interpolation::Nearest;
  switch (nearest) {
    case Nearest::round_prefer_floor: return std::ceil(x - 0.5);
    case Nearest::round_prefer_ceil: return std::floor(x + 0.5);
    case Nearest::floor: return std::floor(x);
    case Nearest::ceil: break;
  }
  return std::ceil(x);
}

}  // namespace minnow
