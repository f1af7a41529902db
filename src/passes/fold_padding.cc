// A convolution of an image that was padded with zeros is a convolution with larger pads.
#include <algorithm>
#include <optional>

#include "ops/builder.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

// Zeros that the node adds to each axis: begins, then ends; nothing where it does something else.
std::optional<Ints> zero_padding(const Graph& graph, const Node& node, const OpDef& op) {
  if (NodeView(op, node).string_attribute("mode") != "constant") return std::nullopt;
  const Tensor *pads = constant_input(graph, node, 1), *value = constant_input(graph, node, 2),
               *axes = constant_input(graph, node, 3);
  const auto given = [&](size_t i) { return i < node.inputs.size() && node.inputs[i] != kNoValue; };
  if (pads == nullptr || (given(2) && value == nullptr) || (given(3) && axes == nullptr)) return std::nullopt;
  if (value != nullptr && (value->size() != 1 || value->dtype() == DType::string || to_doubles(*value)[0] != 0))
    return std::nullopt;
  const Type& type = graph.value(node.inputs[0]).type;
  if (!type.is_tensor() || !type.shape.ranked) return std::nullopt;
  const int64_t rank = type.shape.rank();
  const Ints amounts = to_ints(*pads);
  Ints which;
  if (axes != nullptr) which = to_ints(*axes);
  for (int64_t d = 0; axes == nullptr && d < rank; ++d) which.push_back(d);
  if (amounts.size() != 2 * which.size()) return std::nullopt;
  Ints result(static_cast<size_t>(2 * rank));
  for (size_t i = 0; i < which.size(); ++i) {
    const int64_t axis = which[i] < 0 ? which[i] + rank : which[i];
    if (axis < 0 || axis >= rank || amounts[i] < 0 || amounts[i + which.size()] < 0) return std::nullopt;
    result[static_cast<size_t>(axis)] = amounts[i];
    result[static_cast<size_t>(axis + rank)] = amounts[i + which.size()];
  }
  return result;
}

// The convolution's pads with those of the image added, or nothing.
std::optional<Ints> joined_pads(const Node& convolution, const OpDef& op, const Ints& padding) {
  const NodeView view(op, convolution);
  const std::string& automatic = view.string_attribute("auto_pad");
  const bool none = automatic == "VALID";
  if (!none && !automatic.empty() && automatic != "NOTSET") return std::nullopt;
  const size_t rank = padding.size() / 2;
  const bool last = view.string_attribute("data_layout") == "NHWC";
  const size_t spatial = last ? 1 : 2, count = rank - 2, channel = last ? rank - 1 : 1;
  for (size_t axis : {size_t{0}, channel}) {
    if (padding[axis] != 0 || padding[axis + rank] != 0) return std::nullopt;
  }
  Ints pads = none ? Ints() : view.ints_attribute("pads");
  if (pads.empty()) pads.assign(2 * count, 0);
  if (pads.size() != 2 * count) return std::nullopt;
  // A negative pad crops the image; after padding it would crop the zeros.
  if (std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad < 0; })) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    pads[i] += padding[spatial + i];
    pads[count + i] += padding[spatial + i + rank];
  }
  return pads;
}

}  // namespace

Status fold_padding(Graph& graph, const PassContext& context) {
  const std::vector<int32_t> producer = producers(graph);
  bool changed = false;
  for (Node& node : graph.nodes) {
    if (node.op != "conv" || node.inputs[0] == kNoValue) continue;
    const int32_t before = producer[static_cast<size_t>(node.inputs[0])];
    if (before < 0 || graph.nodes[static_cast<size_t>(before)].op != "pad") continue;
    const Node& pad = graph.nodes[static_cast<size_t>(before)];
    const OpDef *conv_op = context.registry.find("conv"), *pad_op = context.registry.find("pad");
    if (conv_op == nullptr || pad_op == nullptr) continue;
    const auto padding = zero_padding(graph, pad, *pad_op);
    if (!padding.has_value() || padding->size() < 6) continue;
    auto pads = joined_pads(node, *conv_op, *padding);
    if (!pads.has_value()) continue;
    node.attributes.set("pads", std::move(*pads));
    node.attributes.set("auto_pad", "NOTSET");
    node.inputs[0] = pad.inputs[0];
    changed = true;
  }
  if (changed) MN_TRY(remove_dead_code(graph, context));
  return rewrite_subgraphs(graph, context, fold_padding);
}

}  // namespace minnow::passes
