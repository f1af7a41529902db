// Running sums and products along an axis: cumsum, cumprod.
#include "ops/axes.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

Status cumulative_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  MN_TRY(expect_dtype(c, 1, is_integer, "an integer type"));
  if (c.shape(1).static_dims()) {
    MN_CHECK(element_count(c.shape(1).to_dims()) == 1, "axis must be a scalar, got ", to_string(c.shape(1)));
  }
  const auto axis = c.ints(1);
  if (axis && c.shape(0).ranked) MN_TRY(normalize_axis((*axis)[0], c.shape(0).rank()));
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

template <class T, class F>
Status accumulate(EvalContext& c, T first, F f) {
  const Tensor& x = c.input(0);
  int64_t axis = to_ints(c.input(1))[0];
  if (axis < 0) axis += x.rank();
  const AxisSplit view = split_at_axis(x.dims(), axis);
  const bool exclusive = c.int_attribute("exclusive") != 0, reverse = c.int_attribute("reverse") != 0;
  Pace pace(c.budget());
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t n = 0; n < view.inner; ++n) {
      MN_TRY(pace.work(view.extent));
      const int64_t start = o * view.extent * view.inner + n;
      T running = first;
      for (int64_t i = 0; i < view.extent; ++i) {
        const int64_t at = start + (reverse ? view.extent - 1 - i : i) * view.inner;
        const T before = running;
        running = f(running, x.data<T>()[at]);
        c.output(0).mutable_data<T>()[at] = exclusive ? before : running;
      }
    }
  }
  return {};
}

Status cumsum_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return accumulate<T>(c, T(0), wrapping_add<T>); });
}
Status cumprod_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return accumulate<T>(c, T(1), wrapping_mul<T>); });
}

Expression running_sum(const GradientContext& c, const Expression& x) {
  return {&c.b, c.b.add("cumsum", {x.id, c.input(1)},
                        {{"exclusive", c.int_attribute("exclusive")},
                         {"reverse", int64_t{c.int_attribute("reverse") == 0}}})};
}

Status cumsum_gradient(GradientContext& c) {
  c.set_input_gradient(0, running_sum(c, {&c.b, c.output_gradient(0)}).id);
  return {};
}

// y_j holds x_i for all j after i: dx_i = sum_j g_j y_j / x_i. Not defined this way where x is 0.
Status cumprod_gradient(GradientContext& c) {
  const Expression x{&c.b, c.input(0)}, y{&c.b, c.output(0)}, g{&c.b, c.output_gradient(0)};
  c.set_input_gradient(0, (running_sum(c, g * y) / x).id);
  return {};
}

std::vector<Case> cumulative_cases(std::initializer_list<float> plain, std::initializer_list<float> exclusive,
                                   std::initializer_list<float> reverse, std::initializer_list<float> both) {
  const Tensor x = Tensor::of<float>({1, 2, 3}, {3}), axis = Tensor::scalar<int64_t>(0);
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, 0.5, 2); };
  return {{.inputs = {x, axis}, .expected = {Tensor::of<float>(plain, {3})}},
          {.inputs = {x, axis}, .attributes = {{"exclusive", 1}}, .expected = {Tensor::of<float>(exclusive, {3})}},
          {.inputs = {x, axis}, .attributes = {{"reverse", 1}}, .expected = {Tensor::of<float>(reverse, {3})}},
          {.inputs = {x, axis},
           .attributes = {{"exclusive", 1}, {"reverse", 1}},
           .expected = {Tensor::of<float>(both, {3})}},
          {.inputs = {f({2, 3, 2}, 1), Tensor::scalar<int32_t>(-2)}},
          {.inputs = {random_tensor(DType::int32, {2, 3}, 1, -9, 9), Tensor::of<int64_t>({1}, {1})}},
          {.inputs = {f({0, 2}, 1), axis}, .note = "empty"}};
}
std::vector<Case> cumsum_cases() { return cumulative_cases({1, 3, 6}, {0, 1, 3}, {6, 5, 3}, {5, 3, 0}); }
std::vector<Case> cumprod_cases() { return cumulative_cases({1, 2, 6}, {1, 1, 2}, {6, 6, 3}, {6, 3, 1}); }

OpDef running(std::string_view name, std::string_view onnx, std::string_view doc, Status (*reference)(EvalContext&),
              Status (*gradient)(GradientContext&), std::vector<Case> (*cases)(), int first) {
  return {.name = name,
          .doc = doc,
          .inputs = {2, 2},
          .attributes = {{"exclusive", 0}, {"reverse", 0}},
          .infer = cumulative_infer,
          .reference = reference,
          .gradient = gradient,
          .imports = {{"ai.onnx", onnx}},
          .exports = {{"ai.onnx", onnx, first}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> cumulative() {
  return tflite::with_rows(
      {running("cumsum", "CumSum", "Running sum along the axis.", cumsum_reference, cumsum_gradient, cumsum_cases, 11),
       running("cumprod", "CumProd", "Running product along the axis.", cumprod_reference, cumprod_gradient,
               cumprod_cases, 26)},
      {{"cumsum", "CUMSUM", tflite::compute}});
}

}  // namespace minnow::ops
