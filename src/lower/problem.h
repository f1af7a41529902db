// From a node and the sizes of its operands to the problem that a kernel sees.
#pragma once

#include <optional>
#include <span>

#include "base/problem.h"
#include "ops/op.h"

namespace minnow {

// One operand of a node: a tensor of concrete size; dtype undefined where it is absent.
struct Argument {
  DType dtype = DType::undefined;
  Dims dims;
};

// The problem that a node poses, or nothing where no kernel family knows the operator in this form.
std::optional<Problem> make_problem(const OpDef& op, const Node& node, std::span<const Argument> inputs,
                                    std::span<const Argument> outputs);

}  // namespace minnow
