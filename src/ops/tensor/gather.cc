// gather: slices of a tensor chosen by indices along an axis. gather_gradient: adds slices back where they came from.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status check_indices(const InferContext& c, int i) {
  const DType dtype = c.dtype(i);
  MN_CHECK(dtype == DType::undefined || is_integer(dtype), "indices must be integers, got ", to_string(dtype));
  return {};
}

Result<Ints> checked_indices(const Tensor& tensor, int64_t extent) {
  Ints indices = to_ints(tensor);
  for (int64_t& index : indices) {
    MN_ASSIGN(index, checked_index(index, extent));
  }
  return indices;
}

Status gather_infer(InferContext& c) {
  MN_TRY(check_indices(c, 1));
  const Shape &data = c.shape(0), &indices = c.shape(1);
  if (!data.ranked) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), data.rank()));
  Shape out;
  if (indices.ranked) {
    out = Shape(std::vector<Dim>(data.dims.begin(), data.dims.begin() + axis));
    out.dims.insert(out.dims.end(), indices.dims.begin(), indices.dims.end());
    out.dims.insert(out.dims.end(), data.dims.begin() + axis + 1, data.dims.end());
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status gather_reference(EvalContext& c) {
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), c.input(0).rank()));
  const AxisSplit split = split_at_axis(c.input(0).dims(), axis);
  MN_ASSIGN(const Ints indices, checked_indices(c.input(1), split.extent));
  return take(c.input(0), split, indices, c.output(0), *c.budget());
}

Status gather_gradient_of(GradientContext& c) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(
      0, c.b.add("gather_gradient", {c.output_gradient(0), c.input(1), shape}, {{"axis", c.int_attribute("axis")}}));
  return {};
}

Status gather_gradient_infer(InferContext& c) {
  MN_TRY(check_indices(c, 1));
  MN_TRY(check_shape_input(c.type(2), "shape"));
  const auto dims = c.ints(2);
  if (!dims) {
    c.set_output(0, c.dtype(0), shape_of_length(c.shape(2)));
    return {};
  }
  MN_TRY(checked_element_count(*dims));
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), static_cast<int64_t>(dims->size())));
  if (c.shape(0).static_dims() && c.shape(1).static_dims()) {
    Dims expected(dims->begin(), dims->begin() + axis);
    const Dims indices = c.shape(1).to_dims();
    expected.insert(expected.end(), indices.begin(), indices.end());
    expected.insert(expected.end(), dims->begin() + axis + 1, dims->end());
    MN_CHECK(c.shape(0).to_dims() == expected, "expected a gradient of shape ", to_string(expected), ", got ",
             to_string(c.shape(0)));
  }
  c.set_output(0, c.dtype(0), Shape(*dims));
  return {};
}

Status gather_gradient_reference(EvalContext& c) {
  Tensor& out = c.output(0);
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), out.rank()));
  const AxisSplit split = split_at_axis(out.dims(), axis);
  MN_ASSIGN(const Ints indices, checked_indices(c.input(1), split.extent));
  fill_zero(out);
  return dispatch<FloatTypes>(out.dtype(), [&]<class T>() -> Status {
    const T* gradient = c.input(0).data<T>();
    for (int64_t o = 0; o < split.outer; ++o) {
      MN_TRY(c.budget()->step(0));
      T* block = out.mutable_data<T>() + o * split.extent * split.inner;
      for (int64_t index : indices) {
        for (int64_t i = 0; i < split.inner; ++i) block[index * split.inner + i] += gradient[i];
        gradient += split.inner;
      }
    }
    return {};
  });
}

Status gather_gradient_gradient(GradientContext& c) {
  c.set_input_gradient(0, c.b.add("gather", {c.output_gradient(0), c.input(1)}, {{"axis", c.int_attribute("axis")}}));
  return {};
}

std::vector<Case> gather_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 4, 2}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {3, 2}), Tensor::of<int64_t>({2, 0, -1}, {3})},
       .expected = {Tensor::of<float>({5, 6, 1, 2, 5, 6}, {3, 2})}},
      {.inputs = {x, Tensor::of<int32_t>({3, 1, 1, -4}, {2, 2})},
       .attributes = {{"axis", 1}},
       .note = "repeated indices"},
      {.inputs = {x, Tensor::scalar<int64_t>(1)}, .attributes = {{"axis", -1}}, .note = "0-d index removes the axis"},
      {.inputs = {x, Tensor::of<int64_t>({}, {0})}, .note = "no indices"},
      {.inputs = {Tensor::of_strings({"a", "b"}, {2}), Tensor::of<int64_t>({1, 1}, {2})},
       .expected = {Tensor::of_strings({"b", "b"}, {2})}},
  };
}

std::vector<Case> gather_gradient_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3}, {3}), Tensor::of<int64_t>({1, 1, -3}, {3}),
                  Tensor::of<int64_t>({3}, {1})},
       .expected = {Tensor::of<float>({3, 3, 0}, {3})}},
      {.inputs = {random_tensor(DType::float32, {2, 2, 2}, 1), Tensor::of<int64_t>({2, 0}, {2}),
                  Tensor::of<int64_t>({2, 3, 2}, {3})},
       .attributes = {{"axis", 1}}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> gather() {
  return {{
              .name = "gather",
              .doc = "Slices along an axis chosen by indices (embedding lookup).",
              .inputs = {2, 2},
              .attributes = {{"axis", 0}},
              .narrow_floats = NarrowFloats::native,
              .infer = gather_infer,
              .reference = gather_reference,
              .gradient = gather_gradient_of,
              .imports = {{"ai.onnx", "Gather"},
                          {"tflite", "GATHER", 1, 1 << 20, tflite::import_gather},
                          {"tflite", "EMBEDDING_LOOKUP", 1, 1 << 20, tflite::import_embedding_lookup}},
              .exports = {{"ai.onnx", "Gather", 11}},
              .cases = gather_cases,
          },
          {
              .name = "gather_gradient",
              .doc = "Slices added into zeros of a shape at indices: inputs gradient, indices, shape.",
              .inputs = {3, 3},
              .attributes = {{"axis", 0}},
              .infer = gather_gradient_infer,
              .reference = gather_gradient_reference,
              .gradient = gather_gradient_gradient,
              .cases = gather_gradient_cases,
          }};
}

}  // namespace minnow::ops
