#include "base/text.h"
#include "graph/text.h"
#include "graph/text_element.h"

namespace minnow {
namespace {

// Tensors of up to this many elements are written as numbers: shapes, axes, scalars and small kernels stay readable,
// and a line stays below a few hundred characters.
constexpr int64_t kMaxInlineElements = 32;

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}

  std::string take() && { return std::move(out_); }

  // The statements of a graph, each on a line of its own, indented by two spaces a level.
  void graph(const Graph& graph, int level) {
    const std::string indent(static_cast<size_t>(level) * 2, ' ');
    if (!graph.name.empty()) {
      out_ += indent + "name ";
      append_quoted(out_, graph.name);
      out_ += '\n';
    }
    for (const auto& [key, value] : graph.metadata) {
      out_ += indent + "metadata ";
      append_quoted(out_, key);
      out_ += " = ";
      append_quoted(out_, value);
      out_ += '\n';
    }
    for (ValueId id : graph.inputs) {
      out_ += indent + "input ";
      defined_value(graph, id);
      out_ += '\n';
    }
    for (const Value& value : graph.values) {
      if (value.is_constant()) constant(value, indent);
    }
    for (const State& state : graph.states) state_input(graph, state, indent);
    for (const Node& node : graph.nodes) this->node(graph, node, level);
    for (const State& state : graph.states) {
      out_ += indent + "update ";
      append_quoted(out_, state.name);
      out_ += " = ";
      value_name(graph, state.out);
      out_ += '\n';
    }
    for (ValueId id : graph.outputs) {
      out_ += indent + "output ";
      value_name(graph, id);
      out_ += '\n';
    }
  }

 private:
  void plain_or_quoted(std::string_view text) {
    if (is_plain_name(text)) out_ += text;
    else append_quoted(out_, text);
  }

  // Graphs that are not verified are printed too (while looking for what is wrong with them): ids are checked.
  void value_name(const Graph& graph, ValueId id) {
    if (id == kNoValue) {
      out_ += '_';
    } else if (id < 0 || static_cast<size_t>(id) >= graph.values.size()) {
      out_ += concat({"%\"no value ", id, "\""});
    } else {
      value_name(graph.value(id).name);
    }
  }

  void value_name(const std::string& name) {
    out_ += '%';
    if (is_plain_value_name(name)) out_ += name;
    else append_quoted(out_, name);
  }

  void defined_value(const Graph& graph, ValueId id) {
    value_name(graph, id);
    if (id < 0 || static_cast<size_t>(id) >= graph.values.size()) return;
    if (graph.value(id).type.kind != Type::Kind::unknown) {
      out_ += ": ";
      type(graph.value(id).type);
    }
  }

  void dimension(const Dim& dim) {
    if (!dim.symbol.empty()) plain_or_quoted(dim.symbol);
    if (dim.known()) out_ += concat({dim.symbol.empty() ? "" : "=", dim.value});
    else if (dim.symbol.empty()) out_ += '?';
  }

  void type(const Type& type) {
    if (type.kind == Type::Kind::unknown) {
      out_ += '?';
      return;
    }
    if (!type.is_tensor()) {
      out_ += type.kind == Type::Kind::sequence ? "sequence(" : "optional(";
      if (type.element) this->type(*type.element);
      out_ += ')';
      return;
    }
    out_ += type.dtype == DType::undefined ? "?" : to_string(type.dtype);
    if (!type.shape.ranked) {
      out_ += "[...]";
      return;
    }
    out_ += '[';
    for (size_t i = 0; i < type.shape.dims.size(); ++i) {
      if (i) out_ += ", ";
      dimension(type.shape.dims[i]);
    }
    out_ += ']';
  }

  void tensor(const Tensor& tensor) {
    if (!tensor.valid()) {
      out_ += "undefined";
      return;
    }
    type(Type::of(tensor));
    if (options_.max_constant_elements >= 0 && tensor.size() > options_.max_constant_elements) {
      out_ += " ...";
    } else if (tensor.dtype() == DType::string) {
      elements(tensor);
    } else if (tensor.size() <= kMaxInlineElements && printable_elements(tensor)) {
      elements(tensor);
    } else if (options_.externals != nullptr) {
      out_ += concat({" external ", options_.externals->size()});
      options_.externals->push_back(tensor);
    } else {
      out_ += " base64 \"" + base64_encode(tensor.raw()) + "\"";
    }
  }

  static bool printable_elements(const Tensor& tensor) {
    if (element_bytes(tensor.dtype()) != 1) return true;
    for (std::byte element : tensor.raw()) {
      if (!is_valid_element(tensor.dtype(), element)) return false;
    }
    return true;
  }

  void elements(const Tensor& tensor) {
    out_ += '(';
    if (tensor.dtype() == DType::string) {
      list(tensor.strings(), [&](const std::string& text) { append_quoted(out_, text); });
    } else {
      const DType dtype = number_dtype(tensor.dtype());
      const size_t bytes = element_bytes(dtype);
      for (size_t offset = 0; offset < tensor.raw().size(); offset += bytes) {
        if (offset) out_ += ", ";
        append_number(out_, dtype, tensor.raw().data() + offset);
      }
    }
    out_ += ')';
  }

  void constant(const Value& value, const std::string& indent) {
    out_ += indent + "const ";
    value_name(value.name);
    declared_type(value.type, value.constant);
    out_ += " = ";
    tensor(value.constant);
    out_ += '\n';
  }

  // A constant's type is its tensor's, unless it was declared otherwise (less exactly, or with named dimensions).
  void declared_type(const Type& type, const Tensor& tensor) {
    if (type == Type::of(tensor)) return;
    out_ += ": ";
    this->type(type);
  }

  void state_input(const Graph& graph, const State& state, const std::string& indent) {
    out_ += indent + "state ";
    append_quoted(out_, state.name);
    out_ += ' ';
    value_name(graph, state.in);
    if (state.in >= 0 && static_cast<size_t>(state.in) < graph.values.size()) {
      declared_type(graph.value(state.in).type, state.initial);
    }
    out_ += " = ";
    tensor(state.initial);
    out_ += '\n';
  }

  void node(const Graph& graph, const Node& node, int level) {
    out_.append(static_cast<size_t>(level) * 2, ' ');
    const bool bare = node.outputs.size() == 1;
    if (!bare) out_ += '(';
    list(node.outputs, [&](ValueId id) { defined_value(graph, id); });
    if (!bare) out_ += ')';
    out_ += " = ";
    plain_or_quoted(node.op);
    out_ += '(';
    list(node.inputs, [&](ValueId id) { value_name(graph, id); });
    out_ += ')';
    if (!node.attributes.empty()) {
      out_ += " {";
      list(node.attributes, [&](const Attributes::Entry& entry) {
        plain_or_quoted(entry.name);
        out_ += '=';
        attribute(entry.value, level);
      });
      out_ += '}';
    }
    if (!node.name.empty()) {
      out_ += " @";
      append_quoted(out_, node.name);
    }
    out_ += '\n';
  }

  template <class Range, class F>
  void list(const Range& range, F&& print_one) {
    bool first = true;
    for (const auto& element : range) {
      if (!first) out_ += ", ";
      first = false;
      print_one(element);
    }
  }

  // An empty list says what it is a list of: nothing else would.
  template <class T, class F>
  void attribute_list(AttributeKind kind, const std::vector<T>& values, F&& print_one) {
    if (values.empty()) out_ += to_string(kind);
    out_ += '[';
    list(values, print_one);
    out_ += ']';
  }

  void real(float value) { append_number(out_, DType::float32, reinterpret_cast<const std::byte*>(&value), true); }
  void integer(int64_t value) { out_ += concat({value}); }

  void subgraph(const GraphRef& graph, int level) {
    out_ += "graph {\n";
    if (graph) this->graph(*graph, level + 2);
    out_.append(static_cast<size_t>(level + 1) * 2, ' ');
    out_ += '}';
  }

  void attribute(const Attribute& attribute, int level) {
    const AttributeKind kind = attribute.kind();
    const auto print_graph = [&](const GraphRef& graph) { subgraph(graph, level); };
    switch (kind) {
      case AttributeKind::none: out_ += "none"; return;
      case AttributeKind::integer: return integer(*attribute.get<int64_t>());
      case AttributeKind::real: return real(*attribute.get<float>());
      case AttributeKind::text: return append_quoted(out_, *attribute.get<std::string>());
      case AttributeKind::tensor: return tensor(*attribute.get<Tensor>());
      case AttributeKind::graph: return print_graph(*attribute.get<GraphRef>());
      case AttributeKind::integers:
        return attribute_list(kind, *attribute.get<Ints>(), [&](int64_t value) { integer(value); });
      case AttributeKind::reals:
        return attribute_list(kind, *attribute.get<Floats>(), [&](float value) { real(value); });
      case AttributeKind::texts:
        return attribute_list(kind, *attribute.get<Strings>(),
                              [&](const std::string& text) { append_quoted(out_, text); });
      case AttributeKind::tensors:
        return attribute_list(kind, *attribute.get<std::vector<Tensor>>(), [&](const Tensor& value) { tensor(value); });
      case AttributeKind::graphs: return attribute_list(kind, *attribute.get<std::vector<GraphRef>>(), print_graph);
    }
  }

  const TextOptions& options_;
  std::string out_;
};

}  // namespace

std::string print_graph(const Graph& graph, const TextOptions& options) {
  Printer printer(options);
  const std::string header = "minnow graph 1\n";
  printer.graph(graph, 0);
  return header + std::move(printer).take();
}

}  // namespace minnow
