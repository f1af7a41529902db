// scan: a body over the slices of its scan inputs, with states carried along. Inputs: states, scan inputs, captures;
// the body takes states, one slice of each, captures, and gives states and values to stack. batched_scan is ONNX's
// first form (opset 8) with a batch dimension in front of everything and a length per batch entry.
#include <algorithm>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/subgraph.h"

namespace minnow::ops {
namespace {

struct Layout {
  int captures = 0, scanned = 0, states = 0, stacked = 0;
  const Graph* body = nullptr;
};

// `first` is the number of inputs before the states.
Result<Layout> layout_of(const NodeView& c, int input_count, int output_count, int first) {
  Layout layout;
  MN_ASSIGN(layout.captures, capture_count(c, input_count));
  const int64_t scanned = c.int_attribute("num_scan_inputs");
  MN_CHECK(scanned >= 1 && scanned <= input_count - first - layout.captures, "num_scan_inputs is ", scanned, " with ",
           input_count, " inputs, ", layout.captures, " of them captured");
  layout.scanned = static_cast<int>(scanned);
  layout.states = input_count - first - layout.captures - layout.scanned;
  MN_ASSIGN(layout.body, checked_subgraph(c, "body", input_count - first, std::max(output_count, layout.states)));
  layout.stacked = static_cast<int>(layout.body->outputs.size()) - layout.states;
  return layout;
}

// One entry per scan input or output: the list's, or `fallback` when the attribute is absent.
Result<Ints> per_value(const NodeView& c, std::string_view attribute, int count, int64_t fallback) {
  const Ints& list = c.ints_attribute(attribute);
  if (list.empty()) return Ints(static_cast<size_t>(count), fallback);
  MN_CHECK(static_cast<int>(list.size()) == count, attribute, " has ", list.size(), " entries for ", count, " values");
  return list;
}

Result<Ints> directions_of(const NodeView& c, std::string_view attribute, int count) {
  MN_ASSIGN(Ints directions, per_value(c, attribute, count, 0));
  for (int64_t direction : directions)
    MN_CHECK(direction == 0 || direction == 1, attribute, " must be 0 (forward) or 1, got ", direction);
  return directions;
}

Type output_type(const Graph& body, int i) { return body.value(body.outputs[static_cast<size_t>(i)]).type; }

Status scan_infer(InferContext& c) {
  MN_ASSIGN(const Layout layout, layout_of(c, c.input_count(), c.output_count(), 0));
  MN_ASSIGN(const Ints axes, per_value(c, "scan_input_axes", layout.scanned, 0));
  MN_ASSIGN(const Ints out_axes, per_value(c, "scan_output_axes", layout.stacked, 0));
  MN_TRY(directions_of(c, "scan_input_directions", layout.scanned));
  MN_TRY(directions_of(c, "scan_output_directions", layout.stacked));
  Dim length;
  for (int i = 0; i < layout.scanned; ++i) {
    const Shape& shape = c.shape(layout.states + i);
    if (!shape.ranked) continue;
    MN_ASSIGN(const int64_t axis, normalize_axis(axes[static_cast<size_t>(i)], shape.rank()));
    const Dim& dim = shape.dims[static_cast<size_t>(axis)];
    MN_CHECK(!length.known() || !dim.known() || length.value == dim.value, "scan inputs have ", length.value, " and ",
             dim.value, " slices");
    if (!length.known()) length = dim;
  }
  for (int i = 0; i < c.output_count(); ++i) {
    Type type = output_type(*layout.body, i);
    if (i < layout.states) {
      type = common_type(type, c.type(i));
      if (type.is_tensor()) type.shape = Shape();
    } else if (type.is_tensor() && type.shape.ranked) {
      MN_ASSIGN(const int64_t axis,
                normalize_axis(out_axes[static_cast<size_t>(i - layout.states)], type.shape.rank() + 1));
      type.shape.dims.insert(type.shape.dims.begin() + axis, length);
    }
    c.set_output(i, std::move(type));
  }
  return {};
}

// The tensor with `axis` moved to the front.
Result<Tensor> axis_first(EvalContext& c, const Tensor& tensor, int64_t axis) {
  if (axis == 0) return tensor;
  Dims dims = tensor.dims(), strides = row_major_strides(dims);
  std::rotate(dims.begin(), dims.begin() + axis, dims.begin() + axis + 1);
  std::rotate(strides.begin(), strides.begin() + axis, strides.begin() + axis + 1);
  MN_ASSIGN(Tensor out, c.scratch(tensor.dtype(), dims));
  MN_TRY(copy_from_strides(tensor, 0, strides, out, *c.budget()));
  return out;
}

Tensor slice_of(const Tensor& tensor, int64_t index) {
  return tensor.rows(index, 1).reshaped(Dims(tensor.dims().begin() + 1, tensor.dims().end()));
}

struct Walk {
  std::vector<Datum> states;
  std::vector<Tensor> inputs;  // [length, ...]
  Ints directions;
  int64_t length = 0;
  std::vector<TensorStack> stacks;
};

Status walk(EvalContext& c, const Layout& layout, std::span<const Datum> captured, Walk& w) {
  for (int64_t step = 0; step < w.length; ++step) {
    std::vector<Datum> arguments = w.states;
    for (size_t i = 0; i < w.inputs.size(); ++i) {
      arguments.push_back(slice_of(w.inputs[i], w.directions[i] != 0 ? w.length - 1 - step : step));
    }
    arguments.insert(arguments.end(), captured.begin(), captured.end());
    MN_ASSIGN(std::vector<Datum> results, run_body(c, *layout.body, arguments));
    for (size_t i = 0; i < w.states.size(); ++i) w.states[i] = std::move(results[i]);
    for (size_t i = 0; i < w.stacks.size(); ++i) MN_TRY(w.stacks[i].append(results[w.states.size() + i].tensor));
  }
  return {};
}

Status scan_reference(EvalContext& c) {
  MN_ASSIGN(const Layout layout, layout_of(c, c.input_count(), c.output_count(), 0));
  MN_ASSIGN(const Ints axes, per_value(c, "scan_input_axes", layout.scanned, 0));
  MN_ASSIGN(const Ints out_axes, per_value(c, "scan_output_axes", layout.stacked, 0));
  MN_ASSIGN(const Ints out_directions, directions_of(c, "scan_output_directions", layout.stacked));
  Walk w;
  MN_ASSIGN(w.directions, directions_of(c, "scan_input_directions", layout.scanned));
  for (int i = 0; i < c.output_count(); ++i) c.set_output(i, Datum());
  const std::span<const Datum> inputs = c.inputs();
  w.states.assign(inputs.begin(), inputs.begin() + layout.states);
  for (int i = 0; i < layout.scanned; ++i) {
    const Datum& datum = c.datum(layout.states + i);
    MN_CHECK(datum.kind == Datum::Kind::tensor, "scan input ", i, " must be a tensor");
    MN_ASSIGN(const int64_t axis, normalize_axis(axes[static_cast<size_t>(i)], datum.tensor.rank()));
    MN_ASSIGN(Tensor moved, axis_first(c, datum.tensor, axis));
    w.inputs.push_back(std::move(moved));
  }
  w.length = w.inputs[0].dim(0);
  w.stacks.assign(static_cast<size_t>(layout.stacked), TensorStack(c.budget()));
  MN_TRY(walk(c, layout, inputs.last(static_cast<size_t>(layout.captures)), w));
  for (int i = 0; i < c.output_count(); ++i) {
    const size_t at = static_cast<size_t>(i), stack = static_cast<size_t>(i - layout.states);
    if (i < layout.states) {
      c.set_output(i, std::move(w.states[at]));
    } else if (c.wants_output(i)) {
      MN_ASSIGN(Tensor stacked,
                w.stacks[stack].finish(output_type(*layout.body, i), out_axes[stack], out_directions[stack] != 0));
      c.set_output(i, std::move(stacked));
    }
  }
  return {};
}

Status batched_scan_infer(InferContext& c) {
  MN_ASSIGN(const Layout layout, layout_of(c, c.input_count(), c.output_count(), 1));
  MN_TRY(directions_of(c, "directions", layout.scanned));
  if (c.has_input(0)) {
    MN_TRY(check_shape_input(c.type(0), "sequence_lens"));
  }
  Dim batch, length;
  const auto agree = [](Dim& known, const Dim& dim, std::string_view what) -> Status {
    MN_CHECK(!known.known() || !dim.known() || known.value == dim.value, "inputs differ in ", what, ": ", known.value,
             " and ", dim.value);
    if (!known.known()) known = dim;
    return {};
  };
  for (int i = 1; i <= layout.states + layout.scanned; ++i) {
    const Shape& shape = c.shape(i);
    if (!shape.ranked) continue;
    const int64_t least = i > layout.states ? 2 : 1;
    MN_CHECK(shape.rank() >= least, "input ", i, " must be at least ", least, "-D, got ", to_string(shape));
    MN_TRY(agree(batch, shape.dims[0], "batch"));
    if (i > layout.states) MN_TRY(agree(length, shape.dims[1], "length"));
  }
  if (c.shape(0).static_dims() && c.has_input(0))
    MN_TRY(agree(batch, c.shape(0).rank() == 1 ? c.shape(0).dims[0] : Dim(1), "batch"));
  for (int i = 0; i < c.output_count(); ++i) {
    Type type = output_type(*layout.body, i);
    c.set_output(i, Type::tensor(type.dtype));
  }
  return {};
}

// Pads a stack's [count, ...] with zeros to [length, ...].
Result<Tensor> padded(EvalContext& c, const Tensor& tensor, int64_t length) {
  if (tensor.dim(0) == length) return tensor;
  Dims dims = tensor.dims();
  dims[0] = length;
  MN_ASSIGN(Tensor out, c.scratch(tensor.dtype(), dims));
  fill_zero(out);
  if (tensor.dim(0) == 0) return out;
  Tensor front = out.rows(0, tensor.dim(0));
  copy_elements(tensor, front);
  return out;
}

Status batched_scan_reference(EvalContext& c) {
  MN_ASSIGN(const Layout layout, layout_of(c, c.input_count(), c.output_count(), 1));
  for (int i = 1; i <= layout.states + layout.scanned; ++i) {
    MN_CHECK(c.has_input(i) && c.datum(i).kind == Datum::Kind::tensor, "input ", i, " must be a tensor");
  }
  MN_CHECK(!c.has_input(0) || c.datum(0).kind == Datum::Kind::tensor, "sequence_lens must be a tensor");
  const Tensor& first = c.input(1 + layout.states);
  const int64_t batch = first.dim(0), length = first.dim(1);
  const Ints lengths = c.has_input(0) ? to_ints(c.input(0)) : Ints(static_cast<size_t>(batch), length);
  std::vector<TensorStack> outputs(static_cast<size_t>(layout.states + layout.stacked), TensorStack(c.budget()));
  for (int64_t entry = 0; entry < batch; ++entry) {
    Walk w;
    MN_ASSIGN(w.directions, directions_of(c, "directions", layout.scanned));
    w.length = lengths[static_cast<size_t>(entry)];
    MN_CHECK(w.length >= 0 && w.length <= length, "sequence length ", w.length, " is outside [0, ", length, "]");
    for (int i = 0; i < layout.states; ++i) w.states.push_back(slice_of(c.input(1 + i), entry));
    for (int i = 0; i < layout.scanned; ++i) w.inputs.push_back(slice_of(c.input(1 + layout.states + i), entry));
    w.stacks.assign(static_cast<size_t>(layout.stacked), TensorStack(c.budget()));
    MN_TRY(walk(c, layout, c.inputs().last(static_cast<size_t>(layout.captures)), w));
    for (size_t i = 0; i < w.states.size(); ++i) MN_TRY(outputs[i].append(w.states[i].tensor));
    for (size_t i = 0; i < w.stacks.size(); ++i) {
      const size_t out = w.states.size() + i;
      MN_ASSIGN(const Tensor stacked, w.stacks[i].finish(output_type(*layout.body, static_cast<int>(out))));
      MN_ASSIGN(const Tensor full, padded(c, stacked, length));
      MN_TRY(outputs[out].append(full));
    }
  }
  for (int i = 0; i < c.output_count(); ++i) {
    if (!c.wants_output(i)) continue;
    Type type = output_type(*layout.body, i);
    if (i >= layout.states) type.shape.dims.insert(type.shape.dims.begin(), Dim(length));
    MN_ASSIGN(Tensor stacked, outputs[static_cast<size_t>(i)].finish(type));
    c.set_output(i, std::move(stacked));
  }
  return {};
}

// state' = state joined with the slice; the slice is stacked.
GraphRef joining_body() {
  auto graph = std::make_shared<Graph>();
  graph->name = "body";
  Builder b(*graph);
  const ValueId state = b.input("state", Type::tensor(DType::float32));
  const ValueId slice = b.input("slice", Type::tensor(DType::float32, Dims{1}));
  b.output(b.add("concat", {state, slice}, {{"axis", 0}}));
  b.output(b.add("concat", {slice, slice}, {{"axis", 0}}));
  return graph;
}

// state' = state + slice; the slice's opposite and its square are stacked.
GraphRef summing_body() {
  auto graph = std::make_shared<Graph>();
  graph->name = "body";
  Builder b(*graph);
  const ValueId state = b.input("state", Type::tensor(DType::float32, Dims{1}));
  const ValueId slice = b.input("slice", Type::tensor(DType::float32, Dims{1}));
  b.output(b.add("add", {state, slice}));
  b.output(b.add("neg", {slice}));
  b.output(b.add("mul", {slice, slice}));
  return graph;
}

std::vector<Case> scan_cases() {
  const Tensor state = Tensor::of<float>({0}, {1});
  const Attributes plain = {{"body", joining_body()}, {"num_scan_inputs", 1}};
  Attributes turned = plain;
  turned.set("scan_input_axes", Ints{1});
  turned.set("scan_input_directions", Ints{1});
  turned.set("scan_output_axes", Ints{-1});
  turned.set("scan_output_directions", Ints{1});
  return {
      {.inputs = {state, Tensor::of<float>({1, 2, 3}, {3, 1})},
       .attributes = plain,
       .outputs = 2,
       .expected = {Tensor::of<float>({0, 1, 2, 3}, {4}), Tensor::of<float>({1, 1, 2, 2, 3, 3}, {3, 2})},
       .differentiable = false},
      {.inputs = {state, Tensor::of<float>({1, 2, 3}, {1, 3})},
       .attributes = turned,
       .outputs = 2,
       .expected = {Tensor::of<float>({0, 3, 2, 1}, {4}), Tensor::of<float>({1, 2, 3, 1, 2, 3}, {2, 3})},
       .differentiable = false},
  };
}

std::vector<Case> batched_scan_cases() {
  const Attributes attributes = {{"body", joining_body()}, {"num_scan_inputs", 1}};
  const Tensor states = Tensor::of<float>({0, 9}, {2, 1}), inputs = Tensor::of<float>({1, 2, 3, 4}, {2, 2, 1});
  return {
      {.inputs = {Datum(), states, inputs},
       .attributes = attributes,
       .outputs = 2,
       .expected = {Tensor::of<float>({0, 1, 2, 9, 3, 4}, {2, 3}),
                    Tensor::of<float>({1, 1, 2, 2, 3, 3, 4, 4}, {2, 2, 2})},
       .differentiable = false},
      {.inputs = {Tensor::of<int64_t>({1, 1}, {2}), states, inputs},
       .attributes = attributes,
       .outputs = 2,
       .expected = {Tensor::of<float>({0, 1, 9, 3}, {2, 2}), Tensor::of<float>({1, 1, 0, 0, 3, 3, 0, 0}, {2, 2, 2})},
       .differentiable = false},
      {.inputs = {Datum(), states, inputs},
       .attributes = {{"body", summing_body()}, {"num_scan_inputs", 1}},
       .outputs = 3,
       .expected = {Tensor::of<float>({3, 16}, {2, 1}), Tensor::of<float>({-1, -2, -3, -4}, {2, 2, 1}),
                    Tensor::of<float>({1, 4, 9, 16}, {2, 2, 1})},
       .differentiable = false,
       .note = "two stacks"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> scan() {
  return {
      {
          .name = "scan",
          .doc = "Runs a body over slices of the scan inputs, carrying states and stacking outputs.",
          .inputs = {1, Arity::kMany},
          .outputs = {1, Arity::kMany},
          .attributes = {required("body", AttributeKind::graph),
                         required("num_scan_inputs", AttributeKind::integer),
                         {"scan_input_axes", AttributeKind::integers},
                         {"scan_input_directions", AttributeKind::integers},
                         {"scan_output_axes", AttributeKind::integers},
                         {"scan_output_directions", AttributeKind::integers},
                         {"captures", 0}},
          .narrow_floats = NarrowFloats::native,
          .takes_sequences = true,
          .infer = scan_infer,
          .reference = scan_reference,
          .imports = {{"ai.onnx", "Scan", 9}},
          .exports = {{"ai.onnx", "Scan", 11}},
          .cases = scan_cases,
      },
      {
          .name = "batched_scan",
          .doc =
              "Scan with a batch dimension and optional lengths: inputs sequence_lens, states, scan inputs, captures.",
          .inputs = {0, Arity::kMany},
          .outputs = {1, Arity::kMany},
          .attributes = {required("body", AttributeKind::graph),
                         required("num_scan_inputs", AttributeKind::integer),
                         {"directions", AttributeKind::integers},
                         {"captures", 0}},
          .narrow_floats = NarrowFloats::native,
          .takes_sequences = true,
          .infer = batched_scan_infer,
          .reference = batched_scan_reference,
          .imports = {{"ai.onnx", "Scan", 8, 8}},
          .cases = batched_scan_cases,
      }};
}

}  // namespace minnow::ops
