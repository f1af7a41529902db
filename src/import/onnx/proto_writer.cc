#include "import/onnx/proto_writer.h"

#include <protozero/pbf_writer.hpp>

#include "import/onnx/onnx_proto.h"
#include "import/raw_tensor.h"
#include "ops/onnx_dtype.h"

namespace minnow::onnx {
namespace {

Message shape_message(const Shape& shape) {
  Message message;
  for (const Dim& dim : shape.dims) {
    Message entry;
    if (dim.known()) entry.integer(1, dim.value);
    else if (!dim.symbol.empty()) entry.bytes(2, dim.symbol);
    message.message(1, entry);
  }
  return message;
}

}  // namespace

Message& Message::integer(uint32_t tag, int64_t value) {
  protozero::pbf_writer(data_).add_int64(tag, value);
  return *this;
}

Message& Message::real(uint32_t tag, float value) {
  protozero::pbf_writer(data_).add_float(tag, value);
  return *this;
}

Message& Message::bytes(uint32_t tag, std::string_view value) {
  protozero::pbf_writer(data_).add_bytes(tag, value.data(), value.size());
  return *this;
}

Message& Message::integers(uint32_t tag, std::span<const int64_t> values) {
  protozero::pbf_writer(data_).add_packed_int64(tag, values.begin(), values.end());
  return *this;
}

Message& Message::reals(uint32_t tag, std::span<const float> values) {
  protozero::pbf_writer(data_).add_packed_float(tag, values.begin(), values.end());
  return *this;
}

Message Message::joined(std::initializer_list<std::string_view> parts) {
  Message all;
  for (const std::string_view part : parts) all.data_ += part;
  return all;
}

Message tensor_message(const Tensor& tensor, std::string_view name) {
  Message message;
  message.integers(1, tensor.dims()).integer(2, onnx_dtype_code(tensor.dtype()));
  if (!name.empty()) message.bytes(8, name);
  if (tensor.dtype() == DType::string) {
    for (const std::string& text : tensor.strings()) message.bytes(6, text);
  } else {
    message.bytes(9, tensor_to_bytes(tensor));
  }
  return message;
}

Message type_message(const Type& type) {
  Message message;
  Message inner;
  switch (type.kind) {
    case Type::Kind::tensor:
      inner.integer(1, onnx_dtype_code(type.dtype));
      if (type.shape.ranked) inner.message(2, shape_message(type.shape));
      return message.message(1, inner);
    case Type::Kind::sequence:
    case Type::Kind::optional:
      if (type.element != nullptr && type.element->kind != Type::Kind::unknown)
        inner.message(1, type_message(*type.element));
      return message.message(type.kind == Type::Kind::sequence ? 4 : 9, inner);
    case Type::Kind::unknown: break;
  }
  return message;
}

Message value_info_message(std::string_view name, const Type& type) {
  Message message;
  message.bytes(1, name);
  const bool known = type.kind != Type::Kind::unknown && !(type.is_tensor() && type.dtype == DType::undefined);
  if (known) message.message(2, type_message(type));
  return message;
}

Message attribute_message(std::string_view name, const Attribute& value) {
  Message m;
  m.bytes(1, name);
  const auto stated = [&](AttributeType type) -> Message& { return m.integer(20, static_cast<int64_t>(type)); };
  switch (value.kind()) {
    case AttributeKind::integer: return stated(AttributeType::integer).integer(3, *value.get<int64_t>());
    case AttributeKind::real: return stated(AttributeType::real).real(2, *value.get<float>());
    case AttributeKind::text: return stated(AttributeType::text).bytes(4, *value.get<std::string>());
    case AttributeKind::tensor:
      return stated(AttributeType::tensor).message(5, tensor_message(*value.get<Tensor>(), ""));
    case AttributeKind::integers: return stated(AttributeType::integers).integers(8, *value.get<Ints>());
    case AttributeKind::reals: return stated(AttributeType::reals).reals(7, *value.get<Floats>());
    case AttributeKind::texts:
      stated(AttributeType::texts);
      for (const std::string& text : *value.get<Strings>()) m.bytes(9, text);
      return m;
    case AttributeKind::tensors:
      stated(AttributeType::tensors);
      for (const Tensor& tensor : *value.get<std::vector<Tensor>>()) m.message(10, tensor_message(tensor, ""));
      return m;
    default: return m;
  }
}

Message graph_attribute_message(std::string_view name, const Message& graph) {
  Message m;
  return m.bytes(1, name).integer(20, static_cast<int64_t>(AttributeType::graph)).message(6, graph);
}

Message node_message(const NodeText& node) {
  Message m;
  for (const std::string& input : node.inputs) m.bytes(1, input);
  for (const std::string& output : node.outputs) m.bytes(2, output);
  if (!node.name.empty()) m.bytes(3, node.name);
  m.bytes(4, node.op);
  for (const Message& attribute : node.attributes) m.message(5, attribute);
  if (!node.domain.empty()) m.bytes(7, node.domain);
  return m;
}

}  // namespace minnow::onnx
