// Elementwise functions of any number of broadcast tensors (min, max, sum, mean), and clip.
#include <cmath>

#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

// out = f(... f(f(x0, x1), x2) ...), with the first input broadcast to the output first.
template <class T, class F>
Status fold_inputs(EvalContext& c, F f) {
  Tensor& result = c.output(0);
  Pace pace(c.budget());
  for (int k = 0; k < c.input_count(); ++k) {
    const Tensor& input = c.input(k);
    for (BroadcastLoop loop(result.dims(), {input.dims()}); !loop.done(); loop.next()) {
      MN_TRY(pace.work(loop.run()));
      const T* x = input.data<T>() + loop.offset(0);
      T* out = result.mutable_data<T>() + loop.position();
      const int64_t count = loop.run(), stride = loop.stride(0);
      if (k == 0)
        for (int64_t i = 0; i < count; ++i) out[i] = x[i * stride];
      else if (stride == 0)
        for (int64_t i = 0; i < count; ++i) out[i] = f(out[i], *x);
      else
        for (int64_t i = 0; i < count; ++i) out[i] = f(out[i], x[i]);
    }
  }
  return {};
}

// NaN wins, as in NumPy.
template <class T>
T larger(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
T smaller(T a, T b) {
  return a < b || a != a ? a : b;
}

Status max_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.output(0).dtype(), [&]<class T>() { return fold_inputs<T>(c, larger<T>); });
}
Status min_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.output(0).dtype(), [&]<class T>() { return fold_inputs<T>(c, smaller<T>); });
}
Status sum_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.output(0).dtype()),
                                 [&]<class T>() { return fold_inputs<T>(c, wrapping_add<T>); });
}
Status mean_reference(EvalContext& c) {
  return dispatch<FloatTypes>(c.output(0).dtype(), [&]<class T>() -> Status {
    MN_TRY(fold_inputs<T>(c, wrapping_add<T>));
    T* out = c.output(0).mutable_data<T>();
    for (int64_t i = 0; i < c.output(0).size(); ++i) out[i] /= static_cast<T>(c.input_count());
    return {};
  });
}

// The gradient goes to the inputs that are the extreme, in equal parts where several are.
Status extreme_gradient(GradientContext& c) {
  const Expression y{&c.b, c.output(0)}, g{&c.b, c.output_gradient(0)};
  std::vector<Expression> chosen;
  Expression count;
  for (int i = 0; i < c.input_count(); ++i) {
    chosen.push_back(Expression{&c.b, c.input(i)}.apply("equal", y).cast_like(g));
    count = i == 0 ? chosen[0] : count + chosen.back();
  }
  for (int i = 0; i < c.input_count(); ++i) {
    c.set_input_gradient(i, undo_broadcast(g * chosen[static_cast<size_t>(i)] / count, {&c.b, c.input(i)}).id);
  }
  return {};
}

Status sum_gradient(GradientContext& c) {
  const Expression g{&c.b, c.output_gradient(0)};
  for (int i = 0; i < c.input_count(); ++i) c.set_input_gradient(i, undo_broadcast(g, {&c.b, c.input(i)}).id);
  return {};
}

Status mean_gradient(GradientContext& c) {
  const Expression g = Expression{&c.b, c.output_gradient(0)} / static_cast<double>(c.input_count());
  for (int i = 0; i < c.input_count(); ++i) c.set_input_gradient(i, undo_broadcast(g, {&c.b, c.input(i)}).id);
  return {};
}

Status clip_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  for (int i = 1; i < c.input_count(); ++i) {
    MN_TRY(c.expect_same_dtype(0, i));
    if (!c.has_input(i) || !c.shape(i).static_dims()) continue;
    MN_CHECK(element_count(c.shape(i).to_dims()) == 1, i == 1 ? "min" : "max", " must be a scalar, got ",
             to_string(c.shape(i)));
  }
  return infer_same(c);
}

Status clip_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() {
    constexpr bool floating = std::is_floating_point_v<T>;
    constexpr T lowest = floating ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
    constexpr T highest = floating ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
    const T low = c.has_input(1) ? *c.input(1).data<T>() : lowest,
            high = c.has_input(2) ? *c.input(2).data<T>() : highest;
    return map_elements<T, T>(c, [=](T x) {
      const T raised = x < low ? low : x;
      return raised > high ? high : raised;
    });
  });
}

// min and max get the gradient of the elements that they replaced.
Status clip_gradient(GradientContext& c) {
  const Expression x{&c.b, c.input(0)}, g{&c.b, c.output_gradient(0)};
  Expression dx = g;
  if (c.has_input(2)) {
    const Expression high{&c.b, c.input(2)}, above = step_above(x, high);
    c.set_input_gradient(2, undo_broadcast(g * above, high).id);
    dx = dx * (1.0 - above);
  }
  if (c.has_input(1)) {
    const Expression low{&c.b, c.input(1)}, below = x.apply("less", low).cast_like(x);
    c.set_input_gradient(1, undo_broadcast(g * below, low).id);
    dx = dx * (1.0 - below);
  }
  c.set_input_gradient(0, dx.id);
  return {};
}

// Before version 11 the bounds were attributes.
Status clip_import_6(ImportContext& c) {
  std::vector<ValueId> inputs{c.input(0), kNoValue, kNoValue};
  MN_CHECK(c.b.type(inputs[0]).dtype != DType::undefined, "the input's element type must be known");
  const char* names[] = {"min", "max"};
  for (size_t i = 0; i < 2; ++i) {
    if (c.node.attributes.find(names[i]) == nullptr) continue;
    MN_ASSIGN(const float bound, c.float_attribute(names[i], 0));
    inputs[i + 1] = c.b.scalar_like(bound, inputs[0]);
  }
  return c.take_over(inputs);
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> variadic_cases(std::initializer_list<float> expected) {
  return {{.inputs = {Tensor::of<float>({1, -2, 3}, {3}), Tensor::of<float>({4, -5, 0}, {3}),
                      Tensor::of<float>({1, 1, 3}, {3})},
           .expected = {Tensor::of<float>(expected, {3})},
           .differentiable = false},
          {.inputs = {f({2, 1, 3}, 1), f({4, 1}, 2), f({}, 3)}, .note = "broadcast"},
          {.inputs = {f({5}, 4)}, .note = "one input"},
          {.inputs = {f({0, 3}, 5), f({3}, 6)}, .note = "empty"}};
}
std::vector<Case> max_cases() {
  std::vector<Case> cases = variadic_cases({4, 1, 3});
  cases.push_back({.inputs = {Tensor::of<uint8_t>({200, 3}, {2}), Tensor::of<uint8_t>({100, 4}, {2})},
                   .expected = {Tensor::of<uint8_t>({200, 4}, {2})}});
  return cases;
}
std::vector<Case> min_cases() { return variadic_cases({1, -5, 0}); }
std::vector<Case> sum_cases() { return variadic_cases({6, -6, 6}); }
std::vector<Case> mean_cases() { return variadic_cases({2, -2, 2}); }
std::vector<Case> clip_cases() {
  const Tensor low = Tensor::scalar(-0.5f), high = Tensor::scalar(0.25f);
  return {{.inputs = {Tensor::of<float>({-1, 0, 1}, {3}), low, high},
           .expected = {Tensor::of<float>({-0.5f, 0, 0.25f}, {3})}},
          {.inputs = {f({3, 4}, 1), low}},
          {.inputs = {f({3, 4}, 2), Datum(), high}},
          {.inputs = {f({4}, 3)}},
          {.inputs = {Tensor::of<float>({-1, 0, 1}, {3}), high, low},
           .expected = {Tensor::of<float>({-0.5f, -0.5f, -0.5f}, {3})},
           .differentiable = false,
           .note = "min above max"},
          {.inputs = {Tensor::of<int8_t>({-128, 0, 127}, {3}), Tensor::scalar<int8_t>(-1), Tensor::scalar<int8_t>(9)},
           .expected = {Tensor::of<int8_t>({-1, 0, 9}, {3})}}};
}

OpDef variadic(std::string_view name, std::string_view onnx, std::string_view doc, Status (*infer)(InferContext&),
               Status (*reference)(EvalContext&), Status (*gradient)(GradientContext&), std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .inputs = {1, Arity::kMany},
          .infer = infer,
          .reference = reference,
          .gradient = gradient,
          .imports = {{"ai.onnx", onnx}},
          .exports = {{"ai.onnx", onnx, 8}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> extremes() {
  return tflite::with_rows(
      {
          variadic("max", "Max", "Elementwise largest of all inputs.", infer_broadcast_number, max_reference,
                   extreme_gradient, max_cases),
          variadic("min", "Min", "Elementwise smallest of all inputs.", infer_broadcast_number, min_reference,
                   extreme_gradient, min_cases),
          variadic("sum", "Sum", "Elementwise sum of all inputs.", infer_broadcast_number, sum_reference, sum_gradient,
                   sum_cases),
          variadic("mean", "Mean", "Elementwise mean of all inputs.", infer_broadcast_float, mean_reference,
                   mean_gradient, mean_cases),
          {.name = "clip",
           .doc = "x limited to [min, max].",
           .inputs = {1, 3},
           .infer = clip_infer,
           .reference = clip_reference,
           .gradient = clip_gradient,
           .imports = {{"ai.onnx", "Clip", 1, 10, clip_import_6},
                       {"ai.onnx", "Clip", 11},
                       {"tflite", "RELU6", 1, 1 << 20, tflite::import_clip},
                       {"tflite", "RELU_N1_TO_1", 1, 1 << 20, tflite::import_clip},
                       {"tflite", "RELU_0_TO_1", 1, 1 << 20, tflite::import_clip}},
           .exports = {{"ai.onnx", "Clip", 11}},
           .cases = clip_cases},
      },
      {{"max", "MAXIMUM", tflite::move_or_compute}, {"min", "MINIMUM", tflite::move_or_compute}});
}

}  // namespace minnow::ops
