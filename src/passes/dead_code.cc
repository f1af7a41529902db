#include <algorithm>

#include "passes/rewrite.h"

namespace minnow::passes {

Status remove_dead_code(Graph& graph, const PassContext& context) {
  std::vector<bool> needed(graph.values.size(), false);
  const auto mark = [&](ValueId id) {
    if (id != kNoValue) needed[static_cast<size_t>(id)] = true;
  };
  const auto is_needed = [&](ValueId id) { return id != kNoValue && needed[static_cast<size_t>(id)]; };
  for (ValueId id : graph.outputs) mark(id);
  for (const State& state : graph.states) mark(state.out);

  std::vector<bool> keep(graph.nodes.size(), true);
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    Node& node = graph.nodes[i];
    const OpDef* op = context.registry.find(node.op);
    // A node without outputs is there for what it does (a user's operator that records, say).
    keep[i] = node.outputs.empty() || std::any_of(node.outputs.begin(), node.outputs.end(), is_needed);
    if (!keep[i]) continue;
    for (ValueId id : node.inputs) mark(id);
    // Optional outputs that nobody reads need not be computed.
    for (size_t k = 0; op != nullptr && k < node.outputs.size(); ++k) {
      if (static_cast<int>(k) >= op->outputs.min && !is_needed(node.outputs[k])) node.outputs[k] = kNoValue;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!keep[i]) continue;
    if (kept != i) graph.nodes[kept] = std::move(graph.nodes[i]);
    ++kept;
  }
  graph.nodes.resize(kept);
  compact(graph);
  return rewrite_subgraphs(graph, context, remove_dead_code);
}

}  // namespace minnow::passes
