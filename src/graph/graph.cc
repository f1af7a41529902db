#include "graph/graph.h"

#include "base/text.h"

namespace minnow {
namespace {

// Calls visit(subgraph) for every graph among a node's attributes; null references are skipped.
template <class F>
void for_each_subgraph(const Node& node, F visit) {
  for (const Attributes::Entry& entry : node.attributes) {
    const Attribute& attribute = entry.value;
    if (const auto* graph = attribute.get<GraphRef>()) {
      if (*graph) visit(**graph);
    } else if (const auto* graphs = attribute.get<std::vector<GraphRef>>()) {
      for (const GraphRef& graph : *graphs) {
        if (graph) visit(*graph);
      }
    }
  }
}

int64_t stored_bytes(const Tensor& tensor) {
  if (!tensor.valid()) return 0;
  if (tensor.dtype() != DType::string) return tensor.bytes();
  int64_t total = 0;
  for (const std::string& text : tensor.strings()) total += static_cast<int64_t>(text.size());
  return total;
}

}  // namespace

Type common_type(const Type& a, const Type& b) {
  if (a == b) return a;
  if (a.kind != b.kind) return {};
  if (!a.is_tensor()) {
    if (!a.element || !b.element) return {a.kind, {}, {}, nullptr};
    return {a.kind, {}, {}, std::make_shared<const Type>(common_type(*a.element, *b.element))};
  }
  const DType dtype = a.dtype == b.dtype ? a.dtype : DType::undefined;
  if (!a.shape.ranked || !b.shape.ranked || a.shape.rank() != b.shape.rank()) return Type::tensor(dtype);
  Shape shape = a.shape;
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    if (!shape.dims[i].same(b.shape.dims[i])) shape.dims[i] = Dim();
  }
  return Type::tensor(dtype, std::move(shape));
}

Type Type::of(const Datum& datum) {
  switch (datum.kind) {
    case Datum::Kind::none: return {};
    case Datum::Kind::tensor: return tensor(datum.tensor.dtype(), datum.tensor.dims());
    case Datum::Kind::sequence: break;
  }
  if (!datum.sequence || datum.sequence->empty()) return sequence({});
  // The elements of a sequence share one type: what differs between them becomes unknown.
  Type element = of(datum.sequence->front());
  for (const Datum& other : *datum.sequence) element = common_type(element, of(other));
  return sequence(std::move(element));
}

std::string to_string(const Type& type) {
  switch (type.kind) {
    case Type::Kind::unknown: return "?";
    case Type::Kind::sequence: return "sequence(" + (type.element ? to_string(*type.element) : "?") + ")";
    case Type::Kind::optional: return "optional(" + (type.element ? to_string(*type.element) : "?") + ")";
    case Type::Kind::tensor: break;
  }
  const std::string_view dtype = type.dtype == DType::undefined ? "?" : to_string(type.dtype);
  return concat({dtype, type.shape.ranked ? printable(to_string(type.shape), 400) : "[...]"});
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || !(a.shape == b.shape)) return false;
  if (!a.element || !b.element) return a.element == b.element;
  return *a.element == *b.element;
}

ValueId Graph::add_value(Value value) {
  if (value.is_constant() && value.type.kind == Type::Kind::unknown) {
    value.type = Type::tensor(value.constant.dtype(), value.constant.dims());
  }
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::find_value(std::string_view name) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == name) return static_cast<ValueId>(i);
  }
  return kNoValue;
}

std::vector<int32_t> producers(const Graph& graph) {
  std::vector<int32_t> result(graph.values.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId id : graph.nodes[i].outputs) {
      if (id != kNoValue) result[static_cast<size_t>(id)] = static_cast<int32_t>(i);
    }
  }
  return result;
}

std::vector<int32_t> use_counts(const Graph& graph) {
  std::vector<int32_t> result(graph.values.size(), 0);
  const auto count = [&](ValueId id) {
    if (id != kNoValue) ++result[static_cast<size_t>(id)];
  };
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.inputs) count(id);
  }
  for (ValueId id : graph.outputs) count(id);
  for (const State& state : graph.states) count(state.out);
  return result;
}

int64_t constant_bytes(const Graph& graph) {
  int64_t total = 0;
  for (const Value& value : graph.values) total += stored_bytes(value.constant);
  for (const Node& node : graph.nodes) {
    for_each_subgraph(node, [&](const Graph& subgraph) { total += constant_bytes(subgraph); });
  }
  return total;
}

int64_t node_count(const Graph& graph) {
  auto total = static_cast<int64_t>(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    for_each_subgraph(node, [&](const Graph& subgraph) { total += node_count(subgraph); });
  }
  return total;
}

std::string describe(const Node& node) {
  if (node.name.empty()) return concat({"node (", printable(node.op), ")"});
  return concat({"node '", printable(node.name), "' (", printable(node.op), ")"});
}

}  // namespace minnow
