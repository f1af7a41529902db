// Random tensors: random_uniform, random_normal and their _like forms, bernoulli, multinomial.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/random_source.h"

namespace minnow::ops {
namespace {

Result<DType> float_dtype(const InferContext& c, DType fallback) {
  if (!c.has_attribute("dtype")) return fallback;
  const DType dtype = c.dtype_attribute("dtype");
  MN_CHECK(is_float(dtype), "dtype must be a floating-point type, got '", printable(c.string_attribute("dtype")), "'");
  return dtype;
}

Status shaped_infer(InferContext& c) {
  MN_ASSIGN(const DType dtype, float_dtype(c, DType::float32));
  MN_TRY(checked_element_count(c.ints_attribute("shape")));
  c.set_output(0, dtype, Shape(c.ints_attribute("shape")));
  return {};
}

Status like_infer(InferContext& c) {
  MN_ASSIGN(const DType dtype, float_dtype(c, c.dtype(0)));
  MN_CHECK(dtype == DType::undefined || is_float(dtype), "give a floating-point dtype: the input has ",
           to_string(dtype));
  c.set_output(0, dtype, c.shape(0));
  return {};
}

template <class Draw>
Status fill(EvalContext& c, Draw draw) {
  Tensor& out = c.output(0);
  Pace pace(c.budget());
  return dispatch<FloatTypes>(out.dtype(), [&]<class T>() -> Status {
    for (int64_t i = 0; i < out.size(); ++i) {
      out.mutable_data<T>()[i] = static_cast<T>(draw());
      MN_TRY(pace.work(16));
    }
    return {};
  });
}

Status uniform_reference(EvalContext& c) {
  RandomSource random(c);
  const double low = c.float_attribute("low"), high = c.float_attribute("high");
  return fill(c, [&] { return low + (high - low) * random.uniform(); });
}

Status normal_reference(EvalContext& c) {
  RandomSource random(c);
  const double mean = c.float_attribute("mean"), scale = c.float_attribute("scale");
  return fill(c, [&] { return mean + scale * random.normal(); });
}

Status bernoulli_infer(InferContext& c) {
  MN_CHECK(c.dtype(0) == DType::undefined || is_float(c.dtype(0)), "expected floating-point probabilities, got ",
           to_string(c.dtype(0)));
  DType dtype = c.dtype(0);
  if (c.has_attribute("dtype")) {
    dtype = c.dtype_attribute("dtype");
    MN_CHECK(is_float(dtype) || is_integer(dtype) || dtype == DType::boolean,
             "dtype must be a numeric type or boolean, got '", printable(c.string_attribute("dtype")), "'");
  }
  c.set_output(0, dtype, c.shape(0));
  return {};
}

Status bernoulli_reference(EvalContext& c) {
  RandomSource random(c);
  const Tensor& x = c.input(0);
  MN_ASSIGN(Tensor drawn, c.scratch(DType::boolean, x.dims()));
  Pace pace(c.budget());
  MN_TRY(dispatch<FloatTypes>(x.dtype(), [&]<class T>() -> Status {
    for (int64_t i = 0; i < x.size(); ++i) {
      drawn.mutable_data<bool>()[i] = random.uniform() < static_cast<double>(x.data<T>()[i]);
      MN_TRY(pace.work(16));
    }
    return Status();
  }));
  MN_ASSIGN(Tensor out, convert_dtype(drawn, c.output(0).dtype(), c.budget()));
  c.set_output(0, Datum(std::move(out)));
  return {};
}

Status multinomial_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 2, "input"));
  const int64_t samples = c.int_attribute("sample_size");
  MN_CHECK(samples >= 0, "sample_size must not be negative, got ", samples);
  const DType dtype = c.dtype_attribute("dtype");
  MN_CHECK(dtype == DType::int32 || dtype == DType::int64, "dtype must be int32 or int64, got '",
           printable(c.string_attribute("dtype")), "'");
  MN_CHECK(c.dtype(0) == DType::undefined || is_float(c.dtype(0)), "expected floating-point log-probabilities, got ",
           to_string(c.dtype(0)));
  if (c.shape(0).ranked) {
    const Dim& classes = c.shape(0).dims[1];
    MN_CHECK(!classes.known() || classes.value > 0 || samples == 0, "no classes to draw from");
  }
  c.set_output(0, dtype, c.shape(0).ranked ? Shape{c.shape(0).dims[0], Dim(samples)} : Shape::of_rank(2));
  return {};
}

// Draws by inverting the cumulative sums of exp(log-probability - largest).
Status multinomial_reference(EvalContext& c) {
  RandomSource random(c);
  const int64_t rows = c.input(0).dim(0), classes = c.input(0).dim(1), samples = c.int_attribute("sample_size");
  MN_ASSIGN(const Tensor logits, convert_dtype(c.input(0), DType::float64, c.budget()));
  MN_ASSIGN(Tensor sums, c.scratch(DType::float64, {classes}));
  double* cumulative = sums.mutable_data<double>();
  Tensor& out = c.output(0);
  Pace pace(c.budget());
  for (int64_t row = 0; row < rows && samples > 0; ++row) {
    const double* x = logits.data<double>() + row * classes;
    const double largest = *std::max_element(x, x + classes);
    double sum = 0;
    for (int64_t i = 0; i < classes; ++i) cumulative[i] = sum += std::exp(x[i] - largest);
    for (int64_t s = 0; s < samples; ++s) {
      const int64_t chosen = std::min(
          std::upper_bound(cumulative, cumulative + classes, random.uniform() * sum) - cumulative, classes - 1);
      if (out.dtype() == DType::int32) out.mutable_data<int32_t>()[row * samples + s] = static_cast<int32_t>(chosen);
      else out.mutable_data<int64_t>()[row * samples + s] = chosen;
      MN_TRY(pace.work(16));
    }
  }
  return {};
}

std::vector<Case> uniform_cases() {
  return {{.attributes = {{"shape", Ints{2, 3}}, {"seed", 1.0f}}},
          {.attributes = {{"shape", Ints{4}}, {"low", 2.0f}, {"high", 2.0f}, {"dtype", DType::float64}},
           .expected = {Tensor::of<double>({2, 2, 2, 2}, {4})}}};
}
std::vector<Case> normal_cases() {
  return {{.attributes = {{"shape", Ints{2, 3}}, {"seed", 1.0f}}},
          {.attributes = {{"shape", Ints{2}}, {"mean", 3.0f}, {"scale", 0.0f}},
           .expected = {Tensor::of<float>({3, 3}, {2})}}};
}
std::vector<Case> like_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2}, {2})}, .differentiable = false},
          {.inputs = {Tensor::of<int64_t>({1, 2, 3}, {3, 1})}, .attributes = {{"dtype", DType::float16}}}};
}
std::vector<Case> bernoulli_cases() {
  return {{.inputs = {Tensor::of<float>({0, 1, 1}, {3})},
           .expected = {Tensor::of<float>({0, 1, 1}, {3})},
           .differentiable = false},
          {.inputs = {Tensor::of<float>({0, 1}, {2})},
           .attributes = {{"dtype", DType::int32}},
           .expected = {Tensor::of<int32_t>({0, 1}, {2})}}};
}
std::vector<Case> multinomial_cases() {
  const float none = -HUGE_VALF;
  return {{.inputs = {Tensor::of<float>({none, 0, none, none, none, 2}, {2, 3})},
           .attributes = {{"sample_size", 2}},
           .expected = {Tensor::of<int32_t>({1, 1, 2, 2}, {2, 2})}},
          {.inputs = {random_tensor(DType::float32, {1, 5}, 1)},
           .attributes = {{"sample_size", 3}, {"dtype", DType::int64}, {"seed", 2.0f}}}};
}

OpDef random_op(std::string_view name, std::string_view onnx, std::string_view doc,
                std::vector<AttributeSpec> attributes, Status (*infer)(InferContext&),
                Status (*reference)(EvalContext&), std::vector<Case> (*cases)(), int first = 1) {
  attributes.push_back({"seed", AttributeKind::real});
  return {.name = name,
          .doc = doc,
          .attributes = std::move(attributes),
          .pure = false,
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx", onnx, 1, 1 << 20, import_with_dtype}},
          .exports = {{"ai.onnx", onnx, first, export_with_dtype}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> random_values() {
  const AttributeSpec shape = required("shape", AttributeKind::integers), dtype{"dtype", AttributeKind::text};
  const AttributeSpec low{"low", 0.0f}, high{"high", 1.0f}, mean{"mean", 0.0f}, scale{"scale", 1.0f};
  std::vector<OpDef> ops = {
      random_op("random_uniform", "RandomUniform", "Uniform values in [low, high).", {shape, low, high, dtype},
                shaped_infer, uniform_reference, uniform_cases),
      random_op("random_normal", "RandomNormal", "Normally distributed values.", {shape, mean, scale, dtype},
                shaped_infer, normal_reference, normal_cases),
      random_op("random_uniform_like", "RandomUniformLike", "Uniform values in the input's shape.", {low, high, dtype},
                like_infer, uniform_reference, like_cases),
      random_op("random_normal_like", "RandomNormalLike", "Normally distributed values in the input's shape.",
                {mean, scale, dtype}, like_infer, normal_reference, like_cases),
      random_op("bernoulli", "Bernoulli", "1 with the probability that the input gives, else 0.", {dtype},
                bernoulli_infer, bernoulli_reference, bernoulli_cases, 15),
      random_op("multinomial", "Multinomial", "Class numbers drawn by unnormalised log-probabilities.",
                {{"sample_size", 1}, {"dtype", DType::int32}}, multinomial_infer, multinomial_reference,
                multinomial_cases, 7),
  };
  ops[0].inputs = ops[1].inputs = {0, 0};
  return ops;
}

}  // namespace minnow::ops
