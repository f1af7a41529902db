#include "passes/size_classes.h"

#include <algorithm>

#include "passes/rewrite.h"

namespace minnow {
namespace {

// Shape arithmetic is short; longer integer tensors are data.
constexpr int64_t kMaxElements = 16;

constexpr std::string_view kShapeKeepers[] = {"abs",
                                              "cast",
                                              "clip",
                                              "dropout",
                                              "elu",
                                              "erf",
                                              "exp",
                                              "gelu",
                                              "hard_sigmoid",
                                              "hard_swish",
                                              "is_nan",
                                              "identity",
                                              "layer_normalization",
                                              "leaky_relu",
                                              "log",
                                              "neg",
                                              "not",
                                              "reciprocal",
                                              "relu",
                                              "rms_normalization",
                                              "sigmoid",
                                              "softmax",
                                              "sqrt",
                                              "swish",
                                              "tanh"};
constexpr std::string_view kBroadcasters[] = {"add", "sub", "mul", "div", "pow", "max", "min"};

template <size_t kCount>
bool is_any(std::string_view op, const std::string_view (&names)[kCount]) {
  return std::find(std::begin(names), std::end(names), op) != std::end(names);
}

int64_t int_attribute(const Node& node, std::string_view name, int64_t fallback) {
  const Attribute* attribute = node.attributes.find(name);
  const int64_t* value = attribute != nullptr ? attribute->get<int64_t>() : nullptr;
  return value != nullptr ? *value : fallback;
}

// The integers of a constant input, or none.
std::optional<std::vector<int64_t>> ints_of(const Graph& graph, const Node& node, size_t index) {
  const Tensor* tensor = constant_input(graph, node, index);
  if (tensor == nullptr || !is_integer(tensor->dtype()) || tensor->size() > kMaxElements) return std::nullopt;
  return to_ints(*tensor);
}

int64_t position(int64_t index, int64_t count) {
  return std::clamp<int64_t>(index < 0 ? index + count : index, 0, count);
}

}  // namespace

SizeClasses::SizeClasses(const Graph& graph)
    : graph_(graph), dims_(graph.values.size()), elements_(graph.values.size()) {
  for (size_t i = 0; i < graph.values.size(); ++i) set_from_type(static_cast<ValueId>(i));
  for (const Node& node : graph.nodes) {
    if (node.outputs.empty() || node.outputs[0] == kNoValue || node.inputs.empty()) continue;
    const auto out = static_cast<size_t>(node.outputs[0]);
    elements_[out] = elements_after(node);
    Row found = dims_after(node);
    Row& row = dims_[out];
    if (!found.has_value() || (row.has_value() && row->size() != found->size())) continue;
    for (size_t d = 0; row.has_value() && d < row->size(); ++d) {
      const Dim& dim = graph.values[out].type.shape.dims[d];
      if (dim.known() || (!dim.symbol.empty() && !is_number((*found)[d]))) (*found)[d] = (*row)[d];
    }
    row = std::move(found);
  }
}

const SizeClasses::Row& SizeClasses::row(const std::vector<Row>& rows, ValueId id) const {
  static const Row none;
  return id == kNoValue ? none : rows[static_cast<size_t>(id)];
}

const std::vector<SizeClasses::Class>* SizeClasses::dims(ValueId id) const {
  const Row& found = row(dims_, id);
  return found.has_value() ? &*found : nullptr;
}

const std::vector<SizeClasses::Class>* SizeClasses::elements(ValueId id) const {
  const Row& found = row(elements_, id);
  return found.has_value() ? &*found : nullptr;
}

bool SizeClasses::same_dims(ValueId a, ValueId b) const {
  const auto *x = dims(a), *y = dims(b);
  return x != nullptr && y != nullptr && *x == *y;
}

void SizeClasses::set_from_type(ValueId id) {
  const Value& value = graph_.value(id);
  const auto at = static_cast<size_t>(id);
  if (value.is_constant()) {
    dims_[at] = value.constant.dims();
    if (!is_integer(value.constant.dtype()) || value.constant.size() > kMaxElements || dims_[at]->size() > 1) return;
    elements_[at] = to_ints(value.constant);
    for (Class& element : *elements_[at]) {
      if (element <= kFirstName) element = fresh();
    }
    return;
  }
  if (!value.type.is_tensor() || !value.type.shape.ranked) return;
  dims_[at].emplace();
  for (const Dim& dim : value.type.shape.dims) {
    if (dim.known() || dim.symbol.empty()) {
      dims_[at]->push_back(dim.known() ? dim.value : fresh());
      continue;
    }
    const auto [entry, added] = symbols_.try_emplace(dim.symbol, next_name_);
    if (added) --next_name_;
    dims_[at]->push_back(entry->second);
  }
}

SizeClasses::Class SizeClasses::broadcast(Class a, Class b) {
  if (a == b || b == 1) return a;
  if (a == 1) return b;
  if (is_number(a)) return a;  // the other is the same, or 1
  return is_number(b) ? b : fresh();
}

SizeClasses::Row SizeClasses::broadcast_rows(const std::vector<Class>& a, const std::vector<Class>& b) {
  const auto& longer = a.size() < b.size() ? b : a;
  const auto& shorter = a.size() < b.size() ? a : b;
  std::vector<Class> result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t d = 0; d < shorter.size(); ++d) result[offset + d] = broadcast(result[offset + d], shorter[d]);
  return result;
}

SizeClasses::Row SizeClasses::matmul(const std::vector<Class>& a, const std::vector<Class>& b) {
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  Row result = broadcast_rows({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  result->push_back(a[a.size() - 2]);
  result->push_back(b.back());
  return result;
}

SizeClasses::Row SizeClasses::gather(const Node& node, const std::vector<Class>& data,
                                     const std::vector<Class>& indices) const {
  const auto rank = static_cast<int64_t>(data.size());
  int64_t axis = int_attribute(node, "axis", 0);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return std::nullopt;
  std::vector<Class> result(data.begin(), data.begin() + axis);
  result.insert(result.end(), indices.begin(), indices.end());
  result.insert(result.end(), data.begin() + axis + 1, data.end());
  return result;
}

// A size of -1 is what the others leave over: names that stand on both sides cancel.
SizeClasses::Row SizeClasses::reshape(const Node& node, const std::vector<Class>& from) {
  const std::vector<Class>* to = elements(node.inputs[1]);
  if (to == nullptr) return std::nullopt;
  std::vector<Class> result = *to, rest = from;
  const bool zero_copies = int_attribute(node, "allowzero", 0) == 0;
  size_t wildcard = result.size();
  int64_t numerator = 1, denominator = 1;
  bool solvable = true;
  for (size_t d = 0; d < result.size(); ++d) {
    if (result[d] == 0 && zero_copies) {
      if (d >= from.size()) return std::nullopt;
      result[d] = from[d];
    }
    if (result[d] == -1) {
      wildcard = d;
    } else if (is_number(result[d])) {
      solvable = solvable && !__builtin_mul_overflow(denominator, result[d], &denominator);
    } else if (const auto at = std::find(rest.begin(), rest.end(), result[d]); at != rest.end()) {
      rest.erase(at);
    } else {
      solvable = false;
    }
  }
  if (wildcard == result.size()) return result;
  std::vector<Class> names;
  for (const Class size : rest) {
    if (!is_number(size)) names.push_back(size);
    else solvable = solvable && !__builtin_mul_overflow(numerator, size, &numerator);
  }
  result[wildcard] = fresh();
  if (!solvable || denominator == 0 || numerator == 0) return result;
  if (names.empty() && numerator % denominator == 0) result[wildcard] = numerator / denominator;
  if (names.size() == 1 && numerator == denominator) result[wildcard] = names[0];
  return result;
}

SizeClasses::Row SizeClasses::dims_after(const Node& node) {
  const auto input = [&](size_t i) { return i < node.inputs.size() ? dims(node.inputs[i]) : nullptr; };
  const std::vector<Class>*a = input(0), *b = input(1);
  if (a == nullptr) return std::nullopt;
  if (is_any(node.op, kShapeKeepers)) return *a;
  if (node.op == "transpose") {
    const Attribute* perm = node.attributes.find("perm");
    const Ints* order = perm != nullptr ? perm->get<Ints>() : nullptr;
    if (order == nullptr || order->size() != a->size()) return std::nullopt;
    std::vector<Class> result;
    for (const int64_t axis : *order) {
      if (axis < 0 || axis >= static_cast<int64_t>(a->size())) return std::nullopt;
      result.push_back((*a)[static_cast<size_t>(axis)]);
    }
    return result;
  }
  if (b == nullptr) return std::nullopt;
  if (is_any(node.op, kBroadcasters) && node.inputs.size() == 2) return broadcast_rows(*a, *b);
  if (node.op == "matmul") return matmul(*a, *b);
  if (node.op == "gather") return gather(node, *a, *b);
  if (node.op == "reshape") return reshape(node, *a);
  if (node.op == "attention" && a->size() == 3) return Row({(*a)[0], (*a)[1], fresh()});
  const std::vector<Class>* values = input(2);
  if (node.op == "attention" && a->size() == 4 && values != nullptr && values->size() == 4)
    return Row({(*a)[0], (*a)[1], (*a)[2], (*values)[3]});
  return std::nullopt;
}

SizeClasses::Row SizeClasses::shape(const Node& node, const std::vector<Class>& from) const {
  const auto rank = static_cast<int64_t>(from.size());
  const int64_t begin = position(int_attribute(node, "start", 0), rank);
  const int64_t end = std::max(begin, position(int_attribute(node, "end", rank), rank));
  return std::vector<Class>(from.begin() + begin, from.begin() + end);
}

SizeClasses::Row SizeClasses::sliced(const Node& node, const std::vector<Class>& from) const {
  const auto count = static_cast<int64_t>(from.size());
  const auto starts = ints_of(graph_, node, 1), ends = ints_of(graph_, node, 2), steps = ints_of(graph_, node, 4);
  if (!starts.has_value() || !ends.has_value() || starts->size() != 1 || ends->size() != 1) return std::nullopt;
  if (node.inputs.size() > 4 && (!steps.has_value() || *steps != std::vector<int64_t>{1})) return std::nullopt;
  // Lowest and highest ends are spelled as the extreme integers.
  const auto clamped = [count](int64_t i) { return position(std::clamp<int64_t>(i, -count, count), count); };
  const int64_t begin = clamped(starts->front()), end = std::max(begin, clamped(ends->front()));
  return std::vector<Class>(from.begin() + begin, from.begin() + end);
}

SizeClasses::Row SizeClasses::elements_after(const Node& node) {
  if (node.op == "shape") {
    const std::vector<Class>* from = dims(node.inputs[0]);
    return from != nullptr ? shape(node, *from) : std::nullopt;
  }
  if (node.op == "concat") {
    std::vector<Class> all;
    for (const ValueId id : node.inputs) {
      const std::vector<Class>* part = elements(id);
      if (part == nullptr || part->size() + all.size() > static_cast<size_t>(kMaxElements)) return std::nullopt;
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }
  const std::vector<Class>* from = elements(node.inputs[0]);
  if (from == nullptr) return std::nullopt;
  const Type& type = graph_.value(node.outputs[0]).type;
  if (node.op == "identity" || (node.op == "cast" && type.is_tensor() && is_integer(type.dtype))) return *from;
  const bool single = from->size() == 1 && type.is_tensor() && type.shape.ranked && type.shape.rank() <= 1;
  if (single && (node.op == "unsqueeze" || node.op == "squeeze" || node.op == "reshape")) return *from;
  if (node.op == "slice") return sliced(node, *from);
  if (node.op != "gather") return std::nullopt;
  const auto indices = ints_of(graph_, node, 1);
  if (!indices.has_value()) return std::nullopt;
  std::vector<Class> picked;
  for (const int64_t index : *indices) {
    const int64_t at = index < 0 ? index + static_cast<int64_t>(from->size()) : index;
    if (at < 0 || at >= static_cast<int64_t>(from->size())) return std::nullopt;
    picked.push_back((*from)[static_cast<size_t>(at)]);
  }
  return picked;
}

}  // namespace minnow
