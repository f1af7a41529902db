// sequence_map: a body run on every element of a sequence. Other inputs are sequences of the same length, taken element
// by element, or tensors, passed whole; the last `captures` inputs are passed whole whatever they are.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/subgraph.h"

namespace minnow::ops {
namespace {

Status sequence_map_infer(InferContext& c) {
  MN_TRY(capture_count(c, c.input_count() - 1));
  MN_ASSIGN(const Graph* body, checked_subgraph(c, "body", c.input_count(), c.output_count()));
  const Type::Kind first = c.type(0).kind;
  MN_CHECK(first == Type::Kind::unknown || first == Type::Kind::sequence, "input 0 must be a sequence, got ",
           to_string(c.type(0)));
  for (int i = 0; i < c.output_count(); ++i) {
    const ValueId id = body->outputs[static_cast<size_t>(i)];
    c.set_output(i, Type::sequence(body->value(id).type));
  }
  return {};
}

Status sequence_map_reference(EvalContext& c) {
  MN_ASSIGN(const int captures, capture_count(c, c.input_count() - 1));
  MN_ASSIGN(const Graph* body, checked_subgraph(c, "body", c.input_count(), c.output_count()));
  const int mapped = c.input_count() - captures;
  MN_CHECK(c.datum(0).kind == Datum::Kind::sequence, "input 0 must be a sequence, got ",
           to_string(Type::of(c.datum(0))));
  const size_t count = c.datum(0).sequence->size();
  for (int i = 1; i < mapped; ++i) {
    const bool sequence = c.datum(i).kind == Datum::Kind::sequence;
    MN_CHECK(!sequence || c.datum(i).sequence->size() == count, "input ", i, " has ",
             c.datum(i).sequence ? c.datum(i).sequence->size() : 0, " elements, but input 0 has ", count);
  }
  std::vector<std::vector<Datum>> outputs(static_cast<size_t>(c.output_count()));
  for (size_t n = 0; n < count; ++n) {
    std::vector<Datum> arguments(c.inputs().begin(), c.inputs().end());
    for (int i = 0; i < mapped; ++i) {
      Datum& argument = arguments[static_cast<size_t>(i)];
      if (argument.kind == Datum::Kind::sequence) argument = Datum((*c.datum(i).sequence)[n]);
    }
    MN_ASSIGN(std::vector<Datum> results, run_body(c, *body, arguments));
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i].push_back(std::move(results[i]));
  }
  for (size_t i = 0; i < outputs.size(); ++i) c.set_output(static_cast<int>(i), std::move(outputs[i]));
  return {};
}

// (x, y) -> x joined with y.
GraphRef joining_body() {
  auto graph = std::make_shared<Graph>();
  graph->name = "body";
  Builder b(*graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32)), y = b.input("y", Type::tensor(DType::float32));
  b.output(b.add("concat", {x, y}, {{"axis", 0}}));
  return graph;
}

std::vector<Case> sequence_map_cases() {
  const Tensor a = Tensor::of<float>({1, 2}, {2}), b = Tensor::of<float>({3}, {1});
  const Datum list = std::vector<Datum>{a, b};
  return {
      {.inputs = {list, b},
       .attributes = {{"body", joining_body()}},
       .differentiable = false,
       .note = "a tensor for all"},
      {.inputs = {list, list},
       .attributes = {{"body", joining_body()}},
       .differentiable = false,
       .note = "two sequences"},
      {.inputs = {list, b},
       .attributes = {{"body", joining_body()}, {"captures", 1}},
       .differentiable = false,
       .note = "captured"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> sequence_map() {
  return {{
      .name = "sequence_map",
      .doc = "Runs a body on every element of a sequence.",
      .inputs = {1, Arity::kMany},
      .outputs = {1, Arity::kMany},
      .attributes = {required("body", AttributeKind::graph), {"captures", 0}},
      .narrow_floats = NarrowFloats::native,
      .takes_sequences = true,
      .infer = sequence_map_infer,
      .reference = sequence_map_reference,
      .imports = {{"ai.onnx", "SequenceMap"}},
      .exports = {{"ai.onnx", "SequenceMap", 17}},
      .cases = sequence_map_cases,
  }};
}

}  // namespace minnow::ops
