// loop: repeats a body while a condition holds, up to a trip count. Inputs: trip count, condition, carried values,
// captures; the body takes iteration, condition, carried values, captures and gives condition, carried values, stacked
// values.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/subgraph.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

struct Layout {
  int captures = 0;
  int carried = 0;
  int stacked = 0;
  const Graph* body = nullptr;
};

Result<Layout> layout_of(const NodeView& c, int input_count, int output_count) {
  Layout layout;
  MN_ASSIGN(layout.captures, capture_count(c, input_count));
  layout.carried = input_count - 2 - layout.captures;
  if (layout.carried < 0) {
    MN_CHECK(layout.captures == 0, "expected a trip count, a condition and ", layout.captures, " captures, got ",
             input_count, " inputs");
    layout.carried = 0;  // trailing absent inputs may be left out
  }
  MN_ASSIGN(layout.body, checked_subgraph(c, "body", 2 + layout.carried + layout.captures, 1 + output_count));
  layout.stacked = static_cast<int>(layout.body->outputs.size()) - 1 - layout.carried;
  MN_CHECK(layout.stacked >= 0, "the body gives ", layout.body->outputs.size(), " outputs for a condition and ",
           layout.carried, " carried values");
  return layout;
}

Type output_type(const Graph& body, int i) { return body.value(body.outputs[static_cast<size_t>(i)]).type; }

Status expect_single(const InferContext& c, int i, DType dtype, std::string_view what) {
  if (!c.has_input(i)) return {};
  MN_CHECK(c.dtype(i) == DType::undefined || c.dtype(i) == dtype, what, " must be ", to_string(dtype), ", got ",
           to_string(c.dtype(i)));
  MN_CHECK(!c.shape(i).static_dims() || element_count(c.shape(i).to_dims()) == 1, what, " must be one value, got ",
           to_string(c.shape(i)));
  return {};
}

Status loop_infer(InferContext& c) {
  MN_TRY(expect_single(c, 0, DType::int64, "the trip count"));
  MN_TRY(expect_single(c, 1, DType::boolean, "the condition"));
  MN_ASSIGN(const Layout layout, layout_of(c, c.input_count(), c.output_count()));
  for (int i = 0; i < c.output_count(); ++i) {
    Type type = output_type(*layout.body, 1 + i);
    if (i < layout.carried) {
      // Shapes may change from one iteration to the next: only what does not depend on them is certain.
      type = common_type(type, c.type(2 + i));
      if (type.is_tensor()) type.shape = Shape();
    } else if (type.is_tensor() && type.shape.ranked) {
      type.shape.dims.insert(type.shape.dims.begin(), Dim());
    } else {
      type = Type::tensor(type.dtype);
    }
    c.set_output(i, std::move(type));
  }
  return {};
}

Status loop_reference(EvalContext& c) {
  MN_ASSIGN(const Layout layout, layout_of(c, c.input_count(), c.output_count()));
  for (int i = 0; i < c.output_count(); ++i) c.set_output(i, Datum());
  int64_t trips = INT64_MAX;
  bool running = true;
  if (c.has_input(0)) {
    MN_ASSIGN(trips, single_count(c.datum(0), "the trip count"));
  }
  if (c.has_input(1)) {
    MN_ASSIGN(running, single_condition(c.datum(1)));
  }
  std::vector<Datum> arguments = {Datum(), Datum()};
  for (int i = 2; i < c.input_count(); ++i) arguments.push_back(c.datum(i));
  std::vector<TensorStack> stacks(static_cast<size_t>(layout.stacked), TensorStack(c.budget()));
  for (int64_t iteration = 0; running && iteration < trips; ++iteration) {
    arguments[0] = Tensor::scalar(iteration);
    arguments[1] = Tensor::scalar(running);
    MN_ASSIGN(std::vector<Datum> results, run_body(c, *layout.body, arguments));
    MN_ASSIGN(running, single_condition(results[0]));
    for (int i = 0; i < layout.carried; ++i)
      arguments[static_cast<size_t>(2 + i)] = std::move(results[static_cast<size_t>(1 + i)]);
    for (int i = 0; i < layout.stacked; ++i) {
      MN_TRY(stacks[static_cast<size_t>(i)].append(results[static_cast<size_t>(1 + layout.carried + i)].tensor));
    }
  }
  for (int i = 0; i < c.output_count(); ++i) {
    if (i < layout.carried) {
      c.set_output(i, std::move(arguments[static_cast<size_t>(2 + i)]));
    } else if (c.wants_output(i)) {
      MN_ASSIGN(Tensor stacked,
                stacks[static_cast<size_t>(i - layout.carried)].finish(output_type(*layout.body, 1 + i)));
      c.set_output(i, std::move(stacked));
    }
  }
  return {};
}

// Appends the iteration number to the carried list and stacks it, while it is below the captured bound.
GraphRef counting_body() {
  auto graph = std::make_shared<Graph>();
  graph->name = "body";
  Builder b(*graph);
  const ValueId iteration = b.input("iteration", Type::tensor(DType::int64, Dims{}));
  const ValueId condition = b.input("condition", Type::tensor(DType::boolean, Dims{}));
  const ValueId list = b.input("list", Type::tensor(DType::int64));
  b.output(condition);
  b.output(b.add("concat", {list, b.add("unsqueeze", {iteration, b.ints({0})})}, {{"axis", 0}}));
  b.output(iteration);
  return graph;
}

std::vector<Case> loop_cases() {
  const Tensor start = Tensor::of<int64_t>({9}, {1});
  const Attributes attributes = {{"body", counting_body()}};
  return {
      {.inputs = {Tensor::scalar<int64_t>(3), Tensor::scalar(true), start},
       .attributes = attributes,
       .outputs = 2,
       .expected = {Tensor::of<int64_t>({9, 0, 1, 2}, {4}), Tensor::of<int64_t>({0, 1, 2}, {3})}},
      {.inputs = {Tensor::scalar<int64_t>(3), Tensor::scalar(false), start},
       .attributes = attributes,
       .outputs = 2,
       .expected = {start, Tensor::of<int64_t>({}, {0})},
       .note = "no iteration"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> loop() {
  return {{
      .name = "loop",
      .doc = "Repeats a body with carried values and stacked outputs.",
      .inputs = {0, Arity::kMany},
      .outputs = {0, Arity::kMany},
      .attributes = {required("body", AttributeKind::graph), {"captures", 0}},
      .narrow_floats = NarrowFloats::native,
      .takes_sequences = true,
      .infer = loop_infer,
      .reference = loop_reference,
      .imports = {{"ai.onnx", "Loop"}, {"tflite", "WHILE", 1, 1 << 20, tflite::import_while}},
      .exports = {{"ai.onnx", "Loop", 13}},
      .cases = loop_cases,
  }};
}

}  // namespace minnow::ops
