#include "ops/unicode.h"

namespace minnow {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// Upper-case letters first…last whose lower case is `distance` further; kPairs: they alternate, upper case first.
struct CaseRange {
  char32_t first, last;
  char32_t distance;
};
constexpr char32_t kPairs = 0;
constexpr CaseRange kRanges[] = {
    {'A', 'Z', 32},           {0xC0, 0xD6, 32},         {0xD8, 0xDE, 32},       {0x100, 0x12F, kPairs},
    {0x132, 0x137, kPairs},   {0x139, 0x148, kPairs},   {0x14A, 0x177, kPairs}, {0x179, 0x17E, kPairs},
    {0x386, 0x386, 38},       {0x388, 0x38A, 37},       {0x38C, 0x38C, 64},     {0x38E, 0x38F, 63},
    {0x391, 0x3A1, 32},       {0x3A3, 0x3AB, 32},       {0x400, 0x40F, 80},     {0x410, 0x42F, 32},
    {0x460, 0x481, kPairs},   {0x48A, 0x4BF, kPairs},   {0x4D0, 0x52F, kPairs}, {0x531, 0x556, 48},
    {0x1E00, 0x1E95, kPairs}, {0x1EA0, 0x1EFF, kPairs},
};

}  // namespace

char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  const size_t length = lead >= 0xF0 && lead <= 0xF4  ? 4
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xC2 && lead < 0xE0 ? 2
                                                      : 0;
  char32_t code = length == 4 ? lead & 0x07 : length == 3 ? lead & 0x0F : lead & 0x1F;
  bool valid = length != 0 && at + length <= text.size();
  for (size_t i = 1; valid && i < length; ++i) {
    valid = (byte(at + i) & 0xC0) == 0x80;
    code = (code << 6) | (byte(at + i) & 0x3F);
  }
  // Overlong forms, surrogates and codes beyond Unicode are invalid.
  valid = valid && !(length == 3 && code < 0x800) && !(length == 4 && (code < 0x10000 || code > 0x10FFFF)) &&
          !(code >= 0xD800 && code < 0xE000);
  at += valid ? length : 1;
  return valid ? code : kReplacement;
}

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

char32_t to_lower(char32_t code) {
  for (const CaseRange& range : kRanges) {
    if (code < range.first || code > range.last) continue;
    if (range.distance != kPairs) return code + range.distance;
    return (code - range.first) % 2 == 0 ? code + 1 : code;
  }
  return code == 0x178 ? 0xFF : code;
}

char32_t to_upper(char32_t code) {
  for (const CaseRange& range : kRanges) {
    if (range.distance != kPairs && code >= range.first + range.distance && code <= range.last + range.distance)
      return code - range.distance;
    if (range.distance == kPairs && code >= range.first && code <= range.last)
      return (code - range.first) % 2 == 1 ? code - 1 : code;
  }
  if (code == 0x3C2) return 0x3A3;  // final sigma
  return code == 0xFF ? 0x178 : code;
}

bool is_word_character(char32_t code) {
  return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || code == '_' || (code >= 'a' && code <= 'z');
}

}  // namespace minnow
