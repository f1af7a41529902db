// linear_regressor and linear_classifier: x W + b per target or class.
#include <algorithm>

#include "ops/cases.h"
#include "ops/op.h"
#include "ops/scores.h"

namespace minnow::ops {
namespace {

// The coefficients' rows, one per target, checked against the features when those are known.
Status check_coefficients(const InferContext& c, int64_t targets) {
  MN_TRY(check_feature_matrix(c));
  const int64_t count = static_cast<int64_t>(c.floats_attribute("coefficients").size());
  MN_CHECK(targets >= 1 && count % targets == 0, "coefficients has ", count, " entries for ", targets, " targets");
  const size_t intercepts = c.floats_attribute("intercepts").size();
  MN_CHECK(intercepts == 0 || static_cast<int64_t>(intercepts) == targets, "intercepts has ", intercepts,
           " entries for ", targets, " targets");
  if (c.shape(0).ranked && c.shape(0).dims.back().known()) {
    MN_CHECK(c.shape(0).dims.back().value == count / targets, "rows have ", c.shape(0).dims.back().value,
             " features, but the coefficients ", count / targets, " a target");
  }
  MN_TRY(post_transform_named(c.string_attribute("post_transform")));
  return {};
}

// Calls row(index, scores) with the raw scores of every row.
template <class F>
Status for_each_row(EvalContext& c, int64_t targets, F row) {
  const Floats &coefficients = c.floats_attribute("coefficients"), &intercepts = c.floats_attribute("intercepts");
  const std::vector<double> values = to_doubles(c.input(0));
  const size_t width = static_cast<size_t>(c.input(0).dims().back()), count = static_cast<size_t>(targets);
  const int64_t rows = c.input(0).rank() == 1 ? 1 : c.input(0).dim(0);
  std::vector<double> scores;
  for (int64_t r = 0; r < rows; ++r) {
    MN_TRY(c.budget()->step(0));
    scores.assign(count, 0.0);
    for (size_t t = 0; t < count; ++t) {
      for (size_t k = 0; k < width; ++k)
        scores[t] += values[static_cast<size_t>(r) * width + k] * static_cast<double>(coefficients[t * width + k]);
      if (!intercepts.empty()) scores[t] += static_cast<double>(intercepts[t]);
    }
    row(r, scores);
  }
  return {};
}

Status regressor_infer(InferContext& c) {
  const int64_t targets = c.int_attribute("targets");
  MN_TRY(check_coefficients(c, targets));
  c.set_output(0, DType::float32, Shape{feature_rows(c.shape(0)), Dim(targets)});
  return {};
}

Status regressor_reference(EvalContext& c) {
  const int64_t targets = c.int_attribute("targets");
  MN_ASSIGN(const PostTransform transform, post_transform_named(c.string_attribute("post_transform")));
  float* out = c.output(0).mutable_data<float>();
  return for_each_row(c, targets, [&](int64_t, std::vector<double>& scores) {
    transform_scores(scores, transform);
    for (double score : scores) *out++ = static_cast<float>(score);
  });
}

// Rows of coefficients: one per intercept; without intercepts one per class.
struct Classes {
  int64_t targets = 1;
  bool binary = false;  // one score for two labels
  int64_t columns() const { return binary ? 2 : targets; }
};

Result<Classes> classes_of(const NodeView& c, const ClassLabels& labels) {
  Classes classes;
  const size_t intercepts = c.floats_attribute("intercepts").size();
  classes.targets = static_cast<int64_t>(intercepts != 0 ? intercepts : std::max<size_t>(labels.size(), 1));
  classes.binary = classes.targets == 1 && labels.size() == 2;
  MN_CHECK(classes.binary || labels.size() == 0 || static_cast<int64_t>(labels.size()) == classes.targets,
           "expected a label for each of ", classes.targets, " classes, got ", labels.size());
  return classes;
}

Status classifier_infer(InferContext& c) {
  const ClassLabels labels(c, "classlabels_ints", "classlabels_strings");
  MN_ASSIGN(const Classes classes, classes_of(c, labels));
  MN_TRY(check_coefficients(c, classes.targets));
  c.set_output(0, labels.dtype(), Shape{feature_rows(c.shape(0))});
  c.set_output(1, DType::float32, Shape{feature_rows(c.shape(0)), Dim(classes.columns())});
  return {};
}

Status classifier_reference(EvalContext& c) {
  const ClassLabels labels(c, "classlabels_ints", "classlabels_strings");
  MN_ASSIGN(const Classes classes, classes_of(c, labels));
  MN_ASSIGN(const PostTransform transform, post_transform_named(c.string_attribute("post_transform")));
  return for_each_row(c, classes.targets, [&](int64_t r, std::vector<double>& scores) {
    const bool single = classes.targets == 1;
    // A lone class without a second label is number 1 when its score is positive, else 0.
    const size_t best = single ? (scores[0] > 0 ? 1 : 0)
                               : static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    if (classes.binary) scores = binary_scores(scores[0], true, transform);
    else transform_scores(scores, transform);
    if (single && labels.size() == 1) labels.write(c.output(0), r, 0);
    else labels.write(c.output(0), r, best);
    if (!c.wants_output(1)) return;
    float* out = c.output(1).mutable_data<float>() + r * classes.columns();
    for (double score : scores) *out++ = static_cast<float>(score);
  });
}

Tensor rows() { return Tensor::of<float>({1, 2, -3, 1}, {2, 2}); }

std::vector<Case> regressor_cases() {
  return {{.inputs = {rows()},
           .attributes = {{"coefficients", Floats{0.5f, 1}}, {"intercepts", Floats{2}}},
           .expected = {Tensor::of<float>({4.5f, 1.5f}, {2, 1})},
           .differentiable = false},
          {.inputs = {Tensor::of<int64_t>({1, 2}, {1, 2})},
           .attributes = {{"coefficients", Floats{1, 0, 0, 2}}, {"targets", 2}},
           .expected = {Tensor::of<float>({1, 4}, {1, 2})}}};
}

std::vector<Case> classifier_cases() {
  return {{.inputs = {rows()},
           .attributes = {{"coefficients", Floats{0.25f, 0.125f}},
                          {"intercepts", Floats{0}},
                          {"classlabels_ints", Ints{7, 9}}},
           .outputs = 2,
           .expected = {Tensor::of<int64_t>({9, 7}, {2}), Tensor::of<float>({0.5f, 0.5f, 1.625f, -0.625f}, {2, 2})},
           .differentiable = false},
          {.inputs = {rows()},
           .attributes = {{"coefficients", Floats{1, 0, 0, 1, -1, -1}},
                          {"classlabels_strings", Strings{"a", "b", "c"}},
                          {"post_transform", "NONE"}},
           .outputs = 2,
           .expected = {Tensor::of_strings({"b", "c"}, {2}), Tensor::of<float>({1, 2, -3, -3, 1, 2}, {2, 3})},
           .differentiable = false}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> linear() {
  constexpr AttributeKind kFloats = AttributeKind::reals;
  return {{
              .name = "linear_regressor",
              .doc = "Linear functions of feature rows.",
              .attributes = {required("coefficients", kFloats),
                             {"intercepts", kFloats},
                             {"targets", 1},
                             {"post_transform", "NONE"}},
              .infer = regressor_infer,
              .reference = regressor_reference,
              .imports = {{"ai.onnx.ml", "LinearRegressor"}},
              .exports = {{"ai.onnx.ml", "LinearRegressor", 1}},
              .cases = regressor_cases,
          },
          {
              .name = "linear_classifier",
              .doc = "Class and scores by linear functions of feature rows.",
              .outputs = {1, 2},
              .attributes = {required("coefficients", kFloats),
                             {"intercepts", kFloats},
                             {"multi_class", 0},
                             {"post_transform", "NONE"},
                             {"classlabels_ints", AttributeKind::integers},
                             {"classlabels_strings", AttributeKind::texts}},
              .infer = classifier_infer,
              .reference = classifier_reference,
              .imports = {{"ai.onnx.ml", "LinearClassifier"}},
              .exports = {{"ai.onnx.ml", "LinearClassifier", 1}},
              .cases = classifier_cases,
          }};
}

}  // namespace minnow::ops
