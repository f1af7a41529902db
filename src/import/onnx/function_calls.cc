// Calls of a model's own functions, expanded in place.
#include "base/text.h"
#include "import/onnx/attributes.h"
#include "import/onnx/graph_importer.h"

namespace minnow::onnx {
namespace {

bool declares(const FunctionProto& proto, TextView name) {
  for (TextView attribute : proto.attribute) {
    if (attribute == name) return true;
  }
  return false;
}

class ExpansionCounter {
 public:
  ExpansionCounter(const Functions& functions, const Limits& limits) : functions_(functions), limits_(limits) {}

  // At most a little more than the limit.
  int64_t count(const std::vector<NodeProto>& nodes, int64_t depth) {
    int64_t total = 0;
    for (const NodeProto& node : nodes) {
      ++total;
      if (const Function* callee = functions_.find(node)) total += body(*callee, depth + 1);
      if (total > limits_.nodes) break;
    }
    return total;
  }

 private:
  int64_t body(const Function& function, int64_t depth) {
    // Calls that are too deep or go in circles are errors where they are expanded.
    if (depth > limits_.depth) return 0;
    const auto [known, is_new] = known_.emplace(&function, 0);
    if (!is_new) return known->second;
    const int64_t total = count(function.proto->node, depth);
    known_[&function] = total;
    return total;
  }

  const Functions& functions_;
  const Limits& limits_;
  std::unordered_map<const Function*, int64_t> known_;
};

}  // namespace

Error over_node_limit(const Limits& limits) {
  return over_limit(
      {"more than ", limits.nodes, " nodes after functions are expanded (raise it with --max-nodes or Limits.nodes)"});
}

Status check_expanded_size(const GraphProto& graph, const Functions& functions, const Limits& limits) {
  if (ExpansionCounter(functions, limits).count(graph.node, 0) > limits.nodes) return over_node_limit(limits);
  return {};
}

Result<FunctionCall> Scope::make_call(const NodeProto& node, const Function& function,
                                      const ImportedNode& imported) const {
  const FunctionProto& proto = *function.proto;
  FunctionCall call{&function, {}, imported.name, call_, call_ == nullptr ? 1 : call_->depth + 1};
  for (const FunctionCall* caller = call_; caller != nullptr; caller = caller->caller) {
    MN_CHECK(caller->function != &function, "function '", printable(proto.name), "' calls itself");
  }
  if (call.depth > state_.limits.depth)
    return over_limit(
        {"function calls are nested more than ", state_.limits.depth, " deep (raise it with Limits.depth)"});
  MN_CHECK(node.input.size() <= proto.input.size(), node.input.size(), " inputs, the function has ",
           proto.input.size());
  MN_CHECK(node.output.size() <= proto.output.size(), node.output.size(), " outputs, the function has ",
           proto.output.size());

  for (const Unparsed& message : proto.attribute_proto) {
    MN_ASSIGN(const AttributeProto attribute, parse_attribute(state_.source(), message));
    MN_ASSIGN(std::optional<Attribute> value, read_attribute_value(state_.tensors, attribute));
    if (!value.has_value()) return unsupported({"function attribute '", printable(attribute.name), "' is a graph"});
    call.attributes.set(std::string(attribute.name), std::move(*value));
  }
  for (const auto& [name, value] : imported.attributes) {
    MN_CHECK(declares(proto, name) || call.attributes.find(name) != nullptr, "the function has no attribute '",
             printable(name), "'");
    call.attributes.set(name, value);
  }
  return call;
}

Status Scope::expand_call(const NodeProto& node, const Function& function, const ImportedNode& imported) {
  MN_ASSIGN(const FunctionCall call, make_call(node, function, imported));
  const FunctionProto& proto = *function.proto;
  const auto first_new = static_cast<ValueId>(builder_.graph().values.size());
  Scope body(state_, builder_, function.opsets, nullptr, &call, depth_);
  for (size_t i = 0; i < proto.input.size(); ++i) {
    const ValueId id = i < imported.inputs.size() ? imported.inputs[i] : kNoValue;
    MN_CHECK(body.ids_.emplace(proto.input[i], id).second, "two inputs of the function are named '",
             printable(proto.input[i]), "'");
  }
  body.declare_types(proto.value_info);
  MN_TRY(body.build_nodes(proto.node));
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < imported.outputs.size(); ++i) {
    if (imported.outputs[i].empty()) {
      outputs.push_back(kNoValue);
      continue;
    }
    MN_ASSIGN(const ValueId id, body.find(proto.output[i]));
    outputs.push_back(id);
  }
  return bind_outputs(node, imported, outputs, first_new);
}

}  // namespace minnow::onnx
