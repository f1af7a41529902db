#include "ops/resampling.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace minnow {
namespace {

using Mode = Interpolation::Mode;
using Coordinates = Interpolation::Coordinates;
using Nearest = Interpolation::Nearest;

double weight_at(double distance, const Interpolation& interpolation) {
  if (interpolation.mode == Mode::cubic) return cubic_weight(distance, interpolation.cubic_coefficient);
  return std::max(0.0, 1.0 - std::abs(distance));
}

// Appends the entries of one output element at position x. Sources beyond the ends count as the end element, or not at
// all with exclude_outside. Antialiasing widens the filter when the input shrinks.
void add_entries(double x, const ResampledAxis& axis, const Interpolation& interpolation, ResamplingTable& table) {
  const int64_t last = axis.in - 1;
  if (interpolation.mode == Mode::nearest) {
    table.source.push_back(
        std::clamp<int64_t>(static_cast<int64_t>(nearest_position(x, interpolation.nearest)), 0, last));
    table.weight.push_back(1);
    return;
  }
  const double shrink = interpolation.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double reach = (interpolation.mode == Mode::cubic ? 2.0 : 1.0) / shrink;
  const int64_t begin = static_cast<int64_t>(std::ceil(x - reach)), end = static_cast<int64_t>(std::floor(x + reach));
  const size_t first = table.source.size();
  double sum = 0;
  for (int64_t i = begin; i <= end; ++i) {
    const double weight = weight_at((static_cast<double>(i) - x) * shrink, interpolation);
    if (weight == 0 || (interpolation.exclude_outside && (i < 0 || i > last))) continue;
    sum += weight;
    const int64_t source = std::clamp<int64_t>(i, 0, last);
    if (table.source.size() > first && table.source.back() == source) {
      table.weight.back() += weight;
    } else {
      table.source.push_back(source);
      table.weight.push_back(weight);
    }
  }
  if ((interpolation.exclude_outside || interpolation.antialias) && sum != 0) {
    for (size_t i = first; i < table.weight.size(); ++i) table.weight[i] /= sum;
  }
}

}  // namespace

ResamplingTable resampling_table(const ResampledAxis& axis, const Interpolation& interpolation) {
  ResamplingTable table;
  const bool crop = interpolation.coordinates == Coordinates::tf_crop_and_resize;
  if (axis.in == axis.out && axis.scale == 1 && (!crop || (axis.roi_begin == 0 && axis.roi_end == 1))) {
    table.identity = true;
    return table;
  }
  // Positions far outside read the end elements; the bound keeps their conversion to integers defined.
  const double bound = 4e15;
  for (int64_t o = 0; o < axis.out; ++o) {
    table.first.push_back(static_cast<int64_t>(table.source.size()));
    double x = source_position(static_cast<double>(o), axis, interpolation.coordinates);
    const bool outside = crop && !(x >= 0 && x <= static_cast<double>(axis.in - 1));
    table.outside.push_back(outside);
    if (outside) continue;
    x = std::isnan(x) ? 0 : std::clamp(x, -bound, bound);
    add_entries(x, axis, interpolation, table);
  }
  table.first.push_back(static_cast<int64_t>(table.source.size()));
  return table;
}

Result<Mode> interpolation_mode(std::string_view text) {
  if (text == "nearest") return Mode::nearest;
  if (text == "linear" || text == "bilinear") return Mode::linear;
  if (text == "cubic" || text == "bicubic") return Mode::cubic;
  return bad_input({"attribute 'mode': expected nearest, linear or cubic, got '", printable(text), "'"});
}

Result<Coordinates> interpolation_coordinates(std::string_view text) {
  if (text == "half_pixel") return Coordinates::half_pixel;
  if (text == "half_pixel_symmetric") return Coordinates::half_pixel_symmetric;
  if (text == "pytorch_half_pixel") return Coordinates::pytorch_half_pixel;
  if (text == "align_corners") return Coordinates::align_corners;
  if (text == "asymmetric") return Coordinates::asymmetric;
  if (text == "tf_half_pixel_for_nn") return Coordinates::tf_half_pixel_for_nn;
  if (text == "tf_crop_and_resize") return Coordinates::tf_crop_and_resize;
  return bad_input({"attribute 'coordinate_transformation_mode': '", printable(text),
                    "' is none of half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, "
                    "tf_half_pixel_for_nn, tf_crop_and_resize"});
}

Result<Nearest> interpolation_nearest(std::string_view text) {
  if (text == "round_prefer_floor") return Nearest::round_prefer_floor;
  if (text == "round_prefer_ceil") return Nearest::round_prefer_ceil;
  if (text == "floor") return Nearest::floor;
  if (text == "ceil") return Nearest::ceil;
  return bad_input({"attribute 'nearest_mode': expected round_prefer_floor, round_prefer_ceil, floor or ceil, got '",
                    printable(text), "'"});
}

}  // namespace minnow
