#include "import/onnx/onnx_proto.h"

#include "base/text.h"
#include "import/onnx/wire.h"

namespace minnow::onnx {
namespace {

Unparsed unparsed(MessageReader& reader, const WireState& state) { return {reader.bytes(), state.depth}; }

std::pair<TextView, TextView> read_key_value(std::string_view message, WireState& state) {
  std::pair<TextView, TextView> entry;
  MessageReader r(message, "StringStringEntryProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: entry.first = r.text(); break;
      case 2: entry.second = r.bytes(); break;
      default: r.skip();
    }
  }
  return entry;
}

OperatorSet read_operator_set(std::string_view message, WireState& state) {
  OperatorSet set;
  MessageReader r(message, "OperatorSetIdProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: set.domain = r.text(); break;
      case 2: set.version = r.integer(); break;
      default: r.skip();
    }
  }
  return set;
}

ValueInfoProto read_value_info(std::string_view message, WireState& state) {
  ValueInfoProto info;
  MessageReader r(message, "ValueInfoProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: info.name = r.text(); break;
      case 2:
        info.type = unparsed(r, state);
        info.has_type = true;
        break;
      default: r.skip();
    }
  }
  return info;
}

// Only what tells whether a node has subgraphs; everything else waits until the node is built.
bool attribute_has_graph(std::string_view message, WireState& state) {
  bool found = false;
  MessageReader r(message, "AttributeProto", state);
  while (r.next()) {
    found |= r.tag() == 6 || r.tag() == 11;
    r.skip();
  }
  return found;
}

NodeProto read_node(std::string_view message, WireState& state) {
  NodeProto node;
  MessageReader r(message, "NodeProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: node.input.push_back(r.text()); break;
      case 2: node.output.push_back(r.text()); break;
      case 3: node.name = r.text(); break;
      case 4: node.op_type = r.text(); break;
      case 5:
        node.attribute.push_back(unparsed(r, state));
        node.has_graphs |= attribute_has_graph(node.attribute.back().message, state);
        break;
      case 7: node.domain = r.text(); break;
      case 8: node.overload = r.text(); break;
      default: r.skip();
    }
  }
  if (node.op_type.empty()) r.fail(ErrorCode::bad_input, concat({"node '", printable(node.name), "' has no op_type"}));
  return node;
}

void add_node(std::vector<NodeProto>& nodes, const Source& source, MessageReader& r, WireState& state) {
  if (static_cast<int64_t>(nodes.size()) >= source.max_nodes) {
    return r.fail(ErrorCode::limit,
                  concat({"more than ", source.max_nodes, " nodes (raise it with --max-nodes or Limits.nodes)"}));
  }
  nodes.push_back(read_node(r.bytes(), state));
}

NamedTensor read_named_tensor(MessageReader& outer, WireState& state) {
  NamedTensor named{{}, unparsed(outer, state)};
  MessageReader r(named.tensor.message, "TensorProto", state);
  while (r.next()) {
    if (r.tag() == 8) named.name = r.text();
    else r.skip();
  }
  return named;
}

// A sparse initializer is named by its values.
NamedTensor read_named_sparse_tensor(MessageReader& outer, WireState& state) {
  NamedTensor named{{}, unparsed(outer, state)};
  MessageReader r(named.tensor.message, "SparseTensorProto", state);
  while (r.next()) {
    if (r.tag() == 1) named.name = read_named_tensor(r, state).name;
    else r.skip();
  }
  return named;
}

// Fields are merged into `graph`, as protobuf merges a message that is given twice.
void read_graph(std::string_view message, const Source& source, WireState& state, GraphProto& graph) {
  MessageReader r(message, "GraphProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: add_node(graph.node, source, r, state); break;
      case 2: graph.name = r.text(); break;
      case 5: graph.initializer.push_back(read_named_tensor(r, state)); break;
      case 11: graph.input.push_back(read_value_info(r.bytes(), state)); break;
      case 12: graph.output.push_back(read_value_info(r.bytes(), state)); break;
      case 13: graph.value_info.push_back(read_value_info(r.bytes(), state)); break;
      case 15: graph.sparse_initializer.push_back(read_named_sparse_tensor(r, state)); break;
      default: r.skip();
    }
  }
}

FunctionProto read_function(std::string_view message, const Source& source, WireState& state) {
  FunctionProto function;
  MessageReader r(message, "FunctionProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: function.name = r.text(); break;
      case 4: function.input.push_back(r.text()); break;
      case 5: function.output.push_back(r.text()); break;
      case 6: function.attribute.push_back(r.text()); break;
      case 7: add_node(function.node, source, r, state); break;
      case 9: function.opset_import.push_back(read_operator_set(r.bytes(), state)); break;
      case 10: function.domain = r.text(); break;
      case 11: function.attribute_proto.push_back(unparsed(r, state)); break;
      case 12: function.value_info.push_back(read_value_info(r.bytes(), state)); break;
      case 13: function.overload = r.text(); break;
      default: r.skip();
    }
  }
  return function;
}

void read_attribute(MessageReader& r, WireState& state, AttributeProto& a) {
  const auto type = [&] { return static_cast<AttributeType>(r.integer()); };
  switch (r.tag()) {
    case 1: a.name = r.text(); break;
    case 2:
      a.f = r.real();
      a.has_real = true;
      break;
    case 3:
      a.i = r.integer();
      a.has_integer = true;
      break;
    case 4:
      a.s = r.bytes();
      a.has_text = true;
      break;
    case 5: a.t.push_back(unparsed(r, state)); break;
    case 6: a.g.push_back(unparsed(r, state)); break;
    case 7: r.reals(a.floats); break;
    case 8: r.integers(a.ints); break;
    case 9: a.strings.push_back(r.bytes()); break;
    case 10: a.tensors.push_back(unparsed(r, state)); break;
    case 11: a.graphs.push_back(unparsed(r, state)); break;
    case 14: a.tp.push_back(unparsed(r, state)); break;
    case 15: a.type_protos.push_back(unparsed(r, state)); break;
    case 20: a.type = type(); break;
    case 21: a.ref_attr_name = r.text(); break;
    case 22: a.sparse_tensor.push_back(unparsed(r, state)); break;
    case 23: a.sparse_tensors.push_back(unparsed(r, state)); break;
    default: r.skip();
  }
}

template <class T>
Result<T> finish(T value, const WireState& state) {
  if (state.error) return *state.error;
  return value;
}

}  // namespace

Result<ModelProto> parse_model(const Source& source) {
  ModelProto model;
  WireState state(source.file);
  MessageReader r(source.file, "ModelProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1: model.ir_version = r.integer(); break;
      case 2: model.producer_name = r.text(); break;
      case 3: model.producer_version = r.text(); break;
      case 4: model.domain = r.text(); break;
      case 5: model.model_version = r.integer(); break;
      case 6: model.doc_string = r.bytes(); break;
      case 7:
        read_graph(r.bytes(), source, state, model.graph);
        model.has_graph = true;
        break;
      case 8: model.opset_import.push_back(read_operator_set(r.bytes(), state)); break;
      case 14: model.metadata_props.push_back(read_key_value(r.bytes(), state)); break;
      case 25: model.functions.push_back(read_function(r.bytes(), source, state)); break;
      default: r.skip();
    }
  }
  return finish(std::move(model), state);
}

Result<GraphProto> parse_graph(const Source& source, Unparsed unparsed_graph) {
  GraphProto graph;
  WireState state(source.file, unparsed_graph.depth);
  read_graph(unparsed_graph.message, source, state, graph);
  return finish(std::move(graph), state);
}

Result<AttributeProto> parse_attribute(const Source& source, Unparsed unparsed_attribute) {
  AttributeProto attribute;
  WireState state(source.file, unparsed_attribute.depth);
  MessageReader r(unparsed_attribute.message, "AttributeProto", state);
  while (r.next()) read_attribute(r, state, attribute);
  if (attribute.t.size() > 1 || attribute.g.size() > 1 || attribute.tp.size() > 1 ||
      attribute.sparse_tensor.size() > 1) {
    r.fail(ErrorCode::bad_input, concat({"attribute '", printable(attribute.name), "' gives its value twice"}));
  }
  return finish(std::move(attribute), state);
}

Result<TensorProto> parse_tensor(const Source& source, Unparsed unparsed_tensor) {
  TensorProto t;
  WireState state(source.file, unparsed_tensor.depth);
  MessageReader r(unparsed_tensor.message, "TensorProto", state);
  size_t before = 0;
  while (r.next()) {
    const uint32_t field = r.tag();
    switch (field) {
      case 1: r.integers(t.dims); break;
      case 2: t.data_type = static_cast<int32_t>(r.integer()); break;
      case 3:
        t.has_segment = true;
        r.skip();
        break;
      case 4: r.reals(t.float_data); break;
      case 5:
      case 7:
      case 11: r.integers(t.int_data); break;
      case 6: t.string_data.push_back(r.bytes()); break;
      case 8: t.name = r.text(); break;
      case 9: t.raw_data = r.bytes(); break;
      case 10: r.doubles(t.double_data); break;
      case 13: t.external_data.push_back(read_key_value(r.bytes(), state)); break;
      case 14: t.data_location = static_cast<int32_t>(r.integer()); break;
      default: r.skip();
    }
    constexpr uint32_t kDataFields = 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11;
    const bool is_data = field < 32 && (kDataFields >> field & 1) != 0;
    const size_t held =
        t.float_data.size() + t.int_data.size() + t.string_data.size() + t.double_data.size() + t.raw_data.size();
    // An empty field is as good as none: some writers give an empty raw_data beside the typed one.
    if (is_data && held > before) t.data_fields |= 1u << field;
    before = held;
  }
  return finish(std::move(t), state);
}

Result<SparseTensorProto> parse_sparse_tensor(const Source& source, Unparsed unparsed_tensor) {
  SparseTensorProto t;
  WireState state(source.file, unparsed_tensor.depth);
  MessageReader r(unparsed_tensor.message, "SparseTensorProto", state);
  while (r.next()) {
    switch (r.tag()) {
      case 1:
        t.values = unparsed(r, state);
        t.has_values = true;
        break;
      case 2:
        t.indices = unparsed(r, state);
        t.has_indices = true;
        break;
      case 3: r.integers(t.dims); break;
      default: r.skip();
    }
  }
  return finish(std::move(t), state);
}

}  // namespace minnow::onnx
