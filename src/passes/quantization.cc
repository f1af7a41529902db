#include "passes/quantization.h"

#include <algorithm>

namespace minnow {
namespace {

// The integer that a node states under that name; both quantization operators have 0 or the given default else.
int64_t stated(const Node& node, std::string_view name, int64_t fallback) {
  const Attribute* attribute = node.attributes.find(name);
  const int64_t* value = attribute != nullptr ? attribute->get<int64_t>() : nullptr;
  return value != nullptr ? *value : fallback;
}

DType dtype_of(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.value(id).type.is_tensor() ? graph.value(id).type.dtype : DType::undefined;
}

}  // namespace

bool is_byte(DType dtype) { return dtype == DType::int8 || dtype == DType::uint8; }

bool has_codes(const Graph& graph) {
  return std::any_of(graph.values.begin(), graph.values.end(),
                     [](const Value& value) { return value.type.is_tensor() && is_byte(value.type.dtype); });
}

bool has_elements(const Graph& graph, ValueId id, int64_t count) {
  if (id == kNoValue || !graph.value(id).type.is_tensor()) return false;
  const Shape& shape = graph.value(id).type.shape;
  return shape.static_dims() && element_count(shape.to_dims()) == count;
}

QuantizationMatcher::QuantizationMatcher(const Graph& graph)
    : graph_(graph), producer_(producers(graph)), reader_(graph.values.size(), -1), uses_(use_counts(graph)) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId id : graph.nodes[i].inputs) {
      if (id != kNoValue) reader_[static_cast<size_t>(id)] = static_cast<int32_t>(i);
    }
  }
}

const Node* QuantizationMatcher::producer(ValueId id) const {
  const int32_t index = id == kNoValue ? -1 : producer_[static_cast<size_t>(id)];
  return index >= 0 ? &graph_.nodes[static_cast<size_t>(index)] : nullptr;
}

const Node* QuantizationMatcher::only_reader(ValueId id) const {
  if (id == kNoValue || uses_[static_cast<size_t>(id)] != 1) return nullptr;
  const int32_t index = reader_[static_cast<size_t>(id)];
  return index >= 0 ? &graph_.nodes[static_cast<size_t>(index)] : nullptr;
}

std::optional<QuantizedValue> QuantizationMatcher::dequantized(ValueId real) const {
  const Node* node = producer(real);
  if (node == nullptr || node->op != "dequantize_linear" || dtype_of(graph_, real) != DType::float32)
    return std::nullopt;
  if (stated(*node, "block_size", 0) != 0) return std::nullopt;
  QuantizedValue value{node->inputs[0], node->inputs[1], node->inputs.size() > 2 ? node->inputs[2] : kNoValue};
  const Type &codes = graph_.value(value.codes).type, &scale = graph_.value(value.scale).type;
  if (!codes.is_tensor() || !codes.shape.ranked || !scale.is_tensor() || !scale.shape.static_dims() ||
      scale.dtype != DType::float32)
    return std::nullopt;
  value.per_tensor = element_count(scale.shape.to_dims()) == 1;
  if (value.per_tensor) return value;
  value.axis = stated(*node, "axis", 1);
  if (value.axis < 0) value.axis += codes.shape.rank();
  const bool per_axis = scale.shape.rank() == 1 && value.axis >= 0 && value.axis < codes.shape.rank();
  return per_axis ? std::optional(value) : std::nullopt;
}

const Node* QuantizationMatcher::quantizing_reader(ValueId real) const {
  const Node* node = only_reader(real);
  if (node == nullptr || node->op != "quantize_linear" || node->inputs[0] != real || node->inputs.size() < 3 ||
      node->inputs[2] == kNoValue || stated(*node, "block_size", 0) != 0)
    return nullptr;
  const bool fits = is_byte(dtype_of(graph_, node->outputs[0])) &&
                    dtype_of(graph_, node->inputs[1]) == DType::float32 && has_elements(graph_, node->inputs[1], 1) &&
                    has_elements(graph_, node->inputs[2], 1);
  return fits ? node : nullptr;
}

}  // namespace minnow
