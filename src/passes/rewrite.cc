#include "passes/rewrite.h"

#include <algorithm>

#include "graph/tensor_equal.h"

namespace minnow {

Replacements::Replacements(Graph& graph, const PassContext& context)
    : graph_(graph),
      names_matter_(!context.in_subgraph),
      target_(graph.values.size()),
      is_output_(graph.values.size(), false),
      is_computed_(graph.values.size(), false) {
  for (size_t i = 0; i < target_.size(); ++i) target_[i] = static_cast<ValueId>(i);
  for (ValueId id : graph.outputs) is_output_[static_cast<size_t>(id)] = true;
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.outputs) {
      if (id != kNoValue) is_computed_[static_cast<size_t>(id)] = true;
    }
  }
}

bool Replacements::replace(ValueId from, ValueId to) {
  const auto source = static_cast<size_t>(from), target = static_cast<size_t>(to);
  if (is_output_[source] && names_matter_) {
    if (is_output_[target] || !is_computed_[target]) return false;
    std::swap(graph_.value(from).name, graph_.value(to).name);
    is_output_[target] = true;
  }
  refine_type(graph_.value(to).type, graph_.value(from).type);
  target_[source] = to;
  return true;
}

void Replacements::resolve(Node& node) const {
  for (ValueId& id : node.inputs) id = resolve(id);
}

void Replacements::finish() {
  for (ValueId& id : graph_.outputs) id = resolve(id);
  for (State& state : graph_.states) state.out = resolve(state.out);
}

void compact(Graph& graph) {
  std::vector<bool> keep(graph.values.size(), false);
  const auto mark = [&](ValueId id) {
    if (id != kNoValue) keep[static_cast<size_t>(id)] = true;
  };
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.inputs) mark(id);
    for (ValueId id : node.outputs) mark(id);
  }
  for (ValueId id : graph.inputs) mark(id);
  for (ValueId id : graph.outputs) mark(id);
  for (const State& state : graph.states) mark(state.in), mark(state.out);
  if (std::find(keep.begin(), keep.end(), false) == keep.end()) return;

  std::vector<ValueId> renumbered(graph.values.size(), kNoValue);
  std::vector<Value> values;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    renumbered[i] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[i]));
  }
  graph.values = std::move(values);
  const auto renumber = [&](ValueId& id) {
    if (id != kNoValue) id = renumbered[static_cast<size_t>(id)];
  };
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) renumber(id);
    for (ValueId& id : node.outputs) renumber(id);
  }
  for (ValueId& id : graph.inputs) renumber(id);
  for (ValueId& id : graph.outputs) renumber(id);
  for (State& state : graph.states) renumber(state.in), renumber(state.out);
}

namespace {

bool same_value(const Value& a, const Value& b) {
  return a.name == b.name && a.type == b.type && same_bits(a.constant, b.constant);
}

bool same_node(const Node& a, const Node& b) {
  return a.op == b.op && a.name == b.name && a.inputs == b.inputs && a.outputs == b.outputs &&
         a.attributes == b.attributes;
}

bool same_state(const State& a, const State& b) {
  return a.name == b.name && a.in == b.in && a.out == b.out && same_bits(a.initial, b.initial);
}

}  // namespace

bool identical(const Graph& a, const Graph& b) {
  return a.name == b.name && a.inputs == b.inputs && a.outputs == b.outputs && a.metadata == b.metadata &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), same_node) &&
         std::equal(a.states.begin(), a.states.end(), b.states.begin(), b.states.end(), same_state) &&
         std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), same_value);
}

namespace {

Result<GraphRef> rewritten(const GraphRef& subgraph, const PassContext& context,
                           Status (*run)(Graph&, const PassContext&)) {
  auto copy = std::make_shared<Graph>(*subgraph);
  MN_TRY(run(*copy, context));
  if (identical(*copy, *subgraph)) return subgraph;
  return GraphRef(std::move(copy));
}

}  // namespace

Status rewrite_subgraphs(Graph& graph, const PassContext& context, Status (*run)(Graph&, const PassContext&)) {
  PassContext inside = context;
  inside.in_subgraph = true;
  for (Node& node : graph.nodes) {
    std::vector<Attributes::Entry> changed;
    for (const auto& [name, attribute] : node.attributes) {
      if (const auto* subgraph = attribute.get<GraphRef>()) {
        MN_ASSIGN(GraphRef result, rewritten(*subgraph, inside, run));
        if (result != *subgraph) changed.emplace_back(name, std::move(result));
      } else if (const auto* subgraphs = attribute.get<std::vector<GraphRef>>()) {
        std::vector<GraphRef> results;
        for (const GraphRef& one : *subgraphs) {
          MN_ASSIGN(GraphRef result, rewritten(one, inside, run));
          results.push_back(std::move(result));
        }
        if (results != *subgraphs) changed.emplace_back(name, std::move(results));
      }
    }
    for (auto& [name, attribute] : changed) node.attributes.set(std::move(name), std::move(attribute));
  }
  return {};
}

void refine_type(Type& type, const Type& other) {
  if (type.kind == Type::Kind::unknown) {
    type = other;
    return;
  }
  if (!type.is_tensor() || !other.is_tensor()) return;
  if (type.dtype == DType::undefined) type.dtype = other.dtype;
  if (!type.shape.ranked) type.shape = other.shape;
  if (!other.shape.ranked || other.shape.rank() != type.shape.rank()) return;
  for (size_t i = 0; i < type.shape.dims.size(); ++i) {
    Dim& dim = type.shape.dims[i];
    const Dim& more = other.shape.dims[i];
    if (!dim.known() && (more.known() || dim.symbol.empty())) dim = more;
  }
}

void add_note(const PassContext& context, const Graph& graph, std::string_view pattern, const Node& node,
              std::string why_not) {
  if (context.notes == nullptr) return;
  const bool named = !node.name.empty() || node.outputs.empty() || node.outputs[0] == kNoValue;
  context.notes->push_back({pattern, named ? node.name : graph.value(node.outputs[0]).name, std::move(why_not)});
}

const Tensor* constant_input(const Graph& graph, const Node& node, size_t index) {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return nullptr;
  const Value& value = graph.value(node.inputs[index]);
  return value.is_constant() ? &value.constant : nullptr;
}

}  // namespace minnow
