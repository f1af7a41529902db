// Arithmetic of two broadcast operands: add, sub, mul, div, mod, pow; and prelu, swiglu.
#include <algorithm>
#include <cmath>

#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

struct Operands {
  Expression a, b, y, g;  // inputs, output, gradient of the output
};

Operands operands(const GradientContext& c) {
  const auto expression = [&](ValueId id) { return Expression{&c.b, id}; };
  return {expression(c.input(0)), expression(c.input(1)), expression(c.output(0)), expression(c.output_gradient(0))};
}

Status set_gradients(GradientContext& c, const Operands& o, const Expression& da, const Expression& db) {
  c.set_input_gradient(0, undo_broadcast(da, o.a).id);
  c.set_input_gradient(1, undo_broadcast(db, o.b).id);
  return {};
}

Status add_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return map_pairs<T, T>(c, wrapping_add<T>); });
}
Status sub_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return map_pairs<T, T>(c, wrapping_sub<T>); });
}
Status mul_reference(EvalContext& c) {
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return map_pairs<T, T>(c, wrapping_mul<T>); });
}

template <class T>
Status check_divisor(const Tensor& divisor) {
  if constexpr (std::is_integral_v<T>) {
    const auto values = divisor.values<T>();
    const auto zero = std::find(values.begin(), values.end(), T(0));
    MN_CHECK(zero == values.end(), "integer division by zero (divisor element ", zero - values.begin(), ")");
  }
  return {};
}

Status div_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    if (c.output(0).size() != 0) MN_TRY(check_divisor<T>(c.input(1)));
    return map_pairs<T, T>(c, truncating_div<T>);
  });
}

Status mod_reference(EvalContext& c) {
  const bool truncating = c.int_attribute("fmod") != 0;
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    if (c.output(0).size() != 0) MN_TRY(check_divisor<T>(c.input(1)));
    return truncating ? map_pairs<T, T>(c, truncating_mod<T>) : map_pairs<T, T>(c, flooring_mod<T>);
  });
}

Status pow_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  MN_TRY(expect_dtype(c, 1, is_real_number, "a numeric type"));
  MN_ASSIGN(Shape shape, broadcast_inputs(c, 0, 2));
  c.set_output(0, c.dtype(0), std::move(shape));
  return {};
}

template <class T>
Status powers(EvalContext& c, const Tensor& a, const Tensor& b, Tensor& out) {
  Pace pace(c.budget());
  for (BroadcastLoop loop(out.dims(), {a.dims(), b.dims()}); !loop.done(); loop.next()) {
    MN_TRY(pace.work(loop.run() * 8));
    const T *x = a.data<T>() + loop.offset(0), *e = b.data<T>() + loop.offset(1);
    T* y = out.mutable_data<T>() + loop.position();
    for (int64_t i = 0; i < loop.run(); ++i) {
      if constexpr (std::is_integral_v<T>) y[i] = integer_pow(x[i * loop.stride(0)], e[i * loop.stride(1)]);
      else y[i] = std::pow(x[i * loop.stride(0)], e[i * loop.stride(1)]);
    }
  }
  return {};
}

// Element types of base and exponent may differ: floats compute in the base's type, integers with an integer exponent
// exactly, and integers with a floating-point exponent in float64.
Status pow_reference(EvalContext& c) {
  const Tensor &base = c.input(0), &exponent = c.input(1);
  const bool in_float = is_float(base.dtype()), in_integers = !in_float && is_integer(exponent.dtype());
  const DType work = in_float ? base.dtype() : in_integers ? DType::int64 : DType::float64;
  MN_ASSIGN(const Tensor a, convert_dtype(base, work, c.budget()));
  MN_ASSIGN(const Tensor b, convert_dtype(exponent, work, c.budget()));
  MN_ASSIGN(Tensor out, c.scratch(work, c.output(0).dims()));
  Status status = dispatch<TypeList<float, double, int64_t>>(work, [&]<class T>() { return powers<T>(c, a, b, out); });
  MN_TRY(std::move(status));
  MN_ASSIGN(out, convert_dtype(out, c.output(0).dtype(), c.budget()));
  c.set_output(0, Datum(std::move(out)));
  return {};
}

Status add_gradient(GradientContext& c) {
  const Operands o = operands(c);
  return set_gradients(c, o, o.g, o.g);
}
Status sub_gradient(GradientContext& c) {
  const Operands o = operands(c);
  return set_gradients(c, o, o.g, -o.g);
}
Status mul_gradient(GradientContext& c) {
  const Operands o = operands(c);
  return set_gradients(c, o, o.g * o.b, o.g * o.a);
}
Status div_gradient(GradientContext& c) {
  const Operands o = operands(c);
  return set_gradients(c, o, o.g / o.b, -(o.g * o.y / o.b));
}
Status mod_gradient(GradientContext& c) {
  const Operands o = operands(c);
  const Expression quotient = ((o.a - o.y) / o.b).apply("round");
  return set_gradients(c, o, o.g, -(o.g * quotient));
}

// d/da = b a^(b-1), 0 where b is 0; d/db = a^b log a, taken as 0 where a <= 0 (there it does not exist).
Status pow_gradient(GradientContext& c) {
  const Operands o = operands(c);
  const Expression e = o.b.cast_like(o.a), zero = e.number(0), one = e.number(1);
  const Expression still = e.apply("equal", zero);
  const Expression da = select(still, zero, e * o.a.apply("pow", select(still, one, e - 1.0)));
  const Expression positive = o.a.apply("greater", o.a.number(0));
  const Expression logarithm = log(select(positive, o.a, one));
  const Expression db = (o.g * o.y * logarithm).cast_like(o.b);
  return set_gradients(c, o, o.g * da, db);
}

Status prelu_infer(InferContext& c) {
  MN_TRY(infer_broadcast_number(c));
  const Shape &x = c.shape(0), &slope = c.shape(1);
  if (!x.ranked || !slope.ranked) {
    c.set_output(0, c.dtype(0), x);
    return {};
  }
  MN_CHECK(slope.rank() <= x.rank(), "the slope ", to_string(slope), " must broadcast to the input ", to_string(x));
  for (int64_t i = 1; i <= slope.rank(); ++i) {
    const Dim &from = slope.dims[static_cast<size_t>(slope.rank() - i)],
              &to = x.dims[static_cast<size_t>(x.rank() - i)];
    MN_CHECK(!from.known() || !to.known() || from.value == 1 || from.value == to.value, "the slope ", to_string(slope),
             " must broadcast to the input ", to_string(x));
  }
  c.set_output(0, c.dtype(0), x);
  return {};
}

Status prelu_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() {
    return map_pairs<T, T>(c, [](T x, T slope) { return x < T(0) ? wrapping_mul(x, slope) : x; });
  });
}

Status prelu_gradient(GradientContext& c) {
  const Operands o = operands(c);
  const Expression zero = o.a.number(0), below = o.a.apply("less", zero);
  return set_gradients(c, o, select(below, o.g * o.b, o.g), select(below, o.g * o.a, zero));
}

// Versions 1 and 6: a slope of C elements belongs to axis 1.
Status prelu_import_6(ImportContext& c) {
  const Shape &x = c.b.type(c.input(0)).shape, &slope = c.b.type(c.input(1)).shape;
  ValueId slopes = c.input(1);
  if (slope.ranked && slope.rank() == 1 && !(slope.dims[0].value == 1)) {
    MN_CHECK(x.ranked, "a slope for each channel needs an input of known rank");
    Ints axes;
    for (int64_t i = 1; i < x.rank() - 1; ++i) axes.push_back(i);
    if (!axes.empty()) slopes = c.b.add("unsqueeze", {slopes, c.b.ints(axes)});
  }
  return c.take_over({c.input(0), slopes});
}

Status swiglu_infer(InferContext& c) {
  MN_TRY(infer_broadcast_float(c));
  if (c.shape(0).static_dims() && c.shape(1).static_dims()) {
    MN_CHECK(c.shape(0) == c.shape(1), "gate and value must have one shape, got ", to_string(c.shape(0)), " and ",
             to_string(c.shape(1)));
  }
  return {};
}

Status swiglu_decompose(DecomposeContext& c) {
  const ValueId gate = c.b.add("swish", {c.input(0)}, {{"alpha", c.float_attribute("alpha")}});
  c.set_output(0, c.b.add("mul", {gate, c.input(1)}));
  return {};
}

Tensor f(Dims dims, uint64_t seed, double low = -2, double high = 2) {
  return random_tensor(DType::float32, std::move(dims), seed, low, high);
}

// Shapes that every operator with broadcasting must know; the right operand stays away from 0.
std::vector<Case> broadcast_cases(double low = -2, double high = 2) {
  return {{.inputs = {f({3, 4}, 1, low, high), f({3, 4}, 2, 0.5, 2)}},
          {.inputs = {f({2, 3, 1, 4}, 3, low, high), f({5, 1}, 4, 0.5, 2)}, .note = "both broadcast"},
          {.inputs = {f({}, 5, low, high), f({2, 3}, 6, 0.5, 2)}, .note = "scalar left"},
          {.inputs = {f({2, 3}, 7, low, high), f({}, 8, 0.5, 2)}, .note = "scalar right"},
          {.inputs = {f({0, 3}, 9), f({1, 3}, 10, 0.5, 2)}, .note = "empty"}};
}
template <class T>
Case pair(std::initializer_list<T> a, std::initializer_list<T> b, std::initializer_list<T> y,
          Attributes attributes = {}) {
  const Dims dims{static_cast<int64_t>(a.size())};
  return {.inputs = {Tensor::of<T>(a, dims), Tensor::of<T>(b, dims)},
          .attributes = std::move(attributes),
          .expected = {Tensor::of<T>(y, dims)},
          .differentiable = false};
}
std::vector<Case> joined(std::vector<Case> cases, std::initializer_list<Case> more) {
  cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}
constexpr int32_t kLowest = std::numeric_limits<int32_t>::min();

std::vector<Case> add_cases() {
  return joined(broadcast_cases(),
                {pair<float>({1, 2}, {3, -4}, {4, -2}), pair<int32_t>({kLowest, 5}, {-1, 6}, {2147483647, 11})});
}
std::vector<Case> sub_cases() {
  return joined(broadcast_cases(), {pair<float>({1, 2}, {3, -4}, {-2, 6}), pair<uint8_t>({3, 5}, {4, 1}, {255, 4})});
}
std::vector<Case> mul_cases() {
  return joined(broadcast_cases(),
                {pair<float>({1, 2}, {3, -4}, {3, -8}), pair<int16_t>({300, -5}, {300, 6}, {24464, -30})});
}
std::vector<Case> div_cases() {
  return joined(broadcast_cases(), {pair<float>({1, 2}, {4, -4}, {0.25f, -0.5f}),
                                    pair<int32_t>({kLowest, -7, 7}, {-1, 2, -2}, {kLowest, -3, -3})});
}
std::vector<Case> mod_cases() {
  return joined({{.inputs = {f({3, 4}, 1), f({4}, 2, 0.7, 0.9)}},
                 {.inputs = {f({3, 4}, 3), f({4}, 4, 0.7, 0.9)}, .attributes = {{"fmod", 1}}}},
                {pair<int32_t>({-4, 7, 5, 4, -7, 8}, {2, -3, 8, -2, 3, 5}, {0, -2, 5, 0, 2, 3}),
                 pair<int32_t>({-4, 7, 5, 4, -7, 8}, {2, -3, 8, -2, 3, 5}, {0, 1, 5, 0, -1, 3}, {{"fmod", 1}}),
                 pair<float>({-4.5f, 7.5f}, {2, -3}, {1.5f, -1.5f}),
                 pair<float>({-4.5f, 7.5f}, {2, -3}, {-0.5f, 1.5f}, {{"fmod", 1}})});
}
std::vector<Case> pow_cases() {
  return joined(broadcast_cases(0.3, 2),
                {pair<float>({2, 9, -2}, {3, 0.5f, 2}, {8, 3, 4}),
                 pair<int32_t>({2, -3, 2, -1}, {10, 3, -1, -3}, {1024, -27, 0, -1}),
                 {.inputs = {Tensor::of<int32_t>({4, 9}, {2}), Tensor::scalar(0.5f)},
                  .expected = {Tensor::of<int32_t>({2, 3}, {2})},
                  .differentiable = false},
                 {.inputs = {f({2, 3}, 5), Tensor::scalar<int64_t>(2)}, .note = "integer exponent"}});
}
std::vector<Case> prelu_cases() {
  return {{.inputs = {f({2, 3, 2, 2}, 1), f({3, 1, 1}, 2)}},
          {.inputs = {f({4}, 3), f({1}, 4)}},
          pair<float>({-2, 3}, {0.5f, 0.5f}, {-1, 3})};
}
std::vector<Case> swiglu_cases() {
  return {{.inputs = {f({2, 5}, 1), f({2, 5}, 2)}},
          {.inputs = {f({3}, 3), f({3}, 4)}, .attributes = {{"alpha", 1.5f}}},
          pair<float>({0, 1}, {5, 2}, {0, 1.4621172f})};
}

OpDef binary(std::string_view name, std::string_view onnx, std::string_view doc, Status (*infer)(InferContext&),
             Status (*reference)(EvalContext&), Status (*gradient)(GradientContext&), std::vector<Case> (*cases)(),
             int first = 7) {
  return {.name = name,
          .doc = doc,
          .inputs = {2, 2},
          .infer = infer,
          .reference = reference,
          .gradient = gradient,
          .imports = {{"ai.onnx", onnx, 1, 6, import_legacy_broadcast}, {"ai.onnx", onnx, 7}},
          .exports = {{"ai.onnx", onnx, first}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> arithmetic() {
  std::vector<OpDef> ops = {
      binary("mod", "Mod", "Remainder with the sign of the divisor, or of the dividend when fmod is 1.",
             infer_broadcast_number, mod_reference, mod_gradient, mod_cases, 10),
      binary("prelu", "PRelu", "x above 0, else slope times x.", prelu_infer, prelu_reference, prelu_gradient,
             prelu_cases),
      binary("swiglu", "SwiGLU", "swish(a) b.", swiglu_infer, nullptr, nullptr, swiglu_cases, 28),
      binary("add", "Add", "a + b.", infer_broadcast_number, add_reference, add_gradient, add_cases),
      binary("sub", "Sub", "a - b.", infer_broadcast_number, sub_reference, sub_gradient, sub_cases),
      binary("mul", "Mul", "a times b.", infer_broadcast_number, mul_reference, mul_gradient, mul_cases),
      binary("div", "Div", "a / b; integers truncate towards zero.", infer_broadcast_number, div_reference,
             div_gradient, div_cases),
      binary("pow", "Pow", "a to the power of b, in a's type.", pow_infer, pow_reference, pow_gradient, pow_cases),
  };
  ops[0].attributes = {{"fmod", 0}};
  ops[1].imports = {{"ai.onnx", "PRelu", 1, 6, prelu_import_6}, {"ai.onnx", "PRelu", 7}};
  ops[2].attributes = {{"alpha", 1.0f}};
  ops[2].decompose = swiglu_decompose;
  ops[2].imports = {{"ai.onnx", "SwiGLU"}};
  return tflite::with_rows(std::move(ops), {{"add", "ADD", tflite::compute},
                                            {"add", "ADD_N", tflite::import_add_n},
                                            {"sub", "SUB", tflite::compute},
                                            {"mul", "MUL", tflite::compute},
                                            {"mul", "SQUARE", tflite::import_square},
                                            {"mul", "SQUARED_DIFFERENCE", tflite::import_squared_difference},
                                            {"div", "DIV", tflite::compute},
                                            {"mod", "FLOOR_MOD", tflite::import_floor_mod},
                                            {"pow", "POW", tflite::compute},
                                            {"prelu", "PRELU", tflite::compute}});
}

}  // namespace minnow::ops
