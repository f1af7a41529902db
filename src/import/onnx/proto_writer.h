// Writes ONNX's protobuf messages: for export, for values in .pb files, and for tests that need hostile ones.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace minnow::onnx {

// Bytes of one message, field by field.
class Message {
 public:
  Message& integer(uint32_t tag, int64_t value);
  Message& real(uint32_t tag, float value);
  Message& bytes(uint32_t tag, std::string_view value);
  Message& message(uint32_t tag, const Message& value) { return bytes(tag, value.data_); }
  Message& integers(uint32_t tag, std::span<const int64_t> values);  // packed
  Message& reals(uint32_t tag, std::span<const float> values);       // packed
  // Fields of several parts, one after the other.
  static Message joined(std::initializer_list<std::string_view> parts);
  const std::string& data() const { return data_; }
  std::string take() { return std::move(data_); }

 private:
  std::string data_;
};

// TensorProto with raw_data (string_data for strings).
Message tensor_message(const Tensor& tensor, std::string_view name);
// TypeProto; the type must be known.
Message type_message(const Type& type);
// ValueInfoProto, without a type when that is not known.
Message value_info_message(std::string_view name, const Type& type);
// AttributeProto of anything but graphs, which are given as messages.
Message attribute_message(std::string_view name, const Attribute& value);
Message graph_attribute_message(std::string_view name, const Message& graph);

struct NodeText {
  std::string_view op;
  std::vector<std::string> inputs, outputs;
  std::vector<Message> attributes;
  std::string_view name;
  std::string_view domain;
};
Message node_message(const NodeText& node);

}  // namespace minnow::onnx
