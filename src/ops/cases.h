// Seeded test inputs for OpDef.cases.
#pragma once

#include "base/tensor.h"
#include "ops/op.h"

namespace minnow {

// Uniform values in [low, high) (rounded down for integers; booleans: low <= x < high picks true above the middle).
Tensor random_tensor(DType dtype, Dims dims, uint64_t seed, double low = -1.0, double high = 1.0);

}  // namespace minnow
