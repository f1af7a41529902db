#include "zoo/word_piece.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"

namespace minnow {
namespace {

void append_utf8(std::string* out, int32_t character) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(character, bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

// Characters of a text; bytes that are not UTF-8 are left out, as BERT leaves out U+FFFD.
std::vector<int32_t> characters(std::string_view text) {
  std::vector<int32_t> out;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t character = -1;
    const utf8proc_ssize_t used =
        utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &character);
    at += used > 0 ? static_cast<size_t>(used) : 1;
    if (used > 0 && character != 0 && character != 0xFFFD) out.push_back(character);
  }
  return out;
}

bool is_space(int32_t c) {
  const utf8proc_category_t category = utf8proc_category(c);
  return c == '\t' || c == '\n' || c == '\r' ||
         (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP);  // spaces, line, paragraph
}

// Unassigned characters stay, as in HuggingFace's tokenizer: whether one is assigned depends on the Unicode version.
bool is_control(int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS: return c != '\t' && c != '\n' && c != '\r';
    default: return false;
  }
}

// BERT counts all ASCII symbols as punctuation ("$", "+"), and Unicode's P categories beyond.
bool is_punctuation(int32_t c) {
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126)) return true;
  const utf8proc_category_t category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

// The CJK Unified Ideographs blocks that BERT names; kana and hangul are words like any other.
bool is_ideograph(int32_t c) {
  constexpr int32_t kBlocks[][2] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
                                    {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kBlocks), std::end(kBlocks),
                     [c](const int32_t(&block)[2]) { return c >= block[0] && c <= block[1]; });
}

// Appends the lower-case base characters of `c`: canonical decomposition without its non-spacing marks.
void append_folded(std::vector<int32_t>* out, int32_t c) {
  utf8proc_int32_t parts[32];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(c, parts, 32, UTF8PROC_DECOMPOSE, &boundary);
  if (count <= 0 || count > 32) return out->push_back(utf8proc_tolower(c));
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN) out->push_back(utf8proc_tolower(parts[i]));
  }
}

// Cleaned characters, ideographs set apart by spaces. Words are split after folding, which may yield punctuation
// (U+037E).
std::vector<int32_t> normalized(std::string_view text, bool fold) {
  std::vector<int32_t> out;
  for (const int32_t c : characters(text)) {
    if (is_control(c)) continue;
    const bool apart = is_ideograph(c);
    if (apart) out.push_back(' ');
    if (fold) append_folded(&out, c);
    else out.push_back(c);
    if (apart) out.push_back(' ');
  }
  return out;
}

// Byte offsets of the characters of a valid UTF-8 text, and its size at the end.
std::vector<size_t> character_starts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

}  // namespace

Result<WordPiece> WordPiece::create(std::string_view vocabulary, const WordPieceOptions& options) {
  MN_CHECK(options.max_word_characters > 0, "max_word_characters must be positive, got ", options.max_word_characters);
  MN_CHECK(is_utf8(vocabulary), "the vocabulary is not UTF-8 text");
  WordPiece out;
  out.options_ = options;
  std::vector<std::string_view> lines = split(vocabulary, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (std::string_view line : lines) {
    if (ends_with(line, "\r")) line.remove_suffix(1);
    const int64_t id = static_cast<int64_t>(out.tokens_.size());
    MN_CHECK(!line.empty(), "line ", id + 1, " of the vocabulary is empty: expected one token a line");
    const bool fresh = out.ids_.emplace(std::string(line), id).second;
    MN_CHECK(fresh, "line ", id + 1, " of the vocabulary repeats the token '", printable(line), "'");
    out.tokens_.emplace_back(line);
    out.longest_token_bytes_ = std::max(out.longest_token_bytes_, line.size());
  }
  const std::pair<std::string_view, int64_t*> control[] = {
      {"[UNK]", &out.unknown_}, {"[CLS]", &out.begin_}, {"[SEP]", &out.end_}, {"[PAD]", &out.padding_}};
  for (const auto& [name, id] : control) {
    *id = out.id(name);
    MN_CHECK(*id >= 0, "the vocabulary lacks the token ", name, ": is it BERT's vocab.txt?");
  }
  return out;
}

std::string_view WordPiece::token(int64_t id) const {
  return id >= 0 && id < vocabulary_size() ? std::string_view(tokens_[static_cast<size_t>(id)]) : std::string_view();
}

int64_t WordPiece::id(std::string_view token) const {
  const auto found = ids_.find(std::string(token));
  return found == ids_.end() ? -1 : found->second;
}

std::vector<std::string> WordPiece::basic_tokens(std::string_view text) const {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const int32_t c : normalized(text, options_.lower_case)) {
    const bool punctuation = is_punctuation(c);
    if (punctuation || is_space(c)) finish();
    if (!is_space(c)) append_utf8(&word, c);
    if (punctuation) finish();
  }
  finish();
  return words;
}

// Greedy: the longest piece that starts here, again and again; a word with a part that no piece covers is unknown as a
// whole.
void WordPiece::cut_word(std::string_view word, std::vector<int64_t>* ids) const {
  const std::vector<size_t> starts = character_starts(word);
  const size_t count = starts.size() - 1;
  if (static_cast<int64_t>(count) > options_.max_word_characters) return ids->push_back(unknown_);
  std::vector<int64_t> found;
  std::string piece;
  for (size_t begin = 0; begin < count;) {
    size_t end = count;
    int64_t id = -1;
    for (; end > begin; --end) {
      const size_t bytes = starts[end] - starts[begin];
      if (bytes > longest_token_bytes_) continue;
      piece = begin > 0 ? "##" : "";
      piece.append(word.substr(starts[begin], bytes));
      if ((id = this->id(piece)) >= 0) break;
    }
    if (id < 0) return ids->push_back(unknown_);
    found.push_back(id);
    begin = end;
  }
  ids->insert(ids->end(), found.begin(), found.end());
}

std::vector<int64_t> WordPiece::pieces(std::string_view text) const {
  std::vector<int64_t> ids;
  for (const std::string& word : basic_tokens(text)) cut_word(word, &ids);
  return ids;
}

TokenRow WordPiece::encode(std::string_view text, int64_t max_tokens) const {
  std::vector<int64_t> ids = pieces(text);
  ids.resize(std::min(ids.size(), static_cast<size_t>(std::max<int64_t>(max_tokens, 3) - 2)));
  TokenRow row;
  row.ids.push_back(begin_);
  row.ids.insert(row.ids.end(), ids.begin(), ids.end());
  row.ids.push_back(end_);
  row.mask.assign(row.ids.size(), 1);
  row.types.assign(row.ids.size(), 0);
  return row;
}

TokenRow WordPiece::encode_pair(std::string_view text, std::string_view second, int64_t max_tokens) const {
  std::vector<int64_t> a = pieces(text), b = pieces(second);
  const size_t room = static_cast<size_t>(std::max<int64_t>(max_tokens, 3) - 3);
  while (a.size() + b.size() > room) (a.size() > b.size() ? a : b).pop_back();
  TokenRow row;
  row.ids.push_back(begin_);
  row.ids.insert(row.ids.end(), a.begin(), a.end());
  row.ids.push_back(end_);
  row.types.assign(row.ids.size(), 0);
  row.ids.insert(row.ids.end(), b.begin(), b.end());
  row.ids.push_back(end_);
  row.types.resize(row.ids.size(), 1);
  row.mask.assign(row.ids.size(), 1);
  return row;
}

void WordPiece::pad(TokenRow* row, int64_t length) const {
  const size_t size = std::max(row->ids.size(), static_cast<size_t>(std::max<int64_t>(length, 0)));
  row->ids.resize(size, padding_);
  row->mask.resize(size, 0);
  row->types.resize(size, 0);
}

}  // namespace minnow
