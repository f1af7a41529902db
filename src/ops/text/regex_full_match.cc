// regex_full_match: whether every text matches a pattern from its beginning to its end.
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/regex.h"

namespace minnow::ops {
namespace {

Status regex_full_match_infer(InferContext& c) {
  MN_CHECK(c.dtype(0) == DType::undefined || c.dtype(0) == DType::string, "expected strings, got ",
           to_string(c.dtype(0)));
  c.set_output(0, DType::boolean, c.shape(0));
  return {};
}

Status regex_full_match_reference(EvalContext& c) {
  MN_ASSIGN(const Regex regex, Regex::compile(c.string_attribute("pattern")));
  bool* out = c.output(0).mutable_data<bool>();
  // Characters times states between two looks at the clock.
  constexpr int64_t kWorkPerStep = int64_t{1} << 24;
  int64_t work = 0;
  for (const std::string& text : c.input(0).strings()) {
    *out++ = regex.matches(text);
    work += static_cast<int64_t>(text.size() * regex.size());
    MN_TRY(c.budget()->step(work / kWorkPerStep));
    work %= kWorkPerStep;
  }
  return {};
}

Case match(std::string pattern, std::vector<std::string> texts, std::initializer_list<bool> expected) {
  const Dims dims = {static_cast<int64_t>(texts.size())};
  return {.inputs = {Tensor::of_strings(std::move(texts), dims)},
          .attributes = {{"pattern", std::move(pattern)}},
          .expected = {Tensor::of<bool>(expected, dims)}};
}

std::vector<Case> regex_full_match_cases() {
  return {
      match("www\\.[\\w.-]+\\.\\bcom\\b", {"www.google.com", "www.facebook.com", "www.bbc.co.uk"}, {true, true, false}),
      match("(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)", {"account@gmail.com", "account@hotmail.com"},
            {true, false}),
      match("(a*)*b|(?i)QU{2,3}x?", {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", "aab", "quu", "qUUUx", "qu"},
            {false, true, true, true, false}),
      match("[^[:digit:]é]+", {"abc", "ab1", "né", "日本"}, {true, false, false, true}),
      match("", {"", "a"}, {true, false}),
      match("(?:ab|cd|ef)+?.", {"abcdx", "abcd", "efab\n", "abcdefé"}, {true, false, false, true}),
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> regex_full_match() {
  return {{
      .name = "regex_full_match",
      .doc = "Whether texts match a regular expression (RE2 syntax) as a whole.",
      .attributes = {{"pattern", ""}},
      .infer = regex_full_match_infer,
      .reference = regex_full_match_reference,
      .imports = {{"ai.onnx", "RegexFullMatch"}},
      .exports = {{"ai.onnx", "RegexFullMatch", 20}},
      .cases = regex_full_match_cases,
  }};
}

}  // namespace minnow::ops
