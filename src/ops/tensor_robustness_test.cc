// Hostile attributes and data of the tensor, sequence, control-flow, text and machine-learning operators: every one
// must end in an error that says why, or in a defined result, within its budget.
#include <gtest/gtest.h>

#include <limits>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/check.h"
#include "ops/expect_error_test_util.h"
#include "ops/interpreter.h"

namespace minnow {
namespace {

constexpr int64_t kSmallest = std::numeric_limits<int64_t>::min(), kLargest = std::numeric_limits<int64_t>::max();

Tensor matrix() { return random_tensor(DType::float32, {3, 4}, 1); }
Tensor ints(Dims values) { return Tensor::of_ints(values); }

TEST(TensorRobustness, Shapes) {
  expect_error("reshape", {matrix(), ints({-1, -1})}, {}, "more than one -1");
  expect_error("reshape", {matrix(), ints({3, 4, 0})}, {}, "copies dimension 2");
  expect_error("reshape", {matrix(), ints({5, -1})}, {}, "not a multiple of 5");
  expect_error("reshape", {matrix(), ints({-2, 6})}, {}, "negative dimension -2");
  expect_error("reshape", {matrix(), ints({int64_t{1} << 62, 4})}, {}, "more than 2^63");
  expect_error("reshape", {matrix(), ints({0, -1})}, {{"allowzero", 1}}, "both 0 and -1");
  expect_error("reshape", {matrix(), Tensor::of<float>({12}, {1})}, {}, "expected integers");
  expect_error("flatten", {matrix()}, {{"axis", 77}}, "axis 77");
  expect_error("squeeze", {matrix(), ints({0})}, {}, "is not 1");
  expect_error("squeeze", {matrix(), ints({-77})}, {}, "axis -77");
  expect_error("unsqueeze", {matrix(), ints({0, 0})}, {}, "twice");
  expect_error("transpose", {matrix()}, {{"perm", Ints{0, 0}}}, "twice");
  expect_error("transpose", {matrix()}, {{"perm", Ints{0, 1, 2}}}, "3 entries");
  expect_error("expand", {matrix(), ints({5, 4})}, {}, "do not broadcast");
  expect_error("expand", {matrix(), ints({-1, 4})}, {}, "negative dimension");
  expect_error("expand", {matrix(), ints({int64_t{1} << 40, 3, 4})}, {}, "bytes");
  expect_error("tile", {matrix(), ints({-1, 1})}, {}, "must not be negative");
  expect_error("tile", {matrix(), ints({kLargest, 1})}, {}, "2^63");
  expect_error("tile", {matrix(), ints({int64_t{1} << 40, 1})}, {}, "bytes");
  expect_error("one_hot", {ints({1}), Tensor::scalar(int64_t{1} << 40), Tensor::of<float>({0, 1}, {2})}, {}, "bytes");
  expect_error("one_hot", {ints({1}), Tensor::scalar<int64_t>(-1), Tensor::of<float>({0, 1}, {2})}, {}, "at least 0");
}

TEST(TensorRobustness, CutsAndJoins) {
  expect_error("split", {matrix(), ints({-1, 4})}, {}, "bad length", 2);
  expect_error("split", {matrix(), ints({kLargest, 2})}, {}, "bad length", 2);
  expect_error("split", {matrix(), ints({1, 1})}, {}, "sum to 2", 2);
  expect_error("split", {matrix()}, {{"num_outputs", 0}}, "num_outputs is 0", 2);
  expect_error("slice", {matrix(), ints({0}), ints({1}), ints({0}), ints({0})}, {}, "must not be 0");
  expect_error("slice", {matrix(), ints({0}), ints({1, 2})}, {}, "one length");
  expect_error("slice", {matrix(), ints({0}), ints({1}), ints({9})}, {}, "axis 9");
  EXPECT_TRUE(
      evaluate("slice", std::vector<Datum>{matrix(), ints({kLargest}), ints({kSmallest}), ints({0}), ints({kSmallest})})
          .ok());
  expect_error("concat", {matrix(), random_tensor(DType::float32, {2, 5}, 1)}, {{"axis", 0}}, "differs");
  expect_error("concat", {matrix(), ints({1})}, {{"axis", 0}}, "one element type");
  expect_error("concat", {matrix()}, {{"axis", -3}}, "axis -3");
  expect_error("trilu", {ints({1})}, {}, "expected matrices");
  expect_error("split_to_sequence", {matrix(), Tensor::scalar<int64_t>(0)}, {}, "must be positive");
  expect_error("compress", {matrix(), Tensor::of<bool>({false, false, false, true}, {4})}, {{"axis", 0}},
               "beyond the 3");
}

TEST(TensorRobustness, IndicesOutOfRange) {
  expect_error("gather", {matrix(), ints({3})}, {}, "index 3 is outside [-3, 3)");
  expect_error("gather", {matrix(), ints({kSmallest})}, {}, "outside");
  expect_error("gather", {random_tensor(DType::float32, {0, 4}, 1), ints({0})}, {}, "outside");
  expect_error("gather_elements", {matrix(), Tensor::of<int64_t>({-4}, {1, 1})}, {}, "index -4");
  expect_error("gather_nd", {matrix(), Tensor::of<int64_t>({0, 4}, {1, 2})}, {}, "index 4");
  expect_error("gather_nd", {matrix(), Tensor::of<int64_t>({0, 0, 0}, {1, 3})}, {}, "index tuples of 3");
  expect_error("gather_nd", {matrix(), Tensor::of<int64_t>({0}, {1, 1})}, {{"batch_dims", 5}}, "batch_dims 5");
  expect_error("scatter_elements", {matrix(), Tensor::of<int64_t>({3}, {1, 1}), Tensor::of<float>({1}, {1, 1})}, {},
               "index 3");
  expect_error("scatter_elements", {matrix(), Tensor::of<int64_t>({0}, {1, 1}), Tensor::of<float>({1}, {1, 1})},
               {{"reduction", "median"}}, "'median'");
  expect_error("scatter_nd", {matrix(), Tensor::of<int64_t>({3}, {1, 1}), random_tensor(DType::float32, {1, 4}, 1)}, {},
               "index 3");
  expect_error("scatter_nd", {matrix(), Tensor::of<int64_t>({0}, {1, 1}), random_tensor(DType::float32, {1, 3}, 1)}, {},
               "expected updates");
  expect_error(
      "tensor_scatter",
      {random_tensor(DType::float32, {1, 4, 1}, 1), random_tensor(DType::float32, {1, 2, 1}, 1), ints({kLargest})}, {},
      "exceeds the cache");
  expect_error("reverse_sequence", {matrix(), ints({4, 0, 0, 0})}, {}, "sequence length 4");
}

TEST(TensorRobustness, SequencesAreNotTensors) {
  const Datum list = std::vector<Datum>{matrix()};
  expect_error("reshape", {list, ints({12})}, {}, "must be a tensor");
  expect_error("sequence_at", {matrix(), ints({0})}, {}, "must be a sequence");
  expect_error("sequence_at", {list, ints({1})}, {}, "position 1");
  expect_error("sequence_insert", {list, matrix(), ints({kSmallest})}, {}, "outside");
  expect_error("sequence_erase", {Datum(std::vector<Datum>())}, {}, "empty sequence");
  expect_error("concat_from_sequence", {Datum(std::vector<Datum>())}, {{"axis", 0}}, "empty sequence");
  expect_error("concat_from_sequence", {Datum(std::vector<Datum>{matrix(), list})}, {{"axis", 0}}, "must hold tensors");
}

// A body that gives its condition and its carried value back.
GraphRef idle_body() {
  auto graph = std::make_shared<Graph>();
  Builder b(*graph);
  b.input("iteration", Type::tensor(DType::int64, Dims{}));
  const ValueId condition = b.input("condition", Type::tensor(DType::boolean, Dims{}));
  const ValueId carried = b.input("carried", Type());
  for (ValueId id : {condition, carried, carried}) b.output(id);
  return graph;
}

Result<std::vector<Datum>> run_loop(int64_t trips, const Limits& limits) {
  Graph graph;
  Builder b(graph);
  const ValueId inputs[] = {b.constant(Tensor::scalar(trips)), b.constant(Tensor::scalar(true)), b.constant(matrix())};
  for (ValueId id : b.add_many("loop", inputs, 2, {{"body", idle_body()}})) b.output(id);
  MN_TRY(b.status());
  MN_ASSIGN(const Interpreter interpreter, Interpreter::prepare(graph));
  RunOptions options;
  options.budget = std::make_shared<Budget>(limits);
  return interpreter.run({}, options);
}

TEST(TensorRobustness, LoopsEndWithTheirBudget) {
  Limits limits;
  limits.steps = 10'000;
  const auto endless = run_loop(int64_t{1} << 62, limits);
  ASSERT_FALSE(endless.ok());
  EXPECT_EQ(endless.error().code, ErrorCode::limit) << endless.error().message;
  limits.bytes = 1 << 16;
  const auto large = run_loop(5'000, limits);
  ASSERT_FALSE(large.ok());
  EXPECT_NE(large.error().message.find("bytes"), std::string::npos) << large.error().message;
  const auto fine = run_loop(1000, Limits{});
  ASSERT_TRUE(fine.ok()) << fine.error().message;
  EXPECT_EQ((*fine)[1].tensor.dims(), (Dims{1000, 3, 4}));
}

TEST(TensorRobustness, ControlFlowShapes) {
  expect_error("loop", {ints({1}), Tensor::scalar(true)}, {{"body", idle_body()}}, "takes 3 inputs");
  expect_error("loop", {ints({1, 2}), Tensor::scalar(true), matrix()}, {{"body", idle_body()}}, "must be one value", 2);
  expect_error("loop", {ints({1}), Datum(std::vector<Datum>()), matrix()}, {{"body", idle_body()}}, "one boolean", 2);
  expect_error("loop", {ints({1}), Tensor::scalar(true), matrix()}, {{"body", idle_body()}, {"captures", 9}},
               "captures is 9", 2);
  expect_error("if", {Tensor::scalar(1.0f)}, {{"then_branch", idle_body()}, {"else_branch", idle_body()}},
               "must be boolean");
  expect_error("scan", {matrix()}, {{"body", idle_body()}, {"num_scan_inputs", 5}}, "num_scan_inputs is 5");
}

TEST(TensorRobustness, Patterns) {
  const Tensor text = Tensor::of_strings({std::string(5000, 'a')}, {1});
  // Backtracking would take 2^5000 steps.
  const auto result = evaluate("regex_full_match", std::vector<Datum>{text}, {{"pattern", "(a|aa)*(a*)*b"}});
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE((*result)[0].tensor.values<bool>()[0]);
  const auto rejects = [&](std::string pattern, std::string_view message) {
    expect_error("regex_full_match", {text}, {{"pattern", std::move(pattern)}}, message);
  };
  rejects("((a{1000}){1000}){1000}", "states");
  rejects(std::string(100'000, '('), "nested deeper");
  rejects("a{1001}", "repeat count");
  rejects("a{3,2}", "repeat count");
  rejects("*a", "nothing to repeat");
  rejects("(a", "without ')'");
  rejects("a)", "unmatched");
  rejects("[a", "without ']'");
  rejects("[b-a]", "backwards");
  rejects("a\\", "backslash");
  rejects("\\x{110000}", "\\x escape");
  rejects("(?=a)", "look-around");
  rejects("\\1", "not supported");
}

TEST(TensorRobustness, Models) {
  const Tensor x = random_tensor(DType::float32, {2, 2}, 1);
  Attributes tree = {{"nodes_treeids", Ints{0, 0}},      {"nodes_nodeids", Ints{0, 1}},
                     {"nodes_featureids", Ints{0, 0}},   {"nodes_modes", Strings{"BRANCH_LEQ", "BRANCH_LEQ"}},
                     {"nodes_values", Floats{0, 0}},     {"nodes_truenodeids", Ints{1, 0}},
                     {"nodes_falsenodeids", Ints{1, 0}}, {"n_targets", 1}};
  expect_error("tree_ensemble_regressor", {x}, tree, "circle");
  tree.set("nodes_featureids", Ints{0, 7});
  expect_error("tree_ensemble_regressor", {x}, tree, "use 8 features");
  tree.set("nodes_truenodeids", Ints{5, 0});
  expect_error("tree_ensemble_regressor", {x}, tree, "does not exist");
  tree.set("n_targets", int64_t{1} << 40);
  expect_error("tree_ensemble_regressor", {x}, tree, "number of targets");
  tree.set("n_targets", 1);
  tree.set("nodes_values", Floats{0});
  expect_error("tree_ensemble_regressor", {x}, tree, "differ in length");
  expect_error("linear_regressor", {x}, {{"coefficients", Floats{1, 2, 3}}}, "features");
  expect_error("linear_regressor", {x}, {{"coefficients", Floats{1, 2}}, {"targets", 0}}, "0 targets");
  expect_error("svm_regressor", {x},
               {{"coefficients", Floats{1}}, {"rho", Floats{0}}, {"n_supports", 3}, {"support_vectors", Floats{1, 2}}},
               "for 3 rows");
  expect_error("svm_classifier", {x},
               {{"coefficients", Floats{1, 2}},
                {"rho", Floats{0}},
                {"vectors_per_class", Ints{-1, 2}},
                {"classlabels_ints", Ints{0, 1}}},
               "holds -1", 2);
  expect_error("tf_idf_vectorizer", {ints({1})},
               {{"mode", "TF"},
                {"min_gram_length", 1},
                {"max_gram_length", 1},
                {"max_skip_count", 0},
                {"ngram_counts", Ints{5}},
                {"ngram_indexes", Ints{0}},
                {"pool_int64s", Ints{1}}},
               "do not ascend");
  expect_error("array_feature_extractor", {x, ints({2})}, {}, "column 2");
}

}  // namespace
}  // namespace minnow
