#include <algorithm>

#include "base/text.h"
#include "ops/check.h"
#include "ops/interpreter.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

// Results up to this size are always welcome: shapes, axes, masks, position tables.
constexpr int64_t kSmallBytes = 64 << 10;
// Larger ones may take this many times the bytes of the constants that they replace (float32 from int8 takes 4).
constexpr int64_t kMaxGrowth = 4;
// The interpreter is plain: 2^28 multiply-adds take it about a second, as long as one node may hold up opening a model.
constexpr int64_t kMaxMultiplyAdds = int64_t{1} << 28;
constexpr int64_t kMaxSteps = 1'000'000;

int64_t input_bytes(const Graph& graph, const Node& node) {
  int64_t total = 0;
  for (ValueId id : node.inputs) {
    if (id != kNoValue) total += graph.value(id).constant.bytes();
  }
  return total;
}

bool size_allowed(int64_t result_bytes, int64_t replaced_bytes, const PassContext& context) {
  if (result_bytes <= std::max(kSmallBytes, replaced_bytes)) return true;
  return result_bytes <= context.max_folded_bytes && result_bytes / kMaxGrowth <= replaced_bytes;
}

bool foldable(const Graph& graph, const Node& node, const OpDef* op, const PassContext& context) {
  if (op == nullptr || !op->pure || op->custom != nullptr || node.outputs.empty()) return false;
  // Quantized constants stay quantized: dequantize nodes tell lowering how to run what reads them.
  if (starts_with(op->name, "dequantize") && !context.fold_dequantized) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && constant_input(graph, node, i) == nullptr) return false;
  }
  return true;
}

// Whether the sizes and the work that inference foretells are acceptable; what it cannot tell is measured afterwards.
bool worth_trying(const Graph& graph, const Node& node, const OpDef& op, const PassContext& context) {
  std::vector<Type> types(node.inputs.size());
  std::vector<const Tensor*> values(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    values[i] = constant_input(graph, node, i);
    if (values[i] != nullptr) types[i] = Type::of(*values[i]);
  }
  const Result<std::vector<Type>> outputs = infer_types(op, node, types, values, context.registry);
  if (!outputs.ok()) return false;
  int64_t bytes = 0;
  for (const Type& type : *outputs) {
    if (!type.is_tensor() || !type.shape.static_dims()) continue;
    const Result<int64_t> count = checked_element_count(type.shape.to_dims());
    if (!count.ok() || *count > context.limits.bytes / 16) return false;
    bytes += *count * static_cast<int64_t>(element_bytes(type.dtype));
  }
  if (!size_allowed(bytes, input_bytes(graph, node), context)) return false;
  if (op.cost == nullptr) return true;
  InferContext inference(op, node, types, values);
  inference.mutable_outputs() = *outputs;
  return op.cost(inference).multiply_adds <= kMaxMultiplyAdds;
}

// Runs one node whose inputs are constants. Empty: it fails, takes too long or makes too much, and stays for run time,
// where it may never be reached.
std::vector<Tensor> compute(const Graph& graph, const Node& node, const PassContext& context) {
  Graph single;
  Node copy = node;
  for (ValueId& id : copy.inputs) {
    if (id == kNoValue) continue;
    id = single.add_value({concat({"input_", single.values.size()}), {}, graph.value(id).constant});
  }
  for (ValueId& id : copy.outputs) {
    if (id == kNoValue) continue;
    id = single.add_value({concat({"output_", single.values.size()}), {}, {}});
    single.outputs.push_back(id);
  }
  single.nodes.push_back(std::move(copy));
  const Result<Interpreter> interpreter = Interpreter::prepare(single, context.registry);
  if (!interpreter.ok()) return {};
  Limits limits = context.limits;
  limits.steps = std::min(limits.steps, kMaxSteps);
  limits.bytes = std::min(limits.bytes, kMaxGrowth * std::max(context.max_folded_bytes, input_bytes(graph, node)));
  RunOptions options;
  options.budget = std::make_shared<Budget>(limits);
  const Result<std::vector<Datum>> outputs = interpreter->run({}, options);
  if (!outputs.ok()) return {};
  std::vector<Tensor> tensors;
  int64_t bytes = 0;
  for (const Datum& datum : *outputs) {
    if (datum.kind != Datum::Kind::tensor || !datum.tensor.valid()) return {};
    bytes += datum.tensor.bytes();
    tensors.push_back(datum.tensor);
  }
  if (!size_allowed(bytes, input_bytes(graph, node), context)) return {};
  return tensors;
}

// shape and size need no data, only dims that are known.
std::vector<Tensor> compute_from_type(const Graph& graph, const Node& node, const OpDef* op) {
  if (op == nullptr || (op->name != "shape" && op->name != "size") || node.inputs.size() != 1) return {};
  const Type& type = graph.value(node.inputs[0]).type;
  if (!type.is_tensor() || !type.shape.static_dims()) return {};
  const Dims dims = type.shape.to_dims();
  if (op->name == "size") {
    const Result<int64_t> count = checked_element_count(dims);
    if (!count.ok()) return {};
    return {Tensor::scalar<int64_t>(*count)};
  }
  const NodeView view(*op, node);
  const auto rank = static_cast<int64_t>(dims.size());
  const auto clamped = [rank](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  const int64_t begin = clamped(view.int_attribute("start"));
  const int64_t end = view.has_attribute("end") ? std::max(begin, clamped(view.int_attribute("end"))) : rank;
  return {Tensor::of_ints(std::span(dims).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)))};
}

void make_constants(Graph& graph, const Node& node, std::vector<Tensor> tensors) {
  size_t next = 0;
  for (ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    Value& value = graph.value(id);
    value.type = Type::of(tensors[next]);
    value.constant = std::move(tensors[next++]);
  }
}

}  // namespace

Status fold_constants(Graph& graph, const PassContext& context) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    const OpDef* op = context.registry.find(node.op);
    std::vector<Tensor> results = compute_from_type(graph, node, op);
    if (results.empty() && foldable(graph, node, op, context) && worth_trying(graph, node, *op, context)) {
      results = compute(graph, node, context);
    }
    if (!results.empty()) {
      make_constants(graph, node, std::move(results));
      continue;
    }
    // Constants found above may tell this node's shape. A contradiction that shows only now is left to the run, which
    // may never come here.
    if (op != nullptr) (void)infer_node(graph, node, context.registry).ok();
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  compact(graph);
  return rewrite_subgraphs(graph, context, fold_constants);
}

}  // namespace minnow::passes
