// non_zero: positions of the elements that are not zero, one column each. compress: slices where a condition holds.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status non_zero_infer(InferContext& c) {
  c.set_output(0, DType::int64, c.shape(0).ranked ? Shape{Dim(c.shape(0).rank()), Dim()} : Shape::of_rank(2));
  return {};
}

Result<Ints> non_zero_positions(const Tensor& tensor) {
  Ints positions;
  const auto collect = [&](auto values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] != std::remove_cvref_t<decltype(values[0])>()) positions.push_back(static_cast<int64_t>(i));
    }
  };
  if (tensor.dtype() == DType::string) {
    collect(tensor.strings());
  } else if (tensor.dtype() == DType::boolean) {
    collect(tensor.values<bool>());
  } else if (element_bytes(tensor.dtype()) == 1) {
    collect(tensor.values<uint8_t>());
  } else {
    MN_TRY(dispatch<NumericTypes>(tensor.dtype(), [&]<class T>() -> Status {
      collect(tensor.values<T>());
      return {};
    }));
  }
  return positions;
}

Status non_zero_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  MN_ASSIGN(const Ints positions, non_zero_positions(in));
  const int64_t count = static_cast<int64_t>(positions.size());
  MN_ASSIGN(Tensor * out, c.allocate_output(0, {in.rank(), count}));
  const Dims strides = row_major_strides(in.dims());
  int64_t* values = out->mutable_data<int64_t>();
  for (int64_t axis = 0; axis < in.rank(); ++axis) {
    const int64_t stride = strides[static_cast<size_t>(axis)], dim = in.dim(axis);
    for (int64_t i = 0; i < count; ++i) *values++ = positions[static_cast<size_t>(i)] / stride % dim;
  }
  return {};
}

// The axis that compress works along; a flattened input counts as 1-D.
Result<int64_t> compress_axis(const NodeView& c, int64_t rank) {
  if (!c.has_attribute("axis")) return 0;
  return normalize_axis(c.int_attribute("axis"), rank);
}

Status compress_infer(InferContext& c) {
  MN_CHECK(c.dtype(1) == DType::undefined || c.dtype(1) == DType::boolean, "the condition must be boolean, got ",
           to_string(c.dtype(1)));
  MN_TRY(c.expect_rank(1, 1, "condition"));
  Shape out = c.has_attribute("axis") ? c.shape(0) : Shape::of_rank(1);
  if (out.ranked) {
    MN_ASSIGN(const int64_t axis, compress_axis(c, out.rank()));
    out.dims[static_cast<size_t>(axis)] = Dim();
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status compress_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  MN_ASSIGN(const int64_t axis, compress_axis(c, in.rank()));
  Dims dims = c.has_attribute("axis") ? in.dims() : Dims{in.size()};
  const AxisSplit split = split_at_axis(dims, axis);
  const auto condition = c.input(1).values<bool>();
  Ints chosen;
  for (size_t i = 0; i < condition.size(); ++i) {
    if (!condition[i]) continue;
    MN_CHECK(static_cast<int64_t>(i) < split.extent, "the condition is true at ", i, ", beyond the ", split.extent,
             " slices");
    chosen.push_back(static_cast<int64_t>(i));
  }
  dims[static_cast<size_t>(axis)] = static_cast<int64_t>(chosen.size());
  MN_ASSIGN(Tensor * out, c.allocate_output(0, dims));
  return take(in, split, chosen, *out, *c.budget());
}

Status compress_gradient(GradientContext& c) {
  Builder& b = c.b;
  const ValueId chosen = b.add("squeeze", {b.add("non_zero", {c.input(1)}), b.ints({0})});
  const ValueId shape = b.add("shape", {c.input(0)});
  if (c.has_attribute("axis")) {
    c.set_input_gradient(
        0, b.add("gather_gradient", {c.output_gradient(0), chosen, shape}, {{"axis", c.int_attribute("axis")}}));
    return {};
  }
  const ValueId size = b.add("unsqueeze", {b.add("size", {c.input(0)}), b.ints({0})});
  const ValueId flat = b.add("gather_gradient", {c.output_gradient(0), chosen, size});
  c.set_input_gradient(0, b.add("reshape", {flat, shape}, {{"allowzero", 1}}));
  return {};
}

std::vector<Case> non_zero_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 0, 1, 1}, {2, 2})},
       .expected = {Tensor::of<int64_t>({0, 1, 1, 0, 0, 1}, {2, 3})}},
      {.inputs = {Tensor::of<bool>({false, true, false}, {3})}, .expected = {Tensor::of<int64_t>({1}, {1, 1})}},
      {.inputs = {Tensor::scalar<int32_t>(3)}, .expected = {Tensor::of<int64_t>({}, {0, 1})}, .note = "0-d"},
      {.inputs = {Tensor::of<float>({}, {0, 2})}, .expected = {Tensor::of<int64_t>({}, {2, 0})}, .note = "no elements"},
  };
}

std::vector<Case> compress_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 2}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {3, 2}), Tensor::of<bool>({false, true, true}, {3})},
       .attributes = {{"axis", 0}},
       .expected = {Tensor::of<float>({3, 4, 5, 6}, {2, 2})}},
      {.inputs = {x, Tensor::of<bool>({false, true}, {2})}, .attributes = {{"axis", -1}}, .note = "negative axis"},
      {.inputs = {x, Tensor::of<bool>({true, false, false, true}, {4})}, .note = "flattened, condition shorter"},
      {.inputs = {x, Tensor::of<bool>({false}, {1})}, .attributes = {{"axis", 0}}, .note = "nothing chosen"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> non_zero() {
  return {{
              .name = "non_zero",
              .doc = "Positions of the elements that are not zero, as [rank, count].",
              .infer = non_zero_infer,
              .reference = non_zero_reference,
              .imports = {{"ai.onnx", "NonZero"}, {"tflite", "WHERE", 1, 1 << 20, tflite::import_where}},
              .exports = {{"ai.onnx", "NonZero", 9}},
              .cases = non_zero_cases,
          },
          {
              .name = "compress",
              .doc = "Slices along an axis (or elements of the flattened input) where a condition holds.",
              .inputs = {2, 2},
              .attributes = {{"axis", AttributeKind::integer}},
              .narrow_floats = NarrowFloats::native,
              .infer = compress_infer,
              .reference = compress_reference,
              .gradient = compress_gradient,
              .imports = {{"ai.onnx", "Compress"}},
              .exports = {{"ai.onnx", "Compress", 9}},
              .cases = compress_cases,
          }};
}

}  // namespace minnow::ops
