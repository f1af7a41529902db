// if: runs one of two subgraphs. Inputs: the condition, then the values that both branches take.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/subgraph.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status if_infer(InferContext& c) {
  const DType condition = c.dtype(0);
  MN_CHECK(condition == DType::undefined || condition == DType::boolean, "the condition must be boolean, got ",
           to_string(condition));
  MN_CHECK(!c.shape(0).static_dims() || element_count(c.shape(0).to_dims()) == 1,
           "the condition must be one value, got ", to_string(c.shape(0)));
  MN_ASSIGN(const int captures, capture_count(c, c.input_count()));
  MN_CHECK(captures == c.input_count() - 1, "expected a condition and ", captures, " captures, got ", c.input_count(),
           " inputs");
  MN_ASSIGN(const Graph* yes, checked_subgraph(c, "then_branch", captures, c.output_count()));
  MN_ASSIGN(const Graph* no, checked_subgraph(c, "else_branch", captures, c.output_count()));
  MN_CHECK(yes->outputs.size() == no->outputs.size(), "then_branch has ", yes->outputs.size(), " outputs, else_branch ",
           no->outputs.size());
  for (int i = 0; i < c.output_count(); ++i) {
    const size_t index = static_cast<size_t>(i);
    c.set_output(i, common_type(yes->value(yes->outputs[index]).type, no->value(no->outputs[index]).type));
  }
  return {};
}

Status if_reference(EvalContext& c) {
  for (int i = 0; i < c.output_count(); ++i) c.set_output(i, Datum());
  MN_ASSIGN(const bool condition, single_condition(c.datum(0)));
  const Graph& branch = *c.graph_attribute(condition ? "then_branch" : "else_branch");
  MN_ASSIGN(std::vector<Datum> results, run_body(c, branch, c.inputs().subspan(1)));
  for (int i = 0; i < c.output_count(); ++i) c.set_output(i, std::move(results[static_cast<size_t>(i)]));
  return {};
}

// A branch that returns its captured value moved by `shift`.
GraphRef shifted(float shift) {
  auto graph = std::make_shared<Graph>();
  graph->name = "branch";
  Builder b(*graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32));
  b.output(b.add("concat", {x, b.constant(Tensor::of<float>({shift}, {1}))}, {{"axis", 0}}));
  return graph;
}

std::vector<Case> if_cases() {
  const Tensor x = Tensor::of<float>({1, 2}, {2});
  const Attributes attributes = {{"then_branch", shifted(5)}, {"else_branch", shifted(7)}, {"captures", 1}};
  return {
      {.inputs = {Tensor::scalar(true), x},
       .attributes = attributes,
       .expected = {Tensor::of<float>({1, 2, 5}, {3})},
       .differentiable = false},
      {.inputs = {Tensor::of<bool>({false}, {1}), x},
       .attributes = attributes,
       .expected = {Tensor::of<float>({1, 2, 7}, {3})},
       .differentiable = false},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> if_op() {
  return {{
      .name = "if",
      .doc = "Runs then_branch or else_branch.",
      .inputs = {1, Arity::kMany},
      .outputs = {1, Arity::kMany},
      .attributes = {required("then_branch", AttributeKind::graph),
                     required("else_branch", AttributeKind::graph),
                     {"captures", 0}},
      .narrow_floats = NarrowFloats::native,
      .takes_sequences = true,
      .infer = if_infer,
      .reference = if_reference,
      .imports = {{"ai.onnx", "If"}, {"tflite", "IF", 1, 1 << 20, tflite::import_if}},
      .exports = {{"ai.onnx", "If", 13}},
      .cases = if_cases,
  }};
}

}  // namespace minnow::ops
