// Checks a graph's nodes against the operators: known, arity, attribute names and kinds; infers types.
#pragma once

#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// One node: the operator is known, input and output counts fit, attributes exist with the right kind, required ones are
// there.
Status check_node(const Node& node, const Registry& registry);
// Output types of one node from its inputs' types and constants, written into the graph's values. Declared types that
// are more precise stay; contradictions are errors.
Status infer_node(Graph& graph, const Node& node, const Registry& registry);
// The type of a value that a file declares and inference computes: what is declared fills the gaps of what is computed.
// Contradicting kinds and element types are errors; a contradicting shape is stale, and ignored.
Result<Type> merge_types(const Type& declared, Type inferred);
// verify_graph, check_node on every node (all unknown operators in one error), infer_node in order, subgraphs included.
Status check_graph(Graph& graph, const Registry& registry, const Limits& limits = {});
// Output types from concrete inputs: what the interpreter and the cost model use.
Result<std::vector<Type>> infer_types(const OpDef& op, const Node& node, std::span<const Type> inputs,
                                      std::span<const Tensor* const> values, const Registry& registry);

}  // namespace minnow
