// tree_ensemble, tree_ensemble_regressor, tree_ensemble_classifier: forests of decision trees.
#include <algorithm>
#include <cmath>

#include "ops/cases.h"
#include "ops/forest.h"
#include "ops/op.h"
#include "ops/scores.h"

namespace minnow::ops {
namespace {

// Outputs that a file may ask for without having that many leaves.
constexpr int64_t kMaxTargets = 1 << 24;

Status check_targets(int64_t targets) {
  MN_CHECK(targets >= 1 && targets <= kMaxTargets, "the number of targets must lie in [1, ", kMaxTargets, "], got ",
           targets);
  return {};
}

int64_t declared_targets(const NodeView& c) {
  if (c.has_attribute("n_targets")) return c.int_attribute("n_targets");
  const Ints& ids = c.ints_attribute(c.op().name == "tree_ensemble" ? "leaf_targetids" : "target_ids");
  return ids.empty() ? 1 : std::max<int64_t>(*std::max_element(ids.begin(), ids.end()), 0) + 1;
}

Result<Aggregate> aggregate_of(const NodeView& c) {
  if (c.op().name == "tree_ensemble") {
    const int64_t code = c.int_attribute("aggregate_function");
    MN_CHECK(code >= 0 && code <= 3, "aggregate_function must lie in [0, 3], got ", code);
    return static_cast<Aggregate>(code);
  }
  const std::string& name = c.string_attribute("aggregate_function");
  constexpr std::string_view kNames[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<Aggregate>(i);
  }
  return bad_input({"aggregate_function '", name, "' is not AVERAGE, SUM, MIN or MAX"});
}

Result<PostTransform> transform_of(const NodeView& c) {
  if (c.op().name != "tree_ensemble") return post_transform_named(c.string_attribute("post_transform"));
  const int64_t code = c.int_attribute("post_transform");
  MN_CHECK(code >= 0 && code <= 4, "post_transform must lie in [0, 4], got ", code);
  return static_cast<PostTransform>(code);
}

Status regressor_infer(InferContext& c) {
  MN_TRY(check_feature_matrix(c));
  const int64_t targets = declared_targets(c);
  MN_TRY(check_targets(targets));
  MN_TRY(aggregate_of(c));
  MN_TRY(transform_of(c));
  c.set_output(0, c.op().name == "tree_ensemble" ? c.dtype(0) : DType::float32,
               Shape{feature_rows(c.shape(0)), Dim(targets)});
  return {};
}

// Calls row(index, features) for every row of a feature matrix that is wide enough for the forest.
template <class F>
Status for_each_row(EvalContext& c, const Forest& forest, int64_t targets, F row) {
  const Tensor& in = c.input(0);
  const int64_t width = in.dims().back(), rows = in.rank() == 1 ? 1 : in.dim(0);
  MN_CHECK(forest.features <= width, "the trees use ", forest.features, " features, but rows have ", width);
  MN_CHECK(forest.targets <= targets, "the trees have ", forest.targets, " targets, expected at most ", targets);
  const std::vector<double> values = to_doubles(in);
  for (int64_t r = 0; r < rows; ++r) {
    MN_TRY(c.budget()->step(0));
    MN_TRY(row(r, std::span(values).subspan(static_cast<size_t>(r * width), static_cast<size_t>(width))));
  }
  return {};
}

Status regressor_reference(EvalContext& c) {
  MN_ASSIGN(const Forest forest, c.op().name == "tree_ensemble" ? forest_by_positions(c) : forest_by_ids(c, "target"));
  MN_ASSIGN(const Aggregate aggregate, aggregate_of(c));
  MN_ASSIGN(const PostTransform transform, transform_of(c));
  std::vector<double> base;
  if (c.op().name != "tree_ensemble") base = numbers_attribute(c, "base_values");
  const int64_t targets = c.output(0).dims().back();
  MN_CHECK(base.empty() || static_cast<int64_t>(base.size()) == targets, "base_values has ", base.size(),
           " entries for ", targets, " targets");
  std::vector<double> scores(static_cast<size_t>(targets));
  const bool wide = c.output(0).dtype() == DType::float64;
  // The softmax of a single score would be 1 whatever it is.
  const bool transforms = targets > 1 || transform == PostTransform::logistic || transform == PostTransform::probit;
  return for_each_row(c, forest, targets, [&](int64_t r, std::span<const double> features) -> Status {
    MN_TRY(evaluate_forest(forest, features, aggregate, scores));
    for (size_t i = 0; i < base.size(); ++i) scores[i] += base[i];
    if (transforms) transform_scores(scores, transform);
    for (size_t i = 0; i < scores.size(); ++i) {
      const int64_t at = r * targets + static_cast<int64_t>(i);
      if (wide) c.output(0).mutable_data<double>()[at] = scores[i];
      else c.output(0).mutable_data<float>()[at] = static_cast<float>(scores[i]);
    }
    return {};
  });
}

Status classifier_infer(InferContext& c) {
  MN_TRY(check_feature_matrix(c));
  const ClassLabels labels(c, "classlabels_int64s", "classlabels_strings");
  MN_CHECK(labels.size() > 0, "classlabels_int64s or classlabels_strings must be given");
  MN_TRY(transform_of(c));
  c.set_output(0, labels.dtype(), Shape{feature_rows(c.shape(0))});
  c.set_output(1, DType::float32, Shape{feature_rows(c.shape(0)), Dim(static_cast<int64_t>(labels.size()))});
  return {};
}

// Two classes with weights for one of them: the score decides alone, by 0.5 for probabilities and by 0 for margins.
struct Binary {
  bool applies = false;
  size_t id = 0;
  bool is_probability = true;
  double base = 0;
};

Binary binary_of(const Forest& forest, size_t classes, std::span<const double> base) {
  Binary binary;
  binary.applies = classes == 2 && !forest.leaves.empty();
  if (binary.applies) binary.id = static_cast<size_t>(forest.leaves[0].target);
  for (const Forest::Leaf& leaf : forest.leaves) {
    binary.applies = binary.applies && static_cast<size_t>(leaf.target) == binary.id;
    binary.is_probability = binary.is_probability && leaf.weight >= 0;
  }
  if (!base.empty()) binary.base = base.back();
  return binary;
}

Status classifier_reference(EvalContext& c) {
  MN_ASSIGN(const Forest forest, forest_by_ids(c, "class"));
  MN_ASSIGN(const PostTransform transform, transform_of(c));
  const ClassLabels labels(c, "classlabels_int64s", "classlabels_strings");
  const size_t classes = labels.size();
  const std::vector<double> base = numbers_attribute(c, "base_values");
  const Binary binary = binary_of(forest, classes, base);
  MN_CHECK(base.empty() || base.size() == classes || binary.applies, "base_values has ", base.size(), " entries for ",
           classes, " classes");
  std::vector<double> scores(classes);
  return for_each_row(c, forest, static_cast<int64_t>(classes),
                      [&](int64_t r, std::span<const double> features) -> Status {
                        scores.resize(classes);
                        MN_TRY(evaluate_forest(forest, features, Aggregate::sum, scores));
                        size_t best = 0;
                        if (binary.applies) {
                          double& score = scores[binary.id];
                          score += binary.base;
                          best = score > (binary.is_probability ? 0.5 : 0.0) ? 1 : 0;
                          if (binary.id == 0) scores = binary_scores(score, binary.is_probability, transform);
                          else transform_scores(scores, transform);
                        } else {
                          for (size_t i = 0; i < base.size(); ++i) scores[i] += base[i];
                          best = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
                          transform_scores(scores, transform);
                        }
                        labels.write(c.output(0), r, best);
                        if (!c.wants_output(1)) return {};
                        float* out = c.output(1).mutable_data<float>() + r * static_cast<int64_t>(classes);
                        for (double score : scores) *out++ = static_cast<float>(score);
                        return {};
                      });
}

constexpr AttributeKind kInts = AttributeKind::integers, kFloats = AttributeKind::reals, kTexts = AttributeKind::texts,
                        kTensor = AttributeKind::tensor;

std::vector<AttributeSpec> attributes_by_ids(std::string_view prefix) {
  const auto name = [&](std::string_view suffix) { return concat({prefix, suffix}); };
  return {{"nodes_treeids", kInts},
          {"nodes_nodeids", kInts},
          {"nodes_featureids", kInts},
          {"nodes_modes", kTexts},
          {"nodes_values", kFloats},
          {"nodes_values_as_tensor", kTensor},
          {"nodes_hitrates", kFloats},
          {"nodes_hitrates_as_tensor", kTensor},
          {"nodes_truenodeids", kInts},
          {"nodes_falsenodeids", kInts},
          {"nodes_missing_value_tracks_true", kInts},
          {"base_values", kFloats},
          {"base_values_as_tensor", kTensor},
          {"post_transform", "NONE"},
          {name("_treeids"), kInts},
          {name("_nodeids"), kInts},
          {name("_ids"), kInts},
          {name("_weights"), kFloats},
          {name("_weights_as_tensor"), kTensor}};
}

// One split of feature 0 at 0.5 and one of feature 1 at 0.9.
Attributes two_trees(std::string prefix, Ints ids, Floats weights) {
  return {{"nodes_treeids", Ints{0, 0, 0, 1, 1, 1}},
          {"nodes_nodeids", Ints{0, 1, 2, 0, 1, 2}},
          {"nodes_featureids", Ints{0, 0, 0, 1, 0, 0}},
          {"nodes_modes", Strings{"BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"}},
          {"nodes_values", Floats{0.5f, 0, 0, 0.9f, 0, 0}},
          {"nodes_truenodeids", Ints{1, 0, 0, 1, 0, 0}},
          {"nodes_falsenodeids", Ints{2, 0, 0, 2, 0, 0}},
          {prefix + "_treeids", Ints{0, 0, 1, 1}},
          {prefix + "_nodeids", Ints{1, 2, 1, 2}},
          {prefix + "_ids", std::move(ids)},
          {prefix + "_weights", std::move(weights)}};
}

Tensor rows() { return Tensor::of<float>({1, 2, -3, 1, 0.2f, 0.3f}, {3, 2}); }

std::vector<Case> regressor_cases() {
  Attributes sum = two_trees("target", {0, 0, 0, 0}, {0.125f, 0.25f, 0.5f, -0.5f}),
             average = two_trees("target", {0, 1, 0, 1}, {1, 2, 3, 4});
  sum.set("base_values", Floats{1});
  average.set("n_targets", 2);
  average.set("aggregate_function", "AVERAGE");
  return {{.inputs = {rows()},
           .attributes = sum,
           .expected = {Tensor::of<float>({0.75f, 0.625f, 1.625f}, {3, 1})},
           .differentiable = false},
          {.inputs = {rows()},
           .attributes = average,
           .expected = {Tensor::of<float>({0, 3, 0.5f, 2, 2, 0}, {3, 2})},
           .differentiable = false}};
}

std::vector<Case> classifier_cases() {
  Attributes binary = two_trees("class", {0, 0, 0, 0}, {0.125f, 0.25f, 0.25f, 0.375f}),
             three = two_trees("class", {0, 1, 2, 1}, {1, 2, 3, 4});
  binary.set("classlabels_int64s", Ints{7, 9});
  three.set("classlabels_strings", Strings{"a", "b", "c"});
  return {
      {.inputs = {rows()},
       .attributes = binary,
       .outputs = 2,
       .expected = {Tensor::of<int64_t>({9, 7, 7}, {3}),
                    Tensor::of<float>({0.375f, 0.625f, 0.5f, 0.5f, 0.625f, 0.375f}, {3, 2})},
       .differentiable = false},
      {.inputs = {rows()},
       .attributes = three,
       .outputs = 2,
       .expected = {Tensor::of_strings({"b", "b", "c"}, {3}), Tensor::of<float>({0, 6, 0, 1, 4, 0, 1, 0, 3}, {3, 3})},
       .differentiable = false}};
}

std::vector<Case> ensemble_cases() {
  const Attributes attributes = {{"tree_roots", Ints{0}},
                                 {"nodes_modes", Tensor::of<uint8_t>({0, 6}, {2})},
                                 {"nodes_featureids", Ints{0, 1}},
                                 {"nodes_splits", Tensor::of<float>({0.5f, 0}, {2})},
                                 {"nodes_truenodeids", Ints{1, 0}},
                                 {"nodes_trueleafs", Ints{0, 1}},
                                 {"nodes_falsenodeids", Ints{2, 1}},
                                 {"nodes_falseleafs", Ints{1, 1}},
                                 {"leaf_targetids", Ints{0, 1, 1}},
                                 {"leaf_weights", Tensor::of<float>({5, 6, 7}, {3})},
                                 {"membership_values", Tensor::of<float>({1, 4, NAN}, {3})},
                                 {"n_targets", 2}};
  return {{.inputs = {rows()},
           .attributes = attributes,
           .expected = {Tensor::of<float>({0, 7, 5, 0, 0, 6}, {3, 2})},
           .differentiable = false},
          {.inputs = {Tensor::of<double>({0, 4}, {1, 2})},
           .attributes = attributes,
           .expected = {Tensor::of<double>({5, 0}, {1, 2})},
           .differentiable = false}};
}

OpDef tree_op(std::string_view name, std::string_view doc, std::string_view onnx, int version,
              std::vector<AttributeSpec> attributes, Arity outputs, Status (*infer)(InferContext&),
              Status (*reference)(EvalContext&), std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .outputs = outputs,
          .attributes = std::move(attributes),
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx.ml", onnx}},
          .exports = {{"ai.onnx.ml", onnx, version}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> trees() {
  std::vector<AttributeSpec> regressor = attributes_by_ids("target"), classifier = attributes_by_ids("class");
  regressor.push_back({"aggregate_function", "SUM"});
  regressor.push_back({"n_targets", AttributeKind::integer});
  classifier.push_back({"classlabels_int64s", kInts});
  classifier.push_back({"classlabels_strings", kTexts});
  return {
      tree_op("tree_ensemble", "Values of a forest's leaves per target.", "TreeEnsemble", 5,
              {{"aggregate_function", 1},
               {"post_transform", 0},
               {"n_targets", AttributeKind::integer},
               required("tree_roots", kInts),
               required("nodes_modes", kTensor),
               required("nodes_splits", kTensor),
               required("nodes_featureids", kInts),
               required("nodes_truenodeids", kInts),
               required("nodes_falsenodeids", kInts),
               required("nodes_trueleafs", kInts),
               required("nodes_falseleafs", kInts),
               required("leaf_targetids", kInts),
               required("leaf_weights", kTensor),
               {"nodes_missing_value_tracks_true", kInts},
               {"nodes_hitrates", kTensor},
               {"membership_values", kTensor}},
              {1, 1}, regressor_infer, regressor_reference, ensemble_cases),
      tree_op("tree_ensemble_regressor", "Values of a forest, trees given by node ids.", "TreeEnsembleRegressor", 3,
              std::move(regressor), {1, 1}, regressor_infer, regressor_reference, regressor_cases),
      tree_op("tree_ensemble_classifier", "Class and scores by a forest, trees given by node ids.",
              "TreeEnsembleClassifier", 3, std::move(classifier), {1, 2}, classifier_infer, classifier_reference,
              classifier_cases),
  };
}

}  // namespace minnow::ops
