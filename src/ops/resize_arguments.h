// What resize reads from its attributes and inputs; its gradient reads the same.
#pragma once

#include <vector>

#include "ops/contexts.h"
#include "ops/resampling.h"

namespace minnow {

// Values of an optional input; present and empty is the same as absent.
std::vector<double> values_or_none(const Tensor* tensor);
// A size from a scale, in float32 as the scales are: 0.7f * 10 is 7, which in double would be 6.99….
Result<int64_t> scaled_size(int64_t in, double scale);
// The axes that scales and sizes speak of, from 0.
Result<Ints> named_axes(const NodeView& node, int64_t rank);
// One entry for each dimension of x.
Result<std::vector<ResampledAxis>> resize_axes(const NodeView& node, const Dims& dims, const Tensor* roi,
                                               const Tensor* scales, const Tensor* sizes);
Result<Interpolation> interpolation_of(const NodeView& node);

}  // namespace minnow
