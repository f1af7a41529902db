// Small text helpers shared by parsers, messages and reports.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

// Printable form of a name from a file: control characters, terminal escapes and invalid UTF-8 become \xNN, and more
// than max_bytes are cut with "…". Every name that reaches a message or a terminal goes through this.
std::string printable(std::string_view text, size_t max_bytes = 120);
bool is_utf8(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);
std::string lower_ascii(std::string_view text);
// Whole text as a number, or nothing.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);

// The candidate with the smallest edit distance to `name` (ASCII case ignored), or "" when none is within a third of
// its length.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

// "1.5 MB", "12.3 M": for people. JSON output prints plain numbers.
std::string human_bytes(int64_t bytes);
std::string human_count(int64_t count);

std::string base64_encode(std::span<const std::byte> data);
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);
uint32_t crc32(std::span<const std::byte> data);

}  // namespace minnow
