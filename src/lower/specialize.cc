#include "lower/specialize.h"

#include <algorithm>

#include "kernels/kernel_row.h"
#include "lower/provider.h"
#include "ops/check.h"
#include "ops/expand.h"
#include "passes/pass.h"

namespace minnow {
namespace {

bool has_kernels(std::string_view op) {
  const auto rows = kernel_rows();
  return std::any_of(rows.begin(), rows.end(), [op](const KernelRow& row) { return row.op == op; });
}

// Narrow floats stay whole: the interpreter widens a composition's inputs once and rounds its outputs once, while parts
// would round in between.
bool may_expand(const Graph& graph, const Node& node, const OpDef& op) {
  if (op.reference != nullptr || op.custom != nullptr) return false;
  return std::none_of(node.inputs.begin(), node.inputs.end(),
                      [&](ValueId id) { return id != kNoValue && is_narrow_float(graph.value(id).type.dtype); });
}

// Compositions whose operator has no kernel, whatever the sizes.
bool never_has_kernel(const Graph& graph, const Node& node, const OpDef& op) {
  return may_expand(graph, node, op) && !has_kernels(op.name);
}

// Compositions that no kernel takes as they are. Where types are not known there is nothing to ask.
bool has_no_kernel(const Graph& graph, const Node& node, const OpDef& op) {
  if (!may_expand(graph, node, op)) return false;
  if (!has_kernels(op.name)) return true;
  std::vector<Type> inputs, outputs;
  std::vector<const Tensor*> values;
  const auto is_known = [](const Type& type) { return type.is_tensor() && type.shape.static_dims(); };
  for (ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? Type{} : graph.value(id).type);
    values.push_back(id != kNoValue && graph.value(id).is_constant() ? &graph.value(id).constant : nullptr);
    if (id != kNoValue && !is_known(inputs.back())) return false;
  }
  for (ValueId id : node.outputs) {
    outputs.push_back(id == kNoValue ? Type{} : graph.value(id).type);
    if (id != kNoValue && !is_known(outputs.back())) return false;
  }
  const std::optional<Problem> problem = make_problem(op, node, inputs, values, outputs);
  return !problem.has_value() || find_kernel(*problem) == nullptr;
}

bool any_to_expand(const Graph& graph, const Registry& registry, ExpandChoice should_expand) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    const OpDef* op = registry.find(node.op);
    return op != nullptr && op->decompose != nullptr && should_expand(graph, node, *op);
  });
}

bool dequantizes_constants(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return node.op == "dequantize_linear" && graph.value(node.inputs[0]).is_constant();
  });
}

Status tidy(Graph& graph, const PassContext& context) {
  MN_TRY(passes::fold_constants(graph, context));
  MN_TRY(passes::remove_identities(graph, context));
  MN_TRY(passes::share_subexpressions(graph, context));
  return passes::remove_dead_code(graph, context);
}

// A value that cannot be allocated: planning its step may take tables as long as its dimensions.
Status check_size(const Type& type, const Limits& limits) {
  if (!type.is_tensor() || !type.shape.static_dims()) return {};
  MN_ASSIGN(const int64_t count, checked_element_count(type.shape.to_dims()));
  const auto width = static_cast<int64_t>(element_bytes(type.dtype));
  if (width > 0 && count > limits.bytes / width) return over_limit({"a value of ", count, " elements"});
  return {};
}

// Types as inference finds them from these inputs, and nothing else: what a file declares may be stale, and the passes
// keep a node that cannot run for a run that may never reach it. A plan must rely on neither.
Status infer_again(Graph& graph, const Registry& registry, const Limits& limits) {
  for (const State& state : graph.states) graph.value(state.in).type = Type::of(Datum(state.initial));
  std::vector<Type> types;
  std::vector<const Tensor*> values;
  for (const Node& node : graph.nodes) {
    const OpDef* op = registry.find(node.op);
    if (op == nullptr) return unsupported({"unknown operator '", node.op, "'"});
    types.clear();
    values.clear();
    for (ValueId id : node.inputs) {
      const Value* value = id != kNoValue ? &graph.value(id) : nullptr;
      types.push_back(value != nullptr ? value->type : Type{});
      values.push_back(value != nullptr && value->is_constant() ? &value->constant : nullptr);
    }
    MN_ASSIGN(std::vector<Type> inferred, infer_types(*op, node, types, values, registry));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      MN_TRY(check_size(inferred[i], limits));
      if (node.outputs[i] != kNoValue) graph.value(node.outputs[i]).type = std::move(inferred[i]);
    }
  }
  return {};
}

}  // namespace

Graph expand_compositions(const Graph& graph, const Registry& registry, const Limits& limits) {
  const bool expands = any_to_expand(graph, registry, never_has_kernel);
  if (!expands && !dequantizes_constants(graph)) return graph;
  Graph result = graph;
  if (expands) {
    Result<Graph> expanded = expand(graph, registry, limits, never_has_kernel);
    if (!expanded.ok()) return graph;
    result = std::move(expanded).value();
  }
  // Weights that are still read as real numbers here always will be.
  PassContext context{registry, limits};
  context.fold_dequantized = true;
  return tidy(result, context).ok() ? result : graph;
}

Result<Graph> specialize(const Graph& graph, std::span<const Type> inputs, const Registry& registry,
                         const Limits& limits) {
  Graph result = graph;
  bool changed = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Type& type = result.value(result.inputs[i]).type;
    changed = changed || !(type == inputs[i]);
    type = inputs[i];
  }
  const PassContext context{registry, limits};
  if (changed) MN_TRY(tidy(result, context));
  if (any_to_expand(result, registry, has_no_kernel)) {
    MN_ASSIGN(result, expand(result, registry, limits, has_no_kernel));
    MN_TRY(tidy(result, context));
  }
  MN_TRY(infer_again(result, registry, limits));
  return result;
}

}  // namespace minnow
