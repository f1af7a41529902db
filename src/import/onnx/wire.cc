#include "import/onnx/wire.h"

#include <cstring>

#include "base/text.h"

namespace minnow::onnx {
namespace {

using protozero::pbf_wire_type;

const char* wire_name(pbf_wire_type type) {
  switch (type) {
    case pbf_wire_type::varint: return "a varint";
    case pbf_wire_type::fixed64: return "8 bytes";
    case pbf_wire_type::length_delimited: return "a length-delimited field";
    case pbf_wire_type::fixed32: return "4 bytes";
    default: return "a group";
  }
}

}  // namespace

MessageReader::MessageReader(std::string_view message, const char* name, WireState& state)
    : message_(message), name_(name), state_(state), reader_(message.data(), message.size()) {
  if (++state_.depth > kMaxMessageDepth) {
    fail(ErrorCode::limit, concat({"messages are nested more than ", kMaxMessageDepth, " deep"}));
  }
}

void MessageReader::fail(ErrorCode code, std::string_view cause) {
  if (state_.error) return;
  const auto offset = static_cast<long long>(message_.data() - state_.file.data());
  state_.error = make_error(code, {name_, " at byte ", message_.data() ? offset : 0LL, ": ", cause});
}

bool MessageReader::next() {
  if (state_.error) return false;
  try {
    if (!reader_.next()) return false;
    tag_ = reader_.tag();
    return true;
  } catch (const protozero::exception&) {
    fail(ErrorCode::bad_input, "not a protobuf field: the file is damaged, cut short, or not an ONNX model");
  }
  return false;
}

// protozero keeps lengths in 32 bits and would silently cut a longer one.
bool MessageReader::length_fits() {
  const protozero::data_view rest = reader_.data();
  const char* at = rest.data();
  return protozero::decode_varint(&at, rest.data() + rest.size()) <= rest.size();
}

void MessageReader::skip() {
  if (reader_.wire_type() == pbf_wire_type::length_delimited) {
    bytes();
    return;
  }
  try {
    reader_.skip();
  } catch (const protozero::exception&) {
    fail(ErrorCode::bad_input,
         concat({"field ", tag_, " is cut short or has an unknown wire type (", wire_name(reader_.wire_type()), ")"}));
  }
}

bool MessageReader::expect(pbf_wire_type type, const char* wanted) {
  if (reader_.wire_type() == type) return true;
  fail(ErrorCode::bad_input, concat({"field ", tag_, " is ", wire_name(reader_.wire_type()), ", expected ", wanted}));
  return false;
}

std::string_view MessageReader::bytes() {
  if (!expect(pbf_wire_type::length_delimited, "a length-delimited field")) return {};
  try {
    if (length_fits()) {
      const protozero::data_view view = reader_.get_view();
      return {view.data(), view.size()};
    }
    fail(ErrorCode::bad_input, concat({"field ", tag_, " runs past the end of its message"}));
  } catch (const protozero::exception&) {
    fail(ErrorCode::bad_input, concat({"field ", tag_, " has a damaged length"}));
  }
  return {};
}

std::string_view MessageReader::text() {
  const std::string_view value = bytes();
  if (value.size() > kMaxNameBytes) {
    fail(ErrorCode::bad_input,
         concat({"field ", tag_, ": a name of ", value.size(), " bytes, at most ", kMaxNameBytes, " are accepted"}));
    return {};
  }
  if (value.find('\0') != value.npos || !is_utf8(value)) {
    fail(ErrorCode::bad_input, concat({"field ", tag_, ": the name '", printable(value), "' is not UTF-8 text"}));
    return {};
  }
  return value;
}

int64_t MessageReader::integer() {
  if (!expect(pbf_wire_type::varint, "a varint")) return 0;
  try {
    return reader_.get_int64();
  } catch (const protozero::exception&) {
    fail(ErrorCode::bad_input, concat({"field ", tag_, ": damaged varint"}));
  }
  return 0;
}

float MessageReader::real() {
  if (!expect(pbf_wire_type::fixed32, "4 bytes")) return 0;
  try {
    return reader_.get_float();
  } catch (const protozero::exception&) {
    fail(ErrorCode::bad_input, concat({"field ", tag_, " is cut short"}));
  }
  return 0;
}

void MessageReader::integers(std::vector<int64_t>& out) {
  if (reader_.wire_type() == pbf_wire_type::varint) return out.push_back(integer());
  if (!expect(pbf_wire_type::length_delimited, "a varint or packed varints")) return;
  const std::string_view packed = bytes();
  const char* at = packed.data();
  const char* const end = at + packed.size();
  try {
    while (at != end) out.push_back(static_cast<int64_t>(protozero::decode_varint(&at, end)));
  } catch (const protozero::exception&) {
    fail(ErrorCode::bad_input, concat({"field ", tag_, ": damaged packed varints"}));
  }
}

template <class T>
void MessageReader::fixed(std::vector<T>& out, pbf_wire_type single, const char* wanted) {
  try {
    if (reader_.wire_type() == single) {
      if constexpr (sizeof(T) == 4) out.push_back(reader_.get_float());
      else out.push_back(reader_.get_double());
      return;
    }
  } catch (const protozero::exception&) {
    return fail(ErrorCode::bad_input, concat({"field ", tag_, " is cut short"}));
  }
  if (!expect(pbf_wire_type::length_delimited, wanted)) return;
  const std::string_view packed = bytes();
  if (packed.size() % sizeof(T) != 0) {
    return fail(ErrorCode::bad_input, concat({"field ", tag_, ": ", packed.size(),
                                              " bytes of packed numbers, expected a multiple of ", sizeof(T)}));
  }
  const size_t old_size = out.size();
  out.resize(old_size + packed.size() / sizeof(T));
  if (!packed.empty()) std::memcpy(out.data() + old_size, packed.data(), packed.size());
}

void MessageReader::reals(std::vector<float>& out) { fixed(out, pbf_wire_type::fixed32, "4 bytes or packed floats"); }
void MessageReader::doubles(std::vector<double>& out) {
  fixed(out, pbf_wire_type::fixed64, "8 bytes or packed doubles");
}

}  // namespace minnow::onnx
