// What the classifiers and regressors of ai.onnx.ml do with raw scores, and their class labels.
#pragma once

#include <string_view>
#include <vector>

#include "ops/contexts.h"

namespace minnow {

enum class PostTransform : uint8_t { none, softmax, logistic, softmax_zero, probit };  // ONNX's numbers
Result<PostTransform> post_transform_named(std::string_view name);

// Transforms one row of scores in place.
void transform_scores(std::span<double> scores, PostTransform transform);
// Two columns from the one score of a binary classifier. Of probabilities the first is 1 - score, of margins -score.
std::vector<double> binary_scores(double score, bool is_probability, PostTransform transform);

// Labels from `ints` or `strings` attributes; without any, class numbers.
struct ClassLabels {
  const Ints& ints;
  const Strings& strings;
  ClassLabels(const NodeView& c, std::string_view ints_name, std::string_view strings_name)
      : ints(c.ints_attribute(ints_name)), strings(c.strings_attribute(strings_name)) {}
  DType dtype() const { return strings.empty() ? DType::int64 : DType::string; }
  size_t size() const { return strings.empty() ? ints.size() : strings.size(); }
  void write(Tensor& labels, int64_t row, size_t index) const;
};

// [N, F] numbers ([F] counts as one row).
Status check_feature_matrix(const InferContext& c);
Dim feature_rows(const Shape& shape);

}  // namespace minnow
