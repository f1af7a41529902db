#include "ops/resize_arguments.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace minnow {
namespace {

// not_larger and not_smaller give all named axes one scale: the smallest or the largest that `sizes` ask for.
Status keep_aspect_ratio(std::vector<ResampledAxis>& all, const Ints& axes, bool smallest) {
  double scale = smallest ? HUGE_VAL : 0;
  for (int64_t axis : axes)
    scale = smallest ? std::min(scale, all[static_cast<size_t>(axis)].scale)
                     : std::max(scale, all[static_cast<size_t>(axis)].scale);
  for (int64_t i : axes) {
    ResampledAxis& axis = all[static_cast<size_t>(i)];
    axis.scale = scale;
    const double size = std::floor(scale * static_cast<double>(axis.in) + 0.5);
    MN_CHECK(size < 4e18, "a dimension of ", axis.in, " times ", scale, " is too large");
    axis.out = static_cast<int64_t>(size);
  }
  return {};
}

}  // namespace

std::vector<double> values_or_none(const Tensor* tensor) {
  return tensor == nullptr ? std::vector<double>() : to_doubles(*tensor);
}

Result<int64_t> scaled_size(int64_t in, double scale) {
  MN_CHECK(std::isfinite(scale) && scale > 0, "scales must be finite and positive, got ", scale);
  const float out = std::floor(static_cast<float>(in) * static_cast<float>(scale));
  MN_CHECK(out < 4e18f, "a dimension of ", in, " times ", scale, " is too large");
  return static_cast<int64_t>(out);
}

Result<Ints> named_axes(const NodeView& node, int64_t rank) {
  Ints axes = node.ints_attribute("axes");
  if (axes.empty()) {
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (int64_t& axis : axes) {
    MN_ASSIGN(axis, normalize_axis(axis, rank));
    MN_CHECK(!seen[static_cast<size_t>(axis)], "attribute 'axes': axis ", axis, " is named twice");
    seen[static_cast<size_t>(axis)] = true;
  }
  return axes;
}

Result<std::vector<ResampledAxis>> resize_axes(const NodeView& node, const Dims& dims, const Tensor* roi,
                                               const Tensor* scales, const Tensor* sizes) {
  const int64_t rank = static_cast<int64_t>(dims.size());
  MN_ASSIGN(const Ints axes, named_axes(node, rank));
  const std::vector<double> scale_values = values_or_none(scales), size_values = values_or_none(sizes),
                            roi_values = values_or_none(roi);
  MN_CHECK(scale_values.empty() != size_values.empty() || axes.empty(),
           "exactly one of scales and sizes must be given");
  MN_CHECK(scale_values.empty() || scale_values.size() == axes.size(), "scales: expected ", axes.size(),
           " values, got ", scale_values.size());
  MN_CHECK(size_values.empty() || size_values.size() == axes.size(), "sizes: expected ", axes.size(), " values, got ",
           size_values.size());
  const bool crop = node.string_attribute("coordinate_transformation_mode") == "tf_crop_and_resize";
  MN_CHECK(!crop || roi_values.size() == 2 * axes.size(), "roi: tf_crop_and_resize needs ", 2 * axes.size(),
           " values, got ", roi_values.size());
  std::vector<ResampledAxis> all;
  for (int64_t dim : dims) all.push_back({dim, dim, 1.0, 0, 1});
  for (size_t i = 0; i < axes.size(); ++i) {
    ResampledAxis& axis = all[static_cast<size_t>(axes[i])];
    if (crop) axis.roi_begin = roi_values[i], axis.roi_end = roi_values[axes.size() + i];
    if (!scale_values.empty()) {
      axis.scale = scale_values[i];
      MN_ASSIGN(axis.out, scaled_size(axis.in, axis.scale));
    } else {
      const double size = size_values[i];
      MN_CHECK(size >= 0 && size < 4e18, "sizes must not be negative, got ", size);
      axis.out = static_cast<int64_t>(size);
      axis.scale = axis.in == 0 ? 1.0 : size / static_cast<double>(axis.in);
    }
  }
  const std::string& policy = node.string_attribute("keep_aspect_ratio_policy");
  MN_CHECK(policy == "stretch" || policy == "not_larger" || policy == "not_smaller",
           "attribute 'keep_aspect_ratio_policy': expected stretch, not_larger or not_smaller, got '",
           printable(policy), "'");
  if (policy != "stretch" && !size_values.empty()) MN_TRY(keep_aspect_ratio(all, axes, policy == "not_larger"));
  for (const ResampledAxis& axis : all) {
    MN_CHECK(axis.in > 0 || axis.out == 0, "cannot resize an empty dimension to ", axis.out);
  }
  return all;
}

Result<Interpolation> interpolation_of(const NodeView& node) {
  Interpolation out;
  MN_ASSIGN(out.mode, interpolation_mode(node.string_attribute("mode")));
  MN_ASSIGN(out.coordinates, interpolation_coordinates(node.string_attribute("coordinate_transformation_mode")));
  MN_ASSIGN(out.nearest, interpolation_nearest(node.string_attribute("nearest_mode")));
  out.cubic_coefficient = node.float_attribute("cubic_coeff_a");
  out.exclude_outside = node.int_attribute("exclude_outside") != 0;
  out.antialias = node.int_attribute("antialias") != 0;
  MN_CHECK(!out.antialias || out.mode != Interpolation::Mode::nearest, "antialias needs mode linear or cubic");
  MN_CHECK(std::isfinite(out.cubic_coefficient), "attribute 'cubic_coeff_a' must be finite");
  return out;
}

}  // namespace minnow
