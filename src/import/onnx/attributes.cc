#include "import/onnx/attributes.h"

#include "base/text.h"
#include "import/onnx/types.h"

namespace minnow::onnx {
namespace {

struct Presence {
  AttributeType type;
  bool given;
  const char* name;
};

// Which of the value fields hold something, in the order of AttributeType.
std::vector<Presence> presence(const AttributeProto& a) {
  using T = AttributeType;
  return {{T::real, a.has_real, "FLOAT"},
          {T::integer, a.has_integer, "INT"},
          {T::text, a.has_text, "STRING"},
          {T::tensor, !a.t.empty(), "TENSOR"},
          {T::graph, !a.g.empty(), "GRAPH"},
          {T::reals, !a.floats.empty(), "FLOATS"},
          {T::integers, !a.ints.empty(), "INTS"},
          {T::texts, !a.strings.empty(), "STRINGS"},
          {T::tensors, !a.tensors.empty(), "TENSORS"},
          {T::graphs, !a.graphs.empty(), "GRAPHS"},
          {T::sparse_tensor, !a.sparse_tensor.empty(), "SPARSE_TENSOR"},
          {T::sparse_tensors, !a.sparse_tensors.empty(), "SPARSE_TENSORS"},
          {T::type, !a.tp.empty(), "TYPE_PROTO"},
          {T::types, !a.type_protos.empty(), "TYPE_PROTOS"}};
}

template <class Read>
Result<std::optional<Attribute>> read_list(const std::vector<Unparsed>& messages, Read read) {
  std::vector<Tensor> tensors;
  for (const Unparsed& message : messages) {
    MN_ASSIGN(Tensor tensor, read(message));
    tensors.push_back(std::move(tensor));
  }
  return std::optional<Attribute>(std::move(tensors));
}

}  // namespace

Result<AttributeType> attribute_type(const AttributeProto& attribute) {
  const std::vector<Presence> fields = presence(attribute);
  const char* stated = nullptr;
  for (const Presence& field : fields) {
    if (field.type == attribute.type) stated = field.name;
  }
  MN_CHECK(stated != nullptr || attribute.type == AttributeType::undefined, "unknown attribute type ",
           static_cast<int>(attribute.type));
  const Presence* held = nullptr;
  for (const Presence& field : fields) {
    // Writers of the proto3 schema may give a default value beside the stated one; what matters is the stated field.
    if (field.given && (held == nullptr || field.type == attribute.type)) held = &field;
  }
  if (stated == nullptr) {
    MN_CHECK(held != nullptr, "an attribute without type and value");
    return held->type;
  }
  MN_CHECK(held == nullptr || held->type == attribute.type, "the type is stated as ", stated,
           ", but the value is of type ", held->name);
  return attribute.type;
}

Result<std::optional<Attribute>> read_attribute_value(const TensorSource& from, const AttributeProto& a) {
  MN_ASSIGN(const AttributeType type, attribute_type(a));
  const auto tensor = [&](Unparsed message) { return read_tensor(from, message); };
  const auto sparse = [&](Unparsed message) { return read_sparse_tensor(from, message); };
  switch (type) {
    // An absent number or text is the field's default: writers of the proto3 schema leave zeros out.
    case AttributeType::real: return std::optional<Attribute>(a.f);
    case AttributeType::integer: return std::optional<Attribute>(a.i);
    case AttributeType::text: return std::optional<Attribute>(std::string(a.s));
    case AttributeType::reals: return std::optional<Attribute>(a.floats);
    case AttributeType::integers: return std::optional<Attribute>(a.ints);
    case AttributeType::texts: return std::optional<Attribute>(Strings(a.strings.begin(), a.strings.end()));
    case AttributeType::tensors: return read_list(a.tensors, tensor);
    case AttributeType::sparse_tensors: return read_list(a.sparse_tensors, sparse);
    case AttributeType::graph:
    case AttributeType::graphs: return std::optional<Attribute>();
    case AttributeType::tensor:
    case AttributeType::sparse_tensor: {
      const bool dense = type == AttributeType::tensor;
      const std::vector<Unparsed>& messages = dense ? a.t : a.sparse_tensor;
      MN_CHECK(!messages.empty(), "a tensor attribute without a tensor");
      MN_ASSIGN(Tensor value, dense ? tensor(messages[0]) : sparse(messages[0]));
      return std::optional<Attribute>(std::move(value));
    }
    case AttributeType::type: {
      MN_CHECK(!a.tp.empty(), "a type attribute without a type");
      MN_ASSIGN(const Type value, parse_type(from.source, a.tp[0]));
      return std::optional<Attribute>(to_string(value));
    }
    case AttributeType::types: {
      Strings names;
      for (const Unparsed& message : a.type_protos) {
        MN_ASSIGN(const Type value, parse_type(from.source, message));
        names.push_back(to_string(value));
      }
      return std::optional<Attribute>(std::move(names));
    }
    default: return internal_error({"attribute type ", static_cast<int>(type), " is not handled"});
  }
}

}  // namespace minnow::onnx
