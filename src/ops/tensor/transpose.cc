// transpose: permutes dims; without perm, reverses them.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

// The permutation, checked to name every axis once.
Result<Ints> permutation(const NodeView& c, int64_t rank) {
  Ints perm;
  if (!c.has_attribute("perm")) {
    for (int64_t i = rank; i-- > 0;) perm.push_back(i);
    return perm;
  }
  perm = c.ints_attribute("perm");
  MN_CHECK(static_cast<int64_t>(perm.size()) == rank, "perm ", to_string(perm), " has ", perm.size(), " entries for a ",
           rank, "-D tensor");
  return normalize_axes(perm, rank);
}

Status transpose_infer(InferContext& c) {
  const Shape& in = c.shape(0);
  if (!in.ranked) {
    const size_t rank = c.ints_attribute("perm").size();
    c.set_output(0, c.dtype(0), rank != 0 ? Shape::of_rank(static_cast<int64_t>(rank)) : Shape());
    return {};
  }
  MN_ASSIGN(const Ints perm, permutation(c, in.rank()));
  Shape out(std::vector<Dim>{});
  for (int64_t axis : perm) out.dims.push_back(in.dims[static_cast<size_t>(axis)]);
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status transpose_reference(EvalContext& c) {
  MN_ASSIGN(const Ints perm, permutation(c, c.input(0).rank()));
  const Dims strides = row_major_strides(c.input(0).dims());
  Dims permuted;
  for (int64_t axis : perm) permuted.push_back(strides[static_cast<size_t>(axis)]);
  return copy_from_strides(c.input(0), 0, permuted, c.output(0), *c.budget());
}

Status transpose_gradient(GradientContext& c) {
  if (!c.has_attribute("perm")) {
    c.set_input_gradient(0, c.b.add("transpose", {c.output_gradient(0)}));
    return {};
  }
  const Ints& perm = c.ints_attribute("perm");
  MN_ASSIGN(const Ints normal, normalize_axes(perm, static_cast<int64_t>(perm.size())));
  Ints inverse(normal.size());
  for (size_t i = 0; i < normal.size(); ++i) inverse[static_cast<size_t>(normal[i])] = static_cast<int64_t>(i);
  c.set_input_gradient(0, c.b.add("transpose", {c.output_gradient(0)}, {{"perm", inverse}}));
  return {};
}

std::vector<Case> transpose_cases() {
  const Tensor x = random_tensor(DType::float32, {2, 3, 4}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3})},
       .expected = {Tensor::of<float>({1, 4, 2, 5, 3, 6}, {3, 2})}},
      {.inputs = {x}, .attributes = {{"perm", Ints{1, 2, 0}}}},
      {.inputs = {x}, .attributes = {{"perm", Ints{0, 2, 1}}}},
      {.inputs = {random_tensor(DType::float32, {2, 1, 3, 5}, 2)},
       .attributes = {{"perm", Ints{0, 2, 3, 1}}},
       .note = "NCHW to NHWC"},
      {.inputs = {Tensor::scalar(1.0f)}, .note = "0-d"},
      {.inputs = {random_tensor(DType::float32, {0, 3}, 2)}, .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> transpose() {
  return {{
      .name = "transpose",
      .doc = "Permutes dims: output dim i is input dim perm[i].",
      .attributes = {{"perm", AttributeKind::integers}},
      .narrow_floats = NarrowFloats::native,
      .infer = transpose_infer,
      .reference = transpose_reference,
      .gradient = transpose_gradient,
      .imports = {{"ai.onnx", "Transpose"},
                  {"tflite", "SPACE_TO_BATCH_ND", 1, 1 << 20, tflite::import_space_to_batch},
                  {"tflite", "BATCH_TO_SPACE_ND", 1, 1 << 20, tflite::import_batch_to_space},
                  {"tflite", "TRANSPOSE", 1, 1 << 20, tflite::import_transpose}},
      .exports = {{"ai.onnx", "Transpose", 1}},
      .cases = transpose_cases,
  }};
}

}  // namespace minnow::ops
