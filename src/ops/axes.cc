#include "ops/axes.h"

namespace minnow {

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
