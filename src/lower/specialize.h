// From a graph for any sizes to the graph for some: the first half of lowering.
#pragma once

#include <span>

#include "base/limits.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// Spells compositions in operators that can be run, wherever their decomposition does not wait for a shape, and makes
// real numbers of quantized weights that are read as such.
// Once a model: what this makes of weights is made once. A graph that cannot be expanded yet comes back as it is.
Graph expand_compositions(const Graph& graph, const Registry& registry, const Limits& limits);

// The graph for inputs of these types (concrete dims, in order): every shape that follows is known, what depends on
// shapes alone is computed, compositions are spelled out. Tensors are shared with `graph`.
Result<Graph> specialize(const Graph& graph, std::span<const Type> inputs, const Registry& registry,
                         const Limits& limits);

}  // namespace minnow
