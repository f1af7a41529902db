// Equality of tensors by their bits: NaNs equal themselves, -0 differs from 0. What merging and round trips need.
#pragma once

#include "base/tensor.h"

namespace minnow {

// The same dtype, dims and elements bit for bit.
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace minnow
