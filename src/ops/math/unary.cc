// Elementwise functions of one number: powers, exponentials, trigonometry, rounding.
#include <cmath>
#include <numbers>

#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

// F is a struct with `template <class T> static T of(T)`.
template <class F>
Status float_reference(EvalContext& c) {
  return dispatch<FloatTypes>(
      c.input(0).dtype(), [&]<class T>() { return map_elements<T, T>(c, [](T x) { return F::template of<T>(x); }); });
}

template <class F>
Status number_reference(EvalContext& c) {
  return dispatch<NumericTypes>(
      c.input(0).dtype(), [&]<class T>() { return map_elements<T, T>(c, [](T x) { return F::template of<T>(x); }); });
}

struct Values {
  Expression x, y, g;  // input, output, gradient of the output
};

template <Expression (*F)(const Values&)>
Status gradient_by(GradientContext& c) {
  const auto expression = [&](ValueId id) { return Expression{&c.b, id}; };
  c.set_input_gradient(0, F({expression(c.input(0)), expression(c.output(0)), expression(c.output_gradient(0))}).id);
  return {};
}

// Piecewise constant: the gradient is zero wherever it exists.
Status zero_gradient(GradientContext& c) {
  c.set_input_gradient(0, Expression{&c.b, c.output_gradient(0)}.zeros().id);
  return {};
}

#define MN_UNARY(Name, body)       \
  struct Name {                    \
    template <class T>             \
    static T of(T x) {             \
      return static_cast<T>(body); \
    }                              \
  }

MN_UNARY(Exp, std::exp(x));
MN_UNARY(Log, std::log(x));
MN_UNARY(Sqrt, std::sqrt(x));
MN_UNARY(Reciprocal, T(1) / x);
MN_UNARY(Erf, std::erf(x));
MN_UNARY(Sin, std::sin(x));
MN_UNARY(Cos, std::cos(x));
MN_UNARY(Tan, std::tan(x));
MN_UNARY(Asin, std::asin(x));
MN_UNARY(Acos, std::acos(x));
MN_UNARY(Atan, std::atan(x));
MN_UNARY(Sinh, std::sinh(x));
MN_UNARY(Cosh, std::cosh(x));
MN_UNARY(Asinh, std::asinh(x));
MN_UNARY(Acosh, std::acosh(x));
MN_UNARY(Atanh, std::atanh(x));
MN_UNARY(Floor, std::floor(x));
MN_UNARY(Ceil, std::ceil(x));
MN_UNARY(Round, std::nearbyint(x));  // the default rounding mode is to nearest, ties to even
#undef MN_UNARY

// Negation in unsigned arithmetic: the smallest integer has no positive counterpart and stays itself.
template <class T>
T negated(T x) {
  if constexpr (std::is_floating_point_v<T>) return -x;
  else return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x));
}
struct Neg {
  template <class T>
  static T of(T x) {
    return negated(x);
  }
};
struct Abs {
  template <class T>
  static T of(T x) {
    if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
    else return x < T(0) ? negated(x) : x;
  }
};
struct Sign {
  template <class T>
  static T of(T x) {
    if constexpr (std::is_floating_point_v<T>) {
      if (x != x) return x;
    }
    return static_cast<T>((x > T(0) ? 1 : 0) - (x < T(0) ? 1 : 0));
  }
};

Status neg_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float_or_integer_signed, "a signed numeric type"));
  return infer_same(c);
}

std::vector<Case> float_cases(double low, double high) {
  return {{.inputs = {random_tensor(DType::float32, {3, 5}, 1, low, high)}},
          {.inputs = {random_tensor(DType::float64, {}, 2, low, high)}, .note = "scalar"},
          {.inputs = {random_tensor(DType::float16, {7}, 3, low, high)}, .note = "half precision"},
          {.inputs = {Tensor::of<float>({}, {0, 2})}, .note = "empty"}};
}
std::vector<Case> with_expected(std::vector<Case> cases, std::initializer_list<float> in,
                                std::initializer_list<float> out, bool differentiable = true) {
  const auto dims = Dims{static_cast<int64_t>(in.size())};
  cases.push_back({.inputs = {Tensor::of<float>(in, dims)},
                   .expected = {Tensor::of<float>(out, dims)},
                   .differentiable = differentiable});
  return cases;
}
std::vector<Case> symmetric_cases() { return float_cases(-3, 3); }
std::vector<Case> exp_cases() { return with_expected(symmetric_cases(), {0, 1}, {1, 2.718281828f}); }
std::vector<Case> log_cases() { return with_expected(float_cases(0.2, 3), {1, 2.718281828f}, {0, 1}); }
std::vector<Case> sqrt_cases() { return with_expected(float_cases(0.2, 3), {4, 2.25f}, {2, 1.5f}); }
std::vector<Case> reciprocal_cases() { return with_expected(float_cases(0.3, 3), {4, -0.5f}, {0.25f, -2}); }
std::vector<Case> erf_cases() { return with_expected(symmetric_cases(), {0, 1, -1}, {0, 0.8427008f, -0.8427008f}); }
std::vector<Case> sin_cases() { return with_expected(symmetric_cases(), {0, 1}, {0, 0.84147098f}); }
std::vector<Case> cos_cases() { return with_expected(symmetric_cases(), {0, 1}, {1, 0.54030231f}); }
std::vector<Case> tan_cases() { return with_expected(float_cases(-1.2, 1.2), {0, 1}, {0, 1.5574077f}); }
std::vector<Case> asin_cases() { return with_expected(float_cases(-0.9, 0.9), {0, 0.5f}, {0, 0.52359878f}); }
std::vector<Case> acos_cases() { return with_expected(float_cases(-0.9, 0.9), {0, 0.5f}, {1.5707963f, 1.0471976f}); }
std::vector<Case> atan_cases() { return with_expected(symmetric_cases(), {0, 1}, {0, 0.78539816f}); }
std::vector<Case> sinh_cases() { return with_expected(symmetric_cases(), {0, 1}, {0, 1.1752012f}); }
std::vector<Case> cosh_cases() { return with_expected(symmetric_cases(), {0, 1}, {1, 1.5430806f}); }
std::vector<Case> asinh_cases() { return with_expected(symmetric_cases(), {0, 1}, {0, 0.88137359f}); }
std::vector<Case> acosh_cases() { return with_expected(float_cases(1.2, 4), {2, 3}, {1.3169579f, 1.7627472f}); }
std::vector<Case> atanh_cases() { return with_expected(float_cases(-0.9, 0.9), {0, 0.5f}, {0, 0.54930614f}); }
std::vector<Case> floor_cases() { return with_expected(symmetric_cases(), {-1.5f, 2.9f, 3}, {-2, 2, 3}, false); }
std::vector<Case> ceil_cases() { return with_expected(symmetric_cases(), {-1.5f, 2.1f, 3}, {-1, 3, 3}, false); }
std::vector<Case> round_cases() {
  return with_expected(symmetric_cases(), {0.5f, 1.5f, 2.5f, -0.5f, -1.7f}, {0, 2, 2, -0.0f, -2}, false);
}
std::vector<Case> integer_cases(std::vector<Case> cases, std::initializer_list<int32_t> out) {
  cases.push_back(
      {.inputs = {Tensor::of<int32_t>({-2147483647 - 1, -3, 0, 4}, {4})}, .expected = {Tensor::of<int32_t>(out, {4})}});
  return cases;
}
std::vector<Case> neg_cases() {
  return integer_cases(with_expected(symmetric_cases(), {1, -2}, {-1, 2}), {-2147483647 - 1, 3, 0, -4});
}
std::vector<Case> abs_cases() {
  return integer_cases(with_expected(symmetric_cases(), {1, -2}, {1, 2}), {-2147483647 - 1, 3, 0, 4});
}
std::vector<Case> sign_cases() {
  return integer_cases(with_expected(symmetric_cases(), {1.5f, -2, 0}, {1, -1, 0}, false), {-1, -1, 0, 1});
}

OpDef float_op(std::string_view name, std::string_view onnx, std::string_view doc, Status (*reference)(EvalContext&),
               Status (*gradient)(GradientContext&), std::vector<Case> (*cases)(), int first = 1) {
  return {.name = name,
          .doc = doc,
          .infer = infer_same_float,
          .reference = reference,
          .gradient = gradient,
          .imports = {{"ai.onnx", onnx}},
          .exports = {{"ai.onnx", onnx, first}},
          .cases = cases};
}

OpDef number_op(std::string_view name, std::string_view onnx, std::string_view doc, Status (*infer)(InferContext&),
                Status (*reference)(EvalContext&), Status (*gradient)(GradientContext&), std::vector<Case> (*cases)(),
                int first = 1) {
  OpDef op = float_op(name, onnx, doc, reference, gradient, cases, first);
  op.infer = infer;
  return op;
}

Expression exp_gradient(const Values& v) { return v.g * v.y; }
Expression log_gradient(const Values& v) { return v.g / v.x; }
Expression sqrt_gradient(const Values& v) { return v.g * 0.5 / v.y; }
Expression reciprocal_gradient(const Values& v) { return -(v.g * v.y * v.y); }
Expression erf_gradient(const Values& v) { return v.g * exp(-(v.x * v.x)) * (2.0 * std::numbers::inv_sqrtpi); }
Expression sin_gradient(const Values& v) { return v.g * v.x.apply("cos"); }
Expression cos_gradient(const Values& v) { return -(v.g * v.x.apply("sin")); }
Expression tan_gradient(const Values& v) { return v.g * (1.0 + v.y * v.y); }
Expression asin_gradient(const Values& v) { return v.g / sqrt(1.0 - v.x * v.x); }
Expression acos_gradient(const Values& v) { return -(v.g / sqrt(1.0 - v.x * v.x)); }
Expression atan_gradient(const Values& v) { return v.g / (1.0 + v.x * v.x); }
Expression sinh_gradient(const Values& v) { return v.g * v.x.apply("cosh"); }
Expression cosh_gradient(const Values& v) { return v.g * v.x.apply("sinh"); }
Expression asinh_gradient(const Values& v) { return v.g / sqrt(v.x * v.x + 1.0); }
Expression acosh_gradient(const Values& v) { return v.g / sqrt(v.x * v.x - 1.0); }
Expression atanh_gradient(const Values& v) { return v.g / (1.0 - v.x * v.x); }
Expression neg_gradient(const Values& v) { return -v.g; }
Expression abs_gradient(const Values& v) { return v.g * v.x.apply("sign"); }

}  // namespace

[[gnu::cold]] std::vector<OpDef> unary() {
  return tflite::with_rows(
      {
          float_op("exp", "Exp", "e to the power of x.", float_reference<Exp>, gradient_by<exp_gradient>, exp_cases),
          float_op("log", "Log", "Natural logarithm.", float_reference<Log>, gradient_by<log_gradient>, log_cases),
          float_op("sqrt", "Sqrt", "Square root.", float_reference<Sqrt>, gradient_by<sqrt_gradient>, sqrt_cases),
          float_op("reciprocal", "Reciprocal", "1 / x.", float_reference<Reciprocal>, gradient_by<reciprocal_gradient>,
                   reciprocal_cases),
          float_op("erf", "Erf", "Error function.", float_reference<Erf>, gradient_by<erf_gradient>, erf_cases, 9),
          float_op("sin", "Sin", "Sine.", float_reference<Sin>, gradient_by<sin_gradient>, sin_cases, 7),
          float_op("cos", "Cos", "Cosine.", float_reference<Cos>, gradient_by<cos_gradient>, cos_cases, 7),
          float_op("tan", "Tan", "Tangent.", float_reference<Tan>, gradient_by<tan_gradient>, tan_cases, 7),
          float_op("asin", "Asin", "Inverse sine.", float_reference<Asin>, gradient_by<asin_gradient>, asin_cases, 7),
          float_op("acos", "Acos", "Inverse cosine.", float_reference<Acos>, gradient_by<acos_gradient>, acos_cases, 7),
          float_op("atan", "Atan", "Inverse tangent.", float_reference<Atan>, gradient_by<atan_gradient>, atan_cases,
                   7),
          float_op("sinh", "Sinh", "Hyperbolic sine.", float_reference<Sinh>, gradient_by<sinh_gradient>, sinh_cases,
                   9),
          float_op("cosh", "Cosh", "Hyperbolic cosine.", float_reference<Cosh>, gradient_by<cosh_gradient>, cosh_cases,
                   9),
          float_op("asinh", "Asinh", "Inverse hyperbolic sine.", float_reference<Asinh>, gradient_by<asinh_gradient>,
                   asinh_cases, 9),
          float_op("acosh", "Acosh", "Inverse hyperbolic cosine.", float_reference<Acosh>, gradient_by<acosh_gradient>,
                   acosh_cases, 9),
          float_op("atanh", "Atanh", "Inverse hyperbolic tangent.", float_reference<Atanh>, gradient_by<atanh_gradient>,
                   atanh_cases, 9),
          float_op("floor", "Floor", "Largest integer not above x.", float_reference<Floor>, zero_gradient,
                   floor_cases),
          float_op("ceil", "Ceil", "Smallest integer not below x.", float_reference<Ceil>, zero_gradient, ceil_cases),
          float_op("round", "Round", "Nearest integer, ties to even.", float_reference<Round>, zero_gradient,
                   round_cases, 11),
          number_op("neg", "Neg", "-x.", neg_infer, number_reference<Neg>, gradient_by<neg_gradient>, neg_cases),
          number_op("abs", "Abs", "Absolute value.", infer_same_number, number_reference<Abs>,
                    gradient_by<abs_gradient>, abs_cases),
          number_op("sign", "Sign", "-1, 0 or 1.", infer_same_number, number_reference<Sign>, zero_gradient, sign_cases,
                    9),
      },
      {{"floor", "FLOOR_DIV", tflite::import_floor_div},
       {"abs", "ABS", tflite::compute},
       {"neg", "NEG", tflite::compute},
       {"sin", "SIN", tflite::compute},
       {"cos", "COS", tflite::compute},
       {"floor", "FLOOR", tflite::compute},
       {"ceil", "CEIL", tflite::compute},
       {"round", "ROUND", tflite::compute},
       {"sign", "SIGN", tflite::compute},
       {"exp", "EXP", tflite::compute},
       {"log", "LOG", tflite::compute},
       {"sqrt", "SQRT", tflite::compute},
       {"reciprocal", "RSQRT", tflite::import_rsqrt}});
}

}  // namespace minnow::ops
