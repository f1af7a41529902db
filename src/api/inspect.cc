#include "api/inspect.h"

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "base/text.h"
#include "ops/builder.h"
#include "ops/check.h"

namespace minnow {
namespace {

struct Known {
  bool known = false;
  int64_t multiply_adds = 0;
};

bool is_concrete(const Type& type) {
  return type.is_tensor() && type.dtype != DType::undefined && type.shape.static_dims();
}

Known cost_of(const Graph& graph, const Node& node, const Registry& registry, int depth);

// An operator without a cost of its own costs what it decomposes into.
Known cost_of_parts(const OpDef& op, const Graph& graph, const Node& node, const Registry& registry, int depth) {
  constexpr int kMaxDepth = 8;
  if (depth > kMaxDepth) return {};
  Graph parts;
  Builder builder(parts, registry);
  Node local = node;
  for (ValueId& id : local.inputs) {
    if (id == kNoValue) continue;
    const Value& value = graph.value(id);
    id = value.is_constant() ? builder.constant(value.constant) : builder.input("input", value.type);
  }
  DecomposeContext context(op, local, builder);
  if (!op.decompose(context).ok() || !builder.status().ok()) return {};
  Known total{true, 0};
  for (const Node& part : parts.nodes) {
    const Known cost = cost_of(parts, part, registry, depth + 1);
    total.known = total.known && cost.known;
    total.multiply_adds += cost.multiply_adds;
  }
  return total;
}

Known cost_of(const Graph& graph, const Node& node, const Registry& registry, int depth) {
  const OpDef* op = registry.find(node.op);
  if (op == nullptr) return {};
  std::vector<Type> types(node.inputs.size());
  std::vector<const Tensor*> values(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph.value(node.inputs[i]);
    if (!is_concrete(value.type)) return {};
    types[i] = value.type;
    values[i] = value.is_constant() ? &value.constant : nullptr;
  }
  InferContext context(*op, node, types, values);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const Type& type = graph.value(node.outputs[i]).type;
    if (!is_concrete(type)) return {};
    context.set_output(static_cast<int>(i), type);
  }
  for (const auto& [name, attribute] : node.attributes) {
    if (attribute.kind() == AttributeKind::graph || attribute.kind() == AttributeKind::graphs) return {};
  }
  if (op->cost != nullptr) return {true, op->cost(context).multiply_adds};
  if (op->decompose != nullptr) return cost_of_parts(*op, graph, node, registry, depth);
  return {true, 0};
}

void count_operators(const Graph& graph, std::map<std::string, OperatorCost>& counts, bool inside, GraphCost& cost) {
  for (const Node& node : graph.nodes) {
    ++cost.nodes;
    ++counts[node.op].count;
    if (inside) ++cost.unknown_nodes;
    for (const auto& [name, attribute] : node.attributes) {
      if (const GraphRef* subgraph = attribute.get<GraphRef>()) count_operators(**subgraph, counts, true, cost);
    }
  }
  for (const Value& value : graph.values) {
    if (value.is_constant()) cost.parameters += value.constant.size();
  }
}

}  // namespace

GraphCost measure_cost(const Graph& graph, const Registry& registry) {
  GraphCost cost;
  std::map<std::string, OperatorCost> counts;
  count_operators(graph, counts, false, cost);
  cost.parameter_bytes = constant_bytes(graph);
  for (const Node& node : graph.nodes) {
    const Known known = cost_of(graph, node, registry, 0);
    if (!known.known) ++cost.unknown_nodes;
    counts[node.op].multiply_adds += known.multiply_adds;
    cost.multiply_adds += known.multiply_adds;
    for (ValueId id : node.outputs) {
      if (id == kNoValue || !is_concrete(graph.value(id).type)) continue;
      const Type& type = graph.value(id).type;
      // A file may declare more than there is to count.
      const Result<int64_t> count = checked_element_count(type.shape.to_dims());
      int64_t bytes = 0, sum = 0;
      if (count.ok() && checked_mul(*count, static_cast<int64_t>(element_bytes(type.dtype)), &bytes) &&
          checked_add(cost.activation_bytes, bytes, &sum))
        cost.activation_bytes = sum;
    }
  }
  for (auto& [name, entry] : counts) {
    entry.name = name;
    cost.operators.push_back(std::move(entry));
  }
  std::stable_sort(cost.operators.begin(), cost.operators.end(), [](const OperatorCost& a, const OperatorCost& b) {
    return a.multiply_adds != b.multiply_adds ? a.multiply_adds > b.multiply_adds : a.count > b.count;
  });
  return cost;
}

Status bind_input_dims(Graph& graph, const std::vector<Dims>& dims, const Registry& registry, const Limits& limits) {
  MN_CHECK(dims.size() == graph.inputs.size(), "expected the dims of ", graph.inputs.size(), " inputs, got ",
           dims.size());
  for (size_t i = 0; i < dims.size(); ++i) {
    Value& value = graph.value(graph.inputs[i]);
    if (!value.type.is_tensor()) continue;
    const Shape& declared = value.type.shape;
    bool fits = !declared.ranked || declared.dims.size() == dims[i].size();
    for (size_t d = 0; fits && declared.ranked && d < dims[i].size(); ++d)
      fits = !declared.dims[d].known() || declared.dims[d].value == dims[i][d];
    MN_CHECK(fits, "input '", printable(value.name), "': the model declares ", to_string(value.type),
             ", --shape gives ", to_string(dims[i]));
    value.type.shape = Shape(dims[i]);
  }
  return check_graph(graph, registry, limits);
}

}  // namespace minnow
