// A TensorFlow Lite file after flatbuffers' verifier and our own checks: every offset lies in the file, and every index
// (of operators, tensors, buffers, subgraphs) in its list. Readers behind this need not check them again.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "tflite_generated.h"

namespace minnow::tflite {

struct ModelFile {
  Bytes bytes;
  const schema::Model* model = nullptr;

  static Result<ModelFile> open(const Bytes& file, const Limits& limits);

  const schema::SubGraph& subgraph(int64_t i) const { return *model->subgraphs()->Get(static_cast<uint32_t>(i)); }
  // The bytes of a buffer, wherever they lie; empty for one without.
  Bytes buffer(uint32_t index) const;
  // Bytes of an operator's custom options.
  Bytes custom_options(const schema::Operator& op) const;
};

// A text or list that may be absent in the file.
inline std::string_view text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->c_str(), text->size());
}
template <class T>
uint32_t size_of(const flatbuffers::Vector<T>* list) {
  return list == nullptr ? 0 : list->size();
}
inline std::span<const int32_t> ints_of(const flatbuffers::Vector<int32_t>* list) {
  return list == nullptr ? std::span<const int32_t>() : std::span<const int32_t>(list->data(), list->size());
}

// What an operator is called: domain "tflite" and the builtin's name, or "tflite.custom" and the custom code.
struct OperatorName {
  std::string_view domain, name;
  int64_t version = 1;
};
OperatorName operator_name(const schema::OperatorCode& code);
// Position in the subgraph and what it is: "operator 3 (CONV_2D)".
std::string describe(const ModelFile& file, const schema::Operator& op, int64_t position);

}  // namespace minnow::tflite
