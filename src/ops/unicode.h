// UTF-8 and simple letter case for the text operators.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minnow {

// Reads one code point at `at` and moves past it. An invalid byte reads as U+FFFD and takes one byte.
char32_t next_code_point(std::string_view text, size_t& at);
void append_utf8(std::string& out, char32_t code);

// One-to-one case mappings of the Latin, Greek, Cyrillic and Armenian letters; other characters stay.
char32_t to_lower(char32_t code);
char32_t to_upper(char32_t code);

// Letters, digits and underscore of ASCII.
bool is_word_character(char32_t code);

}  // namespace minnow
