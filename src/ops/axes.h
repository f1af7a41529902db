// The `axis` attribute of an operator.
#pragma once

#include "ops/indexing.h"
#include "ops/op.h"

namespace minnow {

// Input 0's type for output 0 after checking the `axis` attribute against its rank.
Status infer_same_with_axis(InferContext& c);
// The `axis` attribute in [0, rank) of `rank` dimensions, which infer has checked.
int64_t axis_of(const NodeView& c, int64_t rank);

}  // namespace minnow
