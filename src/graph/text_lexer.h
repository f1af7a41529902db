// Splits the text form into tokens. Whitespace, line ends and comments (# to the end of the line) separate them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minnow {

enum class TokenKind : uint8_t { end, name, value, text, number, symbol, dots };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // of a value without "%", of quoted ones the inside, escapes unresolved
  size_t offset = 0;
  bool escaped = false;  // text holds escapes
  bool is(char symbol) const { return kind == TokenKind::symbol && text[0] == symbol; }
  bool is_name(std::string_view name) const { return kind == TokenKind::name && text == name; }
};

class Lexer {
 public:
  // `name` stands for the file in messages.
  Lexer(std::string_view text, std::string_view name) : text_(text), name_(name) {}
  Status advance();  // reads the next token into token()
  const Token& token() const { return token_; }
  size_t remaining_bytes() const { return text_.size() - position_; }
  // "name:line:column: " before the message of an error at `offset`.
  Error error_at(size_t offset, Error error) const;
  Error error_here(Error error) const { return error_at(token_.offset, std::move(error)); }
  // The text of a name, value or string token, escapes resolved.
  static std::string plain(const Token& token);
  // "'conv'", "end of text": what a message says was found.
  static std::string shown(const Token& token);

 private:
  void skip_space();
  Status read_quoted();
  void take_while(bool (*wanted)(char));

  std::string_view text_;
  std::string_view name_;
  size_t position_ = 0;
  Token token_;
};

}  // namespace minnow
