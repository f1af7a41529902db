#include "ops/scores.h"

#include <algorithm>
#include <cmath>

namespace minnow {
namespace {

double logistic(double x) {
  const double positive = 1 / (1 + std::exp(-std::abs(x)));
  return x < 0 ? 1 - positive : positive;
}

// S. Winitzki's approximation of the inverse error function with a = 0.147, which ONNX's reference prescribes for
// PROBIT.
double probit(double p) {
  const double x = 2 * p - 1, rest = (1 - x) * (1 + x);
  if (rest == 0) return 0;
  const double pi = 3.14159265358979323846, log = std::log(rest);
  const double v = 2 / (pi * 0.147) + 0.5 * log;
  return std::sqrt(2.0) * (x < 0 ? -1 : 1) * std::sqrt(-v + std::sqrt(v * v - log / 0.147));
}

// `zero`: scores of (nearly) zero stay zero.
void softmax(std::span<double> scores, bool zero) {
  if (scores.empty()) return;
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) {
    const bool keep = zero && std::abs(score) <= 1e-7;
    score = keep ? score * std::exp(-largest) : std::exp(score - largest);
    sum += score;
  }
  for (double& score : scores) score = sum == 0 ? 0.5 : score / sum;
}

}  // namespace

Result<PostTransform> post_transform_named(std::string_view name) {
  constexpr std::string_view kNames[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<PostTransform>(i);
  }
  return bad_input({"post_transform '", name, "' is not NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT"});
}

void transform_scores(std::span<double> scores, PostTransform transform) {
  switch (transform) {
    case PostTransform::none: return;
    case PostTransform::softmax: return softmax(scores, false);
    case PostTransform::softmax_zero: return softmax(scores, true);
    case PostTransform::logistic:
      for (double& score : scores) score = logistic(score);
      return;
    case PostTransform::probit:
      for (double& score : scores) score = probit(score);
  }
}

std::vector<double> binary_scores(double score, bool is_probability, PostTransform transform) {
  if (transform == PostTransform::logistic) return {logistic(-score), logistic(score)};
  std::vector<double> scores = {is_probability ? 1 - score : -score, score};
  if (transform == PostTransform::probit) transform_scores(scores, transform);
  return scores;
}

void ClassLabels::write(Tensor& labels, int64_t row, size_t index) const {
  if (!strings.empty()) labels.mutable_strings()[static_cast<size_t>(row)] = strings[index];
  else labels.mutable_data<int64_t>()[row] = index < ints.size() ? ints[index] : static_cast<int64_t>(index);
}

Status check_feature_matrix(const InferContext& c) {
  const DType dtype = c.dtype(0);
  MN_CHECK(dtype == DType::undefined || is_float(dtype) || is_integer(dtype), "expected numbers, got ",
           to_string(dtype));
  const Shape& in = c.shape(0);
  MN_CHECK(!in.ranked || in.rank() == 1 || in.rank() == 2, "expected [N, F], got ", to_string(in));
  return {};
}

Dim feature_rows(const Shape& shape) { return !shape.ranked ? Dim() : shape.rank() == 1 ? Dim(1) : shape.dims[0]; }

}  // namespace minnow
