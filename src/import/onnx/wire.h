// Walks one protobuf message with every wire type, length and nesting depth checked. The first error sticks in the
// shared WireState and ends all loops, so that the parsers above it read like the schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <protozero/pbf_reader.hpp>

#include "base/result.h"

namespace minnow::onnx {

// protobuf's own parsers refuse messages nested deeper than this, so no valid ONNX file is lost.
inline constexpr int kMaxMessageDepth = 100;
// Longest name accepted: real exporters stay below 1 KB, and names travel into messages and reports.
inline constexpr size_t kMaxNameBytes = 65535;

struct WireState {
  std::string_view file;  // for byte offsets in messages
  int depth = 0;          // messages open at the moment
  std::optional<Error> error;
  explicit WireState(std::string_view f, int d = 0) : file(f), depth(d) {}
};

class MessageReader {
 public:
  // `name` is the message's name in the schema, for errors.
  MessageReader(std::string_view message, const char* name, WireState& state);
  ~MessageReader() { --state_.depth; }
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  // Moves to the next field; false at the end and after an error.
  bool next();
  uint32_t tag() const { return tag_; }
  void skip();

  std::string_view bytes();  // any length-delimited field
  std::string_view text();   // a name: UTF-8, no NUL, at most kMaxNameBytes
  int64_t integer();
  float real();
  // Repeated numbers, packed or one by one; values are appended.
  void integers(std::vector<int64_t>& out);
  void reals(std::vector<float>& out);
  void doubles(std::vector<double>& out);

  void fail(ErrorCode code, std::string_view cause);

 private:
  bool expect(protozero::pbf_wire_type type, const char* wanted);
  bool length_fits();
  template <class T>
  void fixed(std::vector<T>& out, protozero::pbf_wire_type single, const char* wanted);
  std::string_view message_;
  const char* name_;
  WireState& state_;
  protozero::pbf_reader reader_;
  uint32_t tag_ = 0;  // reader_ forgets it once the value is read
};

}  // namespace minnow::onnx
