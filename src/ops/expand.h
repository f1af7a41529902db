// Spells operators in simpler ones, node by node.
#pragma once

#include "base/limits.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// A copy of the graph, subgraphs included, in which every node that can be decomposed and that `wanted` picks is
// decomposed, again and again. Names of inputs and outputs stay.
using ExpandChoice = bool (*)(const Graph& graph, const Node& node, const OpDef& op);
Result<Graph> expand(const Graph& graph, const Registry& registry, const Limits& limits, ExpandChoice wanted);

}  // namespace minnow
