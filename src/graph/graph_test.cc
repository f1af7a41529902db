#include "graph/graph.h"

#include <cmath>

#include <gtest/gtest.h>

namespace minnow {
namespace {

Graph small_graph() {
  Graph graph;
  const ValueId x = graph.add_value({"x", Type::tensor(DType::float32, {2}), {}});
  const ValueId w = graph.add_value({"w", {}, Tensor::of<float>({1, 2}, {2})});
  const ValueId y = graph.add_value({"y", {}, {}});
  graph.inputs = {x};
  graph.nodes.push_back({"add", "sum", {x, w}, {y}, {}});
  graph.outputs = {y};
  return graph;
}

std::string problem(const Graph& graph, const Limits& limits = {}) {
  const Status status = verify_graph(graph, limits);
  return status.ok() ? "" : status.error().message;
}

TEST(Graph, CountsUsesAndFindsProducers) {
  const Graph graph = small_graph();
  EXPECT_EQ(problem(graph), "");
  EXPECT_EQ(producers(graph), (std::vector<int32_t>{-1, -1, 0}));
  EXPECT_EQ(use_counts(graph), (std::vector<int32_t>{1, 1, 1}));
  EXPECT_EQ(constant_bytes(graph), 8);
  EXPECT_EQ(graph.value(graph.find_value("w")).type, Type::tensor(DType::float32, {2}));
  EXPECT_EQ(graph.find_value("z"), kNoValue);
  EXPECT_EQ(describe(graph.nodes[0]), "node 'sum' (add)");
}

TEST(Graph, CountsReachIntoSubgraphs) {
  Graph graph = small_graph();
  const auto inner = std::make_shared<const Graph>(small_graph());
  graph.nodes[0].attributes.set("bodies", std::vector<GraphRef>{inner, inner});
  graph.nodes[0].attributes.set("body", inner);
  EXPECT_EQ(node_count(graph), 4);
  EXPECT_EQ(constant_bytes(graph), 32);
}

TEST(Graph, VerifierNamesWhatIsWrong) {
  Graph graph = small_graph();
  graph.nodes[0].inputs[0] = 9;
  EXPECT_EQ(problem(graph), "node 'sum' (add): input refers to value 9, but the graph has 3 values");
  graph = small_graph();
  graph.values[2].name = "x";
  EXPECT_EQ(problem(graph), "two values are named 'x'");
  graph = small_graph();
  graph.values[2].name.clear();
  EXPECT_EQ(problem(graph), "a value has no name");
  graph = small_graph();
  graph.inputs.clear();
  EXPECT_NE(problem(graph).find("node 'sum' (add): input 'x' is not produced before it is used"), std::string::npos);
  graph = small_graph();
  graph.inputs.push_back(0);
  EXPECT_EQ(problem(graph), "graph input 'x' is produced twice");
  graph = small_graph();
  graph.inputs.push_back(1);
  EXPECT_EQ(problem(graph), "graph input 'w' is a constant, which nothing else may produce");
  graph = small_graph();
  graph.nodes[0].outputs[0] = 1;
  EXPECT_EQ(problem(graph), "node 'sum' (add): output 'w' is a constant, which nothing else may produce");
  graph = small_graph();
  graph.nodes.push_back(graph.nodes[0]);
  EXPECT_EQ(problem(graph), "node 'sum' (add): output 'y' is produced twice");
  graph = small_graph();
  graph.nodes[0].inputs[1] = 2;
  EXPECT_NE(problem(graph).find("input 'y' is not produced before it is used"), std::string::npos);
  graph = small_graph();
  graph.nodes[0].op.clear();
  EXPECT_EQ(problem(graph), "node 'sum' (): a node names no operator");
  graph = small_graph();
  graph.values[1].type = Type::tensor(DType::float32, {3});
  EXPECT_EQ(problem(graph), "constant 'w' is declared float32[3], but holds float32[2]");
  graph = small_graph();
  graph.outputs = {kNoValue};
  EXPECT_EQ(problem(graph), "graph output refers to value -1, but the graph has 3 values");
}

TEST(Graph, VerifierChecksStatesAndSubgraphs) {
  Graph graph = small_graph();
  const ValueId in = graph.add_value({"s", {}, {}});
  graph.states.push_back({"s", in, 2, Tensor::scalar(1.0f)});
  EXPECT_EQ(problem(graph), "");
  Graph outer = small_graph();
  outer.nodes[0].attributes.set("body", std::make_shared<const Graph>(graph));
  EXPECT_NE(problem(outer).find("node 'sum' (add): subgraph 'body': a subgraph holds states"), std::string::npos);
  outer.nodes[0].attributes.set("body", GraphRef());
  EXPECT_EQ(problem(outer), "node 'sum' (add): subgraph 'body' is empty");
  graph.states[0].initial = Tensor();
  EXPECT_EQ(problem(graph), "state 's' has no initial value");
  graph.states[0].initial = Tensor::scalar(1.0f);
  graph.states[0].out = kNoValue;
  EXPECT_EQ(problem(graph), "state output refers to value -1, but the graph has 4 values");
}

TEST(Graph, VerifierHoldsLimits) {
  // Each level refers twice to the one below: 2^40 graphs from 40 nodes, if references were followed without a count.
  GraphRef inner = std::make_shared<const Graph>();
  for (int i = 0; i < 40; ++i) {
    Graph graph;
    graph.nodes.push_back({"f", "", {}, {}, {{"a", inner}, {"b", inner}}});
    inner = std::make_shared<const Graph>(std::move(graph));
  }
  Limits limits;
  limits.nodes = 1000;
  EXPECT_NE(problem(*inner, limits).find("more than the limit of 1000 nodes"), std::string::npos);
  limits.depth = 3;
  EXPECT_NE(problem(*inner, limits).find("nested deeper than 3 levels"), std::string::npos);
  limits.bytes = 4;
  EXPECT_EQ(problem(small_graph(), limits), "constants take more than the limit of 4 bytes");
}

TEST(Graph, TypesPrintAndCompare) {
  EXPECT_EQ(to_string(Type::tensor(DType::float32, {Dim("N"), Dim(3), Dim()})), "float32[N, 3, ?]");
  EXPECT_EQ(to_string(Type::sequence(Type::tensor(DType::int64))), "sequence(int64[...])");
  EXPECT_EQ(to_string(Type{}), "?");
  EXPECT_EQ(Type::sequence(Type::tensor(DType::int64)), Type::sequence(Type::tensor(DType::int64)));
  EXPECT_FALSE(Type::sequence(Type::tensor(DType::int64)) == Type::sequence(Type::tensor(DType::int32)));
  const Datum a = Tensor::of<float>({1, 2}, {2, 1}), b = Tensor::of<float>({1, 2, 3}, {3, 1});
  const Datum c = Tensor::scalar(1.0f);
  EXPECT_EQ(to_string(Type::of(Datum(std::vector<Datum>{a, b}))), "sequence(float32[?, 1])");
  EXPECT_EQ(to_string(Type::of(Datum(std::vector<Datum>{a, c}))), "sequence(float32[...])");
  EXPECT_EQ(to_string(Type::of(Datum(std::vector<Datum>{}))), "sequence(?)");
  EXPECT_EQ(to_string(Type::of(Datum())), "?");
}

TEST(Attributes, CompareBitwiseAndKeepOrder) {
  EXPECT_TRUE(Attribute(NAN) == Attribute(NAN));
  EXPECT_FALSE(Attribute(0.0f) == Attribute(-0.0f));
  EXPECT_FALSE(Attribute(1) == Attribute(1.0f));
  EXPECT_TRUE(Attribute(Tensor::scalar(1.0f)) == Attribute(Tensor::scalar(1.0f)));
  EXPECT_FALSE(Attribute(Tensor::scalar(1.0f)) == Attribute(Tensor::of<float>({1}, {1})));
  Attributes attributes = {{"b", 1}, {"a", 2}};
  attributes.set("b", 3);
  attributes.set("c", 4);
  attributes.erase("a");
  EXPECT_TRUE(attributes == (Attributes{{"b", 3}, {"c", 4}}));
  EXPECT_EQ(attributes.find("a"), nullptr);
}

}  // namespace
}  // namespace minnow
