#include "zoo/word_piece.h"

#include <gtest/gtest.h>

namespace minnow {
namespace {

// Ids are line numbers: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, …
constexpr std::string_view kVocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##aff\n##able\nhello\nworld\n!\n,\ncafe\n\xE4\xBD\xA0\n\xE5\xA5\xBD\n##s\n$"
    "\n5\na\n##a\n";

WordPiece make(const WordPieceOptions& options = {}) {
  auto result = WordPiece::create(kVocabulary, options);
  EXPECT_TRUE(result.ok());
  return std::move(result).value();
}

using Words = std::vector<std::string>;
using Ids = std::vector<int64_t>;

TEST(WordPiece, SplitsPunctuationCaseAndAccents) {
  const WordPiece words = make();
  EXPECT_EQ(words.basic_tokens("Hello,  WORLD!\tCaf\xC3\xA9\n"), (Words{"hello", ",", "world", "!", "cafe"}));
  // A combining acute accent, a decomposed umlaut and Turkish dotted capital I.
  EXPECT_EQ(words.basic_tokens("Cafe\xCC\x81 u\xCC\x88 \xC4\xB0"), (Words{"cafe", "u", "i"}));
  EXPECT_EQ(words.basic_tokens("a$5"), (Words{"a", "$", "5"}));
  // U+2019 is punctuation, U+20AC (euro) is a symbol and stays.
  EXPECT_EQ(words.basic_tokens("it\xE2\x80\x99s \xE2\x82\xAC"
                               "5"),
            (Words{"it", "\xE2\x80\x99", "s",
                   "\xE2\x82\xAC"
                   "5"}));
}

TEST(WordPiece, SeparatesIdeographsButNotKana) {
  const WordPiece words = make();
  EXPECT_EQ(words.basic_tokens("\xE4\xBD\xA0\xE5\xA5\xBDx"), (Words{"\xE4\xBD\xA0", "\xE5\xA5\xBD", "x"}));
  EXPECT_EQ(words.basic_tokens("\xE3\x81\x82\xE3\x81\x84"), (Words{"\xE3\x81\x82\xE3\x81\x84"}));
}

TEST(WordPiece, DropsControlsAndInvalidBytes) {
  const WordPiece words = make();
  EXPECT_EQ(words.basic_tokens(std::string_view("he\0l\x01lo\xFF", 8)), (Words{"hello"}));
  // Zero-width space and byte order mark (format characters); no-break space separates.
  EXPECT_EQ(words.basic_tokens("he\xE2\x80\x8Bllo\xC2\xA0world\xEF\xBB\xBF"), (Words{"hello", "world"}));
  // The line separator U+2028 separates; the unassigned U+0378 stays.
  EXPECT_EQ(words.basic_tokens("a\xE2\x80\xA8"
                               "b\xCD\xB8"),
            (Words{"a", "b\xCD\xB8"}));
  EXPECT_TRUE(words.basic_tokens("").empty());
}

TEST(WordPiece, KeepsCaseOnRequest) {
  const WordPiece words = make({.lower_case = false});
  EXPECT_EQ(words.basic_tokens("Caf\xC3\xA9"), (Words{"Caf\xC3\xA9"}));
}

TEST(WordPiece, TakesTheLongestPiece) {
  const WordPiece words = make();
  EXPECT_EQ(words.pieces("unaffable"), (Ids{4, 5, 6}));
  EXPECT_EQ(words.pieces("hellos"), (Ids{7, 14}));
  // A word with an uncovered rest is unknown as a whole.
  EXPECT_EQ(words.pieces("hellox world"), (Ids{1, 8}));
  EXPECT_EQ(words.pieces("[CLS]"), (Ids{1, 1, 1}));
}

TEST(WordPiece, LongWordsAreUnknown) {
  const WordPiece words = make();
  EXPECT_EQ(words.pieces(std::string(100, 'a')).size(), 100u);
  EXPECT_EQ(words.pieces(std::string(101, 'a')), (Ids{1}));
}

TEST(WordPiece, EncodesAndTruncates) {
  const WordPiece words = make();
  EXPECT_EQ(words.encode("hello world").ids, (Ids{2, 7, 8, 3}));
  EXPECT_EQ(words.encode("hello world !", 4).ids, (Ids{2, 7, 8, 3}));
  EXPECT_EQ(words.encode("").ids, (Ids{2, 3}));
  TokenRow pair = words.encode_pair("hello world hello", "world", 6);
  EXPECT_EQ(pair.ids, (Ids{2, 7, 8, 3, 8, 3}));
  EXPECT_EQ(pair.types, (Ids{0, 0, 0, 0, 1, 1}));
  words.pad(&pair, 8);
  EXPECT_EQ(pair.ids, (Ids{2, 7, 8, 3, 8, 3, 0, 0}));
  EXPECT_EQ(pair.mask, (Ids{1, 1, 1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(words.token(7), "hello");
  EXPECT_EQ(words.token(99), "");
}

TEST(WordPiece, RefusesBadVocabularies) {
  const auto message = [](std::string_view text) { return WordPiece::create(text).error().message; };
  EXPECT_NE(message("[PAD]\n[UNK]\n[CLS]\n").find("[SEP]"), std::string::npos);
  EXPECT_NE(message("[PAD]\n[PAD]\n").find("repeats"), std::string::npos);
  EXPECT_NE(message("[PAD]\n\n[UNK]\n").find("empty"), std::string::npos);
  EXPECT_NE(message("\xFF\n").find("UTF-8"), std::string::npos);
}

}  // namespace
}  // namespace minnow
