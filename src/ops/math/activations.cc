// Activation functions of one tensor, with up to two parameters fixed in the graph.
#include <cmath>
#include <numbers>

#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

// What a member of the family sees: its two parameters, in the order of its attributes.
template <class T>
struct Parameters {
  T alpha, beta;
};

// F is a struct with `template <class T> static T of(T, Parameters<T>)`.
template <class F>
Status float_reference(EvalContext& c) {
  const std::vector<AttributeSpec>& specs = c.op().attributes;
  const float alpha = !specs.empty() ? c.float_attribute(specs[0].name) : 0,
              beta = specs.size() > 1 ? c.float_attribute(specs[1].name) : 0;
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() {
    const Parameters<T> p{static_cast<T>(alpha), static_cast<T>(beta)};
    return map_elements<T, T>(c, [p](T x) { return F::template of<T>(x, p); });
  });
}

struct Values {
  Expression x, y, g;  // input, output, gradient of the output
  double alpha, beta;
};

template <Expression (*F)(const Values&)>
Status gradient_by(GradientContext& c) {
  const auto expression = [&](ValueId id) { return Expression{&c.b, id}; };
  const std::vector<AttributeSpec>& specs = c.op().attributes;
  const double alpha = !specs.empty() ? c.float_attribute(specs[0].name) : 0,
               beta = specs.size() > 1 ? c.float_attribute(specs[1].name) : 0;
  c.set_input_gradient(
      0, F({expression(c.input(0)), expression(c.output(0)), expression(c.output_gradient(0)), alpha, beta}).id);
  return {};
}

#define MN_ACTIVATION(Name, body)                        \
  struct Name {                                          \
    template <class T>                                   \
    static T of(T x, [[maybe_unused]] Parameters<T> p) { \
      body                                               \
    }                                                    \
  }

// exp of a non-positive number only, so that neither branch overflows.
template <class T>
T logistic(T x) {
  if (x >= T(0)) return T(1) / (T(1) + std::exp(-x));
  const T e = std::exp(x);
  return e / (T(1) + e);
}
template <class T>
T log_one_plus_exp(T x) {
  return x > T(0) ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
template <class T>
T clamp_unit(T x) {
  return x < T(0) ? T(0) : x > T(1) ? T(1) : x;
}

MN_ACTIVATION(Sigmoid, return logistic(x););
MN_ACTIVATION(Tanh, return std::tanh(x););
MN_ACTIVATION(LeakyRelu, return x < T(0) ? p.alpha * x : x;);
MN_ACTIVATION(Elu, return x < T(0) ? p.alpha * std::expm1(x) : x;);
MN_ACTIVATION(Selu, return p.beta * (x <= T(0) ? p.alpha * std::expm1(x) : x););
MN_ACTIVATION(Celu, return x < T(0) ? p.alpha * std::expm1(x / p.alpha) : x;);
MN_ACTIVATION(HardSigmoid, return clamp_unit(p.alpha * x + p.beta););
MN_ACTIVATION(HardSwish, return x * clamp_unit(x / T(6) + T(0.5)););
MN_ACTIVATION(Softplus, return log_one_plus_exp(x););
MN_ACTIVATION(Softsign, return x / (T(1) + std::fabs(x)););
MN_ACTIVATION(ThresholdedRelu, return x > p.alpha ? x : x == x ? T(0) : x;);
MN_ACTIVATION(Mish, return x * std::tanh(log_one_plus_exp(x)););
MN_ACTIVATION(Swish, return x * logistic(p.alpha * x););
MN_ACTIVATION(GeluErf, return T(0.5) * x * (T(1) + std::erf(x * T(std::numbers::sqrt2 / 2))););
#undef MN_ACTIVATION

// sqrt(2 / pi) and the cubic coefficient of the tanh form (Hendrycks and Gimpel 2016).
constexpr double kGeluScale = 0.7978845608028654, kGeluCubic = 0.044715;

struct GeluTanh {
  template <class T>
  static T of(T x, Parameters<T>) {
    return T(0.5) * x * (T(1) + std::tanh(T(kGeluScale) * (x + T(kGeluCubic) * x * x * x)));
  }
};

struct Relu {
  template <class T>
  static T of(T x) {
    return x < T(0) ? T(0) : x;
  }
};

Status relu_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(),
                                [&]<class T>() { return map_elements<T, T>(c, [](T x) { return Relu::of(x); }); });
}

// Integers are shrunk as floats and cut back: bias and limit are floating-point attributes.
Status shrink_reference(EvalContext& c) {
  const double bias = c.float_attribute("bias"), limit = c.float_attribute("lambd");
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() {
    return map_elements<T, T>(c, [=](T x) {
      using Real = std::conditional_t<std::is_same_v<T, float>, float, double>;
      const Real real = static_cast<Real>(x);
      const Real shrunk = real < -limit  ? real + static_cast<Real>(bias)
                          : real > limit ? real - static_cast<Real>(bias)
                                         : Real(0);
      if constexpr (std::is_floating_point_v<T>) return x != x ? x : static_cast<T>(shrunk);
      else return saturating_from_double<T>(shrunk);
    });
  });
}

Status gelu_infer(InferContext& c) {
  const std::string& form = c.string_attribute("approximate");
  MN_CHECK(form == "none" || form == "tanh", "approximate must be \"none\" or \"tanh\", got \"", form, "\"");
  return infer_same_float(c);
}

// Both forms have the attribute list {approximate}, which holds no number.
template <class F>
Status gelu_form(EvalContext& c) {
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() {
    return map_elements<T, T>(c, [](T x) { return F::of(x, Parameters<T>{}); });
  });
}
Status gelu_reference(EvalContext& c) {
  return c.string_attribute("approximate") == "tanh" ? gelu_form<GeluTanh>(c) : gelu_form<GeluErf>(c);
}

Expression number_above(const Expression& x, double limit) { return step_above(x, x.number(limit)); }

Expression relu_gradient(const Values& v) { return v.g * number_above(v.x, 0); }
Expression sigmoid_gradient(const Values& v) { return v.g * v.y * (1.0 - v.y); }
Expression tanh_gradient(const Values& v) { return v.g * (1.0 - v.y * v.y); }
Expression leaky_relu_gradient(const Values& v) { return v.g * (v.alpha + (1.0 - v.alpha) * number_above(v.x, 0)); }
Expression negative_part(const Expression& x) { return x.apply("min", x.number(0)); }
Expression positive_step(const Values& v, const Expression& below) {
  return select(v.x.apply("less", v.x.number(0)), below, v.x.zeros() + 1.0);
}
// exp of the negative part only: the branch that is not taken must stay finite, or its infinity times 0 would be NaN.
Expression elu_gradient(const Values& v) { return v.g * positive_step(v, v.alpha * exp(negative_part(v.x))); }
Expression selu_gradient(const Values& v) { return v.g * v.beta * positive_step(v, v.alpha * exp(negative_part(v.x))); }
Expression celu_gradient(const Values& v) { return v.g * positive_step(v, exp(negative_part(v.x) / v.alpha)); }
Expression hard_sigmoid_gradient(const Values& v) {
  const Expression inside = number_above(v.y, 0) * step_above(v.y.number(1), v.y);
  return v.g * v.alpha * inside;
}
Expression hard_swish_gradient(const Values& v) {
  const Expression above = number_above(v.x, 3), inside = number_above(v.x, -3) - above;
  return v.g * (above + inside * (v.x / 3.0 + 0.5));
}
Expression softplus_gradient(const Values& v) { return v.g * sigmoid(v.x); }
Expression softsign_gradient(const Values& v) {
  const Expression d = 1.0 + v.x.apply("abs");
  return v.g / (d * d);
}
Expression thresholded_relu_gradient(const Values& v) { return v.g * number_above(v.x, v.alpha); }
Expression shrink_gradient(const Values& v) {  // alpha, beta: the attributes bias, lambd
  return v.g * (number_above(v.x, v.beta) + step_above(v.x.number(-v.beta), v.x));
}
Expression mish_gradient(const Values& v) {
  const Expression t = v.x.apply("softplus").apply("tanh");
  return v.g * (t + v.x * (1.0 - t * t) * sigmoid(v.x));
}
Expression swish_gradient(const Values& v) {
  const Expression s = sigmoid(v.x * v.alpha);
  return v.g * (s + v.y * (1.0 - s) * v.alpha);
}

Status gelu_gradient(GradientContext& c) {
  const Expression x{&c.b, c.input(0)}, g{&c.b, c.output_gradient(0)};
  if (c.string_attribute("approximate") == "tanh") {
    const Expression square = x * x;
    const Expression t = (kGeluScale * (x * (1.0 + kGeluCubic * square))).apply("tanh");
    const Expression slope = kGeluScale * (1.0 + (3 * kGeluCubic) * square);
    c.set_input_gradient(0, (g * (0.5 * (1.0 + t) + 0.5 * (x * (1.0 - t * t) * slope))).id);
    return {};
  }
  // Normal distribution: cumulative(x) + x density(x).
  const Expression cumulative = 0.5 * (1.0 + (x * (std::numbers::sqrt2 / 2)).apply("erf"));
  const Expression density = exp(x * x * -0.5) * (kGeluScale / 2);
  c.set_input_gradient(0, (g * (cumulative + x * density)).id);
  return {};
}

Status fast_gelu_import(ImportContext& c) {
  ValueId x = c.input(0);
  if (c.has_input(1)) x = c.b.add("add", {x, c.input(1)});
  return c.take_over({x}, {{"approximate", "tanh"}});
}

Status bias_gelu_import(ImportContext& c) { return c.take_over({c.b.add("add", {c.input(0), c.input(1)})}); }

Status quick_gelu_import(ImportContext& c) {
  MN_ASSIGN(const float alpha, c.float_attribute("alpha", 1.702f));
  return c.take_over({c.input(0)}, {{"alpha", alpha}});
}

// Celu divides by alpha; the integer-free rest of the family needs no check.
Status celu_infer(InferContext& c) {
  MN_CHECK(c.float_attribute("alpha") != 0, "alpha must not be 0");
  return infer_same_float(c);
}

std::vector<Case> activation_cases() {
  return {{.inputs = {random_tensor(DType::float32, {3, 7}, 1, -4, 4)}},
          {.inputs = {random_tensor(DType::float64, {}, 2, -4, 4)}, .note = "scalar"},
          {.inputs = {random_tensor(DType::bfloat16, {5}, 3, -4, 4)}, .note = "bfloat16"},
          {.inputs = {Tensor::of<float>({}, {2, 0})}, .note = "empty"},
          {.inputs = {Tensor::of<float>({-100, 100}, {2})}, .differentiable = false, .note = "large"}};
}
std::vector<Case> with(Attributes attributes, std::initializer_list<float> in, std::initializer_list<float> out) {
  std::vector<Case> cases = activation_cases();
  for (Case& item : cases) item.attributes = attributes;
  const Dims dims{static_cast<int64_t>(in.size())};
  cases.push_back({.inputs = {Tensor::of<float>(in, dims)},
                   .attributes = std::move(attributes),
                   .expected = {Tensor::of<float>(out, dims)},
                   .differentiable = false});
  return cases;
}
std::vector<Case> relu_cases() {
  std::vector<Case> cases = with({}, {-1, 0, 2}, {0, 0, 2});
  cases.push_back({.inputs = {Tensor::of<int8_t>({-3, 4}, {2})}, .expected = {Tensor::of<int8_t>({0, 4}, {2})}});
  return cases;
}
std::vector<Case> sigmoid_cases() { return with({}, {0, 1, -1}, {0.5f, 0.7310586f, 0.2689414f}); }
std::vector<Case> tanh_cases() { return with({}, {0, 1}, {0, 0.7615942f}); }
std::vector<Case> leaky_relu_cases() { return with({{"alpha", 0.1f}}, {-1, 2}, {-0.1f, 2}); }
std::vector<Case> elu_cases() { return with({{"alpha", 2.0f}}, {-1, 0, 2}, {-1.2642411f, 0, 2}); }
std::vector<Case> selu_cases() { return with({}, {-1, 0, 1}, {-1.1113307f, 0, 1.0507010f}); }
std::vector<Case> celu_cases() { return with({{"alpha", 2.0f}}, {-1, 0, 2}, {-0.7869387f, 0, 2}); }
std::vector<Case> hard_sigmoid_cases() { return with({}, {-4, 0, 1, 4}, {0, 0.5f, 0.7f, 1}); }
std::vector<Case> hard_swish_cases() { return with({}, {-4, -1, 1, 4}, {0, -0.3333333f, 0.6666667f, 4}); }
std::vector<Case> softplus_cases() { return with({}, {0, 1}, {0.6931472f, 1.3132617f}); }
std::vector<Case> softsign_cases() { return with({}, {-1, 0, 3}, {-0.5f, 0, 0.75f}); }
std::vector<Case> thresholded_relu_cases() { return with({{"alpha", 1.5f}}, {1, 1.5f, 2}, {0, 0, 2}); }
std::vector<Case> mish_cases() { return with({}, {0, 1}, {0, 0.8650984f}); }
std::vector<Case> shrink_cases() {
  std::vector<Case> cases = with({{"bias", 0.5f}, {"lambd", 1.5f}}, {-2, -1.5f, 1, 2}, {-1.5f, 0, 0, 1.5f});
  cases.push_back({.inputs = {Tensor::of<int32_t>({-3, 0, 3}, {3})},
                   .attributes = {{"bias", 1.0f}, {"lambd", 1.5f}},
                   .expected = {Tensor::of<int32_t>({-2, 0, 2}, {3})}});
  return cases;
}
std::vector<Case> swish_cases() { return with({{"alpha", 2.0f}}, {0, 1}, {0, 0.8807971f}); }
std::vector<Case> gelu_cases() {
  std::vector<Case> cases = with({}, {0, 1, -1}, {0, 0.8413447f, -0.1586553f});
  for (Case& item : with({{"approximate", "tanh"}}, {0, 1}, {0, 0.8411920f})) cases.push_back(std::move(item));
  return cases;
}

OpDef activation(std::string_view name, std::string_view onnx, std::string_view doc,
                 std::vector<AttributeSpec> attributes, Status (*reference)(EvalContext&),
                 Status (*gradient)(GradientContext&), std::vector<Case> (*cases)(), int first) {
  return {.name = name,
          .doc = doc,
          .attributes = std::move(attributes),
          .infer = infer_same_float,
          .reference = reference,
          .gradient = gradient,
          .imports = {{"ai.onnx", onnx}},
          .exports = {{"ai.onnx", onnx, first}},
          .cases = cases};
}

// Klambauer et al. 2017.
constexpr float kSeluAlpha = 1.67326319217681884765625f, kSeluGamma = 1.05070102214813232421875f;

}  // namespace

[[gnu::cold]] std::vector<OpDef> activations() {
  std::vector<OpDef> ops = {
      activation("relu", "Relu", "max(x, 0).", {}, relu_reference, gradient_by<relu_gradient>, relu_cases, 6),
      activation("gelu", "Gelu", "x times the normal distribution function of x, exactly or by its tanh form.",
                 {{"approximate", "none"}}, gelu_reference, gelu_gradient, gelu_cases, 20),
      activation("swish", "Swish", "x sigmoid(alpha x).", {{"alpha", 1.0f}}, float_reference<Swish>,
                 gradient_by<swish_gradient>, swish_cases, 24),
      activation("celu", "Celu", "x above 0, else alpha (exp(x / alpha) - 1).", {{"alpha", 1.0f}},
                 float_reference<Celu>, gradient_by<celu_gradient>, celu_cases, 12),
      activation("sigmoid", "Sigmoid", "1 / (1 + exp(-x)).", {}, float_reference<Sigmoid>,
                 gradient_by<sigmoid_gradient>, sigmoid_cases, 6),
      activation("tanh", "Tanh", "Hyperbolic tangent.", {}, float_reference<Tanh>, gradient_by<tanh_gradient>,
                 tanh_cases, 6),
      activation("leaky_relu", "LeakyRelu", "x above 0, else alpha x.", {{"alpha", 0.01f}}, float_reference<LeakyRelu>,
                 gradient_by<leaky_relu_gradient>, leaky_relu_cases, 6),
      activation("elu", "Elu", "x above 0, else alpha (exp(x) - 1).", {{"alpha", 1.0f}}, float_reference<Elu>,
                 gradient_by<elu_gradient>, elu_cases, 6),
      activation("selu", "Selu", "gamma times (x above 0, else alpha (exp(x) - 1)).",
                 {{"alpha", kSeluAlpha}, {"gamma", kSeluGamma}}, float_reference<Selu>, gradient_by<selu_gradient>,
                 selu_cases, 6),
      activation("hard_sigmoid", "HardSigmoid", "alpha x + beta, clamped to [0, 1].", {{"alpha", 0.2f}, {"beta", 0.5f}},
                 float_reference<HardSigmoid>, gradient_by<hard_sigmoid_gradient>, hard_sigmoid_cases, 6),
      activation("hard_swish", "HardSwish", "x times (x / 6 + 1/2 clamped to [0, 1]).", {}, float_reference<HardSwish>,
                 gradient_by<hard_swish_gradient>, hard_swish_cases, 14),
      activation("softplus", "Softplus", "log(1 + exp(x)).", {}, float_reference<Softplus>,
                 gradient_by<softplus_gradient>, softplus_cases, 1),
      activation("softsign", "Softsign", "x / (1 + |x|).", {}, float_reference<Softsign>,
                 gradient_by<softsign_gradient>, softsign_cases, 1),
      activation("thresholded_relu", "ThresholdedRelu", "x above alpha, else 0.", {{"alpha", 1.0f}},
                 float_reference<ThresholdedRelu>, gradient_by<thresholded_relu_gradient>, thresholded_relu_cases, 10),
      activation("mish", "Mish", "x tanh(softplus(x)).", {}, float_reference<Mish>, gradient_by<mish_gradient>,
                 mish_cases, 18),
  };
  ops.push_back(activation("shrink", "Shrink", "x moved towards 0 by bias where |x| > lambd, else 0.",
                           {{"bias", 0.0f}, {"lambd", 0.5f}}, shrink_reference, gradient_by<shrink_gradient>,
                           shrink_cases, 9));
  ops.back().infer = infer_same_number;
  ops[0].infer = infer_same_number;
  ops[1].infer = gelu_infer;
  ops[1].imports = {{"ai.onnx", "Gelu"},
                    {"com.microsoft", "Gelu"},
                    {"com.microsoft", "FastGelu", 1, 1 << 20, fast_gelu_import},
                    {"com.microsoft", "BiasGelu", 1, 1 << 20, bias_gelu_import}};
  ops[2].imports.push_back({"com.microsoft", "QuickGelu", 1, 1 << 20, quick_gelu_import});
  ops[3].infer = celu_infer;
  return tflite::with_rows(std::move(ops), {{"tanh", "TANH", tflite::compute},
                                            {"sigmoid", "LOGISTIC", tflite::compute},
                                            {"relu", "RELU", tflite::compute},
                                            {"leaky_relu", "LEAKY_RELU", tflite::import_leaky_relu},
                                            {"elu", "ELU", tflite::compute},
                                            {"hard_swish", "HARD_SWISH", tflite::compute},
                                            {"gelu", "GELU", tflite::import_gelu}});
}

}  // namespace minnow::ops
