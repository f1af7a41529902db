#include "ops/axes.h"

#include <algorithm>

namespace minnow {

Result<std::vector<int64_t>> normalize_axes(std::span<const int64_t> axes, int64_t rank) {
  std::vector<int64_t> out;
  for (const int64_t axis : axes) {
    MN_ASSIGN(const int64_t position, normalize_axis(axis, rank));
    MN_CHECK(std::find(out.begin(), out.end(), position) == out.end(), "axis ", axis, " is given twice");
    out.push_back(position);
  }
  std::sort(out.begin(), out.end());
  return out;
}

AxisView view_along(std::span<const int64_t> dims, int64_t axis) {
  AxisView view;
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t& part = static_cast<int64_t>(i) < axis    ? view.outer
                    : static_cast<int64_t>(i) == axis ? view.extent
                                                      : view.inner;
    part *= dims[i];
  }
  return view;
}

Status infer_same_with_axis(InferContext& c) {
  if (c.shape(0).ranked) MN_TRY(normalize_axis(c.int_attribute("axis"), c.shape(0).rank()));
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

int64_t axis_of(const NodeView& c, int64_t rank) {
  const int64_t axis = c.int_attribute("axis");
  return axis < 0 ? axis + rank : axis;
}

}  // namespace minnow
