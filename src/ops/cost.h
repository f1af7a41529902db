// What an operator costs.
#pragma once

#include <span>

#include "ops/op.h"

namespace minnow {

// The operator's own count for these types (concrete; `values` null where not known); 0 for one without, whose parts
// may have theirs.
int64_t own_multiply_adds(const OpDef& op, const Node& node, std::span<const Type> inputs,
                          std::span<const Tensor* const> values, std::span<const Type> outputs);

}  // namespace minnow
