// Feature operators of ai.onnx.ml that select, join and encode columns: array_feature_extractor, feature_vectorizer,
// one_hot_encoder, category_mapper.
#include <algorithm>
#include <unordered_map>

#include "base/checked.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/spatial.h"

namespace minnow::ops {
namespace {

Status extractor_infer(InferContext& c) {
  MN_TRY(expect_integers(c, 1, "indices"));
  const Shape& in = c.shape(0);
  Shape out;
  if (in.ranked) {
    MN_CHECK(in.rank() >= 1, "expected at least one dimension, got a single value");
    out = in.rank() == 1 ? Shape{Dim(1), Dim()} : in;
    out.dims.back() = c.shape(1).static_dims() ? Dim(element_count(c.shape(1).to_dims())) : Dim();
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status extractor_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  const Ints indices = to_ints(c.input(1));
  const int64_t columns = in.dims().back();
  for (int64_t index : indices)
    MN_CHECK(index >= 0 && index < columns, "column ", index, " is outside [0, ", columns, ")");
  return take(in, {columns == 0 ? 0 : in.size() / columns, columns, 1}, indices, c.output(0), *c.budget());
}

// 1-D inputs count as one row.
Status vectorizer_infer(InferContext& c) {
  Dim rows, columns(0);
  for (int i = 0; i < c.input_count(); ++i) {
    MN_CHECK(c.has_input(i), "input ", i, " is missing");
    const DType dtype = c.dtype(i);
    MN_CHECK(dtype == DType::undefined || is_float(dtype) || is_integer(dtype), "expected numbers, got ",
             to_string(dtype));
    const Shape& in = c.shape(i);
    if (!in.ranked) {
      columns = Dim();
      continue;
    }
    MN_CHECK(in.rank() == 1 || in.rank() == 2, "expected [C] or [N, C], got ", to_string(in));
    const Dim own = in.rank() == 1 ? Dim(1) : in.dims[0];
    MN_CHECK(!rows.known() || !own.known() || rows.value == own.value, "inputs have ", rows.value, " and ", own.value,
             " rows");
    if (own.known()) rows = own;
    const Dim& width = in.dims.back();
    int64_t sum = 0;
    MN_CHECK(!columns.known() || !width.known() || checked_add(columns.value, width.value, &sum),
             "the inputs have more than 2^63 columns");
    columns = columns.known() && width.known() ? Dim(sum) : Dim();
  }
  c.set_output(0, DType::float32, Shape{rows, columns});
  return {};
}

Status vectorizer_reference(EvalContext& c) {
  const int64_t rows = c.output(0).dim(0), columns = c.output(0).dim(1);
  int64_t begin = 0;
  for (int i = 0; i < c.input_count(); ++i) {
    const std::vector<double> values = to_doubles(c.input(i));
    const int64_t own = c.input(i).dims().back();
    float* out = c.output(0).mutable_data<float>() + begin;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < own; ++k)
        out[r * columns + k] = static_cast<float>(values[static_cast<size_t>(r * own + k)]);
    }
    begin += own;
  }
  return {};
}

Status encoder_infer(InferContext& c) {
  const size_t texts = c.strings_attribute("cats_strings").size(), numbers = c.ints_attribute("cats_int64s").size();
  MN_CHECK((texts == 0) != (numbers == 0), "exactly one of cats_strings and cats_int64s must be given");
  MN_CHECK(c.dtype(0) == DType::undefined || (c.dtype(0) == DType::string) == (texts != 0), "the categories are ",
           texts != 0 ? "strings" : "integers", ", but the input is ", to_string(c.dtype(0)));
  Shape out = c.shape(0);
  if (out.ranked) out.dims.push_back(Dim(static_cast<int64_t>(texts + numbers)));
  c.set_output(0, DType::float32, out);
  return {};
}

Status encoder_reference(EvalContext& c) {
  fill_zero(c.output(0));
  float* row = c.output(0).mutable_data<float>();
  const bool allow_none = c.int_attribute("zeros") != 0;
  const auto encode = [&](const auto& categories, const auto& values) -> Status {
    std::unordered_map<std::remove_cvref_t<decltype(categories[0])>, size_t> index;
    for (size_t i = 0; i < categories.size(); ++i) index[categories[i]] = i;
    for (const auto& value : values) {
      const auto found = index.find(value);
      MN_CHECK(found != index.end() || allow_none, "a value is in no category; set zeros to 1 to allow that");
      if (found != index.end()) row[found->second] = 1;
      row += categories.size();
    }
    return {};
  };
  if (c.input(0).dtype() == DType::string) return encode(c.strings_attribute("cats_strings"), c.input(0).strings());
  return encode(c.ints_attribute("cats_int64s"), to_ints(c.input(0)));
}

Status mapper_infer(InferContext& c) {
  const DType dtype = c.dtype(0);
  MN_CHECK(dtype == DType::undefined || dtype == DType::string || dtype == DType::int64,
           "expected strings or int64, got ", to_string(dtype));
  MN_CHECK(c.strings_attribute("cats_strings").size() == c.ints_attribute("cats_int64s").size(),
           "cats_strings and cats_int64s must have one length");
  c.set_output(0,
               dtype == DType::string  ? DType::int64
               : dtype == DType::int64 ? DType::string
                                       : DType::undefined,
               c.shape(0));
  return {};
}

Status mapper_reference(EvalContext& c) {
  const Strings& texts = c.strings_attribute("cats_strings");
  const Ints& numbers = c.ints_attribute("cats_int64s");
  if (c.input(0).dtype() == DType::string) {
    std::unordered_map<std::string, int64_t> table;
    for (size_t i = 0; i < texts.size(); ++i) table[texts[i]] = numbers[i];
    int64_t* out = c.output(0).mutable_data<int64_t>();
    for (const std::string& text : c.input(0).strings()) {
      const auto found = table.find(text);
      *out++ = found == table.end() ? c.int_attribute("default_int64") : found->second;
    }
    return {};
  }
  std::unordered_map<int64_t, size_t> table;
  for (size_t i = 0; i < texts.size(); ++i) table[numbers[i]] = i;
  size_t at = 0;
  for (int64_t number : c.input(0).values<int64_t>()) {
    const auto found = table.find(number);
    c.output(0).mutable_strings()[at++] =
        found == table.end() ? c.string_attribute("default_string") : texts[found->second];
  }
  return {};
}

std::vector<Case> extractor_cases() {
  const Tensor x = Tensor::of<float>({0, 1, 2, 3, 4, 5}, {2, 3});
  return {{.inputs = {x, Tensor::of<int64_t>({2, 0}, {1, 2})},
           .expected = {Tensor::of<float>({2, 0, 5, 3}, {2, 2})},
           .differentiable = false},
          {.inputs = {Tensor::of_strings({"a", "b"}, {2}), Tensor::of<int64_t>({1}, {1})},
           .expected = {Tensor::of_strings({"b"}, {1, 1})}}};
}

std::vector<Case> vectorizer_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2}, {2, 1}), Tensor::of<int64_t>({3, 4, 5, 6}, {2, 2})},
           .expected = {Tensor::of<float>({1, 3, 4, 2, 5, 6}, {2, 3})},
           .differentiable = false},
          {.inputs = {Tensor::of<int32_t>({1, 2}, {2})},
           .expected = {Tensor::of<float>({1, 2}, {1, 2})},
           .note = "one row"}};
}

std::vector<Case> encoder_cases() {
  return {{.inputs = {Tensor::of<int64_t>({3, 9, 1}, {3})},
           .attributes = {{"cats_int64s", Ints{1, 3}}},
           .expected = {Tensor::of<float>({0, 1, 0, 0, 1, 0}, {3, 2})}},
          {.inputs = {Tensor::of_strings({"b"}, {1, 1})},
           .attributes = {{"cats_strings", Strings{"a", "b"}}, {"zeros", 0}},
           .expected = {Tensor::of<float>({0, 1}, {1, 1, 2})}}};
}

std::vector<Case> mapper_cases() {
  const Attributes table = {{"cats_strings", Strings{"a", "b"}}, {"cats_int64s", Ints{5, 6}}};
  return {{.inputs = {Tensor::of_strings({"b", "x"}, {2})},
           .attributes = table,
           .expected = {Tensor::of<int64_t>({6, -1}, {2})}},
          {.inputs = {Tensor::of<int64_t>({5, 7}, {2})},
           .attributes = table,
           .expected = {Tensor::of_strings({"a", "_Unused"}, {2})}}};
}

OpDef list_op(std::string_view name, std::string_view doc, std::string_view onnx, Arity inputs,
              std::vector<AttributeSpec> attributes, Status (*infer)(InferContext&), Status (*reference)(EvalContext&),
              std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .inputs = inputs,
          .attributes = std::move(attributes),
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx.ml", onnx}},
          .exports = {{"ai.onnx.ml", onnx, 1}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> feature_lists() {
  constexpr AttributeKind kInts = AttributeKind::integers, kTexts = AttributeKind::texts;
  return {
      list_op("array_feature_extractor", "Columns chosen by indices.", "ArrayFeatureExtractor", {2, 2}, {},
              extractor_infer, extractor_reference, extractor_cases),
      list_op("feature_vectorizer", "Inputs side by side as one float matrix.", "FeatureVectorizer", {1, Arity::kMany},
              {{"inputdimensions", kInts}}, vectorizer_infer, vectorizer_reference, vectorizer_cases),
      list_op("one_hot_encoder", "Values as one-hot vectors over a list of categories.", "OneHotEncoder", {1, 1},
              {{"cats_int64s", kInts}, {"cats_strings", kTexts}, {"zeros", 1}}, encoder_infer, encoder_reference,
              encoder_cases),
      list_op("category_mapper", "Strings to integers by a table, or back.", "CategoryMapper", {1, 1},
              {{"cats_int64s", kInts}, {"cats_strings", kTexts}, {"default_int64", -1}, {"default_string", "_Unused"}},
              mapper_infer, mapper_reference, mapper_cases),
  };
}

}  // namespace minnow::ops
