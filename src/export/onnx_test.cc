#include "export/onnx.h"

#include <gtest/gtest.h>

#include "import/onnx/onnx.h"
#include "ops/builder.h"
#include "ops/interpreter.h"

namespace minnow {
namespace {

Tensor floats(std::initializer_list<float> values, Dims dims) { return Tensor::of<float>(values, std::move(dims)); }

Result<Graph> reimport(const std::string& file, const Registry& registry = Registry::builtin()) {
  ImportOptions options;
  options.registry = &registry;
  return import_onnx(Bytes::own(file), "again.onnx", options);
}

std::vector<float> run(const Graph& graph, const std::vector<Datum>& inputs,
                       const Registry& registry = Registry::builtin()) {
  Result<Interpreter> interpreter = Interpreter::prepare(graph, registry);
  if (!interpreter.ok()) return ADD_FAILURE() << interpreter.error().message, std::vector<float>();
  Result<std::vector<Datum>> outputs = interpreter->run(inputs, {});
  if (!outputs.ok()) return ADD_FAILURE() << outputs.error().message, std::vector<float>();
  std::vector<float> all;
  for (const Datum& output : *outputs) {
    const std::span<const float> values = output.tensor.values<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

std::string error_of(const Graph& graph, const ExportOptions& options = {}) {
  const Result<std::string> file = export_onnx(graph, options);
  return file.ok() ? "no error" : file.error().message;
}

const Type kRow = Type::tensor(DType::float32, Shape{Dim("N"), 2});

Graph small_graph() {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", kRow);
  const ValueId product = b.add("matmul", {x, b.constant(floats({1, 2, -3, 4}, {2, 2}), "w")}, {}, "product");
  b.output(b.add("relu", {product}, {}, "y"));
  graph.metadata = {{"producer_name", "other"}, {"author", "someone"}};
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

TEST(ExportOnnx, RoundTrips) {
  const Graph graph = small_graph();
  const Result<std::string> file = export_onnx(graph);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Result<Graph> again = reimport(*file);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->value(again->inputs[0]).name, "x");
  EXPECT_EQ(to_string(again->value(again->inputs[0]).type), "float32[N, 2]");
  EXPECT_EQ(again->value(again->outputs[0]).name, "y");
  EXPECT_EQ(again->nodes.size(), graph.nodes.size());
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"producer_name", "minnow"}, {"onnx_opsets", "ai.onnx 13"}, {"author", "someone"}};
  EXPECT_EQ(again->metadata, expected);
  const std::vector<Datum> inputs = {floats({1, 2, 3, 4}, {2, 2})};
  EXPECT_EQ(run(*again, inputs), run(graph, inputs));
  EXPECT_EQ(run(graph, inputs), (std::vector<float>{0, 10, 0, 22}));
}

TEST(ExportOnnx, ChoosesTheOperatorSet) {
  ExportOptions options;
  options.opset = 21;
  const Result<Graph> again = reimport(*export_onnx(small_graph(), options));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->metadata[1].second, "ai.onnx 21");
  options.opset = 12;
  EXPECT_NE(error_of(small_graph(), options).find("opset 12, expected 13 to 28"), std::string::npos);
  Graph graph;
  Builder b(graph);
  b.output(b.add("mish", {b.input("x", kRow)}));
  ASSERT_TRUE(b.status().ok());
  options.opset = 17;
  EXPECT_NE(error_of(graph, options).find("opset 17 is too old: Mish needs 18"), std::string::npos)
      << error_of(graph, options);
}

TEST(ExportOnnx, KeepsTheOperatorSetOfTheModel) {
  Graph graph = small_graph();
  graph.metadata.emplace_back("onnx_opsets", "ai.onnx.ml 3, ai.onnx 18");
  EXPECT_EQ(reimport(*export_onnx(graph))->metadata[1].second, "ai.onnx 18");
}

Status plain_only(ExportContext&) { return unsupported({"the old form is too plain"}); }

TEST(ExportOnnx, TakesALaterOperatorSetWhereAnOldFormCannotSayIt) {
  Registry registry(&Registry::builtin());
  OpDef op;
  op.name = "own_relu";
  op.infer = [](InferContext& c) -> Status {
    c.set_output(0, c.type(0));
    return {};
  };
  op.reference = [](EvalContext&) -> Status { return {}; };
  op.exports = {{"ai.onnx", "Relu", 6, plain_only}, {"ai.onnx", "Relu", 22}, {"ai.onnx", "Relu", 25}};
  ASSERT_TRUE(registry.add(std::move(op)).ok());
  Graph graph;
  Builder b(graph, registry);
  b.output(b.add("own_relu", {b.input("x", kRow)}));
  ASSERT_TRUE(b.status().ok());
  ExportOptions options;
  options.registry = &registry;
  EXPECT_EQ(reimport(*export_onnx(graph, options))->metadata[1].second, "ai.onnx 22");
  options.opset = 17;
  EXPECT_NE(error_of(graph, options).find("too plain"), std::string::npos);
}

// y = cond ? relu(h) : h + x, where h and x are captured and the branches call values by the names of the outer graph.
Graph branching_graph() {
  Graph graph;
  Builder b(graph);
  const ValueId cond = b.input("cond", Type::tensor(DType::boolean, Shape(Dims{})));
  const ValueId x = b.input("x", kRow);
  const ValueId h = b.add("neg", {x}, {}, "h");
  const auto branch = [&](bool is_then) {
    auto inner = std::make_shared<Graph>();
    Builder inside(*inner);
    const ValueId first = inside.input("first", kRow);
    const ValueId second = inside.input("second", kRow);
    inside.output(is_then ? inside.add("relu", {first}, {}, "h") : inside.add("add", {first, second}, {}, "x"));
    EXPECT_TRUE(inside.status().ok());
    return GraphRef(std::move(inner));
  };
  b.output(
      b.add("if", {cond, h, x}, {{"then_branch", branch(true)}, {"else_branch", branch(false)}, {"captures", 2}}, "y"));
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

TEST(ExportOnnx, ReopensSubgraphs) {
  const Graph graph = branching_graph();
  const Result<std::string> file = export_onnx(graph);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Result<Graph> again = reimport(*file);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->nodes.back().inputs.size(), 3u);
  for (const bool cond : {false, true}) {
    Tensor flag = *Tensor::allocate(DType::boolean, {});
    *flag.mutable_data<uint8_t>() = cond;
    const std::vector<Datum> inputs = {flag, floats({1, -2}, {1, 2})};
    EXPECT_EQ(run(*again, inputs), run(graph, inputs)) << cond;
  }
}

TEST(ExportOnnx, OutputsThatNoNodeProduces) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", kRow);
  const ValueId y = b.add("relu", {x}, {}, "y");
  for (const ValueId id : {x, b.constant(floats({7}, {1}), "c"), y, y}) b.output(id);
  const Result<std::string> file = export_onnx(graph);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Result<Graph> again = reimport(*file);
  ASSERT_TRUE(again.ok()) << again.error().message;
  const std::vector<Datum> inputs = {floats({1, -2}, {1, 2})};
  EXPECT_EQ(run(*again, inputs), (std::vector<float>{1, -2, 7, 1, 0, 1, 0}));
}

Status same_type(InferContext& c) {
  c.set_output(0, c.type(0));
  return {};
}
Status no_data(EvalContext&) { return unsupported({"computes nothing"}); }
Status two_relus(DecomposeContext& c) {
  c.set_output(0, c.b.add("neg", {c.b.add("relu", {c.input(0)})}));
  return {};
}
Status pass_through(DecomposeContext& c) {
  c.set_output(0, c.input(0));
  return {};
}

OpDef own(std::string_view name, Status (*decompose)(DecomposeContext&)) {
  OpDef op;
  op.name = name;
  op.infer = same_type;
  op.decompose = decompose;
  if (decompose == nullptr) op.reference = no_data;
  return op;
}

TEST(ExportOnnx, DecomposesWhatOnnxDoesNotHave) {
  Registry registry(&Registry::builtin());
  ASSERT_TRUE(registry.add(own("own_steps", two_relus)).ok());
  ASSERT_TRUE(registry.add(own("own_pass", pass_through)).ok());
  Graph graph;
  Builder b(graph, registry);
  const ValueId x = b.input("x", kRow);
  const ValueId a = b.add("own_steps", {x}, {}, "a");
  b.output(b.add("own_pass", {a}, {}, "y"));
  b.output(b.add("own_pass", {x}, {}, "z"));
  ASSERT_TRUE(b.status().ok());
  ExportOptions options;
  options.registry = &registry;
  const Result<std::string> file = export_onnx(graph, options);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Result<Graph> again = reimport(*file);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->value(again->outputs[0]).name, "y");
  EXPECT_EQ(again->value(again->outputs[1]).name, "z");
  EXPECT_EQ(run(*again, {floats({1, -2}, {1, 2})}), (std::vector<float>{-1, 0, 1, -2}));
}

TEST(ExportOnnx, ListsAllThatIsMissing) {
  Registry registry(&Registry::builtin());
  ASSERT_TRUE(registry.add(own("own_one", nullptr)).ok());
  ASSERT_TRUE(registry.add(own("own_two", nullptr)).ok());
  Graph graph;
  Builder b(graph, registry);
  const ValueId x = b.input("x", kRow);
  const ValueId a = b.add("own_one", {x}, {}, "first");
  b.output(b.add("own_two", {b.add("own_one", {a}, {}, "second")}, {}, "third"));
  ASSERT_TRUE(b.status().ok());
  ExportOptions options;
  options.registry = &registry;
  const Result<std::string> file = export_onnx(graph, options);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, ErrorCode::unsupported);
  EXPECT_EQ(file.error().message,
            "2 operators have no ONNX form: 'own_one' (2 nodes, first 'first'); 'own_two' (1 node, 'third')");
}

TEST(ExportOnnx, RefusesBrokenGraphs) {
  Graph graph = small_graph();
  graph.outputs.push_back(kNoValue);
  EXPECT_NE(error_of(graph).find("graph output refers to value -1"), std::string::npos) << error_of(graph);
}

TEST(ExportOnnx, RefusesStatesAndUnknownTypes) {
  Graph graph = small_graph();
  Builder b(graph);
  const ValueId count = b.state("count", floats({0}, {1}));
  b.set_state("count", count);
  EXPECT_NE(error_of(graph).find("ONNX has no states, and the graph has 1, first 'count'"), std::string::npos);
  Graph untyped = small_graph();
  untyped.value(untyped.inputs[0]).type = Type();
  EXPECT_NE(error_of(untyped).find("the type of input 'x' is not known"), std::string::npos);
}

}  // namespace
}  // namespace minnow
