// softmax, log_softmax and hardmax along an axis.
#include <algorithm>
#include <cmath>

#include "ops/axes.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status softmax_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float, "a floating-point type"));
  return infer_same_with_axis(c);
}

Status hardmax_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  return infer_same_with_axis(c);
}

// Calls body(x, out, extent, stride) for every line along the axis.
template <class T, class F>
Status each_line(EvalContext& c, F body) {
  const Tensor& x = c.input(0);
  if (x.size() == 0) return {};
  const AxisSplit view = split_at_axis(x.dims(), axis_of(c, x.rank()));
  Pace pace(c.budget());
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t n = 0; n < view.inner; ++n) {
      MN_TRY(pace.work(view.extent * 8));
      const int64_t start = o * view.extent * view.inner + n;
      body(x.data<T>() + start, c.output(0).mutable_data<T>() + start, view.extent, view.inner);
    }
  }
  return {};
}

// Relative to the largest element, so that no exponential overflows.
template <class T>
T largest_of(const T* x, int64_t extent, int64_t stride) {
  T largest = x[0];
  for (int64_t i = 1; i < extent; ++i) largest = std::max(largest, x[i * stride]);
  return largest;
}

template <class T>
void softmax_line(const T* x, T* out, int64_t extent, int64_t stride) {
  const T largest = largest_of(x, extent, stride);
  double sum = 0;
  for (int64_t i = 0; i < extent; ++i) sum += out[i * stride] = std::exp(x[i * stride] - largest);
  const T scale = static_cast<T>(1 / sum);
  for (int64_t i = 0; i < extent; ++i) out[i * stride] *= scale;
}

template <class T>
void log_softmax_line(const T* x, T* out, int64_t extent, int64_t stride) {
  const T largest = largest_of(x, extent, stride);
  double sum = 0;
  for (int64_t i = 0; i < extent; ++i) sum += std::exp(x[i * stride] - largest);
  const T shift = static_cast<T>(std::log(sum));
  for (int64_t i = 0; i < extent; ++i) out[i * stride] = x[i * stride] - largest - shift;
}

template <class T>
void hardmax_line(const T* x, T* out, int64_t extent, int64_t stride) {
  int64_t best = 0;
  for (int64_t i = 0; i < extent; ++i) {
    out[i * stride] = T(0);
    if (x[i * stride] > x[best * stride]) best = i;
  }
  out[best * stride] = T(1);
}

Status softmax_reference(EvalContext& c) {
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() { return each_line<T>(c, softmax_line<T>); });
}
Status log_softmax_reference(EvalContext& c) {
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() { return each_line<T>(c, log_softmax_line<T>); });
}
Status hardmax_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() { return each_line<T>(c, hardmax_line<T>); });
}

Expression sum_along(const GradientContext& c, const Expression& x) {
  return {&c.b, c.b.add("reduce_sum", {x.id, c.b.ints({c.int_attribute("axis")})})};
}

Status softmax_gradient(GradientContext& c) {
  const Expression y{&c.b, c.output(0)}, g{&c.b, c.output_gradient(0)};
  c.set_input_gradient(0, (y * (g - sum_along(c, g * y))).id);
  return {};
}

Status log_softmax_gradient(GradientContext& c) {
  const Expression y{&c.b, c.output(0)}, g{&c.b, c.output_gradient(0)};
  c.set_input_gradient(0, (g - exp(y) * sum_along(c, g)).id);
  return {};
}

// Before version 13 the dimensions from `axis` on are taken together as one.
Status flattening_import(ImportContext& c) {
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 1));
  const Shape shape = c.b.type(c.input(0)).shape;
  if (shape.ranked && shape.rank() > 0 && (axis == shape.rank() - 1 || axis == -1))
    return c.take_over({c.input(0)}, {{"axis", -1}});
  const ValueId flat = c.b.add("flatten", {c.input(0)}, {{"axis", axis}});
  const ValueId y = c.b.add(c.op.name, {flat}, {{"axis", 1}});
  c.set_output(0, c.b.add("reshape", {y, c.b.add("shape", {c.input(0)})}, {{"allowzero", 1}}, c.node.name));
  return c.b.status();
}

std::vector<Case> line_cases(std::initializer_list<float> expected) {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, -3, 3); };
  return {{.inputs = {Tensor::of<float>({0, 1, 2}, {1, 3})}, .expected = {Tensor::of<float>(expected, {1, 3})}},
          {.inputs = {f({2, 3, 4}, 1)}, .attributes = {{"axis", 1}}},
          {.inputs = {f({2, 3}, 2)}, .attributes = {{"axis", -2}}},
          {.inputs = {f({5}, 3)}},
          {.inputs = {Tensor::of<float>({1000, -1000}, {2})}, .differentiable = false, .note = "large"},
          {.inputs = {f({2, 0}, 4)}, .note = "empty"}};
}
std::vector<Case> softmax_cases() { return line_cases({0.09003057f, 0.24472847f, 0.66524096f}); }
std::vector<Case> log_softmax_cases() { return line_cases({-2.4076059f, -1.4076059f, -0.40760596f}); }
std::vector<Case> hardmax_cases() {
  std::vector<Case> cases = line_cases({0, 0, 1});
  cases.push_back({.inputs = {Tensor::of<float>({3, 3, 1}, {3})},
                   .expected = {Tensor::of<float>({1, 0, 0}, {3})},
                   .differentiable = false,
                   .note = "tie"});
  return cases;
}

OpDef line_op(std::string_view name, std::string_view onnx, std::string_view doc, Status (*infer)(InferContext&),
              Status (*reference)(EvalContext&), Status (*gradient)(GradientContext&), std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .attributes = {{"axis", -1}},
          .infer = infer,
          .reference = reference,
          .gradient = gradient,
          .imports = {{"ai.onnx", onnx, 1, 12, flattening_import}, {"ai.onnx", onnx, 13}},
          .exports = {{"ai.onnx", onnx, 13}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> softmax() {
  return tflite::with_rows(
      {
          line_op("softmax", "Softmax", "exp(x), divided by its sum along the axis.", softmax_infer, softmax_reference,
                  softmax_gradient, softmax_cases),
          line_op("log_softmax", "LogSoftmax", "Logarithm of softmax.", softmax_infer, log_softmax_reference,
                  log_softmax_gradient, log_softmax_cases),
          line_op("hardmax", "Hardmax", "1 for the first largest element along the axis, 0 for the others.",
                  hardmax_infer, hardmax_reference, nullptr, hardmax_cases),
      },
      {{"softmax", "SOFTMAX", tflite::import_softmax}, {"log_softmax", "LOG_SOFTMAX", tflite::compute}});
}

}  // namespace minnow::ops
