// Classification losses: negative_log_likelihood_loss and softmax_cross_entropy_loss.
#include "base/text.h"
#include "ops/builder.h"
#include "ops/cases.h"

namespace minnow::ops {
namespace {

Status check_reduction(const NodeView& node) {
  const std::string& reduction = node.string_attribute("reduction");
  MN_CHECK(reduction == "none" || reduction == "sum" || reduction == "mean",
           "attribute 'reduction': expected none, sum or mean, got '", printable(reduction), "'");
  return {};
}

// scores [N, C, d...], target [N, d...], weight [C].
Status loss_infer(InferContext& c) {
  MN_TRY(check_reduction(c));
  const Shape &scores = c.shape(0), &target = c.shape(1);
  MN_CHECK(!scores.ranked || scores.rank() >= 2, "scores: expected at least 2 dimensions, got ", to_string(scores));
  if (scores.ranked && target.ranked) {
    MN_CHECK(target.rank() == scores.rank() - 1, "target: expected ", scores.rank() - 1, " dimensions for scores ",
             to_string(scores), ", got ", to_string(target));
    for (int64_t i = 0; i < target.rank(); ++i) {
      const Dim &a = target.dims[static_cast<size_t>(i)], &b = scores.dims[static_cast<size_t>(i == 0 ? 0 : i + 1)];
      MN_CHECK(!a.known() || !b.known() || a.value == b.value, "target ", to_string(target), " does not fit scores ",
               to_string(scores));
    }
  }
  if (c.has_input(2)) {
    MN_TRY(c.expect_rank(2, 1, "weight"));
    MN_CHECK(!scores.ranked || !c.shape(2).ranked || !scores.dims[1].known() || !c.shape(2).dims[0].known() ||
                 scores.dims[1].value == c.shape(2).dims[0].value,
             "weight: expected one value for each class of ", to_string(scores), ", got ", to_string(c.shape(2)));
  }
  c.set_output(0, c.dtype(0), c.string_attribute("reduction") == "none" ? target : Shape(Dims{}));
  if (c.wants_output(1)) c.set_output(1, c.dtype(0), scores);
  return {};
}

// -weight[target] * log_prob[target]; targets equal to ignore_index count nothing, also not in the mean's denominator.
Result<ValueId> negative_log_likelihood(DecomposeContext& c, ValueId log_probabilities) {
  MN_TRY(check_reduction(c));
  Builder& b = c.b;
  const std::string& reduction = c.string_attribute("reduction");
  const bool ignores = c.has_attribute("ignore_index");
  const ValueId axis = b.ints({1}), zero = b.scalar_like(0.0, log_probabilities);
  ValueId target = c.input(1), ignored = kNoValue;
  if (ignores) {
    ignored = b.add("equal", {target, b.scalar_like(static_cast<double>(c.int_attribute("ignore_index")), target)});
    target = b.add("where", {ignored, b.scalar_like(0.0, target), target});
  }
  const ValueId picked =
      b.add("gather_elements", {log_probabilities, b.add("unsqueeze", {target, axis})}, {{"axis", 1}});
  ValueId loss = b.add("neg", {b.add("squeeze", {picked, axis})}), weight = kNoValue;
  if (c.has_input(2)) weight = b.add("gather", {c.input(2), target}, {{"axis", 0}});
  if (weight != kNoValue) loss = b.add("mul", {loss, weight});
  if (ignores) {
    loss = b.add("where", {ignored, zero, loss});
    weight = b.add("where", {ignored, zero, weight != kNoValue ? weight : b.scalar_like(1.0, log_probabilities)});
  }
  if (reduction == "none") return loss;
  if (reduction == "mean" && weight == kNoValue) return b.add("reduce_mean", {loss}, {{"keepdims", 0}});
  const ValueId sum = b.add("reduce_sum", {loss}, {{"keepdims", 0}});
  if (reduction == "sum") return sum;
  return b.add("div", {sum, b.add("reduce_sum", {weight}, {{"keepdims", 0}})});
}

Status likelihood_decompose(DecomposeContext& c) {
  MN_ASSIGN(const ValueId loss, negative_log_likelihood(c, c.input(0)));
  c.set_output(0, loss);
  return {};
}

Status cross_entropy_decompose(DecomposeContext& c) {
  const ValueId log_probabilities = c.b.add("log_softmax", {c.input(0)}, {{"axis", 1}});
  MN_ASSIGN(const ValueId loss, negative_log_likelihood(c, log_probabilities));
  c.set_output(0, loss);
  if (c.wants_output(1)) c.set_output(1, log_probabilities);
  return {};
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> likelihood_cases() {
  const Tensor scores = Tensor::of<float>({-1, -2, -3, -4, -5, -6}, {2, 3}), target = Tensor::of<int64_t>({2, 0}, {2}),
               weight = Tensor::of<float>({1, 2, 3}, {3});
  return {{.inputs = {scores, target}, .expected = {Tensor::scalar(3.5f)}},
          {.inputs = {scores, target, weight},
           .attributes = {{"reduction", "none"}},
           .expected = {Tensor::of<float>({9, 4}, {2})}},
          {.inputs = {scores, target, weight}, .expected = {Tensor::scalar(3.25f)}, .note = "weighted mean"},
          {.inputs = {scores, target}, .attributes = {{"ignore_index", 0}}, .expected = {Tensor::scalar(3.0f)}},
          {.inputs = {f({2, 3, 2}, 1), Tensor::of<int64_t>({0, -1, 2, 1}, {2, 2}), weight},
           .attributes = {{"ignore_index", -1}, {"reduction", "sum"}}}};
}

std::vector<Case> cross_entropy_cases() {
  const Tensor target = Tensor::of<int64_t>({2, 0}, {2});
  return {{.inputs = {Tensor::of<float>({0, 0}, {1, 2}), Tensor::of<int64_t>({1}, {1})},
           .expected = {Tensor::scalar(0.693147181f)}},
          {.inputs = {f({2, 3}, 1), target}, .outputs = 2},
          {.inputs = {f({2, 3, 2}, 2), Tensor::of<int32_t>({0, 1, 2, 1}, {2, 2}), f({3}, 3)},
           .attributes = {{"ignore_index", 2}, {"reduction", "sum"}}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> losses() {
  const std::vector<AttributeSpec> attributes{{"ignore_index", AttributeKind::integer}, {"reduction", "mean"}};
  return {{.name = "negative_log_likelihood_loss",
           .doc = "Minus the log probability of the target class.",
           .inputs = {2, 3},
           .attributes = attributes,
           .infer = loss_infer,
           .decompose = likelihood_decompose,
           .imports = {{"ai.onnx", "NegativeLogLikelihoodLoss"}},
           .exports = {{"ai.onnx", "NegativeLogLikelihoodLoss", 12}},
           .cases = likelihood_cases},
          {.name = "softmax_cross_entropy_loss",
           .doc = "Cross entropy of softmax(scores) with the target class, and the log probabilities.",
           .inputs = {2, 3},
           .outputs = {1, 2},
           .attributes = attributes,
           .infer = loss_infer,
           .decompose = cross_entropy_decompose,
           .imports = {{"ai.onnx", "SoftmaxCrossEntropyLoss"}},
           .exports = {{"ai.onnx", "SoftmaxCrossEntropyLoss", 12}},
           .cases = cross_entropy_cases}};
}

}  // namespace minnow::ops
