#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "graph/tensor_equal.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

// Constants are told apart by their first bytes, last bytes and sizes before they are compared whole.
constexpr size_t kHashedBytes = 256;

// FNV-1a, 64 bits (Fowler, Noll, Vo).
class Hash {
 public:
  void bytes(const void* data, size_t size) {
    const auto* from = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < size; ++i) state_ = (state_ ^ from[i]) * 0x100000001B3u;
  }
  void number(uint64_t value) { bytes(&value, sizeof(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes(value.data(), value.size());
  }
  void tensor(const Tensor& tensor) {
    number(static_cast<uint64_t>(tensor.dtype()));
    for (int64_t dim : tensor.dims()) number(static_cast<uint64_t>(dim));
    if (tensor.dtype() == DType::string) {
      if (tensor.size() > 0) text(tensor.strings()[0]);
      return;
    }
    const auto raw = tensor.raw();
    const size_t count = std::min(raw.size(), kHashedBytes);
    bytes(raw.data(), count);
    bytes(raw.data() + (raw.size() - count), count);
  }
  // Lists are hashed by kind alone where equal ones are rare (tensors, graphs): equality decides.
  void attribute(const Attribute& attribute) {
    number(static_cast<uint64_t>(attribute.kind()));
    if (const auto* value = attribute.get<int64_t>()) number(static_cast<uint64_t>(*value));
    if (const auto* value = attribute.get<float>()) bytes(value, sizeof(float));
    if (const auto* value = attribute.get<std::string>()) text(*value);
    if (const auto* value = attribute.get<Tensor>()) tensor(*value);
    if (const auto* value = attribute.get<Ints>()) bytes(value->data(), value->size() * sizeof(int64_t));
    if (const auto* value = attribute.get<Floats>()) bytes(value->data(), value->size() * sizeof(float));
  }
  uint64_t state() const { return state_; }

 private:
  uint64_t state_ = 0xCBF29CE484222325u;
};

uint64_t hash_of(const Node& node) {
  Hash hash;
  hash.text(node.op);
  for (ValueId id : node.inputs) hash.number(static_cast<uint64_t>(id));
  hash.number(node.outputs.size());
  for (const auto& [name, attribute] : node.attributes) {
    hash.text(name);
    hash.attribute(attribute);
  }
  return hash.state();
}

// Whether `first` computes everything that `second` does.
bool covers(const Node& first, const Node& second) {
  if (first.op != second.op || first.inputs != second.inputs || first.outputs.size() != second.outputs.size() ||
      !(first.attributes == second.attributes)) {
    return false;
  }
  for (size_t i = 0; i < first.outputs.size(); ++i) {
    if (first.outputs[i] == kNoValue && second.outputs[i] != kNoValue) return false;
  }
  return true;
}

void share_constants(Graph& graph, Replacements& replacements) {
  std::unordered_multimap<uint64_t, ValueId> seen;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (!value.is_constant()) continue;
    Hash hash;
    hash.tensor(value.constant);
    const auto [first, last] = seen.equal_range(hash.state());
    const auto same = std::find_if(
        first, last, [&](const auto& entry) { return same_bits(graph.value(entry.second).constant, value.constant); });
    if (same == last) seen.emplace(hash.state(), static_cast<ValueId>(i));
    else replacements.replace(static_cast<ValueId>(i), same->second);
  }
}

bool replace_outputs(const Node& by, const Node& node, Replacements& replacements) {
  bool all = true;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) all = replacements.replace(node.outputs[i], by.outputs[i]) && all;
  }
  return all;
}

}  // namespace

Status share_subexpressions(Graph& graph, const PassContext& context) {
  Replacements replacements(graph, context);
  share_constants(graph, replacements);
  std::vector<Node> kept;
  std::unordered_multimap<uint64_t, size_t> seen;
  for (Node& node : graph.nodes) {
    replacements.resolve(node);
    const OpDef* op = context.registry.find(node.op);
    const bool pure = op != nullptr && op->pure && op->custom == nullptr && !node.outputs.empty();
    const uint64_t hash = pure ? hash_of(node) : 0;
    if (pure) {
      const auto [first, last] = seen.equal_range(hash);
      const auto same = std::find_if(first, last, [&](const auto& entry) { return covers(kept[entry.second], node); });
      if (same != last && replace_outputs(kept[same->second], node, replacements)) continue;
      if (same == last) seen.emplace(hash, kept.size());
    }
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  replacements.finish();
  compact(graph);
  return rewrite_subgraphs(graph, context, share_subexpressions);
}

}  // namespace minnow::passes
