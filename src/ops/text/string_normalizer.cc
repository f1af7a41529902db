// string_normalizer: removes stop words and changes letter case of a list of words.
#include <unordered_set>

#include "ops/cases.h"
#include "ops/op.h"
#include "ops/unicode.h"

namespace minnow::ops {
namespace {

Status string_normalizer_infer(InferContext& c) {
  MN_CHECK(c.dtype(0) == DType::undefined || c.dtype(0) == DType::string, "expected strings, got ",
           to_string(c.dtype(0)));
  const std::string& action = c.string_attribute("case_change_action");
  MN_CHECK(action == "NONE" || action == "LOWER" || action == "UPPER", "case_change_action '", action,
           "' is not NONE, LOWER or UPPER");
  const Shape& in = c.shape(0);
  if (!in.ranked) {
    c.set_output(0, DType::string, Shape());
    return {};
  }
  MN_CHECK(in.rank() == 1 || (in.rank() == 2 && (!in.dims[0].known() || in.dims[0].value == 1)),
           "expected [C] or [1, C], got ", to_string(in));
  c.set_output(0, DType::string, in.rank() == 1 ? Shape{Dim()} : Shape{Dim(1), Dim()});
  return {};
}

std::string mapped(std::string_view text, char32_t (*map)(char32_t)) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t code = next_code_point(text, at), changed = map(code);
    if (changed == code) out += text.substr(begin, at - begin);  // keeps invalid bytes as they are
    else append_utf8(out, changed);
  }
  return out;
}

Status string_normalizer_reference(EvalContext& c) {
  const bool sensitive = c.int_attribute("is_case_sensitive") != 0;
  const auto folded = [&](const std::string& text) { return sensitive ? text : mapped(text, to_lower); };
  std::unordered_set<std::string> stop_words;
  for (const std::string& word : c.strings_attribute("stopwords")) stop_words.insert(folded(word));
  const std::string& action = c.string_attribute("case_change_action");
  std::vector<std::string> kept;
  for (const std::string& word : c.input(0).strings()) {
    if (!stop_words.empty() && stop_words.count(folded(word)) != 0) continue;
    kept.push_back(action == "NONE" ? word : mapped(word, action == "LOWER" ? to_lower : to_upper));
  }
  if (kept.empty()) kept.emplace_back();  // one empty word stands for none
  const int64_t count = static_cast<int64_t>(kept.size());
  c.set_output(0, Tensor::of_strings(std::move(kept), c.input(0).rank() == 1 ? Dims{count} : Dims{1, count}));
  return {};
}

std::vector<Case> string_normalizer_cases() {
  const Tensor words = Tensor::of_strings({"Monday", "été", "MONDAY"}, {3});
  const Strings stop = {"monday"};
  return {
      {.inputs = {words},
       .attributes = {{"case_change_action", "UPPER"}},
       .expected = {Tensor::of_strings({"MONDAY", "ÉTÉ", "MONDAY"}, {3})}},
      {.inputs = {words}, .attributes = {{"stopwords", stop}}, .expected = {Tensor::of_strings({"été"}, {1})}},
      {.inputs = {words},
       .attributes = {{"stopwords", Strings{"Monday"}}, {"is_case_sensitive", 1}, {"case_change_action", "LOWER"}},
       .expected = {Tensor::of_strings({"été", "monday"}, {2})}},
      {.inputs = {Tensor::of_strings({"Monday"}, {1, 1})},
       .attributes = {{"stopwords", stop}},
       .expected = {Tensor::of_strings({""}, {1, 1})},
       .note = "nothing left"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> string_normalizer() {
  return {{
      .name = "string_normalizer",
      .doc = "Words without stop words, in lower or upper case.",
      .attributes = {{"case_change_action", "NONE"},
                     {"is_case_sensitive", 0},
                     {"locale", AttributeKind::text},
                     {"stopwords", AttributeKind::texts}},
      .infer = string_normalizer_infer,
      .reference = string_normalizer_reference,
      .imports = {{"ai.onnx", "StringNormalizer"}},
      .exports = {{"ai.onnx", "StringNormalizer", 10}},
      .cases = string_normalizer_cases,
  }};
}

}  // namespace minnow::ops
