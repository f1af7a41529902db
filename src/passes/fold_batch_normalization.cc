// y = (conv(x, W) + b - mean) * scale / sqrt(var + epsilon) + shift is a convolution with weights W * s and bias
// (b - mean) * s + shift, where s = scale / sqrt(var + epsilon), one value an output channel. So is a convolution that
// is multiplied by a constant, or to which one is added.
#include <cmath>
#include <cstring>
#include <optional>

#include "ops/builder.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

// Per output channel: y = x * scale + shift.
struct Affine {
  std::vector<double> scale, shift;
};

bool channels_second(const NodeView& node) {
  const std::string& layout = node.string_attribute("data_layout");
  return layout.empty() || layout == "NCHW";
}

std::optional<Affine> inference_affine(const Graph& graph, const Node& node, const OpDef& op) {
  const NodeView view(op, node);
  if (node.inputs.size() != 5 || view.int_attribute("training_mode") != 0) return std::nullopt;
  if (!channels_second(view)) return std::nullopt;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) return std::nullopt;
  }
  std::vector<double> parameters[4];  // scale, shift, mean, variance
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* tensor = constant_input(graph, node, i + 1);
    if (tensor == nullptr || !is_float(tensor->dtype())) return std::nullopt;
    parameters[i] = to_doubles(*tensor);
    if (parameters[i].size() != parameters[0].size()) return std::nullopt;
  }
  const double epsilon = view.float_attribute("epsilon");
  Affine affine;
  for (size_t c = 0; c < parameters[0].size(); ++c) {
    const double scale = parameters[0][c] / std::sqrt(parameters[3][c] + epsilon);
    const double shift = parameters[1][c] - parameters[2][c] * scale;
    if (!std::isfinite(scale) || !std::isfinite(shift)) return std::nullopt;
    affine.scale.push_back(scale);
    affine.shift.push_back(shift);
  }
  return affine;
}

// mul or add by a constant: one element, or one a channel ([C, 1, 1] or [1, C, 1, 1] beside [N, C, H, W]).
std::optional<Affine> constant_affine(const Graph& graph, const Node& node, size_t data, int64_t rank,
                                      int64_t channels) {
  const Tensor* constant = node.inputs.size() == 2 ? constant_input(graph, node, 1 - data) : nullptr;
  if (constant == nullptr || !is_float(constant->dtype()) || constant->rank() > rank) return std::nullopt;
  if (constant->size() != 1) {
    const int64_t leading = rank - constant->rank();  // dims that broadcasting adds in front
    for (int64_t d = 0; d < constant->rank(); ++d) {
      if (constant->dim(d) != (d + leading == 1 ? channels : 1)) return std::nullopt;
    }
  }
  std::vector<double> values = to_doubles(*constant);
  const auto count = static_cast<size_t>(channels);
  if (values.size() == 1) values.assign(count, values[0]);
  for (double value : values) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  if (node.op == "mul") return Affine{std::move(values), std::vector<double>(count)};
  return Affine{std::vector<double>(count, 1.0), std::move(values)};
}

struct Weights {
  Tensor weight, bias;
};

// The output channel of each slice of `inner` consecutive weights. conv: [M, C/group, …], a slice an output channel;
// conv_transpose: [C, M/group, …], where output channels repeat over the inputs of their group.
std::optional<Weights> folded(const Tensor& weight, const Tensor* bias, bool transposed, int64_t group,
                              const Affine& affine) {
  const auto channels = static_cast<int64_t>(affine.scale.size());
  if (weight.rank() < 3 || weight.size() == 0 || !is_float(weight.dtype()) || group < 1) return std::nullopt;
  const int64_t per_group = transposed ? weight.dim(1) : weight.dim(0) / group;
  const int64_t slices = transposed ? weight.dim(0) * per_group : weight.dim(0);
  if (per_group * group != channels || (transposed && weight.dim(0) % group != 0)) return std::nullopt;
  if (bias != nullptr && bias->size() != channels) return std::nullopt;

  // Slice by slice: in doubles, all of a layer's weights would take twice their memory, and again as a tensor.
  const int64_t inner = weight.size() / slices;
  const Tensor rows = weight.reshaped({slices, inner});
  Result<Tensor> new_weight = Tensor::allocate(weight.dtype(), weight.dims());
  if (!new_weight.ok()) return std::nullopt;
  for (int64_t slice = 0; slice < slices; ++slice) {
    const int64_t input_group = transposed ? slice / per_group / (weight.dim(0) / group) : 0;
    const int64_t channel = transposed ? input_group * per_group + slice % per_group : slice;
    std::vector<double> values = to_doubles(rows.rows(slice, 1));
    for (double& value : values) value *= affine.scale[static_cast<size_t>(channel)];
    const Result<Tensor> row = convert_dtype(Tensor::of<double>(values, {inner}), weight.dtype());
    if (!row.ok()) return std::nullopt;
    std::memcpy(new_weight->mutable_data<std::byte>() + slice * row->bytes(), row->raw().data(), row->raw().size());
  }
  std::vector<double> biases = bias != nullptr ? to_doubles(*bias) : std::vector<double>(affine.scale.size());
  for (size_t c = 0; c < biases.size(); ++c) biases[c] = biases[c] * affine.scale[c] + affine.shift[c];

  Result<Tensor> new_bias = convert_dtype(Tensor::of<double>(biases, {channels}), weight.dtype());
  if (!new_bias.ok()) return std::nullopt;
  return Weights{std::move(new_weight).value(), std::move(new_bias).value()};
}

// Folds one batch normalization, scale or offset into the convolution before it; `data`: which of its inputs that is.
// False: it does not apply.
bool fold_into(Builder& builder, Node& convolution, const Node& normalization, size_t data, const Registry& registry) {
  const Graph& graph = builder.graph();
  const OpDef* op = registry.find(convolution.op);
  const OpDef* normalization_op = registry.find(normalization.op);
  if (op == nullptr || normalization_op == nullptr || convolution.inputs.size() < 2) return false;
  const NodeView view(*op, convolution);
  const Tensor* weight = constant_input(graph, convolution, 1);
  const Tensor* bias = constant_input(graph, convolution, 2);
  const bool computed_bias = convolution.inputs.size() > 2 && convolution.inputs[2] != kNoValue && bias == nullptr;
  if (weight == nullptr || computed_bias || !channels_second(view)) return false;
  if (weight->rank() < 3) return false;
  const bool transposed = convolution.op == "conv_transpose";
  const int64_t channels = transposed ? weight->dim(1) * view.int_attribute("group") : weight->dim(0);
  const std::optional<Affine> affine = normalization.op == "batch_normalization"
                                           ? inference_affine(graph, normalization, *normalization_op)
                                           : constant_affine(graph, normalization, data, weight->rank(), channels);
  if (!affine) return false;
  std::optional<Weights> weights = folded(*weight, bias, transposed, view.int_attribute("group"), *affine);
  if (!weights) return false;
  const std::string name = graph.value(convolution.inputs[1]).name;
  convolution.inputs[1] = builder.constant(std::move(weights->weight), concat({name, "_normalized"}));
  convolution.inputs.resize(3);
  convolution.inputs[2] = builder.constant(std::move(weights->bias), concat({name, "_normalized_bias"}));
  convolution.outputs[0] = normalization.outputs[0];
  return true;
}

}  // namespace

Status fold_batch_normalization(Graph& graph, const PassContext& context) {
  const std::vector<int32_t> producer = producers(graph), uses = use_counts(graph);
  Builder builder(graph, context.registry);
  std::vector<bool> removed(graph.nodes.size(), false);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const bool affine = node.op == "mul" || node.op == "add";
    if ((node.op != "batch_normalization" && !affine) || node.inputs.empty() || node.outputs.empty()) continue;
    const size_t data = affine && constant_input(graph, node, 0) != nullptr ? 1 : 0;
    const ValueId in = node.inputs[data];
    if (in == kNoValue || node.outputs[0] == kNoValue || uses[static_cast<size_t>(in)] != 1) continue;
    const int32_t before = producer[static_cast<size_t>(in)];
    if (before < 0) continue;
    Node& convolution = graph.nodes[static_cast<size_t>(before)];
    // A convolution that took one normalization in produces another value than `in`: one step at a time.
    if ((convolution.op != "conv" && convolution.op != "conv_transpose") || convolution.outputs[0] != in) continue;
    removed[i] = fold_into(builder, convolution, node, data, context.registry);
  }
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!removed[i]) kept.push_back(std::move(graph.nodes[i]));
  }
  graph.nodes = std::move(kept);
  compact(graph);
  return rewrite_subgraphs(graph, context, fold_batch_normalization);
}

}  // namespace minnow::passes
