// string_concat: element-wise concatenation with broadcasting. string_split: every text cut at a delimiter.
#include <algorithm>

#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

Status expect_strings(const InferContext& c, int i) {
  MN_CHECK(c.dtype(i) == DType::undefined || c.dtype(i) == DType::string, "expected strings, got ",
           to_string(c.dtype(i)));
  return {};
}

Status string_concat_infer(InferContext& c) {
  MN_TRY(expect_strings(c, 0));
  MN_TRY(expect_strings(c, 1));
  MN_ASSIGN(Shape out, broadcast_shapes(c.shape(0), c.shape(1)));
  c.set_output(0, DType::string, std::move(out));
  return {};
}

// The input seen under the output's dims.
Result<Tensor> broadcast_to(EvalContext& c, const Tensor& in, const Dims& dims) {
  Dims strides(dims.size(), 0);
  const Dims own = row_major_strides(in.dims());
  const size_t lead = dims.size() - own.size();
  for (size_t i = 0; i < own.size(); ++i) strides[lead + i] = in.dims()[i] == 1 ? 0 : own[i];
  MN_ASSIGN(Tensor out, c.scratch(in.dtype(), dims));
  MN_TRY(copy_from_strides(in, 0, strides, out, *c.budget()));
  return out;
}

Status string_concat_reference(EvalContext& c) {
  const Dims dims = c.output(0).dims();
  MN_ASSIGN(const Tensor x, broadcast_to(c, c.input(0), dims));
  MN_ASSIGN(const Tensor y, broadcast_to(c, c.input(1), dims));
  const auto out = c.output(0).mutable_strings();
  int64_t bytes = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    bytes += static_cast<int64_t>(x.strings()[i].size() + y.strings()[i].size());
    if (bytes > c.budget()->limits().bytes)
      return over_limit({"texts of more than ", c.budget()->limits().bytes, " bytes"});
    out[i] = x.strings()[i] + y.strings()[i];
  }
  return {};
}

Status string_split_infer(InferContext& c) {
  MN_TRY(expect_strings(c, 0));
  Shape parts = c.shape(0);
  if (parts.ranked) parts.dims.push_back(Dim());
  c.set_output(0, DType::string, parts);
  c.set_output(1, DType::int64, c.shape(0));
  return {};
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Runs of white space separate; what is left after `limit` cuts keeps its white space, except in front.
std::vector<std::string_view> split_at_spaces(std::string_view text, int64_t limit) {
  std::vector<std::string_view> parts;
  size_t at = 0;
  while (true) {
    while (at < text.size() && is_space(text[at])) ++at;
    if (at == text.size()) return parts;
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      parts.push_back(text.substr(at));
      return parts;
    }
    size_t end = at;
    while (end < text.size() && !is_space(text[end])) ++end;
    parts.push_back(text.substr(at, end - at));
    at = end;
  }
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view delimiter, int64_t limit) {
  if (delimiter.empty()) return split_at_spaces(text, limit);
  std::vector<std::string_view> parts;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    const size_t end = text.find(delimiter);
    if (end == std::string_view::npos) break;
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + delimiter.size());
  }
  parts.push_back(text);
  return parts;
}

Status string_split_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  const int64_t limit = c.has_attribute("maxsplit") ? c.int_attribute("maxsplit") : -1;
  std::vector<std::vector<std::string_view>> all;
  size_t longest = 0;
  for (const std::string& text : in.strings()) {
    MN_TRY(c.budget()->step(0));
    all.push_back(split_at(text, c.string_attribute("delimiter"), limit));
    longest = std::max(longest, all.back().size());
  }
  Dims dims = in.dims();
  dims.push_back(static_cast<int64_t>(longest));
  MN_ASSIGN(Tensor * out, c.allocate_output(0, dims));
  const auto parts = out->mutable_strings();
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t k = 0; k < all[i].size(); ++k) parts[i * longest + k] = all[i][k];
    if (c.wants_output(1)) c.output(1).mutable_data<int64_t>()[i] = static_cast<int64_t>(all[i].size());
  }
  return {};
}

Tensor texts(std::vector<std::string> values, Dims dims) {
  return Tensor::of_strings(std::move(values), std::move(dims));
}

std::vector<Case> string_concat_cases() {
  return {
      {.inputs = {texts({"a", "b"}, {2}), texts({"1", "2"}, {2})}, .expected = {texts({"a1", "b2"}, {2})}},
      {.inputs = {texts({"a", "b"}, {2, 1}), texts({"1", "2"}, {2})},
       .expected = {texts({"a1", "a2", "b1", "b2"}, {2, 2})},
       .note = "broadcast"},
      {.inputs = {texts({"a"}, {}), texts({""}, {})}, .expected = {texts({"a"}, {})}, .note = "0-d"},
      {.inputs = {texts({}, {0}), texts({"x"}, {1})}, .expected = {texts({}, {0})}, .note = "no elements"},
  };
}

std::vector<Case> string_split_cases() {
  const auto counts = [](std::vector<int64_t> values) { return Tensor::of_ints(values); };
  return {
      {.inputs = {texts({"a,b", ",", ""}, {3})},
       .attributes = {{"delimiter", ","}},
       .outputs = 2,
       .expected = {texts({"a", "b", "", "", "", ""}, {3, 2}), counts({2, 2, 1})}},
      {.inputs = {texts({" a  b c ", ""}, {2})},
       .outputs = 2,
       .expected = {texts({"a", "b", "c", "", "", ""}, {2, 3}), counts({3, 0})}},
      {.inputs = {texts({"a b  c "}, {1})},
       .attributes = {{"maxsplit", 1}},
       .outputs = 2,
       .expected = {texts({"a", "b  c "}, {1, 2}), counts({2})}},
      {.inputs = {texts({}, {0})}, .outputs = 2, .expected = {texts({}, {0, 0}), counts({})}, .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> string_concat() {
  return {{
              .name = "string_concat",
              .doc = "Element-wise concatenation of texts.",
              .inputs = {2, 2},
              .infer = string_concat_infer,
              .reference = string_concat_reference,
              .imports = {{"ai.onnx", "StringConcat"}},
              .exports = {{"ai.onnx", "StringConcat", 20}},
              .cases = string_concat_cases,
          },
          {
              .name = "string_split",
              .doc = "Texts cut at a delimiter (white space), padded with empty texts, and how many parts each has.",
              .outputs = {1, 2},
              .attributes = {{"delimiter", ""}, {"maxsplit", AttributeKind::integer}},
              .infer = string_split_infer,
              .reference = string_split_reference,
              .imports = {{"ai.onnx", "StringSplit"}},
              .exports = {{"ai.onnx", "StringSplit", 20}},
              .cases = string_split_cases,
          }};
}

}  // namespace minnow::ops
