#include "base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace minnow {
namespace {

using Views = std::vector<std::string_view>;

TEST(Text, PrintableEscapesWhatATerminalObeys) {
  EXPECT_EQ(printable("conv_3/größe 模型"), "conv_3/größe 模型");
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b"
            "31m");  // C1 control sequence introducer
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xae"
            "b");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc3("), "\\xff\\xc3(");
}

TEST(Text, PrintableCutsAtACharacter) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef…");
  EXPECT_EQ(printable("abcdeé", 6), "abcde…");
  EXPECT_EQ(printable("abc\n", 6), "abc…");
}

TEST(Text, Utf8IsStrict) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f\xf4\x8f\xbf\xbf"));
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "ok\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
  }
}

TEST(Text, SplitTrimJoin) {
  EXPECT_EQ(split("a,b,,c,", ','), (Views{"a", "b", "", "c", ""}));
  EXPECT_EQ(split("", ','), (Views{""}));
  EXPECT_EQ(trim(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Text, PrefixSuffixLower) {
  EXPECT_TRUE(starts_with("model.onnx", "model") && ends_with("model.onnx", ".onnx") && starts_with("", ""));
  EXPECT_FALSE(starts_with("mod", "model") || ends_with("x", ".onnx"));
  EXPECT_EQ(lower_ascii("HardSwish-Ä"), "hardswish-Ä");
}

TEST(Text, NumbersAreWholeTexts) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* bad : {"", "9223372036854775808", "1x", " 1", "1 ", "0x10", "+1", "1.0"})
    EXPECT_FALSE(parse_int(bad)) << bad;
  EXPECT_EQ(parse_double("1e-3"), 1e-3);
  EXPECT_EQ(parse_double("-0.5"), -0.5);
  EXPECT_TRUE(std::isinf(*parse_double("inf")));
  for (const char* bad : {"", "1..2", "1e", " 1", "1 ", "0x10", "+1", "one"}) EXPECT_FALSE(parse_double(bad)) << bad;
}

TEST(Text, NearestName) {
  const Views names = {"Conv", "ConvTranspose", "HardSwish", "HardSigmoid", "Relu"};
  EXPECT_EQ(nearest_name("conv", names), "Conv");
  EXPECT_EQ(nearest_name("HardSwich", names), "HardSwish");
  EXPECT_EQ(nearest_name("HardSgmoidd", names), "HardSigmoid");
  EXPECT_EQ(nearest_name("Relux", names), "Relu");
  EXPECT_EQ(nearest_name("Gemm", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'C'), names), "");
}

TEST(Text, HumanNumbers) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1'000), "1.0 kB");
  EXPECT_EQ(human_bytes(1'500'000), "1.5 MB");
  EXPECT_EQ(human_bytes(999'960), "1.0 MB");
  EXPECT_EQ(human_bytes(-2'000), "-2.0 kB");
  EXPECT_EQ(human_bytes(std::numeric_limits<int64_t>::max()), "9223.4 PB");
  EXPECT_EQ(human_count(12'345'678), "12.3 M");
  EXPECT_EQ(human_count(12), "12");
}

}  // namespace
}  // namespace minnow
