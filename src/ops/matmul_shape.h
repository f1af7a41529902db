// The shape rule of matrix products, for every operator that contains one.
#pragma once

#include "base/shape.h"

namespace minnow {

// [..., m, k] x [..., k, n] with NumPy's rules for 1-D operands and broadcast batch dimensions.
Result<Shape> matmul_shape(const Shape& a, const Shape& b);

}  // namespace minnow
