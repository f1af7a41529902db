#include "ops/attention_parts.h"

#include <limits>
#include <unordered_map>

namespace minnow::ops {

int64_t known_size(const Builder& b, ValueId id, int64_t axis) {
  if (id == kNoValue) return -1;
  const Shape& shape = b.type(id).shape;
  if (axis < 0) axis += shape.rank();
  if (!shape.ranked || axis < 0 || axis >= shape.rank()) return -1;
  return shape.dims[static_cast<size_t>(axis)].value;
}

ValueId int_scalar(Builder& b, int64_t value) { return b.constant(Tensor::scalar<int64_t>(value)); }

ValueId axis_size(Builder& b, ValueId id, int64_t axis) {
  const int64_t known = known_size(b, id, axis);
  if (known >= 0) return int_scalar(b, known);
  return b.add("gather", {b.add("shape", {id}), int_scalar(b, axis)}, {{"axis", 0}});
}

ValueId counting(Builder& b, ValueId count) { return b.add("range", {int_scalar(b, 0), count, int_scalar(b, 1)}); }

ValueId reshaped(Builder& b, ValueId id, std::initializer_list<int64_t> sizes) {
  return b.add("reshape", {id, b.ints(sizes)});
}

ValueId transposed(Builder& b, ValueId id, std::initializer_list<int64_t> perm) {
  return b.add("transpose", {id}, {{"perm", Ints(perm)}});
}

ValueId sliced(Builder& b, ValueId id, int64_t axis, int64_t begin, int64_t end, int64_t step) {
  return b.add("slice", {id, b.ints({begin}), b.ints({end}), b.ints({axis}), b.ints({step})});
}

namespace {

// Reshape to sizes that are all known, where 0 means 0; else to `otherwise`, where it keeps a dimension.
ValueId reshaped_to(Builder& b, ValueId id, const Dims& sizes, std::initializer_list<int64_t> otherwise) {
  for (const int64_t size : sizes) {
    if (size < 0) return reshaped(b, id, otherwise);
  }
  return b.add("reshape", {id, b.ints(sizes)}, {{"allowzero", 1}});
}

}  // namespace

ValueId split_heads(Builder& b, ValueId id, int64_t heads) {
  const int64_t batch = known_size(b, id, 0), length = known_size(b, id, 1), hidden = known_size(b, id, 2);
  const int64_t size = hidden >= 0 ? hidden / heads : -1;
  return transposed(b, reshaped_to(b, id, {batch, length, heads, size}, {0, 0, heads, size}), {0, 2, 1, 3});
}

ValueId join_heads(Builder& b, ValueId id) {
  const int64_t batch = known_size(b, id, 0), heads = known_size(b, id, 1), length = known_size(b, id, 2);
  const int64_t size = known_size(b, id, 3), hidden = heads >= 0 && size >= 0 ? heads * size : -1;
  return reshaped_to(b, transposed(b, id, {0, 2, 1, 3}), {batch, length, hidden}, {0, 0, hidden});
}

ValueId repeat_heads(Builder& b, ValueId id, int64_t times) {
  if (times == 1) return id;
  const int64_t batch = known_size(b, id, 0), heads = known_size(b, id, 1), length = known_size(b, id, 2);
  const int64_t size = known_size(b, id, 3);
  if (heads < 0 || (length < 0 && size < 0)) {
    b.fail(
        bad_input({"shared key and value heads need a known head count and head size, got ", to_string(b.type(id))}));
    return kNoValue;
  }
  const ValueId apart = b.add("expand", {b.add("unsqueeze", {id, b.ints({2})}), b.ints({1, 1, times, 1, 1})});
  return reshaped_to(b, apart, {batch, heads * times, length, size}, {0, heads * times, length, size});
}

ValueId mask_bias(Builder& b, ValueId allowed, ValueId like) {
  return b.add("where",
               {allowed, b.scalar_like(0, like), b.scalar_like(-std::numeric_limits<double>::infinity(), like)});
}

Result<std::vector<ValueId>> inline_graph(Builder& b, const Graph& graph, std::span<const ValueId> inputs) {
  MN_CHECK(inputs.size() == graph.inputs.size(), "the subgraph takes ", graph.inputs.size(), " inputs, expected ",
           inputs.size());
  std::unordered_map<ValueId, ValueId> ids;
  for (size_t i = 0; i < inputs.size(); ++i) ids[graph.inputs[i]] = inputs[i];
  const auto mapped = [&](ValueId id) -> ValueId {
    if (id == kNoValue) return kNoValue;
    if (const auto found = ids.find(id); found != ids.end()) return found->second;
    const Value& value = graph.value(id);
    const ValueId made = value.is_constant() ? b.constant(value.constant, value.name) : kNoValue;
    ids[id] = made;
    return made;
  };
  for (const Node& node : graph.nodes) {
    std::vector<ValueId> arguments;
    for (const ValueId id : node.inputs) arguments.push_back(mapped(id));
    std::vector<std::string> names;
    for (const ValueId id : node.outputs) names.push_back(id == kNoValue ? "-" : graph.value(id).name);
    const std::vector<ValueId> outputs =
        b.add_many(node.op, arguments, static_cast<int>(node.outputs.size()), node.attributes, node.name, names);
    MN_TRY(b.status());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) ids[node.outputs[i]] = outputs[i];
    }
  }
  std::vector<ValueId> results;
  for (const ValueId id : graph.outputs) results.push_back(mapped(id));
  return results;
}

}  // namespace minnow::ops
