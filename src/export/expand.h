// Spells the operators that have no form in the target container in simpler ones.
#pragma once

#include "base/limits.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// A copy of the graph, subgraphs included, in which every node whose operator has no export row and can be decomposed
// is decomposed, again and again. Names of inputs and outputs stay.
Result<Graph> expand_for_export(const Graph& graph, const Registry& registry, const Limits& limits);

}  // namespace minnow
