#include "import/onnx/value.h"

#include "base/text.h"
#include "import/onnx/proto_writer.h"
#include "import/onnx/tensors.h"
#include "import/onnx/wire.h"

namespace minnow {
namespace onnx {
namespace {

using Kind = Type::Kind;

// SequenceProto.DataType and OptionalProto.DataType.
enum ElementType : int64_t { kNone = 0, kTensor = 1, kSparse = 2, kSequence = 3, kMap = 4, kOptional = 5 };
// Fields of both messages that hold values; they are the same in both.
constexpr uint32_t kTensorField = 3, kSparseField = 4, kSequenceField = 5, kMapField = 6, kOptionalField = 7;

Result<Datum> read_value(const TensorSource& from, Unparsed message, Kind kind);

// The elements of a SequenceProto or OptionalProto, in order.
Result<std::vector<Datum>> read_elements(const TensorSource& from, Unparsed message, const char* name) {
  std::vector<std::pair<uint32_t, Unparsed>> found;
  WireState state(from.source.file, message.depth);
  {
    MessageReader r(message.message, name, state);
    while (r.next()) {
      const uint32_t field = r.tag();
      if (field < kTensorField) r.skip();
      else found.push_back({field, {r.bytes(), state.depth}});
    }
  }
  if (state.error) return *state.error;
  std::vector<Datum> elements;
  for (const auto& [field, element] : found) {
    if (field == kTensorField || field == kSequenceField || field == kOptionalField) {
      const Kind kind = field == kTensorField     ? Kind::tensor
                        : field == kSequenceField ? Kind::sequence
                                                  : Kind::optional;
      MN_ASSIGN(Datum value, read_value(from, element, kind));
      elements.push_back(std::move(value));
    } else if (field == kSparseField) {
      MN_ASSIGN(Tensor tensor, read_sparse_tensor(from, element));
      elements.emplace_back(std::move(tensor));
    } else if (field == kMapField) {
      return unsupported({"maps are not supported"});
    }
  }
  return elements;
}

Result<Datum> read_value(const TensorSource& from, Unparsed message, Kind kind) {
  if (kind == Kind::sequence) {
    MN_ASSIGN(std::vector<Datum> elements, read_elements(from, message, "SequenceProto"));
    return Datum(std::move(elements));
  }
  if (kind == Kind::optional) {
    MN_ASSIGN(std::vector<Datum> elements, read_elements(from, message, "OptionalProto"));
    MN_CHECK(elements.size() <= 1, "an optional with ", elements.size(), " values");
    return elements.empty() ? Datum() : std::move(elements[0]);
  }
  MN_ASSIGN(Tensor tensor, read_tensor(from, message));
  return Datum(std::move(tensor));
}

Result<Message> value_message(const Datum& value, std::string_view name, const Type& type) {
  if (type.kind == Kind::optional) {
    Message message;
    if (!name.empty()) message.bytes(1, name);
    if (!value.present()) return message.integer(2, kNone);
    const bool is_tensor = value.kind == Datum::Kind::tensor;
    MN_ASSIGN(const Message inner, value_message(value, "", type.element ? *type.element : Type()));
    return message.integer(2, is_tensor ? kTensor : kSequence)
        .message(is_tensor ? kTensorField : kSequenceField, inner);
  }
  MN_CHECK(value.present(), "value '", printable(name), "' is absent, and its type is not optional");
  if (value.kind == Datum::Kind::tensor) return tensor_message(value.tensor, name);
  Message message;
  if (!name.empty()) message.bytes(1, name);
  const bool nested = !value.sequence->empty() && value.sequence->front().kind == Datum::Kind::sequence;
  message.integer(2, nested ? kSequence : kTensor);
  for (const Datum& element : *value.sequence) {
    MN_ASSIGN(const Message inner, value_message(element, "", type.element ? *type.element : Type()));
    message.message(nested ? kSequenceField : kTensorField, inner);
  }
  return message;
}

}  // namespace
}  // namespace onnx

Result<Datum> read_onnx_value(const Bytes& file, std::string_view name, const Type& type, const Limits& limits) {
  const onnx::TensorSource from{{file.text(), limits.nodes}, file, "", false, std::make_shared<Budget>(limits)};
  Result<Datum> value = onnx::read_value(from, {file.text(), 0}, type.kind);
  if (!value.ok()) return std::move(value.error()).in(printable(name));
  return value;
}

Result<std::string> write_onnx_value(const Datum& value, std::string_view name, const Type& type) {
  MN_ASSIGN(onnx::Message message, onnx::value_message(value, name, type));
  return message.take();
}

}  // namespace minnow
