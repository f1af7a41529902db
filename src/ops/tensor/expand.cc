// expand: broadcasting to a shape. tile: whole copies along every axis.
#include "base/checked.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status expand_infer(InferContext& c) {
  MN_TRY(check_shape_input(c.type(1), "shape"));
  const auto dims = c.ints(1);
  if (!dims) {
    // Without values the lengths are unknown, but the longer of both ranks is certain.
    const Shape target = shape_of_length(c.shape(1));
    const bool ranked = target.ranked && c.shape(0).ranked;
    c.set_output(0, c.dtype(0), ranked ? Shape::of_rank(std::max(target.rank(), c.shape(0).rank())) : Shape());
    return {};
  }
  MN_TRY(checked_element_count(*dims));
  MN_ASSIGN(Shape out, broadcast_shapes(c.shape(0), Shape(*dims)));
  c.set_output(0, c.dtype(0), std::move(out));
  return {};
}

Status expand_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  const Dims strides = row_major_strides(in.dims());
  Dims spread(c.output(0).dims().size(), 0);
  const size_t lead = spread.size() - strides.size();
  for (size_t i = 0; i < strides.size(); ++i) spread[lead + i] = in.dims()[i] == 1 ? 0 : strides[i];
  return copy_from_strides(in, 0, spread, c.output(0), *c.budget());
}

Status expand_gradient(GradientContext& c) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(0, c.b.add("sum_to_shape", {c.output_gradient(0), shape}));
  return {};
}

Status tile_infer(InferContext& c) {
  MN_TRY(check_shape_input(c.type(1), "repeats"));
  const Shape& in = c.shape(0);
  const auto repeats = c.ints(1);
  if (!in.ranked) {
    c.set_output(0, c.dtype(0), shape_of_length(c.shape(1)));
    return {};
  }
  Shape out = Shape::of_rank(in.rank());
  if (repeats) {
    MN_CHECK(static_cast<int64_t>(repeats->size()) == in.rank(), "repeats has ", repeats->size(), " entries for a ",
             in.rank(), "-D tensor");
    for (size_t i = 0; i < repeats->size(); ++i) {
      const int64_t repeat = (*repeats)[i];
      MN_CHECK(repeat >= 0, "repeats must not be negative, got ", to_string(*repeats));
      int64_t size = 0;
      MN_CHECK(!in.dims[i].known() || checked_mul(repeat, in.dims[i].value, &size), "dimension ", i, " repeated ",
               repeat, " times exceeds 2^63");
      out.dims[i] = repeat == 1 ? in.dims[i] : in.dims[i].known() ? Dim(size) : Dim();
    }
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

// Seen as [r0, d0, r1, d1, …] the output reads the input with stride 0 along every r.
Status tile_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  const Ints repeats = to_ints(c.input(1));
  const Dims strides = row_major_strides(in.dims());
  Dims dims, spread;
  for (size_t i = 0; i < repeats.size(); ++i) {
    dims.insert(dims.end(), {repeats[i], in.dims()[i]});
    spread.insert(spread.end(), {0, strides[i]});
  }
  Tensor out = c.output(0).reshaped(dims);
  return copy_from_strides(in, 0, spread, out, *c.budget());
}

// The gradient as [r0, d0, r1, d1, …], summed over every r.
Status tile_gradient(GradientContext& c) {
  Builder& b = c.b;
  const Shape in = c.type(c.input(0)).shape;
  MN_CHECK(in.ranked, "the gradient needs an input of known rank");
  const ValueId last = b.ints({-1});
  const ValueId shape = b.add("shape", {c.input(0)});
  const ValueId repeats = b.add("cast", {c.input(1)}, {{"to", DType::int64}});
  const ValueId pairs =
      b.add("concat", {b.add("unsqueeze", {repeats, last}), b.add("unsqueeze", {shape, last})}, {{"axis", 1}});
  const ValueId folded = b.add("reshape", {c.output_gradient(0), b.add("reshape", {pairs, last})}, {{"allowzero", 1}});
  Ints axes;
  for (int64_t i = 0; i < in.rank(); ++i) axes.push_back(2 * i);
  if (axes.empty()) {
    c.set_input_gradient(0, c.output_gradient(0));
  } else {
    c.set_input_gradient(0, b.add("reduce_sum", {folded, b.ints(axes)}, {{"keepdims", 0}}));
  }
  return {};
}

// Version 1 repeated along one axis; count and axis were inputs, which must be constants here.
Status import_first_tile(ImportContext& c) {
  MN_CHECK(c.input_count() == 3, "expected 3 inputs, got ", c.input_count());
  const Tensor *tiles = c.b.constant_value(c.input(1)), *axis = c.b.constant_value(c.input(2));
  const Shape& shape = c.b.type(c.input(0)).shape;
  if (tiles == nullptr || axis == nullptr || !shape.ranked) {
    return unsupported(
        {"version 1 of Tile needs constant tiles and axis and an input of known rank; convert the model to opset 6 or "
         "later"});
  }
  const auto one_number = [](const Tensor& t) {
    return t.size() == 1 && t.dtype() != DType::string && !is_complex(t.dtype());
  };
  MN_CHECK(one_number(*tiles) && one_number(*axis), "tiles and axis must be single numbers");
  MN_ASSIGN(const int64_t at, normalize_axis(to_ints(*axis)[0], shape.rank()));
  Ints repeats(shape.dims.size(), 1);
  repeats[static_cast<size_t>(at)] = to_ints(*tiles)[0];
  return c.take_over({c.input(0), c.b.ints(repeats)});
}

Tensor list(std::vector<int64_t> values) { return Tensor::of_ints(values); }

std::vector<Case> expand_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {2, 1}), list({2, 3})},
       .expected = {Tensor::of<float>({1, 1, 1, 2, 2, 2}, {2, 3})}},
      {.inputs = {random_tensor(DType::float32, {3, 1}, 1), list({2, 1, 4})}},
      {.inputs = {random_tensor(DType::float32, {2, 3}, 1), list({1})}, .note = "the shape may be smaller"},
      {.inputs = {Tensor::scalar(2.0f), list({2, 2})}, .note = "0-d"},
      {.inputs = {random_tensor(DType::float32, {2, 1}, 1), list({2, 0})}, .note = "no elements"},
  };
}

std::vector<Case> tile_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 2}), list({1, 2})},
       .expected = {Tensor::of<float>({1, 2, 1, 2, 3, 4, 3, 4}, {2, 4})}},
      {.inputs = {random_tensor(DType::float32, {2, 3, 2}, 1), list({2, 1, 3})}},
      {.inputs = {random_tensor(DType::float32, {2, 3}, 1), list({2, 0})}, .note = "no elements"},
      {.inputs = {Tensor::scalar(2.0f), list({})}, .note = "0-d"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> expand() {
  return {{
              .name = "expand",
              .doc = "Broadcasts a tensor to a shape.",
              .inputs = {2, 2},
              .narrow_floats = NarrowFloats::native,
              .infer = expand_infer,
              .reference = expand_reference,
              .gradient = expand_gradient,
              .imports = {{"ai.onnx", "Expand"},
                          {"tflite", "BROADCAST_TO", 1, 1 << 20, tflite::import_broadcast_to},
                          {"tflite", "BROADCAST_ARGS", 1, 1 << 20, tflite::import_broadcast_args},
                          {"tflite", "FILL", 1, 1 << 20, tflite::import_fill},
                          {"tflite", "ZEROS_LIKE", 1, 1 << 20, tflite::import_zeros_like}},
              .exports = {{"ai.onnx", "Expand", 8}},
              .cases = expand_cases,
          },
          {
              .name = "tile",
              .doc = "Repeats a tensor along every axis.",
              .inputs = {2, 2},
              .narrow_floats = NarrowFloats::native,
              .infer = tile_infer,
              .reference = tile_reference,
              .gradient = tile_gradient,
              .imports = {{"ai.onnx", "Tile", 1, 5, import_first_tile},
                          {"ai.onnx", "Tile", 6},
                          {"tflite", "TILE", 1, 1 << 20, tflite::import_tile}},
              .exports = {{"ai.onnx", "Tile", 6}},
              .cases = tile_cases,
          }};
}

}  // namespace minnow::ops
