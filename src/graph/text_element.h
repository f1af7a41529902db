// Spelling of names, strings and single tensor elements in the text form: written so that reading gives the same bits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "base/result.h"

namespace minnow {

// A letter or "_", then letters, digits, "_" and ".": what operators, attributes and dimensions are called without
// quotes.
bool is_plain_name(std::string_view text);
// Letters, digits and "_ . / $ -": what may follow "%" without quotes.
bool is_plain_value_name(std::string_view text);
inline bool is_plain_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}
inline bool is_plain_value_char(char c) { return is_plain_name_char(c) || c == '/' || c == '$' || c == '-'; }

// In double quotes; quotes, back-slashes, control characters and what is not UTF-8 are escaped.
void append_quoted(std::string& out, std::string_view text);

// How many numbers one element is written as: 2 for complex types (real part first), else 1.
inline int numbers_per_element(DType dtype) { return is_complex(dtype) ? 2 : 1; }
// The dtype of each of them.
DType number_dtype(DType dtype);

// One number of a dtype that is neither string nor complex. Bit patterns without a decimal spelling (NaN payloads)
// become bits(0x…). `keep_point`: a whole floating-point number keeps ".0", where the text alone must tell it from an
// integer.
void append_number(std::string& out, DType dtype, const std::byte* number, bool keep_point = false);
// Reads "1.5", "-inf", "nan", "true" into the element at `number`; the error says what was expected.
Status parse_number(std::string_view text, DType dtype, std::byte* number);
// Reads the inside of bits(…): "0x7fc00001".
Status parse_number_bits(std::string_view text, DType dtype, std::byte* number);
// Whether the stored byte is a value of the dtype: booleans are 0 or 1, sub-byte types stay in their range.
bool is_valid_element(DType dtype, std::byte element);

}  // namespace minnow
