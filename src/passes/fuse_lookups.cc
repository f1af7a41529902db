// What one 8-bit code decides is a table of 256 entries: any chain of elementwise operators from codes to codes, with
// constants of one element, requantization among them. The table holds what the operators' references make of all
// codes.
#include <algorithm>
#include <map>

#include "ops/builder.h"
#include "ops/interpreter.h"
#include "passes/quantization.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

constexpr int64_t kCodes = 256;
// Nodes that are looked at for one table. Exporters spell no activation in a quarter of them; chains of sums, where
// each way back forks, must end somewhere.
constexpr int kMaxVisits = 256;

constexpr std::string_view kElementwise[] = {
    "abs",
    "add",
    "atan",
    "cast",
    "ceil",
    "celu",
    "clip",
    "cos",
    "dequantize_linear",
    "div",
    "elu",
    "erf",
    "exp",
    "floor",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "log",
    "lookup",
    "leaky_relu",
    "max",
    "mean",
    "min",
    "mish",
    "mul",
    "neg",
    "pow",
    "prelu",
    "quantize_linear",
    "reciprocal",
    "relu",
    "round",
    "selu",
    "shrink",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "softsign",
    "sqrt",
    "sub",
    "sum",
    "swish",
    "tan",
    "tanh",
    "thresholded_relu",
};

// Nodes that compute one value from the codes `leaf`, in order.
struct Cone {
  ValueId leaf = kNoValue;
  std::vector<size_t> nodes;
};

class Tables {
 public:
  Tables(Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), producer_(producers(graph)), builder_(graph, context.registry) {}

  bool run() {
    bool changed = false;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) changed = fuse(i) || changed;
    return changed;
  }

 private:
  const Type& type(ValueId id) const { return graph_.value(id).type; }
  bool is_codes(ValueId id) const { return type(id).is_tensor() && is_byte(type(id).dtype); }

  bool is_elementwise(const Node& node) const {
    if (std::find(std::begin(kElementwise), std::end(kElementwise), node.op) == std::end(kElementwise)) return false;
    const OpDef* op = context_.registry.find(node.op);
    if (op == nullptr || op->custom != nullptr || node.outputs.size() != 1 || node.outputs[0] == kNoValue) return false;
    const Attribute* block = node.attributes.find("block_size");
    return block == nullptr || block->get<int64_t>() == nullptr || *block->get<int64_t>() == 0;
  }

  // Takes in what computes `id`. False: it does not depend on the codes of one value alone.
  bool collect(ValueId id, Cone& cone) const {
    if (id == kNoValue) return true;
    const Value& value = graph_.value(id);
    if (value.is_constant()) return value.constant.size() == 1 && value.constant.dtype() != DType::string;
    if (static_cast<size_t>(id) < producer_.size() && producer_[static_cast<size_t>(id)] >= 0) {
      const auto index = static_cast<size_t>(producer_[static_cast<size_t>(id)]);
      if (std::find(cone.nodes.begin(), cone.nodes.end(), index) != cone.nodes.end()) return true;
      if (is_elementwise(graph_.nodes[index])) {
        Cone more = cone;
        if (collect_node(index, more)) {
          cone = std::move(more);
          return true;
        }
      }
    }
    if (!is_codes(id) || (cone.leaf != kNoValue && cone.leaf != id)) return false;
    cone.leaf = id;
    return true;
  }

  bool collect_node(size_t index, Cone& cone) const {
    const Node& node = graph_.nodes[index];
    if (++visits_ > kMaxVisits) return false;
    bool fits = true;
    for (size_t i = 0; fits && i < node.inputs.size(); ++i) {
      // A table is one operand of its lookup, whatever its size.
      fits = node.op == "lookup" && i == 1 ? graph_.value(node.inputs[i]).is_constant() : collect(node.inputs[i], cone);
    }
    cone.nodes.push_back(index);
    return fits;
  }

  // What the cone makes of every code, from the lowest on; not valid() where it cannot be computed.
  Tensor evaluate(const Cone& cone, ValueId result) const {
    Graph single;
    std::map<ValueId, ValueId> ids;
    const auto copied = [&](ValueId id) {
      const auto [at, added] = ids.emplace(id, kNoValue);
      if (added)
        at->second = single.add_value({concat({"value_", single.values.size()}), {}, graph_.value(id).constant});
      return at->second;
    };
    const DType dtype = type(cone.leaf).dtype;
    Result<Tensor> codes = Tensor::allocate(dtype, {kCodes});
    if (!codes.ok()) return {};
    for (int64_t i = 0; i < kCodes; ++i)
      codes->mutable_data<uint8_t>()[i] = static_cast<uint8_t>(dtype == DType::int8 ? i - 128 : i);
    single.value(copied(cone.leaf)).constant = std::move(codes).value();
    for (size_t index : cone.nodes) {
      Node node = graph_.nodes[index];
      for (ValueId& id : node.inputs) id = id == kNoValue ? id : copied(id);
      node.outputs[0] = copied(node.outputs[0]);
      single.nodes.push_back(std::move(node));
    }
    single.outputs = {copied(result)};
    const Result<Interpreter> interpreter = Interpreter::prepare(single, context_.registry);
    if (!interpreter.ok()) return {};
    RunOptions options;
    options.budget = std::make_shared<Budget>(context_.limits);
    const Result<std::vector<Datum>> outputs = interpreter->run({}, options);
    if (!outputs.ok() || (*outputs)[0].kind != Datum::Kind::tensor) return {};
    const Tensor& table = (*outputs)[0].tensor;
    return table.valid() && table.size() == kCodes ? table : Tensor();
  }

  bool fuse(size_t index) {
    const Node& node = graph_.nodes[index];
    if (node.outputs.size() != 1 || node.outputs[0] == kNoValue || !is_codes(node.outputs[0]) || !is_elementwise(node))
      return false;
    const ValueId result = node.outputs[0];
    Cone cone;
    visits_ = 0;
    if (!collect_node(index, cone) || cone.leaf == kNoValue) return false;
    if (cone.nodes.size() == 1 && (node.op == "lookup" || node.op == "identity")) return false;
    // Constants of more dimensions than the codes would add to those of the result.
    const Shape &in = type(cone.leaf).shape, &out = type(result).shape;
    if (!in.ranked || !out.ranked || in.rank() != out.rank()) return false;
    const Tensor table = evaluate(cone, result);
    if (!table.valid() || table.dtype() != type(result).dtype) return false;
    Result<Tensor> flat = Tensor::allocate(table.dtype(), {kCodes});
    if (!flat.ok()) return false;
    std::copy_n(table.raw().data(), kCodes, flat->mutable_data<std::byte>());
    const ValueId constant = builder_.constant(std::move(flat).value(), "table");
    Node& fused = graph_.nodes[index];
    fused.op = "lookup";
    fused.inputs = {cone.leaf, constant};
    fused.attributes = {};
    return true;
  }

  Graph& graph_;
  const PassContext& context_;
  std::vector<int32_t> producer_;  // constants made here are not in it
  Builder builder_;
  mutable int visits_ = 0;
};

}  // namespace

Status fuse_lookups(Graph& graph, const PassContext& context) {
  if (has_codes(graph) && Tables(graph, context).run()) MN_TRY(remove_dead_code(graph, context));
  return rewrite_subgraphs(graph, context, fuse_lookups);
}

}  // namespace minnow::passes
