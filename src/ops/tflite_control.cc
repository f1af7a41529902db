// TensorFlow Lite's control flow. Its subgraphs take all that they use as inputs, as ours do.
#include <memory>

#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

Result<GraphRef> subgraph_of(const ImportContext& c, std::string_view name, int64_t inputs, int64_t outputs) {
  const Attribute* attribute = c.node.attributes.find(name);
  const GraphRef* graph = attribute == nullptr ? nullptr : attribute->get<GraphRef>();
  MN_CHECK(graph != nullptr && *graph != nullptr, "no ", name, " is stated");
  MN_CHECK(static_cast<int64_t>((*graph)->inputs.size()) == inputs &&
               static_cast<int64_t>((*graph)->outputs.size()) == outputs,
           name, ": expected ", inputs, " inputs and ", outputs, " outputs, got ", (*graph)->inputs.size(), " and ",
           (*graph)->outputs.size());
  return *graph;
}

// Adds the nodes of a closed graph with these inputs; returns its outputs.
Result<std::vector<ValueId>> inlined(Builder& b, const Graph& graph, std::span<const ValueId> inputs) {
  std::vector<ValueId> ids(graph.values.size(), kNoValue);
  for (size_t i = 0; i < inputs.size(); ++i) ids[static_cast<size_t>(graph.inputs[i])] = inputs[i];
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.is_constant()) ids[i] = b.constant(value.constant, value.name);
  }
  const auto id_of = [&](ValueId id) { return id == kNoValue ? kNoValue : ids[static_cast<size_t>(id)]; };
  for (const Node& node : graph.nodes) {
    Node copy{node.op, node.name, {}, {}, node.attributes};
    for (const ValueId id : node.inputs) copy.inputs.push_back(id_of(id));
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) {
        const Value& value = graph.value(id);
        ids[static_cast<size_t>(id)] = b.graph().add_value({b.unique_name(value.name), value.type, {}});
      }
      copy.outputs.push_back(id_of(id));
    }
    MN_TRY(b.append(std::move(copy)));
  }
  std::vector<ValueId> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(id_of(id));
  return outputs;
}

// One boolean, whatever its rank.
ValueId as_scalar(Builder& b, ValueId x) { return b.add("reshape", {x, b.ints(std::initializer_list<int64_t>{})}); }

// The loop's body: (iteration, condition, v…) -> (condition of the next iteration, v…).
Result<GraphRef> loop_body(const Graph& condition, const Graph& body, const Registry& registry) {
  auto graph = std::make_shared<Graph>();
  graph->name = body.name;
  Builder b(*graph, registry);
  b.input("iteration", Type::tensor(DType::int64, Shape(Dims{})));
  b.input("condition", Type::tensor(DType::boolean, Shape(Dims{})));
  std::vector<ValueId> values;
  for (const ValueId id : body.inputs) {
    const Type& type = body.value(id).type;
    // Shapes may change from one iteration to the next: files declare those of the first.
    values.push_back(b.input(body.value(id).name, Type::tensor(type.dtype)));
  }
  MN_ASSIGN(values, inlined(b, body, values));
  MN_ASSIGN(const std::vector<ValueId> again, inlined(b, condition, values));
  MN_TRY(b.status());
  b.output(as_scalar(b, again[0]));
  // A value that is passed on unchanged still needs an output of its own.
  for (const ValueId id : values) b.output(b.add("identity", {id}));
  MN_TRY(b.status());
  return GraphRef(graph);
}

}  // namespace

Status import_if(ImportContext& c) {
  const int64_t captures = c.input_count() - 1;
  MN_CHECK(captures >= 0, "the condition is absent");
  MN_ASSIGN(GraphRef yes, subgraph_of(c, "then_subgraph", captures, c.output_count()));
  MN_ASSIGN(GraphRef no, subgraph_of(c, "else_subgraph", captures, c.output_count()));
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()},
                     {{"then_branch", std::move(yes)}, {"else_branch", std::move(no)}, {"captures", captures}});
}

Status import_while(ImportContext& c) {
  const int64_t count = c.input_count();
  MN_CHECK(c.output_count() == count, count, " inputs, but ", c.output_count(), " outputs");
  MN_ASSIGN(const GraphRef condition, subgraph_of(c, "cond_subgraph", count, 1));
  MN_ASSIGN(const GraphRef body, subgraph_of(c, "body_subgraph", count, count));
  MN_ASSIGN(GraphRef loop, loop_body(*condition, *body, c.b.registry()));
  MN_ASSIGN(const std::vector<ValueId> first, inlined(c.b, *condition, c.node.inputs));
  std::vector<ValueId> inputs{kNoValue, as_scalar(c.b, first[0])};
  inputs.insert(inputs.end(), c.node.inputs.begin(), c.node.inputs.end());
  return c.take_over(std::move(inputs), {{"body", std::move(loop)}});
}

}  // namespace minnow::tflite
