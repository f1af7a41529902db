// Joins kernels to operators: makes the problem of one node on concrete tensors, finds a row and runs it.
#pragma once

#include <memory>
#include <optional>

#include "kernels/kernel_row.h"
#include "ops/interpreter.h"

namespace minnow {

// `best` lowers the choice of instruction set, for tests.
std::unique_ptr<KernelProvider> make_kernel_provider(Isa best = kLastIsa);

// The problem that a node poses, or nothing where no kernel family knows the operator in this form. The problem's
// inputs are the node's first ones: what else it reads (axes, pads, sizes) must be known in `values` and becomes ints
// or floats. `inputs` and `outputs`: types with static dims (unknown: absent); `values`: the inputs' values, null where
// not known.
std::optional<Problem> make_problem(const OpDef& op, const Node& node, std::span<const Type> inputs,
                                    std::span<const Tensor* const> values, std::span<const Type> outputs);

}  // namespace minnow
