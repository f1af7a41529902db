// Pieces that the attention operators and their import adapters are built from. Sizes that are not known when the graph
// is built are computed by it.
#pragma once

#include "ops/builder.h"

namespace minnow::ops {

// The size of an axis as a 0-d int64: a constant where it is known.
ValueId axis_size(Builder& b, ValueId id, int64_t axis);
// -1 where not known.
int64_t known_size(const Builder& b, ValueId id, int64_t axis);
// 0-d int64 constant.
ValueId int_scalar(Builder& b, int64_t value);
// [0, 1, … count - 1] for a 0-d count.
ValueId counting(Builder& b, ValueId count);
// Reshape with constant sizes; 0 keeps a dimension, -1 is computed.
ValueId reshaped(Builder& b, ValueId id, std::initializer_list<int64_t> sizes);
ValueId transposed(Builder& b, ValueId id, std::initializer_list<int64_t> perm);
// Elements [begin, end) along an axis.
ValueId sliced(Builder& b, ValueId id, int64_t axis, int64_t begin, int64_t end, int64_t step = 1);

// [batch, length, heads * size] to [batch, heads, length, size] and back.
ValueId split_heads(Builder& b, ValueId id, int64_t heads);
ValueId join_heads(Builder& b, ValueId id);
// Each of the heads (axis 1 of 4) `times` times in a row: key and value heads that several query heads share.
ValueId repeat_heads(Builder& b, ValueId id, int64_t times);
// 0 where `allowed`, -infinity elsewhere, in the dtype of `like`.
ValueId mask_bias(Builder& b, ValueId allowed, ValueId like);

// Adds the nodes of a closed graph, its inputs replaced by `inputs`, and returns its outputs.
Result<std::vector<ValueId>> inline_graph(Builder& b, const Graph& graph, std::span<const ValueId> inputs);

}  // namespace minnow::ops
