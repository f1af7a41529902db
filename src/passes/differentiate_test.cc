#include "passes/differentiate.h"

#include <cmath>

#include <gtest/gtest.h>

#include "graph/text.h"
#include "ops/builder.h"
#include "ops/check.h"
#include "ops/interpreter.h"
#include "passes/pipeline.h"
#include "passes/random_graph_test_util.h"

namespace minnow {
namespace {

Result<std::vector<Datum>> run(const Graph& graph, std::span<const Datum> inputs) {
  MN_ASSIGN(const Interpreter interpreter, Interpreter::prepare(graph));
  return interpreter.run(inputs, {});
}

// sum of x * weights, the weights different from element to element.
ValueId weighted_sum(Builder& builder, ValueId x, uint64_t seed) {
  const Dims dims = builder.type(x).shape.to_dims();
  const ValueId weights = builder.constant(random_tensor(DType::float64, dims, seed, 0.5, 1.5), "weights");
  return builder.add("sum_to_shape", {builder.add("mul", {x, weights}), builder.ints({})});
}

// The first output of the graph at inputs moved by `step` along element `element` of input `input`.
double moved_output(const Graph& graph, std::vector<Datum> inputs, size_t input, int64_t element, double step) {
  const Tensor& original = inputs[input].tensor;
  Tensor moved = Tensor::of<double>(original.values<double>(), original.dims());
  moved.mutable_data<double>()[element] += step;
  inputs[input] = Datum(std::move(moved));
  const auto results = run(graph, inputs);
  EXPECT_TRUE(results.ok()) << results.error().message;
  return results.ok() ? (*results)[0].tensor.data<double>()[0] : NAN;
}

// Output 0 is a scalar; outputs 1… are its gradients by the inputs.
void expect_matches_differences(const Graph& graph, const std::vector<Datum>& inputs) {
  const auto results = run(graph, inputs);
  ASSERT_TRUE(results.ok()) << results.error().message;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& gradient = (*results)[i + 1].tensor;
    ASSERT_EQ(gradient.dims(), inputs[i].tensor.dims()) << "gradient of input " << i;
    const int64_t stride = 1 + gradient.size() / 12;  // a dozen elements an input keep the test quick
    for (int64_t e = 0; e < gradient.size(); e += stride) {
      const double h = 1e-5;
      const double numeric = (moved_output(graph, inputs, i, e, h) - moved_output(graph, inputs, i, e, -h)) / (2 * h);
      const double allowed = 1e-7 + 1e-6 * std::abs(numeric);
      ASSERT_NEAR(gradient.data<double>()[e], numeric, allowed) << "input " << i << " element " << e;
    }
  }
}

// A random smooth graph whose first output is a scalar loss of all its outputs.
RandomGraph scalar_graph(uint64_t seed) {
  RandomGraphOptions options;
  options.seed = seed;
  options.steps = 14;
  options.dtype = DType::float64;
  options.smooth = true;
  Result<RandomGraph> made = random_graph(options);
  EXPECT_TRUE(made.ok()) << made.error().message;
  const std::vector<ValueId> outputs = made->graph.outputs;
  Builder builder(made->graph);
  ValueId loss = kNoValue;
  for (ValueId id : outputs) {
    const ValueId part = weighted_sum(builder, id, seed + static_cast<uint64_t>(id));
    loss = loss == kNoValue ? part : builder.add("add", {loss, part});
  }
  EXPECT_TRUE(builder.status().ok()) << builder.status().error().message;
  made->graph.outputs = {loss};
  return std::move(made).value();
}

TEST(Differentiate, MatchesCentralDifferencesOnRandomGraphs) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    RandomGraph made = scalar_graph(seed);
    SCOPED_TRACE(concat({"seed ", seed}));
    const auto gradients = differentiate(made.graph, made.graph.outputs[0], made.graph.inputs);
    ASSERT_TRUE(gradients.ok()) << gradients.error().message;
    for (ValueId id : *gradients) made.graph.outputs.push_back(id);
    const Status checked = check_graph(made.graph, Registry::builtin());
    ASSERT_TRUE(checked.ok()) << checked.error().message;
    expect_matches_differences(made.graph, made.inputs);
    // Gradient graphs go through the same passes as any other.
    ASSERT_TRUE(run_pipeline(made.graph).ok());
    expect_matches_differences(made.graph, made.inputs);
  }
}

TEST(Differentiate, DifferentiatesItsOwnResult) {
  for (uint64_t seed = 100; seed < 120; ++seed) {
    RandomGraph made = scalar_graph(seed);
    SCOPED_TRACE(concat({"seed ", seed}));
    auto first = differentiate(made.graph, made.graph.outputs[0], made.graph.inputs);
    ASSERT_TRUE(first.ok()) << first.error().message;
    // The gradient of a directional derivative is a Hessian times a vector.
    Builder builder(made.graph);
    ValueId slope = kNoValue;
    for (ValueId id : *first) {
      const ValueId part = weighted_sum(builder, id, seed);
      slope = slope == kNoValue ? part : builder.add("add", {slope, part});
    }
    ASSERT_TRUE(builder.status().ok()) << builder.status().error().message;
    auto second = differentiate(made.graph, slope, made.graph.inputs);
    ASSERT_TRUE(second.ok()) << second.error().message;
    made.graph.outputs = {slope};
    for (ValueId id : *second) made.graph.outputs.push_back(id);
    ASSERT_TRUE(run_pipeline(made.graph).ok());
    expect_matches_differences(made.graph, made.inputs);
  }
}

TEST(Differentiate, SumsOverAllUses) {
  Graph graph;
  Builder builder(graph);
  const ValueId x = builder.input("x", Type::tensor(DType::float64, Shape(Dims{})));
  const ValueId square = builder.add("mul", {x, x});
  const ValueId loss = builder.add("add", {builder.add("mul", {square, x}), square});  // x^3 + x^2
  const auto first = differentiate(graph, loss, std::vector{x});
  ASSERT_TRUE(first.ok()) << first.error().message;
  const auto second = differentiate(graph, (*first)[0], std::vector{x});
  ASSERT_TRUE(second.ok()) << second.error().message;
  const auto third = differentiate(graph, (*second)[0], std::vector{x});
  ASSERT_TRUE(third.ok()) << third.error().message;
  graph.outputs = {(*first)[0], (*second)[0], (*third)[0]};
  const std::vector<Datum> inputs = {Datum(Tensor::scalar(3.0))};
  const auto results = run(graph, inputs);
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ((*results)[0].tensor.data<double>()[0], 33);  // 3x^2 + 2x
  EXPECT_EQ((*results)[1].tensor.data<double>()[0], 20);  // 6x + 2
  EXPECT_EQ((*results)[2].tensor.data<double>()[0], 6);
}

TEST(Differentiate, ByConstantsIntermediatesStatesAndWhatDoesNotMatter) {
  Graph graph;
  Builder builder(graph);
  const ValueId x = builder.input("x", Type::tensor(DType::float64, Shape{2}));
  const ValueId unused = builder.input("unused", Type::tensor(DType::float64, Shape{Dim("N"), Dim(3)}));
  const ValueId w = builder.constant(Tensor::of<double>({3, 4}, {2}), "w");
  const ValueId s = builder.state("s", Tensor::of<double>({5, 6}, {2}));
  builder.set_state("s", s);
  const ValueId product = builder.add("mul", {x, w});
  const ValueId loss = builder.add("mul", {product, s});  // not a scalar: its sum counts
  const auto gradients = differentiate(graph, loss, std::vector{w, product, s, unused, loss});
  ASSERT_TRUE(gradients.ok()) << gradients.error().message;
  graph.outputs = *gradients;
  const std::vector<Datum> inputs = {Datum(Tensor::of<double>({1, 2}, {2})),
                                     Datum(Tensor::of<double>({0, 0, 0}, {1, 3}))};
  const auto results = run(graph, inputs);
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ(to_doubles((*results)[0].tensor), (std::vector<double>{5, 12}));
  EXPECT_EQ(to_doubles((*results)[1].tensor), (std::vector<double>{5, 6}));
  EXPECT_EQ(to_doubles((*results)[2].tensor), (std::vector<double>{3, 8}));
  EXPECT_EQ((*results)[3].tensor.dims(), (Dims{1, 3}));
  EXPECT_EQ(to_doubles((*results)[3].tensor), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(to_doubles((*results)[4].tensor), (std::vector<double>{1, 1}));
}

// f(x) = x^3, spelled by an operator that has a decomposition and no gradient.
Status cube_decompose(DecomposeContext& c) {
  c.set_output(0, c.b.add("mul", {c.b.add("mul", {c.input(0), c.input(0)}), c.input(0)}));
  return {};
}
Status itself_decompose(DecomposeContext& c) {
  c.set_output(0, c.b.add("itself", {c.input(0)}));
  return {};
}
Status copy_reference(EvalContext& c) {
  c.set_output(0, c.datum(0));
  return {};
}
Status same_infer(InferContext& c) {
  c.set_output(0, c.type(0));
  return {};
}

class UserOps : public testing::Test {
 protected:
  UserOps() : registry_(&Registry::builtin()) {
    OpDef cube{.name = "cube", .doc = "x^3", .infer = same_infer, .decompose = cube_decompose};
    OpDef endless{.name = "itself", .doc = "spells itself", .infer = same_infer, .decompose = itself_decompose};
    OpDef opaque{.name = "opaque", .doc = "has no gradient", .infer = same_infer, .reference = copy_reference};
    for (OpDef* op : {&cube, &endless, &opaque}) EXPECT_TRUE(registry_.add(std::move(*op)).ok());
  }
  std::string error_of(std::string_view op) {
    Graph graph;
    Builder builder(graph, registry_);
    const ValueId x = builder.input("x", Type::tensor(DType::float64, Shape(Dims{})));
    const ValueId y = builder.add(op, {x}, {}, "node");
    const size_t nodes = graph.nodes.size();
    const auto gradients = differentiate(graph, y, std::vector{x}, registry_);
    EXPECT_EQ(graph.nodes.size() == nodes, !gradients.ok()) << "an error leaves the graph as it was";
    return gradients.ok() ? "" : gradients.error().message;
  }
  Registry registry_;
};

TEST_F(UserOps, FallBackToTheirDecomposition) {
  Graph graph;
  Builder builder(graph, registry_);
  const ValueId x = builder.input("x", Type::tensor(DType::float64, Shape(Dims{})));
  const ValueId y = builder.add("cube", {builder.add("neg", {x})});
  const auto gradients = differentiate(graph, y, std::vector{x}, registry_);
  ASSERT_TRUE(gradients.ok()) << gradients.error().message;
  graph.outputs = {(*gradients)[0]};
  const auto interpreter = Interpreter::prepare(graph, registry_);
  ASSERT_TRUE(interpreter.ok());
  const std::vector<Datum> inputs = {Datum(Tensor::scalar(2.0))};
  const auto results = interpreter->run(inputs, {});
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ((*results)[0].tensor.data<double>()[0], -12);
}

TEST_F(UserOps, ErrorsNameTheNode) {
  EXPECT_EQ(error_of("opaque"), "gradient of node 'node' (opaque): this operator has no gradient");
  EXPECT_NE(error_of("itself").find("decompositions are nested deeper than 32 levels"), std::string::npos);
  Graph graph;
  Builder builder(graph);
  const ValueId n = builder.input("n", Type::tensor(DType::int64, Shape{2}));
  const ValueId x = builder.input("x", Type::tensor(DType::float32, Shape{2}));
  EXPECT_EQ(differentiate(graph, n, std::vector{x}).error().message,
            "the loss 'n' is int64[2]; expected a floating-point tensor");
  EXPECT_EQ(differentiate(graph, x, std::vector{n}).error().message,
            "the variable 'n' is int64[2]; expected a floating-point tensor");
  EXPECT_EQ(differentiate(graph, x, std::vector{7}).error().message,
            "cannot differentiate by value 7: the graph has 2 values");
}

}  // namespace
}  // namespace minnow
