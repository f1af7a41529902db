// Reverse-mode differentiation as a graph transformation: gradients are built from the same operators as networks, so
// they are planned, pruned and differentiated again like any other graph.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// Adds the nodes that compute d(sum of loss)/d(value) for each value of `wrt` (inputs, states, constants or computed
// values) and returns them in order; each has its value's type. Zero where the loss does not depend on the value. The
// graph's types must be inferred (check_graph). On an error the graph is as it was.
Result<std::vector<ValueId>> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wrt,
                                           const Registry& registry = Registry::builtin());

}  // namespace minnow
