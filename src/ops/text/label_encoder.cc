// label_encoder: a table from keys to values; what is not a key gets the default.
#include <bit>
#include <cmath>
#include <unordered_map>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

Status label_encoder_infer(InferContext& c) {
  const Tensor &keys = c.tensor_attribute("keys_tensor"), &values = c.tensor_attribute("values_tensor"),
               &fallback = c.tensor_attribute("default_tensor");
  MN_CHECK(keys.valid() && values.valid() && fallback.valid(), "keys, values or the default are empty");
  MN_CHECK(keys.size() == values.size(), "expected a value for every key, got ", keys.size(), " keys and ",
           values.size(), " values");
  MN_CHECK(fallback.size() == 1 && fallback.dtype() == values.dtype(), "the default must be one ",
           to_string(values.dtype()), ", got ", fallback.size(), " of ", to_string(fallback.dtype()));
  MN_CHECK(!is_complex(keys.dtype()), "complex keys are not possible");
  MN_CHECK(c.dtype(0) == DType::undefined || c.dtype(0) == keys.dtype(), "the keys are ", to_string(keys.dtype()),
           ", but the input is ", to_string(c.dtype(0)));
  c.set_output(0, values.dtype(), c.shape(0));
  return {};
}

// Numbers that are equal where the elements are: all NaNs are one key, and so are both zeros.
Ints number_keys(const Tensor& tensor) {
  if (!is_float(tensor.dtype())) return to_ints(tensor);
  Ints keys;
  for (double value : to_doubles(tensor))
    keys.push_back(std::bit_cast<int64_t>(std::isnan(value) ? std::nan("") : value == 0 ? 0.0 : value));
  return keys;
}

Status label_encoder_reference(EvalContext& c) {
  const Tensor &keys = c.tensor_attribute("keys_tensor"), &values = c.tensor_attribute("values_tensor");
  // The values with the default behind them.
  MN_ASSIGN(Tensor table, c.scratch(values.dtype(), {values.size() + 1}));
  MN_TRY(copy_to_strides(values.reshaped({values.size()}), table, 0, Dims{1}, *c.budget()));
  MN_TRY(
      copy_to_strides(c.tensor_attribute("default_tensor").reshaped({1}), table, values.size(), Dims{1}, *c.budget()));
  Ints places;
  const auto look_up = [&](const auto& from, const auto& wanted) {
    std::unordered_map<std::remove_cvref_t<decltype(from[0])>, int64_t> index;
    for (size_t i = 0; i < from.size(); ++i) index[from[i]] = static_cast<int64_t>(i);
    for (const auto& key : wanted) {
      const auto found = index.find(key);
      places.push_back(found == index.end() ? values.size() : found->second);
    }
  };
  if (keys.dtype() == DType::string) look_up(keys.strings(), c.input(0).strings());
  else look_up(number_keys(keys), number_keys(c.input(0)));
  return take_runs(table, places, 1, c.output(0), *c.budget());
}

// keys_* or values_* of versions 2 and up: floats, int64s, strings or a tensor. Not valid when none is there.
Result<Tensor> list_attribute(const ImportContext& c, const std::string& prefix) {
  if (const Attribute* a = c.node.attributes.find(prefix + "_tensor"); a != nullptr && a->get<Tensor>() != nullptr)
    return *a->get<Tensor>();
  if (const Attribute* a = c.node.attributes.find(prefix + "_int64s"); a != nullptr && a->get<Ints>() != nullptr)
    return Tensor::of_ints(*a->get<Ints>());
  if (const Attribute* a = c.node.attributes.find(prefix + "_strings"); a != nullptr && a->get<Strings>() != nullptr) {
    const int64_t count = static_cast<int64_t>(a->get<Strings>()->size());
    return Tensor::of_strings(*a->get<Strings>(), {count});
  }
  if (const Attribute* a = c.node.attributes.find(prefix + "_floats"); a != nullptr && a->get<Floats>() != nullptr) {
    return Tensor::of<float>(std::span(*a->get<Floats>()), {static_cast<int64_t>(a->get<Floats>()->size())});
  }
  return Tensor();
}

Result<Tensor> default_for(const ImportContext& c, DType dtype) {
  if (const Attribute* a = c.node.attributes.find("default_tensor"); a != nullptr && a->get<Tensor>() != nullptr)
    return *a->get<Tensor>();
  if (dtype == DType::string) {
    MN_ASSIGN(std::string text, c.string_attribute("default_string", "_Unused"));
    return Tensor::of_strings({std::move(text)}, {1});
  }
  if (is_float(dtype)) {
    MN_ASSIGN(const float value, c.float_attribute("default_float", -0.0f));
    return convert_dtype(Tensor::of<float>({value}, {1}), dtype);
  }
  MN_ASSIGN(const int64_t value, c.int_attribute("default_int64", -1));
  return convert_dtype(Tensor::of<int64_t>({value}, {1}), dtype);
}

Status import_label_encoder(ImportContext& c) {
  MN_ASSIGN(const Tensor keys, list_attribute(c, "keys"));
  MN_ASSIGN(const Tensor values, list_attribute(c, "values"));
  MN_CHECK(keys.valid() && values.valid(), "expected one keys_ and one values_ attribute");
  MN_ASSIGN(const Tensor fallback, default_for(c, values.dtype()));
  return c.take_over({c.input(0)}, {{"keys_tensor", keys}, {"values_tensor", values}, {"default_tensor", fallback}});
}

// Version 1 maps texts to their positions in classes_strings, or positions to texts, whichever the input is.
Status import_first(ImportContext& c) {
  const Attribute* classes = c.node.attributes.find("classes_strings");
  MN_CHECK(classes != nullptr && classes->get<Strings>() != nullptr, "classes_strings is missing");
  const Strings& names = *classes->get<Strings>();
  const int64_t count = static_cast<int64_t>(names.size());
  Ints positions;
  for (int64_t i = 0; i < count; ++i) positions.push_back(i);
  const Tensor texts = Tensor::of_strings(names, {count}), numbers = Tensor::of_ints(positions);
  const DType dtype = c.b.type(c.input(0)).dtype;
  if (dtype != DType::string && dtype != DType::int64)
    return unsupported({"the input's element type must be known (string or int64), got ", to_string(dtype)});
  const bool from_text = dtype == DType::string;
  MN_ASSIGN(const Tensor fallback, default_for(c, from_text ? DType::int64 : DType::string));
  return c.take_over({c.input(0)}, {{"keys_tensor", from_text ? texts : numbers},
                                    {"values_tensor", from_text ? numbers : texts},
                                    {"default_tensor", fallback}});
}

std::vector<Case> label_encoder_cases() {
  return {
      {.inputs = {Tensor::of_strings({"b", "x", "a"}, {3})},
       .attributes = {{"keys_tensor", Tensor::of_strings({"a", "b"}, {2})},
                      {"values_tensor", Tensor::of<int64_t>({7, 8}, {2})},
                      {"default_tensor", Tensor::of<int64_t>({-1}, {1})}},
       .expected = {Tensor::of<int64_t>({8, -1, 7}, {3})}},
      {.inputs = {Tensor::of<float>({NAN, 1.5f, -0.0f}, {3, 1})},
       .attributes = {{"keys_tensor", Tensor::of<float>({NAN, 0}, {2})},
                      {"values_tensor", Tensor::of_strings({"nan", "zero"}, {2})},
                      {"default_tensor", Tensor::of_strings({"?"}, {1})}},
       .expected = {Tensor::of_strings({"nan", "?", "zero"}, {3, 1})},
       .differentiable = false},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> label_encoder() {
  return {{
      .name = "label_encoder",
      .doc = "Looks every element up in a table of keys and values.",
      .attributes = {required("keys_tensor", AttributeKind::tensor), required("values_tensor", AttributeKind::tensor),
                     required("default_tensor", AttributeKind::tensor)},
      .narrow_floats = NarrowFloats::native,
      .infer = label_encoder_infer,
      .reference = label_encoder_reference,
      .imports = {{"ai.onnx.ml", "LabelEncoder", 1, 1, import_first},
                  {"ai.onnx.ml", "LabelEncoder", 2, 1 << 20, import_label_encoder}},
      .exports = {{"ai.onnx.ml", "LabelEncoder", 4}},
      .cases = label_encoder_cases,
  }};
}

}  // namespace minnow::ops
