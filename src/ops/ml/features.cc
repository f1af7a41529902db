// The small numeric feature operators of ai.onnx.ml: binarizer, scaler, imputer, normalizer.
#include <algorithm>
#include <cmath>

#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

Status expect_numbers(const InferContext& c) {
  const DType dtype = c.dtype(0);
  MN_CHECK(dtype == DType::undefined || is_float(dtype) || is_integer(dtype), "expected numbers, got ",
           to_string(dtype));
  return {};
}

// Columns of the last dim, 1 for 0-d.
int64_t columns_of(const Tensor& tensor) { return tensor.rank() == 0 ? 1 : tensor.dims().back(); }

// Lists have one entry for all columns or one for each.
Status check_columns(const InferContext& c, std::string_view name, size_t entries) {
  if (!c.shape(0).static_dims()) return {};
  const int64_t columns = c.shape(0).rank() == 0 ? 1 : c.shape(0).dims.back().value;
  MN_CHECK(entries == 1 || static_cast<int64_t>(entries) == columns, name, " has ", entries, " entries for ", columns,
           " columns");
  return {};
}

Status binarizer_infer(InferContext& c) {
  MN_TRY(expect_numbers(c));
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

Status binarizer_reference(EvalContext& c) {
  const double threshold = c.float_attribute("threshold");
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    T* out = c.output(0).mutable_data<T>();
    for (T value : c.input(0).values<T>()) *out++ = static_cast<double>(value) > threshold ? T(1) : T(0);
    return {};
  });
}

Status scaler_infer(InferContext& c) {
  MN_TRY(expect_numbers(c));
  const size_t offsets = c.floats_attribute("offset").size(), scales = c.floats_attribute("scale").size();
  if (offsets != 0) MN_TRY(check_columns(c, "offset", offsets));
  if (scales != 0) MN_TRY(check_columns(c, "scale", scales));
  c.set_output(0, DType::float32, c.shape(0));
  return {};
}

Status scaler_reference(EvalContext& c) {
  const Floats &offset = c.floats_attribute("offset"), &scale = c.floats_attribute("scale");
  const std::vector<double> values = to_doubles(c.input(0));
  const size_t columns = static_cast<size_t>(columns_of(c.input(0)));
  float* out = c.output(0).mutable_data<float>();
  const auto pick = [&](const Floats& list, size_t i, float fallback) {
    return list.empty() ? fallback : list[list.size() == 1 ? 0 : i % columns];
  };
  for (size_t i = 0; i < values.size(); ++i) {
    out[i] = (static_cast<float>(values[i]) - pick(offset, i, 0.0f)) * pick(scale, i, 1.0f);
  }
  return {};
}

Status imputer_infer(InferContext& c) {
  MN_TRY(expect_numbers(c));
  if (c.dtype(0) != DType::undefined) {
    const bool real = is_float(c.dtype(0));
    const size_t entries =
        real ? c.floats_attribute("imputed_value_floats").size() : c.ints_attribute("imputed_value_int64s").size();
    MN_CHECK(entries != 0, real ? "imputed_value_floats" : "imputed_value_int64s", " is missing for ",
             to_string(c.dtype(0)), " input");
    MN_TRY(check_columns(c, "the list of imputed values", entries));
  }
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

Status imputer_reference(EvalContext& c) {
  const Floats& floats = c.floats_attribute("imputed_value_floats");
  const Ints& ints = c.ints_attribute("imputed_value_int64s");
  const size_t columns = static_cast<size_t>(columns_of(c.input(0)));
  const float replaced_float = c.float_attribute("replaced_value_float");
  const int64_t replaced_int = c.int_attribute("replaced_value_int64");
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const auto in = c.input(0).values<T>();
    T* out = c.output(0).mutable_data<T>();
    for (size_t i = 0; i < in.size(); ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        const bool hit = std::isnan(replaced_float) ? std::isnan(in[i]) : in[i] == static_cast<T>(replaced_float);
        out[i] = hit ? static_cast<T>(floats[floats.size() == 1 ? 0 : i % columns]) : in[i];
      } else {
        const bool hit = static_cast<int64_t>(in[i]) == replaced_int;
        out[i] = hit ? static_cast<T>(ints[ints.size() == 1 ? 0 : i % columns]) : in[i];
      }
    }
    return {};
  });
}

Status normalizer_infer(InferContext& c) {
  MN_TRY(expect_numbers(c));
  const std::string& norm = c.string_attribute("norm");
  MN_CHECK(norm == "MAX" || norm == "L1" || norm == "L2", "norm '", norm, "' is not MAX, L1 or L2");
  c.set_output(0, DType::float32, c.shape(0));
  return {};
}

double norm_of(const double* row, int64_t columns, std::string_view norm) {
  double total = norm == "MAX" && columns > 0 ? row[0] : 0;
  for (int64_t i = 0; i < columns; ++i) {
    if (norm == "MAX") total = std::max(total, row[i]);
    else total += norm == "L1" ? std::abs(row[i]) : row[i] * row[i];
  }
  return norm == "L2" ? std::sqrt(total) : total;
}

Status normalizer_reference(EvalContext& c) {
  const std::vector<double> values = to_doubles(c.input(0));
  const int64_t columns = columns_of(c.input(0)), count = static_cast<int64_t>(values.size());
  float* out = c.output(0).mutable_data<float>();
  for (int64_t begin = 0; begin < count; begin += columns) {
    const double norm = norm_of(values.data() + begin, columns, c.string_attribute("norm"));
    for (int64_t i = begin; i < begin + columns; ++i) {
      const double value = values[static_cast<size_t>(i)];
      out[i] = static_cast<float>(norm == 0 ? value : value / norm);
    }
  }
  return {};
}

std::vector<Case> binarizer_cases() {
  return {{.inputs = {Tensor::of<float>({-1, 0.5f, 2}, {3})},
           .attributes = {{"threshold", 0.5f}},
           .expected = {Tensor::of<float>({0, 0, 1}, {3})},
           .differentiable = false},
          {.inputs = {Tensor::of<int64_t>({-1, 0, 2}, {3, 1})}, .expected = {Tensor::of<int64_t>({0, 0, 1}, {3, 1})}}};
}

std::vector<Case> scaler_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 2})},
           .attributes = {{"offset", Floats{1, 2}}, {"scale", Floats{10, 100}}},
           .expected = {Tensor::of<float>({0, 0, 20, 200}, {2, 2})},
           .differentiable = false},
          {.inputs = {Tensor::of<int64_t>({1, 2}, {1, 2})},
           .attributes = {{"scale", Floats{0.5f}}},
           .expected = {Tensor::of<float>({0.5f, 1}, {1, 2})}}};
}

std::vector<Case> imputer_cases() {
  return {{.inputs = {Tensor::of<float>({1, NAN, NAN, 4}, {2, 2})},
           .attributes = {{"imputed_value_floats", Floats{7, 8}}, {"replaced_value_float", NAN}},
           .expected = {Tensor::of<float>({1, 8, 7, 4}, {2, 2})},
           .differentiable = false},
          {.inputs = {Tensor::of<int64_t>({-1, 2}, {1, 2})},
           .attributes = {{"imputed_value_int64s", Ints{9}}, {"replaced_value_int64", -1}},
           .expected = {Tensor::of<int64_t>({9, 2}, {1, 2})}}};
}

std::vector<Case> normalizer_cases() {
  const Tensor x = Tensor::of<float>({3, 4, 0, 0}, {2, 2});
  return {{.inputs = {x},
           .attributes = {{"norm", "L2"}},
           .expected = {Tensor::of<float>({0.6f, 0.8f, 0, 0}, {2, 2})},
           .differentiable = false},
          {.inputs = {x}, .expected = {Tensor::of<float>({0.75f, 1, 0, 0}, {2, 2})}, .differentiable = false},
          {.inputs = {Tensor::of<int64_t>({-1, 3}, {1, 2})},
           .attributes = {{"norm", "L1"}},
           .expected = {Tensor::of<float>({-0.25f, 0.75f}, {1, 2})}}};
}

OpDef feature_op(std::string_view name, std::string_view doc, std::string_view onnx,
                 std::vector<AttributeSpec> attributes, Status (*infer)(InferContext&),
                 Status (*reference)(EvalContext&), std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .attributes = std::move(attributes),
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx.ml", onnx}},
          .exports = {{"ai.onnx.ml", onnx, 1}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> features() {
  constexpr AttributeKind kFloats = AttributeKind::reals, kInts = AttributeKind::integers;
  return {
      feature_op("binarizer", "1 where the input exceeds the threshold, else 0.", "Binarizer", {{"threshold", 0.0f}},
                 binarizer_infer, binarizer_reference, binarizer_cases),
      feature_op("scaler", "(x - offset) * scale per column.", "Scaler", {{"offset", kFloats}, {"scale", kFloats}},
                 scaler_infer, scaler_reference, scaler_cases),
      feature_op("imputer", "Replaces one value by another per column.", "Imputer",
                 {{"imputed_value_floats", kFloats},
                  {"imputed_value_int64s", kInts},
                  {"replaced_value_float", 0.0f},
                  {"replaced_value_int64", 0}},
                 imputer_infer, imputer_reference, imputer_cases),
      feature_op("normalizer", "Rows divided by their maximum, L1 or L2 norm.", "Normalizer", {{"norm", "MAX"}},
                 normalizer_infer, normalizer_reference, normalizer_cases),
  };
}

}  // namespace minnow::ops
