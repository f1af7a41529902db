#include <algorithm>
#include <span>

#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

// Of a single input these return it.
constexpr std::string_view kCombining[] = {"concat", "sum", "max", "min", "mean"};
// With the dims of their input these only copy.
constexpr std::string_view kReshaping[] = {"reshape", "flatten", "squeeze", "unsqueeze", "expand", "sum_to_shape"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_identity_permutation(const Ints& permutation) {
  for (size_t i = 0; i < permutation.size(); ++i) {
    if (permutation[i] != static_cast<int64_t>(i)) return false;
  }
  return !permutation.empty();
}

// Both shapes are known and the same, number by number.
bool same_static_shape(const Graph& graph, ValueId a, ValueId b) {
  const Type &x = graph.value(a).type, &y = graph.value(b).type;
  return x.is_tensor() && y.is_tensor() && x.shape.static_dims() && x.shape == y.shape;
}

bool is_false_constant(const Tensor& tensor) {
  return tensor.dtype() == DType::boolean && tensor.size() == 1 && !*tensor.data<bool>();
}

// dropout passes its input on outside training: without ratio 0, a training_mode that is absent or false.
bool is_inactive_dropout(const Graph& graph, const Node& node) {
  if (node.outputs.size() > 1 && node.outputs[1] != kNoValue) return false;
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return true;
  const Tensor* training = constant_input(graph, node, 2);
  return training != nullptr && is_false_constant(*training);
}

// A table that holds every code in its own place.
bool is_identity_table(const Graph& graph, const Node& node) {
  const Type& type = graph.value(node.inputs[0]).type;
  const Tensor* table = constant_input(graph, node, 1);
  if (table == nullptr || !type.is_tensor() || type.dtype != table->dtype()) return false;
  const std::vector<int64_t> entries = to_ints(*table);
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i] != entries[0] + static_cast<int64_t>(i)) return false;
  }
  return entries.size() == 256 && element_bytes(type.dtype) == 1;
}

// Whether the node's first output is its first input.
bool returns_its_input(const Graph& graph, const Node& node, const OpDef& op) {
  const NodeView view(op, node);
  const ValueId in = node.inputs[0], out = node.outputs[0];
  if (op.name == "identity") return true;
  if (op.name == "dropout") return is_inactive_dropout(graph, node);
  if (op.name == "transpose") return is_identity_permutation(view.ints_attribute("perm"));
  if (op.name == "cast") {
    const Type& type = graph.value(in).type;
    return type.is_tensor() && type.dtype != DType::undefined && type.dtype == view.dtype_attribute("to");
  }
  if (op.name == "lookup") return is_identity_table(graph, node);
  if (is_one_of(op.name, kCombining)) return node.inputs.size() == 1;
  return is_one_of(op.name, kReshaping) && same_static_shape(graph, in, out);
}

}  // namespace

Status remove_identities(Graph& graph, const PassContext& context) {
  Replacements replacements(graph, context);
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    replacements.resolve(node);
    const OpDef* op = context.registry.find(node.op);
    const bool candidate = op != nullptr && op->custom == nullptr && !node.inputs.empty() && !node.outputs.empty() &&
                           node.inputs[0] != kNoValue && node.outputs[0] != kNoValue;
    if (candidate && returns_its_input(graph, node, *op) && replacements.replace(node.outputs[0], node.inputs[0])) {
      continue;
    }
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  replacements.finish();
  compact(graph);
  return rewrite_subgraphs(graph, context, remove_identities);
}

}  // namespace minnow::passes
