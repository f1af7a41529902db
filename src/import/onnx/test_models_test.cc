// The registry that the importer's tests use.
#include "import/onnx/test_models.h"

#include "ops/builder.h"

namespace minnow::onnx {
namespace {

Status same_type(InferContext& c) {
  for (int i = 0; i < c.output_count(); ++i) c.set_output(i, c.type(0));
  return {};
}

Status no_type(InferContext&) { return {}; }
Status no_data(EvalContext&) { return unsupported({"test operators compute nothing"}); }

Status import_pass(ImportContext& c) {
  c.set_output(0, c.input(0));
  return {};
}

Status import_twice(ImportContext& c) {
  const ValueId once = c.b.add("relu", {c.input(0)});
  c.set_output(0, c.b.add("relu", {once}));
  return {};
}

OpDef simple(std::string_view name, std::string_view onnx_name, int inputs, int outputs) {
  OpDef op;
  op.name = name;
  op.inputs = {inputs, inputs};
  op.outputs = {outputs, outputs};
  op.infer = same_type;
  op.reference = no_data;
  op.imports = {{"ai.onnx", onnx_name}};
  return op;
}

OpDef control(std::string_view name, std::string_view onnx_name, std::vector<AttributeSpec> attributes) {
  OpDef op = simple(name, onnx_name, 1, 1);
  op.inputs = {1, Arity::kMany};
  op.outputs = {1, Arity::kMany};
  op.infer = no_type;
  op.attributes = std::move(attributes);
  op.attributes.push_back({"captures", 0});
  return op;
}

Status fill(Registry& registry) {
  MN_TRY(registry.add(simple("identity", "Identity", 1, 1)));
  OpDef relu = simple("relu", "Relu", 1, 1);
  relu.attributes = {{"alpha", 0.0f},
                     {"axes", AttributeKind::integers},
                     {"value", AttributeKind::tensor},
                     {"mode", AttributeKind::text}};
  MN_TRY(registry.add(std::move(relu)));
  MN_TRY(registry.add(simple("add", "Add", 2, 1)));
  MN_TRY(registry.add(simple("split", "Split", 1, 2)));
  MN_TRY(registry.add(control(
      "if", "If", {required("then_branch", AttributeKind::graph), required("else_branch", AttributeKind::graph)})));
  MN_TRY(registry.add(control("loop", "Loop", {required("body", AttributeKind::graph)})));
  OpDef adapted = simple("adapted", "Adapted", 1, 1);
  adapted.imports = {{"test", "Pass", 1, 1, import_pass}, {"test", "Twice", 1, 1, import_twice}};
  return registry.add(std::move(adapted));
}

}  // namespace

const Registry& test_registry() {
  static const Registry* registry = [] {
    auto* made = new Registry();
    return fill(*made).ok() ? made : nullptr;
  }();
  return *registry;
}

Result<Graph> import_test_model(std::string file, const Limits& limits) {
  ImportOptions options;
  options.limits = limits;
  options.registry = &test_registry();
  return import_onnx(Bytes::own(std::move(file)), "test.onnx", options);
}

std::string import_error(const TestGraph& graph) {
  const Result<Graph> result = import_test_model(model_message(graph.message()).take());
  return result.ok() ? "no error" : result.error().message;
}

}  // namespace minnow::onnx
