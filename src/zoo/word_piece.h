// WordPiece tokenization as BERT's uncased models use it: basic tokens (cleaned, lower case, accents stripped, Chinese
// characters and punctuation apart), each cut into the longest pieces of the vocabulary. Text is always plain text:
// "[CLS]" typed by a user is punctuation and letters, not a control token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace minnow {

struct WordPieceOptions {
  bool lower_case = true;             // and strip accents, as BERT does
  int64_t max_word_characters = 100;  // longer words become [UNK]
};

// One row of model input; the three have the same length.
struct TokenRow {
  std::vector<int64_t> ids;
  std::vector<int64_t> mask;   // 1: a token, 0: padding
  std::vector<int64_t> types;  // 0: first text, 1: second
};

class WordPiece {
 public:
  // `vocabulary`: vocab.txt, a token a line, its number the line's. Must hold [UNK], [CLS], [SEP] and [PAD].
  static Result<WordPiece> create(std::string_view vocabulary, const WordPieceOptions& options = {});

  // Words before they are cut into pieces.
  std::vector<std::string> basic_tokens(std::string_view text) const;
  // Ids without control tokens.
  std::vector<int64_t> pieces(std::string_view text) const;
  // [CLS] text [SEP], or [CLS] text [SEP] second [SEP], at most max_tokens (≥ 3) long: what is longer is cut at its
  // end, of two texts the longer one first.
  TokenRow encode(std::string_view text, int64_t max_tokens = 512) const;
  TokenRow encode_pair(std::string_view text, std::string_view second, int64_t max_tokens = 512) const;
  // Appends [PAD] up to `length`; a longer row stays.
  void pad(TokenRow* row, int64_t length) const;

  int64_t vocabulary_size() const { return static_cast<int64_t>(tokens_.size()); }
  // "" for an id outside the vocabulary.
  std::string_view token(int64_t id) const;
  // -1 when the vocabulary lacks it.
  int64_t id(std::string_view token) const;

 private:
  WordPiece() = default;
  void cut_word(std::string_view word, std::vector<int64_t>* ids) const;

  WordPieceOptions options_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int64_t> ids_;
  size_t longest_token_bytes_ = 0;
  int64_t unknown_ = 0, begin_ = 0, end_ = 0, padding_ = 0;
};

}  // namespace minnow
