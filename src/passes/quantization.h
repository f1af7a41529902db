// Recognizing dequantize_linear -> operator -> quantize_linear, for passes that make one operator on codes of it.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace minnow {

// Codes with what they mean: real = (codes - zero_point) scale. The dtype of `zero_point` (where it is present) and of
// `codes` are the same.
struct QuantizedValue {
  ValueId codes = kNoValue, scale = kNoValue, zero_point = kNoValue;  // kNoValue: zero
  int64_t axis = 0;                                                   // of scales and zero points, where they are many
  bool per_tensor = true;
};

// Reads a graph that does not change meanwhile.
class QuantizationMatcher {
 public:
  explicit QuantizationMatcher(const Graph& graph);

  // What `real` was dequantized from. Nothing: it was not, or by blocks, or its types are not known.
  std::optional<QuantizedValue> dequantized(ValueId real) const;
  // The node that produces the value, or null.
  const Node* producer(ValueId id) const;
  // The node that alone reads the value. Null: there are more readers, or it is an output or a state.
  const Node* only_reader(ValueId id) const;
  // That node, where it is a quantize_linear to 8-bit codes with one scale and a zero point.
  const Node* quantizing_reader(ValueId real) const;
  // Position of a node of the graph.
  size_t index_of(const Node& node) const { return static_cast<size_t>(&node - graph_.nodes.data()); }

 private:
  const Graph& graph_;
  std::vector<int32_t> producer_, reader_, uses_;
};

// A tensor of this many elements for sure.
bool has_elements(const Graph& graph, ValueId id, int64_t count);
bool is_byte(DType dtype);
// Most graphs have none: passes that look for codes need not look further.
bool has_codes(const Graph& graph);

}  // namespace minnow
