// concat: tensors joined along an axis.
#include "base/checked.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"
#include "ops/tflite_mediapipe.h"

namespace minnow::ops {
namespace {

// Merges one input's dims into the output so far; the joined axis is summed, the others must agree.
Status join(Shape& out, const Shape& in, int64_t axis, int index) {
  MN_CHECK(in.rank() == out.rank(), "input ", index, " is ", in.rank(), "-D ", to_string(in),
           ", but the first ranked input is ", out.rank(), "-D");
  for (int64_t i = 0; i < out.rank(); ++i) {
    Dim& dim = out.dims[static_cast<size_t>(i)];
    const Dim& other = in.dims[static_cast<size_t>(i)];
    if (i == axis) {
      int64_t sum = 0;
      MN_CHECK(!dim.known() || !other.known() || checked_add(dim.value, other.value, &sum), "axis ", axis,
               " sums to more than 2^63");
      dim = dim.known() && other.known() ? Dim(sum) : Dim();
    } else {
      MN_CHECK(!dim.known() || !other.known() || dim.value == other.value, "input ", index, " is ", to_string(in),
               ", which differs from ", to_string(out), " in dimension ", i, " (concatenated along ", axis, ")");
      if (!dim.known() && (other.known() || dim.symbol.empty())) dim = other;
    }
  }
  return {};
}

Status concat_infer(InferContext& c) {
  DType dtype = DType::undefined;
  bool all_ranked = true;
  Shape out;
  int64_t axis = 0;
  for (int i = 0; i < c.input_count(); ++i) {
    MN_CHECK(c.has_input(i), "input ", i, " is absent");
    if (dtype == DType::undefined) dtype = c.dtype(i);
    MN_CHECK(c.dtype(i) == DType::undefined || c.dtype(i) == dtype, "inputs must have one element type, got ",
             to_string(dtype), " and ", to_string(c.dtype(i)));
    if (!c.shape(i).ranked) {
      all_ranked = false;
    } else if (!out.ranked) {
      out = c.shape(i);
      MN_ASSIGN(axis, normalize_axis(c.int_attribute("axis"), out.rank()));
    } else {
      MN_TRY(join(out, c.shape(i), axis, i));
    }
  }
  if (!all_ranked && out.ranked) out.dims[static_cast<size_t>(axis)] = Dim();
  c.set_output(0, dtype, out);
  return {};
}

Status concat_reference(EvalContext& c) {
  Tensor& out = c.output(0);
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), out.rank()));
  const Dims strides = row_major_strides(out.dims());
  int64_t offset = 0;
  for (int i = 0; i < c.input_count(); ++i) {
    MN_TRY(copy_to_strides(c.input(i), out, offset, strides, *c.budget()));
    offset += c.input(i).dim(axis) * strides[static_cast<size_t>(axis)];
  }
  return {};
}

Status concat_gradient(GradientContext& c) {
  Builder& b = c.b;
  const Attribute axis(c.int_attribute("axis"));
  std::vector<ValueId> sizes;
  for (int i = 0; i < c.input_count(); ++i) {
    const ValueId shape = b.add("shape", {c.input(i)});
    sizes.push_back(b.add("gather", {shape, b.ints({c.int_attribute("axis")})}));
  }
  const ValueId lengths = b.add("concat", sizes, {{"axis", 0}});
  const ValueId inputs[] = {c.output_gradient(0), lengths};
  const std::vector<ValueId> parts = b.add_many("split", inputs, c.input_count(), {{"axis", axis}});
  for (int i = 0; i < c.input_count(); ++i) c.set_input_gradient(i, parts[static_cast<size_t>(i)]);
  return {};
}

// Version 1 had a default: axis 1.
Status import_first(ImportContext& c) {
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 1));
  return c.take_over(c.node.inputs, {{"axis", axis}});
}

std::vector<Case> concat_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({3}, {1})},
       .attributes = {{"axis", 0}},
       .expected = {Tensor::of<float>({1, 2, 3}, {3})}},
      {.inputs = {f({2, 3, 2}, 1), f({2, 1, 2}, 2), f({2, 2, 2}, 3)}, .attributes = {{"axis", 1}}},
      {.inputs = {f({2, 3}, 1), f({2, 2}, 2)}, .attributes = {{"axis", -1}}, .note = "negative axis"},
      {.inputs = {f({2, 3}, 1)}, .attributes = {{"axis", 0}}, .note = "one input"},
      {.inputs = {f({2, 0}, 1), f({2, 3}, 2)}, .attributes = {{"axis", 1}}, .note = "an input without elements"},
      {.inputs = {Tensor::of_strings({"a", "b"}, {2}), Tensor::of_strings({"c"}, {1})},
       .attributes = {{"axis", 0}},
       .expected = {Tensor::of_strings({"a", "b", "c"}, {3})}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> concat() {
  return {{
      .name = "concat",
      .doc = "Tensors joined along an axis.",
      .inputs = {1, Arity::kMany},
      .attributes = {required("axis", AttributeKind::integer)},
      .narrow_floats = NarrowFloats::native,
      .infer = concat_infer,
      .reference = concat_reference,
      .gradient = concat_gradient,
      .imports = {{"ai.onnx", "Concat", 1, 3, import_first},
                  {"ai.onnx", "Concat", 4},
                  {"tflite", "CONCATENATION", 1, 1 << 20, tflite::import_concatenation},
                  {"tflite", "PACK", 1, 1 << 20, tflite::import_pack},
                  {"tflite.custom", "TransformLandmarks", 2, 2, tflite::import_transform_landmarks}},
      .exports = {{"ai.onnx", "Concat", 4}},
      .cases = concat_cases,
  }};
}

}  // namespace minnow::ops
