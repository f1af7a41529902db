#include "graph/text_element.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/text.h"

namespace minnow {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

uint64_t load_bits(const std::byte* from, size_t bytes) {
  switch (bytes) {
    case 1: return load<uint8_t>(from);
    case 2: return load<uint16_t>(from);
    case 4: return load<uint32_t>(from);
    default: return load<uint64_t>(from);
  }
}

void store_bits(std::byte* to, uint64_t bits, size_t bytes) {
  switch (bytes) {
    case 1: return store(to, static_cast<uint8_t>(bits));
    case 2: return store(to, static_cast<uint16_t>(bits));
    case 4: return store(to, static_cast<uint32_t>(bits));
    default: return store(to, bits);
  }
}

int64_t load_signed(const std::byte* from, size_t bytes) {
  switch (bytes) {
    case 1: return load<int8_t>(from);
    case 2: return load<int16_t>(from);
    case 4: return load<int32_t>(from);
    default: return load<int64_t>(from);
  }
}

template <class T>
std::string shortest(T value) {
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return {buffer, result.ptr};
}

float load_narrow(DType dtype, const std::byte* from) {
  return decode_narrow_float(dtype, static_cast<uint16_t>(load_bits(from, element_bytes(dtype))));
}

// The decimal spelling of a floating-point element; empty when it is a NaN that "nan" may not stand for.
std::string decimal_spelling(DType dtype, const std::byte* number) {
  if (dtype == DType::float64) return shortest(load<double>(number));
  const float value = dtype == DType::float32 ? load<float>(number) : load_narrow(dtype, number);
  return shortest(value);
}

bool reads_back(const std::string& text, DType dtype, const std::byte* number) {
  std::byte copy[8] = {};
  return parse_number(text, dtype, copy).ok() && std::memcmp(copy, number, element_bytes(dtype)) == 0;
}

void append_real(std::string& out, DType dtype, const std::byte* number, bool keep_point) {
  const std::string spelled = decimal_spelling(dtype, number);
  std::string text = spelled.find("nan") != std::string::npos ? "nan" : spelled;
  // Text is read as a double and then rounded: a shortest float32 spelling may, rarely, lie where the two roundings
  // differ from one. All digits of the double do not.
  if (!reads_back(text, dtype, number) && dtype != DType::float64 && text != "nan") {
    const float value = dtype == DType::float32 ? load<float>(number) : load_narrow(dtype, number);
    text = shortest(static_cast<double>(value));
  }
  if (!reads_back(text, dtype, number)) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), load_bits(number, element_bytes(dtype)), 16);
    out.append("bits(0x").append(buffer, end.ptr).append(")");
    return;
  }
  out += text;
  if (keep_point && text.find_first_of(".ein") == std::string::npos) out += ".0";
}

Status parse_integer(std::string_view text, DType dtype, std::byte* number) {
  const size_t bytes = element_bytes(dtype);
  const char* end = text.data() + text.size();
  std::errc problem{};
  const char* stopped = nullptr;
  bool in_range = false;
  if (!text.empty() && text[0] == '-') {
    int64_t value = 0;
    const auto result = std::from_chars(text.data(), end, value);
    problem = result.ec, stopped = result.ptr;
    in_range = value >= integer_min(dtype);
    store_bits(number, static_cast<uint64_t>(value), bytes);
  } else {
    uint64_t value = 0;
    const auto result = std::from_chars(text.data(), end, value);
    problem = result.ec, stopped = result.ptr;
    in_range = value <= integer_max(dtype);
    store_bits(number, value, bytes);
  }
  MN_CHECK(stopped == end && problem != std::errc::invalid_argument, "expected an integer, got '", printable(text, 40),
           "'");
  MN_CHECK(in_range && problem == std::errc{}, "'", printable(text, 40), "' does not fit ", to_string(dtype));
  return {};
}

std::optional<double> parse_real(std::string_view text) {
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  // Words and hexadecimal forms that the number reader may know are not part of the grammar.
  if (text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) return std::nullopt;
  return parse_double(text);
}

}  // namespace

bool is_plain_name(std::string_view text) {
  if (text.empty() || text[0] == '.' || (text[0] >= '0' && text[0] <= '9') || text == "_") return false;
  return std::all_of(text.begin(), text.end(), is_plain_name_char);
}

bool is_plain_value_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_plain_value_char);
}

void append_quoted(std::string& out, std::string_view text) {
  const bool utf8 = is_utf8(text);
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F (C2 80 to C2 9F) are control characters that some terminals obey.
    const bool c1_control = (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) ||
                            (c < 0xA0 && i > 0 && static_cast<unsigned char>(text[i - 1]) == 0xC2);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7F || (c >= 0x80 && (!utf8 || c1_control))) {
      out += "\\x";
      out += kHexDigits[c >> 4];
      out += kHexDigits[c & 15];
    } else {
      out += static_cast<char>(c);
    }
  }
  out += '"';
}

DType number_dtype(DType dtype) {
  if (dtype == DType::complex64) return DType::float32;
  if (dtype == DType::complex128) return DType::float64;
  return dtype;
}

void append_number(std::string& out, DType dtype, const std::byte* number, bool keep_point) {
  if (dtype == DType::boolean) {
    out += load<uint8_t>(number) != 0 ? "true" : "false";
  } else if (is_float(dtype)) {
    append_real(out, dtype, number, keep_point);
  } else if (is_signed_integer(dtype)) {
    out += shortest(load_signed(number, element_bytes(dtype)));
  } else {
    out += shortest(load_bits(number, element_bytes(dtype)));
  }
}

Status parse_number(std::string_view text, DType dtype, std::byte* number) {
  if (dtype == DType::boolean) {
    MN_CHECK(text == "true" || text == "false", "expected true or false, got '", printable(text, 40), "'");
    store(number, static_cast<uint8_t>(text == "true"));
    return {};
  }
  if (is_integer(dtype)) return parse_integer(text, dtype, number);
  MN_CHECK(is_float(dtype), "elements of type ", to_string(dtype), " cannot be written as numbers");
  const std::optional<double> value = parse_real(text);
  MN_CHECK(value.has_value(), "expected a number, got '", printable(text, 40), "'");
  if (dtype == DType::float64) {
    store(number, *value);
    return {};
  }
  MN_CHECK(!std::isfinite(*value) || std::fabs(*value) <= double{std::numeric_limits<float>::max()}, "'",
           printable(text, 40), "' does not fit ", to_string(dtype));
  const auto narrow = static_cast<float>(*value);
  if (dtype == DType::float32) store(number, narrow);
  else store_bits(number, encode_narrow_float(dtype, narrow, false), element_bytes(dtype));
  return {};
}

Status parse_number_bits(std::string_view text, DType dtype, std::byte* number) {
  MN_CHECK(is_float(dtype), "bits(…) stands for a floating-point element, not for ", to_string(dtype));
  uint64_t bits = 0;
  const bool prefixed = starts_with(text, "0x") && text.size() > 2;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + (prefixed ? 2 : 0), end, bits, 16);
  MN_CHECK(prefixed && result.ec == std::errc{} && result.ptr == end,
           "expected a bit pattern such as 0x7fc00001, got '", printable(text, 40), "'");
  const int width = file_bits(dtype);
  MN_CHECK(width >= 64 || bits >> width == 0, "'", printable(text, 40), "' has more than the ", width, " bits of ",
           to_string(dtype));
  store_bits(number, bits, element_bytes(dtype));
  return {};
}

bool is_valid_element(DType dtype, std::byte element) {
  const auto bits = static_cast<uint8_t>(element);
  switch (dtype) {
    case DType::boolean: return bits <= 1;
    case DType::uint4:
    case DType::float4e2m1: return bits < 16;
    case DType::uint2: return bits < 4;
    case DType::int4: return static_cast<int8_t>(bits) >= -8 && static_cast<int8_t>(bits) < 8;
    case DType::int2: return static_cast<int8_t>(bits) >= -2 && static_cast<int8_t>(bits) < 2;
    default: return true;
  }
}

}  // namespace minnow
