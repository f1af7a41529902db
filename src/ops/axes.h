// Axes of an operator: from an attribute or an input to positions in [0, rank).
#pragma once

#include <vector>

#include "ops/op.h"

namespace minnow {

// Sorted positions; a repeated axis is an error.
Result<std::vector<int64_t>> normalize_axes(std::span<const int64_t> axes, int64_t rank);

// A row-major tensor seen from one axis: element (o, i, n) is at (o * extent + i) * inner + n.
struct AxisView {
  int64_t outer = 1, extent = 1, inner = 1;
};
AxisView view_along(std::span<const int64_t> dims, int64_t axis);

// Input 0's type for output 0 after checking the `axis` attribute against its rank.
Status infer_same_with_axis(InferContext& c);
// The `axis` attribute in [0, rank) of `rank` dimensions, which infer has checked.
int64_t axis_of(const NodeView& c, int64_t rank);

}  // namespace minnow
