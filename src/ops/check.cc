#include "ops/check.h"

#include <map>

#include "base/text.h"
#include "ops/builder.h"

namespace minnow {
namespace {

Status check_counts(const Node& node, const OpDef& op) {
  int inputs = static_cast<int>(node.inputs.size());
  const auto range = [](Arity arity) {
    if (arity.max >= Arity::kMany) return concat({arity.min, " or more"});
    return arity.min == arity.max ? concat({arity.min}) : concat({arity.min, " to ", arity.max});
  };
  MN_CHECK(inputs >= op.inputs.min && inputs <= op.inputs.max, "expected ", range(op.inputs), " inputs, got ", inputs);
  for (int i = 0; i < op.inputs.min; ++i) {
    MN_CHECK(node.inputs[static_cast<size_t>(i)] != kNoValue, "input ", i, " is required but absent");
  }
  const int outputs = static_cast<int>(node.outputs.size());
  MN_CHECK(outputs >= op.outputs.min && outputs <= op.outputs.max, "expected ", range(op.outputs), " outputs, got ",
           outputs);
  return {};
}

Status check_attributes(const Node& node, const OpDef& op) {
  for (const auto& [name, value] : node.attributes) {
    const AttributeSpec* known = nullptr;
    for (const AttributeSpec& spec : op.attributes) {
      if (spec.name == name) known = &spec;
    }
    MN_CHECK(known != nullptr, "unknown attribute '", printable(name), "'");
    MN_CHECK(known->kind == AttributeKind::none || value.kind() == known->kind, "attribute '", name, "': expected ",
             to_string(known->kind), ", got ", to_string(value.kind()));
  }
  for (const AttributeSpec& spec : op.attributes) {
    MN_CHECK(!spec.required || node.attributes.find(spec.name) != nullptr, "attribute '", spec.name,
             "' is required but absent");
  }
  return {};
}

// Types of a decompose-only operator: decompose in a scratch graph whose inputs have these types (and constants,
// values).
Result<std::vector<Type>> infer_by_decomposition(const OpDef& op, const Node& node, std::span<const Type> inputs,
                                                 std::span<const Tensor* const> values, const Registry& registry) {
  Graph scratch;
  Builder builder(scratch, registry);
  Node local = node;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    local.inputs[i] = values[i] != nullptr ? builder.constant(*values[i]) : builder.input("input", inputs[i]);
  }
  DecomposeContext context(op, local, builder);
  std::vector<Type> types(node.outputs.size());
  Status status = op.decompose(context);
  if (status.ok()) status = builder.status();
  if (!status.ok()) {
    // With partly known types a decomposition may need a rank it does not have: then nothing is known yet.
    for (const Type& type : inputs) {
      if (type.is_tensor() && !type.shape.static_dims()) return types;
      if (type.kind == Type::Kind::unknown) return types;
    }
    return std::move(status.error());
  }
  for (size_t i = 0; i < types.size(); ++i) types[i] = builder.type(context.outputs()[i]);
  return types;
}

}  // namespace

Result<Type> merge_types(const Type& declared, Type inferred) {
  if (inferred.kind == Type::Kind::unknown) return declared;
  if (declared.kind == Type::Kind::unknown) return inferred;
  MN_CHECK(declared.kind == inferred.kind, "declared as ", to_string(declared), " but computes ", to_string(inferred));
  if (!inferred.is_tensor()) return inferred;
  if (inferred.dtype == DType::undefined) inferred.dtype = declared.dtype;
  MN_CHECK(declared.dtype == DType::undefined || declared.dtype == inferred.dtype, "declared as ", to_string(declared),
           " but computes ", to_string(inferred));
  if (!declared.shape.ranked) return inferred;
  if (!inferred.shape.ranked) {
    inferred.shape = declared.shape;
    return inferred;
  }
  // Shapes in a file are often stale; what is computed decides, what is declared only fills gaps.
  if (declared.shape.rank() != inferred.shape.rank()) return inferred;
  for (size_t i = 0; i < inferred.shape.dims.size(); ++i) {
    Dim& dim = inferred.shape.dims[i];
    const Dim& other = declared.shape.dims[i];
    if (!dim.known() && (other.known() || dim.symbol.empty())) dim = other;
  }
  return inferred;
}

Result<std::vector<Type>> infer_types(const OpDef& op, const Node& node, std::span<const Type> inputs,
                                      std::span<const Tensor* const> values, const Registry& registry) {
  for (size_t i = 0; i < inputs.size() && !op.takes_sequences; ++i) {
    MN_CHECK(inputs[i].kind == Type::Kind::unknown || inputs[i].is_tensor(), "input ", i, " must be a tensor, got ",
             to_string(inputs[i]));
  }
  if (op.custom == nullptr && op.infer == nullptr) return infer_by_decomposition(op, node, inputs, values, registry);
  InferContext context(op, node, inputs, values);
  MN_TRY(op.custom != nullptr ? op.custom->infer(context) : op.infer(context));
  return std::move(context.mutable_outputs());
}

Status check_node(const Node& node, const Registry& registry) {
  const OpDef* op = registry.find(node.op);
  if (op == nullptr)
    return unsupported({"node '", printable(node.name), "': unknown operator '", printable(node.op), "'"});
  if (Status status = check_counts(node, *op); !status.ok()) return std::move(status.error()).in(describe(node, *op));
  if (Status status = check_attributes(node, *op); !status.ok())
    return std::move(status.error()).in(describe(node, *op));
  return {};
}

Status infer_node(Graph& graph, const Node& node, const Registry& registry) {
  const OpDef* op = registry.find(node.op);
  if (op == nullptr) return unsupported({"unknown operator '", printable(node.op), "'"});
  std::vector<Type> types(node.inputs.size());
  std::vector<const Tensor*> values(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph.value(node.inputs[i]);
    types[i] = value.type;
    if (value.is_constant()) values[i] = &value.constant;
  }
  Result<std::vector<Type>> inferred = infer_types(*op, node, types, values, registry);
  if (!inferred.ok()) return std::move(inferred.error()).in(describe(node, *op));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    Value& out = graph.value(node.outputs[i]);
    Result<Type> merged = merge_types(out.type, std::move((*inferred)[i]));
    if (!merged.ok())
      return std::move(merged.error()).in(concat({describe(node, *op), ": output '", printable(out.name), "'"}));
    out.type = std::move(merged).value();
  }
  return {};
}

namespace {

void collect_unknown(const Graph& graph, const Registry& registry,
                     std::map<std::string, std::pair<int, std::string>>& unknown) {
  for (const Node& node : graph.nodes) {
    if (registry.find(node.op) == nullptr) {
      auto& entry = unknown[node.op];
      if (entry.first++ == 0) entry.second = node.name;
    }
    for (const auto& [name, attribute] : node.attributes) {
      if (const GraphRef* subgraph = attribute.get<GraphRef>()) collect_unknown(**subgraph, registry, unknown);
    }
  }
}

Status check_nodes(Graph& graph, const Registry& registry) {
  for (Node& node : graph.nodes) {
    MN_TRY(check_node(node, registry));
    std::vector<std::pair<std::string, GraphRef>> checked;
    for (const auto& [name, attribute] : node.attributes) {
      const GraphRef* subgraph = attribute.get<GraphRef>();
      if (subgraph == nullptr) continue;
      auto copy = std::make_shared<Graph>(**subgraph);
      MN_TRY(check_nodes(*copy, registry));
      checked.emplace_back(name, std::move(copy));
    }
    for (auto& [name, subgraph] : checked) node.attributes.set(name, Attribute(std::move(subgraph)));
    MN_TRY(infer_node(graph, node, registry));
  }
  return {};
}

}  // namespace

Status check_graph(Graph& graph, const Registry& registry, const Limits& limits) {
  MN_TRY(verify_graph(graph, limits));
  std::map<std::string, std::pair<int, std::string>> unknown;
  collect_unknown(graph, registry, unknown);
  if (!unknown.empty()) {
    std::string text;
    for (const auto& [op, entry] : unknown) {
      text += concat({text.empty() ? "" : "; ", "'", printable(op), "' (", entry.first, " times, first at node '",
                      printable(entry.second), "')"});
    }
    return unsupported({unknown.size(), unknown.size() == 1 ? " unknown operator: " : " unknown operators: ", text});
  }
  MN_TRY(check_nodes(graph, registry));
  for (const State& state : graph.states) {
    const Type given = Type::of(state.initial);
    MN_CHECK(merge_types(given, graph.value(state.out).type).ok(), "state '", printable(state.name), "' starts as ",
             to_string(given), " and is replaced by ", to_string(graph.value(state.out).type));
  }
  return {};
}

}  // namespace minnow
