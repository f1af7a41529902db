#include "graph/text_lexer.h"

#include <algorithm>

#include "base/text.h"
#include "graph/text_element.h"

namespace minnow {
namespace {

constexpr std::string_view kSymbols = "(){}[],=:@?";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number_char(char c) { return is_plain_name_char(c) || c == '+' || c == '-'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Error Lexer::error_at(size_t offset, Error error) const {
  const std::string_view before = text_.substr(0, offset);
  const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return std::move(error).in(concat({printable(name_), ":", line, ":", offset - line_start + 1}));
}

void Lexer::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '#') {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++position_;
    } else {
      return;
    }
  }
}

void Lexer::take_while(bool (*wanted)(char)) {
  const size_t start = position_;
  while (position_ < text_.size() && wanted(text_[position_])) ++position_;
  token_.text = text_.substr(start, position_ - start);
}

Status Lexer::read_quoted() {
  const size_t start = ++position_;
  for (; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (c == '"') {
      token_.text = text_.substr(start, position_ - start);
      ++position_;
      return {};
    }
    if (c == '\n') break;
    if (c != '\\') continue;
    token_.escaped = true;
    const char next = position_ + 1 < text_.size() ? text_[position_ + 1] : '\0';
    const bool hex = next == 'x' && position_ + 3 < text_.size() && hex_digit(text_[position_ + 2]) >= 0 &&
                     hex_digit(text_[position_ + 3]) >= 0;
    if (!hex && next != '"' && next != '\\' && next != 'n' && next != 't') {
      return error_at(position_, bad_input({"unknown escape in a string; known are \\\" \\\\ \\n \\t and \\xNN"}));
    }
    position_ += hex ? 3 : 1;
  }
  return error_here(bad_input({"a string has no closing quote on its line; write a line break as \\n"}));
}

Status Lexer::advance() {
  skip_space();
  token_ = Token{TokenKind::end, {}, position_, false};
  if (position_ >= text_.size()) return {};
  const char c = text_[position_];
  if (kSymbols.find(c) != std::string_view::npos) {
    token_.kind = TokenKind::symbol;
    token_.text = text_.substr(position_++, 1);
  } else if (c == '"') {
    token_.kind = TokenKind::text;
    return read_quoted();
  } else if (c == '%') {
    token_.kind = TokenKind::value;
    ++position_;
    if (position_ < text_.size() && text_[position_] == '"') return read_quoted();
    take_while(is_plain_value_char);
    if (token_.text.empty()) return error_here(bad_input({"expected the name of a value after %"}));
  } else if (starts_with(text_.substr(position_), "...")) {
    token_.kind = TokenKind::dots;
    token_.text = text_.substr(position_, 3);
    position_ += 3;
  } else if (is_digit(c) || c == '-' || c == '+' || c == '.') {
    token_.kind = TokenKind::number;
    take_while(is_number_char);
  } else if (is_plain_name_char(c)) {
    token_.kind = TokenKind::name;
    take_while(is_plain_name_char);
  } else {
    return error_here(bad_input({"unexpected character '", printable(text_.substr(position_, 1)), "'"}));
  }
  return {};
}

std::string Lexer::plain(const Token& token) {
  if (!token.escaped) return std::string(token.text);
  std::string out;
  const std::string_view text = token.text;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == 'x') {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += next == 'n' ? '\n' : next == 't' ? '\t' : next;
    }
  }
  return out;
}

std::string Lexer::shown(const Token& token) {
  if (token.kind == TokenKind::end) return "the end of the text";
  return concat({"'", token.kind == TokenKind::value ? "%" : "", printable(token.text, 40), "'"});
}

}  // namespace minnow
