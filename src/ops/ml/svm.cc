// svm_regressor and svm_classifier: support vector machines as libsvm trains them (C.-C. Chang and C.-J. Lin, "LIBSVM",
// 2011), and linear ones without support vectors.
#include <algorithm>
#include <cmath>

#include "ops/cases.h"
#include "ops/op.h"
#include "ops/scores.h"

namespace minnow::ops {
namespace {

enum class Kernel : uint8_t { linear, poly, rbf, sigmoid };

struct KernelFunction {
  Kernel kind = Kernel::linear;
  double gamma = 0, offset = 0, degree = 0;

  double operator()(std::span<const double> x, std::span<const float> y) const {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double b = static_cast<double>(y[i]);
      sum += kind == Kernel::rbf ? (x[i] - b) * (x[i] - b) : x[i] * b;
    }
    switch (kind) {
      case Kernel::linear: return sum;
      case Kernel::poly: return std::pow(sum * gamma + offset, degree);
      case Kernel::rbf: return std::exp(-gamma * sum);
      case Kernel::sigmoid: return std::tanh(sum * gamma + offset);
    }
    return sum;
  }
};

Result<KernelFunction> kernel_of(const NodeView& c) {
  constexpr std::string_view kNames[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  const std::string& name = c.string_attribute("kernel_type");
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  MN_CHECK(found != std::end(kNames), "kernel_type '", name, "' is not LINEAR, POLY, RBF or SIGMOID");
  KernelFunction kernel{static_cast<Kernel>(found - std::begin(kNames))};
  const Floats& parameters = c.floats_attribute("kernel_params");
  MN_CHECK(parameters.size() == 3 || (parameters.empty() && kernel.kind == Kernel::linear),
           "kernel_params must be [gamma, coef0, degree], got ", parameters.size(), " numbers");
  if (!parameters.empty()) {
    kernel.gamma = parameters[0];
    kernel.offset = parameters[1];
    kernel.degree = std::trunc(parameters[2]);
  }
  return kernel;
}

// Rows of floats: support vectors or linear coefficients.
struct Rows {
  const Floats* data = nullptr;
  int64_t count = 0, width = 0;
  std::span<const float> row(int64_t i) const {
    return std::span(*data).subspan(static_cast<size_t>(i * width), static_cast<size_t>(width));
  }
};

Result<Rows> rows_of(const Floats& data, int64_t count, std::string_view what) {
  MN_CHECK(count > 0 && !data.empty() && static_cast<int64_t>(data.size()) % count == 0, what, " has ", data.size(),
           " numbers for ", count, " rows");
  return Rows{&data, count, static_cast<int64_t>(data.size()) / count};
}

Status check_width(const InferContext& c, const Rows& rows) {
  MN_TRY(check_feature_matrix(c));
  if (!c.shape(0).ranked || !c.shape(0).dims.back().known()) return {};
  MN_CHECK(c.shape(0).dims.back().value == rows.width, "rows have ", c.shape(0).dims.back().value,
           " features, the machine has ", rows.width);
  return {};
}

template <class F>
Status for_each_row(EvalContext& c, F row) {
  const Tensor& in = c.input(0);
  const std::vector<double> values = to_doubles(in);
  const size_t width = static_cast<size_t>(in.dims().back());
  const int64_t rows = in.rank() == 1 ? 1 : in.dim(0);
  for (int64_t r = 0; r < rows; ++r) {
    MN_TRY(c.budget()->step(0));
    MN_TRY(row(r, std::span(values).subspan(static_cast<size_t>(r) * width, width)));
  }
  return {};
}

struct Regressor {
  KernelFunction kernel;
  Rows rows;
  bool supports = false;  // rows are support vectors, else the one row of linear coefficients
};

Result<Regressor> regressor_of(const NodeView& c) {
  Regressor machine;
  const Floats& coefficients = c.floats_attribute("coefficients");
  const int64_t supports = c.int_attribute("n_supports");
  machine.supports = supports > 0;
  if (machine.supports) {
    MN_ASSIGN(machine.kernel, kernel_of(c));
    MN_ASSIGN(machine.rows, rows_of(c.floats_attribute("support_vectors"), supports, "support_vectors"));
    MN_CHECK(static_cast<int64_t>(coefficients.size()) == supports, "coefficients has ", coefficients.size(),
             " entries for ", supports, " support vectors");
  } else {
    MN_ASSIGN(machine.rows, rows_of(coefficients, 1, "coefficients"));
  }
  MN_CHECK(!c.floats_attribute("rho").empty(), "rho is missing");
  return machine;
}

Status regressor_infer(InferContext& c) {
  MN_ASSIGN(const Regressor machine, regressor_of(c));
  MN_TRY(check_width(c, machine.rows));
  MN_TRY(post_transform_named(c.string_attribute("post_transform")));
  c.set_output(0, DType::float32, Shape{feature_rows(c.shape(0)), Dim(1)});
  return {};
}

Status regressor_reference(EvalContext& c) {
  MN_ASSIGN(const Regressor machine, regressor_of(c));
  const Floats& coefficients = c.floats_attribute("coefficients");
  float* out = c.output(0).mutable_data<float>();
  return for_each_row(c, [&](int64_t r, std::span<const double> x) -> Status {
    double sum = c.floats_attribute("rho")[0];
    for (int64_t i = 0; i < machine.rows.count; ++i) {
      const double value = machine.kernel(x, machine.rows.row(i));
      sum += machine.supports ? static_cast<double>(coefficients[static_cast<size_t>(i)]) * value : value;
    }
    out[r] = c.int_attribute("one_class") != 0 ? (sum > 0 ? 1.0f : -1.0f) : static_cast<float>(sum);
    return {};
  });
}

struct Classifier {
  KernelFunction kernel;
  Rows rows;
  int64_t classes = 1;
  int64_t pairs = 0;  // one decision for every pair of classes; 0: linear, one score a class
  bool probabilities = false;
  std::vector<int64_t> starts;  // first support vector of every class
  int64_t columns() const {
    return pairs == 0 || probabilities ? classes : std::max<int64_t>(pairs, classes == 2 ? 2 : 1);
  }
};

Status check_decisions(const NodeView& c, const Classifier& machine) {
  const auto enough = [&](std::string_view name) -> Status {
    MN_CHECK(static_cast<int64_t>(c.floats_attribute(name).size()) >= machine.pairs, name, " has ",
             c.floats_attribute(name).size(), " entries for ", machine.pairs, " pairs of classes");
    return {};
  };
  MN_TRY(enough("rho"));
  const int64_t wanted = (machine.classes - 1) * machine.rows.count;
  MN_CHECK(static_cast<int64_t>(c.floats_attribute("coefficients").size()) >= wanted, "coefficients has ",
           c.floats_attribute("coefficients").size(), " entries, expected ", wanted);
  if (!machine.probabilities) return {};
  MN_TRY(enough("prob_a"));
  return enough("prob_b");
}

Result<Classifier> classifier_of(const NodeView& c, const ClassLabels& labels) {
  // The quadratic number of pairs bounds what makes sense.
  constexpr int64_t kMaxClasses = 4096;
  Classifier machine;
  machine.classes = std::max<int64_t>(static_cast<int64_t>(labels.size()), 1);
  MN_CHECK(machine.classes <= kMaxClasses, "at most ", kMaxClasses, " classes are possible, got ", machine.classes);
  int64_t vectors = 0;
  for (int64_t count : c.ints_attribute("vectors_per_class")) {
    MN_CHECK(count >= 0 && count < (int64_t{1} << 40), "vectors_per_class holds ", count);
    machine.starts.push_back(vectors);
    vectors += count;
  }
  if (vectors == 0) {
    MN_ASSIGN(machine.rows, rows_of(c.floats_attribute("coefficients"), machine.classes, "coefficients"));
    MN_CHECK(!c.floats_attribute("rho").empty(), "rho is missing");
    return machine;
  }
  MN_CHECK(static_cast<int64_t>(machine.starts.size()) == machine.classes && machine.classes >= 2,
           "vectors_per_class has ", machine.starts.size(), " entries for ", machine.classes, " classes");
  MN_ASSIGN(machine.kernel, kernel_of(c));
  MN_ASSIGN(machine.rows, rows_of(c.floats_attribute("support_vectors"), vectors, "support_vectors"));
  machine.pairs = machine.classes * (machine.classes - 1) / 2;
  machine.probabilities = !c.floats_attribute("prob_a").empty();
  MN_TRY(check_decisions(c, machine));
  return machine;
}

Status classifier_infer(InferContext& c) {
  const ClassLabels labels(c, "classlabels_ints", "classlabels_strings");
  MN_ASSIGN(const Classifier machine, classifier_of(c, labels));
  MN_TRY(check_width(c, machine.rows));
  MN_TRY(post_transform_named(c.string_attribute("post_transform")));
  c.set_output(0, labels.dtype(), Shape{feature_rows(c.shape(0))});
  c.set_output(1, DType::float32, Shape{feature_rows(c.shape(0)), Dim(machine.columns())});
  return {};
}

// Decisions of all pairs (i, j), i < j, and the votes they make.
void decide(const NodeView& c, const Classifier& m, std::span<const double> x, std::vector<double>& decisions,
            std::vector<double>& votes) {
  const Floats &coefficients = c.floats_attribute("coefficients"), &rho = c.floats_attribute("rho");
  const Ints& counts = c.ints_attribute("vectors_per_class");
  std::vector<double> kernels;
  for (int64_t i = 0; i < m.rows.count; ++i) kernels.push_back(m.kernel(x, m.rows.row(i)));
  const auto part = [&](int64_t row, int64_t of_class) {
    double sum = 0;
    const int64_t begin = m.starts[static_cast<size_t>(of_class)];
    for (int64_t k = begin; k < begin + counts[static_cast<size_t>(of_class)]; ++k) {
      sum += static_cast<double>(coefficients[static_cast<size_t>(row * m.rows.count + k)]) *
             kernels[static_cast<size_t>(k)];
    }
    return sum;
  };
  votes.assign(static_cast<size_t>(m.classes), 0);
  decisions.clear();
  for (int64_t i = 0; i < m.classes; ++i) {
    for (int64_t j = i + 1; j < m.classes; ++j) {
      const double decision = static_cast<double>(rho[decisions.size()]) + part(j - 1, i) + part(i, j);
      decisions.push_back(decision);
      ++votes[static_cast<size_t>(decision > 0 ? i : j)];
    }
  }
}

// Class probabilities from those of the pairs: T.-F. Wu, C.-J. Lin, R. Weng, "Probability estimates for multi-class
// classification by pairwise coupling", 2004, second method, with libsvm's stopping rule.
std::vector<double> couple(const std::vector<double>& pairwise, size_t k) {
  const auto at = [k](size_t i, size_t j) { return i * k + j; };
  std::vector<double> q(k * k, 0.0), p(k, 1.0 / static_cast<double>(k)), qp(k);
  for (size_t t = 0; t < k; ++t) {
    for (size_t j = 0; j < k; ++j) {
      if (j == t) continue;
      q[at(t, t)] += pairwise[at(j, t)] * pairwise[at(j, t)];
      q[at(t, j)] = -pairwise[at(j, t)] * pairwise[at(t, j)];
    }
  }
  const double tolerance = 0.005 / static_cast<double>(k);
  for (size_t iteration = 0; iteration < std::max<size_t>(100, k); ++iteration) {
    double pqp = 0;
    for (size_t t = 0; t < k; ++t) {
      qp[t] = 0;
      for (size_t j = 0; j < k; ++j) qp[t] += q[at(t, j)] * p[j];
      pqp += p[t] * qp[t];
    }
    double error = 0;
    for (size_t t = 0; t < k; ++t) error = std::max(error, std::abs(qp[t] - pqp));
    if (error < tolerance) break;
    for (size_t t = 0; t < k; ++t) {
      const double step = (pqp - qp[t]) / q[at(t, t)];
      p[t] += step;
      pqp = (pqp + step * (step * q[at(t, t)] + 2 * qp[t])) / (1 + step) / (1 + step);
      for (size_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + step * q[at(t, j)]) / (1 + step);
        p[j] /= 1 + step;
      }
    }
  }
  return p;
}

// Platt scaling of every decision, kept off 0 and 1, then coupled.
std::vector<double> probabilities_of(const NodeView& c, const std::vector<double>& decisions, size_t classes) {
  const Floats &a = c.floats_attribute("prob_a"), &b = c.floats_attribute("prob_b");
  std::vector<double> pairwise(classes * classes, 0.0);
  size_t pair = 0;
  for (size_t i = 0; i < classes; ++i) {
    for (size_t j = i + 1; j < classes; ++j, ++pair) {
      const double exponent = decisions[pair] * static_cast<double>(a[pair]) + static_cast<double>(b[pair]);
      const double p = std::clamp(1 / (1 + std::exp(exponent)), 1e-7, 1 - 1e-7);
      pairwise[i * classes + j] = p;
      pairwise[j * classes + i] = 1 - p;
    }
  }
  return couple(pairwise, classes);
}

size_t largest(const std::vector<double>& values) {
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

Status classifier_reference(EvalContext& c) {
  const ClassLabels labels(c, "classlabels_ints", "classlabels_strings");
  MN_ASSIGN(const Classifier machine, classifier_of(c, labels));
  MN_ASSIGN(const PostTransform transform, post_transform_named(c.string_attribute("post_transform")));
  std::vector<double> scores, votes;
  return for_each_row(c, [&](int64_t r, std::span<const double> x) -> Status {
    size_t best = 0;
    if (machine.pairs == 0) {
      scores.clear();
      for (int64_t i = 0; i < machine.classes; ++i)
        scores.push_back(machine.kernel(x, machine.rows.row(i)) + static_cast<double>(c.floats_attribute("rho")[0]));
      best = largest(scores);
    } else {
      decide(c, machine, x, scores, votes);
      best = largest(votes);
    }
    if (machine.probabilities) scores = probabilities_of(c, scores, static_cast<size_t>(machine.classes));
    if (machine.pairs == 1 && !machine.probabilities) scores = {-scores[0], scores[0]};
    transform_scores(scores, transform);
    labels.write(c.output(0), r, best);
    if (!c.wants_output(1)) return {};
    float* out = c.output(1).mutable_data<float>() + r * machine.columns();
    for (double score : scores) *out++ = static_cast<float>(score);
    return {};
  });
}

Attributes machine(Floats coefficients, Floats rho) {
  return {{"kernel_type", "LINEAR"},
          {"kernel_params", Floats{0.5f, 0.1f, 2}},
          {"support_vectors", Floats{1, 1, -1, 0.5f, 0.25f, -0.25f, 2, 0}},
          {"coefficients", std::move(coefficients)},
          {"rho", std::move(rho)}};
}

std::vector<Case> regressor_cases() {
  Attributes supports = machine({0.5f, 0.25f, -0.25f, -0.5f}, {0.125f}), one_class = supports;
  supports.set("n_supports", 4);
  one_class = supports;
  one_class.set("one_class", 1);
  const Tensor x = Tensor::of<float>({1, 2, -3, 1}, {2, 2});
  return {{.inputs = {x},
           .attributes = supports,
           .expected = {Tensor::of<float>({0.6875f, 3.25f}, {2, 1})},
           .differentiable = false},
          {.inputs = {x},
           .attributes = one_class,
           .expected = {Tensor::of<float>({1, 1}, {2, 1})},
           .differentiable = false},
          {.inputs = {x},
           .attributes = {{"coefficients", Floats{0.5f, 1}}, {"rho", Floats{1}}},
           .expected = {Tensor::of<float>({3.5f, 0.5f}, {2, 1})},
           .differentiable = false}};
}

std::vector<Case> classifier_cases() {
  Attributes two = machine({0.5f, 0.25f, -0.25f, -0.5f}, {0.125f}),
             coupled = machine({0.5f, 0.2f, -0.3f, -0.4f, 0.1f, 0.6f, -0.2f, 0.3f}, {0.1f, 0.2f, -0.1f});
  two.set("vectors_per_class", Ints{2, 2});
  two.set("classlabels_ints", Ints{7, 9});
  coupled.set("vectors_per_class", Ints{1, 2, 1});
  coupled.set("classlabels_strings", Strings{"a", "b", "c"});
  coupled.set("kernel_type", "RBF");
  coupled.set("prob_a", Floats{-1, -1.5f, -0.7f});
  coupled.set("prob_b", Floats{0.1f, 0.2f, 0.3f});
  const Tensor x = Tensor::of<float>({1, 2, -3, 1}, {2, 2});
  return {
      {.inputs = {x},
       .attributes = two,
       .outputs = 2,
       .expected = {Tensor::of<int64_t>({7, 7}, {2}), Tensor::of<float>({-0.6875f, 0.6875f, -3.25f, 3.25f}, {2, 2})},
       .differentiable = false},
      {.inputs = {x}, .attributes = coupled, .outputs = 2, .differentiable = false}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> svm() {
  constexpr AttributeKind kFloats = AttributeKind::reals, kInts = AttributeKind::integers;
  const std::vector<AttributeSpec> common = {{"kernel_type", "LINEAR"},    {"kernel_params", kFloats},
                                             {"support_vectors", kFloats}, required("coefficients", kFloats),
                                             required("rho", kFloats),     {"post_transform", "NONE"}};
  std::vector<AttributeSpec> regressor = common, classifier = common;
  regressor.push_back({"n_supports", 0});
  regressor.push_back({"one_class", 0});
  for (const AttributeSpec& spec :
       {AttributeSpec{"vectors_per_class", kInts}, AttributeSpec{"prob_a", kFloats}, AttributeSpec{"prob_b", kFloats},
        AttributeSpec{"classlabels_ints", kInts}, AttributeSpec{"classlabels_strings", AttributeKind::texts}}) {
    classifier.push_back(spec);
  }
  return {{
              .name = "svm_regressor",
              .doc = "Regression, or one-class decision, by a support vector machine.",
              .attributes = std::move(regressor),
              .infer = regressor_infer,
              .reference = regressor_reference,
              .imports = {{"ai.onnx.ml", "SVMRegressor"}},
              .exports = {{"ai.onnx.ml", "SVMRegressor", 1}},
              .cases = regressor_cases,
          },
          {
              .name = "svm_classifier",
              .doc = "Class and scores by support vector machines for pairs of classes.",
              .outputs = {1, 2},
              .attributes = std::move(classifier),
              .infer = classifier_infer,
              .reference = classifier_reference,
              .imports = {{"ai.onnx.ml", "SVMClassifier"}},
              .exports = {{"ai.onnx.ml", "SVMClassifier", 1}},
              .cases = classifier_cases,
          }};
}

}  // namespace minnow::ops
