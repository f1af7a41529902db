#include "import/onnx/onnx.h"

#include <gtest/gtest.h>

#include <ctime>

#include "import/onnx/test_models.h"

namespace minnow::onnx {
namespace {

Graph must(Result<Graph> graph) {
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
  return graph.ok() ? std::move(graph).value() : Graph();
}

Graph import_graph(const TestGraph& graph) { return must(import_test_model(model_message(graph.message()).take())); }

TEST(ImportOnnx, KeepsNamesTypesAndConstants) {
  TestGraph g;
  g.input("x").initializer("w", Tensor::of<float>({1, 2, 3, 4}, {4}));
  g.node("Add", {"x", "w"}, {"y"}, {}, "sum")
      .node("Relu", {"y"}, {"z"}, {attribute_message("axes", Ints{0, -1})})
      .output("z");
  const Graph graph = import_graph(g);
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[0].op, "add");
  EXPECT_EQ(graph.nodes[0].name, "sum");
  EXPECT_EQ(graph.nodes[1].name, "z");  // a node without a name goes by its output
  ASSERT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "z");
  EXPECT_EQ(to_string(graph.value(graph.outputs[0]).type), "float32[N, 4]");
  const Ints* axes = graph.nodes[1].attributes.find("axes")->get<Ints>();
  ASSERT_NE(axes, nullptr);
  EXPECT_EQ(*axes, (Ints{0, -1}));
  const Value& weight = graph.value(graph.find_value("w"));
  ASSERT_TRUE(weight.is_constant());
  EXPECT_EQ(weight.constant.values<float>()[3], 4.0f);
}

TEST(ImportOnnx, ReadsMetadata) {
  TestGraph g;
  g.input("x").node("Relu", {"x"}, {"y"}).output("y");
  Message entry;
  entry.bytes(1, "author").bytes(2, "someone");
  Message model = model_message(g.message());
  model.bytes(2, "trainer").bytes(3, "1.5").message(14, entry);
  const Graph graph = must(import_test_model(model.take()));
  const std::vector<std::pair<std::string, std::string>> expected = {{"producer_name", "trainer"},
                                                                     {"producer_version", "1.5"},
                                                                     {"onnx_opsets", "ai.onnx 17, test 1"},
                                                                     {"author", "someone"}};
  EXPECT_EQ(graph.metadata, expected);
}

TEST(ImportOnnx, MergesAGraphGivenTwice) {
  TestGraph first, second;
  first.input("x").node("Relu", {"x"}, {"y"});
  second.node("Relu", {"y"}, {"z"}).output("z");
  Message model = model_message(first.message());
  model.message(7, second.message());
  EXPECT_EQ(must(import_test_model(model.take())).nodes.size(), 2u);
}

TEST(ImportOnnx, SortsNodes) {
  TestGraph g;
  g.input("x").node("Relu", {"b"}, {"c"}).node("Relu", {"a"}, {"b"}).node("Relu", {"x"}, {"a"}).output("c");
  const Graph graph = import_graph(g);
  ASSERT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(graph.nodes[0].name, "a");
  EXPECT_EQ(graph.nodes[2].name, "c");
}

TEST(ImportOnnx, InitializerThatIsAnInputIsAConstant) {
  TestGraph g;
  g.input("x")
      .input("w", Type::tensor(DType::float32, Shape{4}))
      .initializer("w", Tensor::of<float>({1, 2, 3, 4}, {4}));
  g.node("Add", {"x", "w"}, {"y"}).output("y");
  const Graph graph = import_graph(g);
  EXPECT_EQ(graph.inputs.size(), 1u);
  EXPECT_TRUE(graph.value(graph.find_value("w")).is_constant());
}

TEST(ImportOnnx, AdaptersMayAddNodesOrNone) {
  TestGraph g;
  g.input("x").node("Twice", {"x"}, {"a"}, {}, "", "test").node("Pass", {"a"}, {"b"}, {}, "", "test");
  g.node("Pass", {"x"}, {"c"}, {}, "", "test").output("b").output("c");
  const Graph graph = import_graph(g);
  // Twice makes two nodes; Pass none, so that the outputs b and c need an identity for their names.
  ASSERT_EQ(graph.nodes.size(), 4u);
  EXPECT_EQ(graph.value(graph.nodes[1].outputs[0]).name, "a");
  EXPECT_EQ(graph.nodes[2].op, "identity");
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "b");
  EXPECT_EQ(graph.value(graph.outputs[1]).name, "c");
}

TEST(ImportOnnx, GeneratedNamesLeaveTheFilesNamesAlone) {
  TestGraph g;
  g.input("x")
      .node("Twice", {"x"}, {"a"}, {}, "n", "test")
      .node("Relu", {"a"}, {"relu"})
      .node("Relu", {"relu"}, {"relu_1"})
      .output("relu_1");
  const Graph graph = import_graph(g);
  EXPECT_TRUE(verify_graph(graph).ok());
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "relu_1");
}

TEST(ImportOnnx, DeclaredTypesFillGaps) {
  TestGraph then_branch, else_branch, g;
  then_branch.node("Relu", {"x"}, {"t"}).output("t");
  else_branch.node("Identity", {"x"}, {"e"}).output("e");
  g.input("c", Type::tensor(DType::boolean, Shape{})).input("x");
  g.node("If", {"c"}, {"y"},
         {graph_attribute_message("then_branch", then_branch.message()),
          graph_attribute_message("else_branch", else_branch.message())});
  g.output("y", Type::tensor(DType::float32, Shape{Dim("N"), 4}));
  EXPECT_EQ(to_string(import_graph(g).value(import_graph(g).outputs[0]).type), "float32[N, 4]");
}

TEST(ImportOnnx, ClosesSubgraphsOverTheirCaptures) {
  TestGraph then_branch, else_branch, g;
  then_branch.node("Add", {"a", "w"}, {"t"}).output("t");
  else_branch.node("Add", {"b", "a"}, {"e"}).output("e");
  g.input("c", Type::tensor(DType::boolean, Shape{})).input("x").initializer("w", Tensor::of<float>({1, 2, 3, 4}, {4}));
  g.node("Relu", {"x"}, {"a"}).node("Relu", {"a"}, {"b"});
  g.node("If", {"c"}, {"y"},
         {graph_attribute_message("then_branch", then_branch.message()),
          graph_attribute_message("else_branch", else_branch.message())})
      .output("y");
  const Graph graph = import_graph(g);
  const Node& node = graph.nodes.back();
  // cond, then the union of what the branches capture; the constant is copied into the branch that uses it.
  ASSERT_EQ(node.inputs.size(), 3u);
  EXPECT_EQ(graph.value(node.inputs[1]).name, "a");
  EXPECT_EQ(graph.value(node.inputs[2]).name, "b");
  EXPECT_EQ(*node.attributes.find("captures")->get<int64_t>(), 2);
  for (const char* branch : {"then_branch", "else_branch"}) {
    const Graph& inner = **node.attributes.find(branch)->get<GraphRef>();
    ASSERT_EQ(inner.inputs.size(), 2u) << branch;
    EXPECT_EQ(inner.value(inner.inputs[0]).name, "a");
    EXPECT_EQ(inner.value(inner.inputs[1]).name, "b");
    EXPECT_EQ(to_string(inner.value(inner.inputs[1]).type), "float32[N, 4]");
  }
  const Graph& then_graph = **node.attributes.find("then_branch")->get<GraphRef>();
  EXPECT_TRUE(then_graph.value(then_graph.nodes[0].inputs[1]).is_constant());
}

TEST(ImportOnnx, CapturesThroughTwoLevels) {
  TestGraph inner, middle, g;
  inner.input("i").node("Add", {"x", "m"}, {"o"}).output("o");
  middle.input("j")
      .node("Relu", {"j"}, {"m"})
      .node("Loop", {"m"}, {"p"}, {graph_attribute_message("body", inner.message())})
      .output("p");
  g.input("x").input("s").node("Loop", {"s"}, {"y"}, {graph_attribute_message("body", middle.message())}).output("y");
  const Graph graph = import_graph(g);
  const Node& outer_loop = graph.nodes[0];
  ASSERT_EQ(outer_loop.inputs.size(), 2u);
  EXPECT_EQ(graph.value(outer_loop.inputs[1]).name, "x");
  const Graph& body = **outer_loop.attributes.find("body")->get<GraphRef>();
  ASSERT_EQ(body.inputs.size(), 2u);
  EXPECT_EQ(body.nodes.back().inputs.size(), 3u);  // m, and captured: x, m
}

TEST(ImportOnnx, SubgraphsOrderNodesByTheirCaptures) {
  TestGraph body, g;
  body.input("i").node("Add", {"i", "late"}, {"o"}).output("o");
  g.input("x")
      .node("Loop", {"x"}, {"y"}, {graph_attribute_message("body", body.message())})
      .node("Relu", {"x"}, {"late"})
      .output("y");
  const Graph graph = import_graph(g);
  EXPECT_EQ(graph.nodes[0].name, "late");
}

Message function(std::string_view name, const std::vector<Message>& nodes, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs, std::string_view attribute = "") {
  Message m;
  m.bytes(1, name)
      .bytes(10, "local")
      .message(9, opset("", 17))
      .message(9, opset("local", 1))
      .message(9, opset("test", 1));
  for (const std::string& input : inputs) m.bytes(4, input);
  for (const std::string& output : outputs) m.bytes(5, output);
  if (!attribute.empty()) m.bytes(6, attribute);
  for (const Message& node : nodes) m.message(7, node);
  return m;
}

TEST(ImportOnnx, ExpandsFunctions) {
  Message reference;
  reference.bytes(1, "alpha").integer(20, 1).bytes(21, "slope");
  const Message twice =
      function("Leaky", {node_message({"Relu", {"v"}, {"h"}, {reference}}), node_message({"Add", {"h", "v"}, {"r"}})},
               {"v"}, {"r"}, "slope");
  TestGraph g;
  g.input("x").node("Leaky", {"x"}, {"a"}, {attribute_message("slope", 0.5f)}, "first", "local");
  g.node("Leaky", {"a"}, {"b"}, {}, "second", "local").output("b");
  Message model = model_message(g.message());
  const Graph graph = must(import_test_model(model.message(25, twice).take()));
  ASSERT_EQ(graph.nodes.size(), 4u);
  EXPECT_EQ(graph.nodes[0].name, "first/h");
  EXPECT_EQ(*graph.nodes[0].attributes.find("alpha")->get<float>(), 0.5f);
  EXPECT_EQ(graph.nodes[2].attributes.find("alpha"), nullptr);
  EXPECT_EQ(graph.value(graph.nodes[1].outputs[0]).name, "a");
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "b");
}

TEST(ImportOnnx, RefusesRecursiveFunctions) {
  const Message even = function("Even", {node_message({"Odd", {"v"}, {"r"}, {}, "", "local"})}, {"v"}, {"r"});
  const Message odd = function("Odd", {node_message({"Even", {"v"}, {"r"}, {}, "", "local"})}, {"v"}, {"r"});
  TestGraph g;
  g.input("x").node("Even", {"x"}, {"y"}, {}, "", "local").output("y");
  Message model = model_message(g.message());
  const Result<Graph> graph = import_test_model(model.message(25, even).message(25, odd).take());
  ASSERT_FALSE(graph.ok());
  EXPECT_NE(graph.error().message.find("function 'Even' calls itself"), std::string::npos) << graph.error().message;
}

// 30 functions, each calling the next one twice: 2^29 expansions.
TEST(ImportOnnx, BoundsFunctionExpansion) {
  TestGraph g;
  g.input("x").node("F0", {"x"}, {"y"}, {}, "", "local").output("y");
  Message model = model_message(g.message());
  std::vector<std::string> names;
  for (int i = 0; i <= 30; ++i) names.push_back("F" + std::to_string(i));
  for (size_t i = 0; i < 30; ++i) {
    model.message(25, function(names[i],
                               {node_message({names[i + 1], {"v"}, {"h"}, {}, "", "local"}),
                                node_message({names[i + 1], {"h"}, {"r"}, {}, "", "local"})},
                               {"v"}, {"r"}));
  }
  model.message(25, function("F30", {node_message({"Pass", {"v"}, {"r"}, {}, "", "test"})}, {"v"}, {"r"}));
  Limits limits;
  limits.nodes = 20000;
  const Result<Graph> graph = import_test_model(model.take(), limits);
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().code, ErrorCode::limit) << graph.error().message;
}

TEST(ImportOnnx, ImportsLongChainsInLinearTime) {
  TestGraph g;
  g.input("x");
  for (int i = 0; i < 100'000; ++i)
    g.node("Relu", {i == 0 ? "x" : "v" + std::to_string(i - 1)}, {"v" + std::to_string(i)});
  g.output("v99999");
  std::string file = model_message(g.message()).take();
  const std::clock_t start = std::clock();  // processor time: tests share the machine
  EXPECT_EQ(must(import_test_model(std::move(file))).nodes.size(), 100'000u);
  // Far above what it takes, far below what a quadratic step would.
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10.0);
}

TEST(ImportOnnx, BoundsNesting) {
  const auto nested = [](int levels) {
    TestGraph leaf;
    leaf.node("Relu", {"x"}, {"r"}).output("r");
    Message inner = leaf.message();
    for (int i = 0; i < levels; ++i) {
      TestGraph outer;
      outer.node("Loop", {"x"}, {"r"}, {graph_attribute_message("body", inner)}).output("r");
      inner = outer.message();
    }
    TestGraph g;
    g.input("x").node("Loop", {"x"}, {"y"}, {graph_attribute_message("body", inner)}).output("y");
    return model_message(g.message()).take();
  };
  EXPECT_TRUE(import_test_model(nested(20)).ok());
  const Result<Graph> deep = import_test_model(nested(2000));
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().code, ErrorCode::limit) << deep.error().message;
  Limits limits;
  limits.depth = 10;
  const Result<Graph> limited = import_test_model(nested(20), limits);
  ASSERT_FALSE(limited.ok());
  EXPECT_EQ(limited.error().code, ErrorCode::limit) << limited.error().message;
}

}  // namespace
}  // namespace minnow::onnx
