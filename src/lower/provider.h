// Joins kernels to operators: makes the problem of one node on concrete tensors, finds a row and runs it.
#pragma once

#include <memory>
#include <optional>

#include "kernels/kernel_row.h"
#include "ops/interpreter.h"

namespace minnow {

// `best` lowers the choice of instruction set, for tests.
std::unique_ptr<KernelProvider> make_kernel_provider(Isa best = Isa::avx512);

// The problem that a node poses, or nothing where no kernel family knows the operator in this form. `inputs` and
// `outputs` are present tensors with concrete shapes.
std::optional<Problem> make_problem(const OpDef& op, const Node& node, std::span<const Datum> inputs,
                                    std::span<const Datum> outputs);

}  // namespace minnow
