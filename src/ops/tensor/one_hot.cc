// one_hot: a new axis of length depth that holds `on` at the index and `off` elsewhere; indices outside give only
// `off`.
#include <cmath>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

// The new axis among rank + 1.
Result<int64_t> new_axis(const NodeView& c, int64_t rank) { return normalize_axis(c.int_attribute("axis"), rank + 1); }

Status one_hot_infer(InferContext& c) {
  const Shape& indices = c.shape(0);
  if (c.shape(1).static_dims())
    MN_CHECK(element_count(c.shape(1).to_dims()) == 1, "depth must be one number, got ", to_string(c.shape(1)));
  MN_TRY(c.expect_rank(2, 1, "values"));
  if (c.shape(2).static_dims())
    MN_CHECK(c.shape(2).dims[0].value == 2, "values must be [off, on], got ", to_string(c.shape(2)));
  for (int i = 0; i < 2; ++i)
    MN_CHECK(c.dtype(i) != DType::string && !is_complex(c.dtype(i)), "indices and depth must be real numbers");
  Dim depth;
  if (const auto value = c.scalar(1)) {
    MN_CHECK(*value >= 0 && *value < 9e18, "depth must be at least 0, got ", *value);
    depth = Dim(static_cast<int64_t>(*value));
  }
  if (!indices.ranked) {
    c.set_output(0, c.dtype(2), Shape());
    return {};
  }
  MN_ASSIGN(const int64_t axis, new_axis(c, indices.rank()));
  Shape out = indices;
  out.dims.insert(out.dims.begin() + axis, depth);
  c.set_output(0, c.dtype(2), out);
  return {};
}

Status one_hot_reference(EvalContext& c) {
  Tensor& out = c.output(0);
  MN_ASSIGN(const int64_t axis, new_axis(c, c.input(0).rank()));
  const AxisSplit split = split_at_axis(out.dims(), axis);
  const Tensor off = c.input(2).rows(0, 1), on = c.input(2).rows(1, 1);
  const Dims zeros(out.dims().size(), 0);
  MN_TRY(copy_from_strides(off, 0, zeros, out, *c.budget()));
  if (out.size() == 0) return {};
  Ints offsets;
  const Ints indices = to_ints(c.input(0));
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < -split.extent || indices[i] >= split.extent) continue;
    const int64_t position = static_cast<int64_t>(i), index = indices[i] < 0 ? indices[i] + split.extent : indices[i];
    offsets.push_back((position / split.inner * split.extent + index) * split.inner + position % split.inner);
  }
  MN_ASSIGN(Tensor ones, c.scratch(out.dtype(), {static_cast<int64_t>(offsets.size())}));
  MN_TRY(copy_from_strides(on, 0, Dims{0}, ones, *c.budget()));
  return put_runs(ones, offsets, 1, out, *c.budget());
}

// on: the gradient summed where hot; off: the rest of it.
Status one_hot_gradient(GradientContext& c) {
  Builder& b = c.b;
  const ValueId gradient = c.output_gradient(0);
  const ValueId zero = b.scalar_like(0, c.input(2)), one = b.scalar_like(1, c.input(2)), front = b.ints({0});
  const ValueId zero_one =
      b.add("concat", {b.add("unsqueeze", {zero, front}), b.add("unsqueeze", {one, front})}, {{"axis", 0}});
  const ValueId hot = b.add("one_hot", {c.input(0), c.input(1), zero_one}, {{"axis", c.int_attribute("axis")}});
  const auto total = [&](ValueId id) {
    return b.add("reshape", {b.add("reduce_sum", {id}, {{"keepdims", 0}}), b.ints({1})});
  };
  const ValueId on = total(b.add("mul", {gradient, hot}));
  const ValueId off = b.add("sub", {total(gradient), on});
  c.set_input_gradient(2, b.add("concat", {off, on}, {{"axis", 0}}));
  return {};
}

std::vector<Case> one_hot_cases() {
  const Tensor values = Tensor::of<float>({0, 1}, {2});
  return {
      {.inputs = {Tensor::of<int64_t>({0, 2, -1, 3}, {4}), Tensor::scalar<int64_t>(3), values},
       .expected = {Tensor::of<float>({1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0}, {4, 3})}},
      {.inputs = {Tensor::of<int64_t>({1, 0}, {2}), Tensor::of<int64_t>({2}, {1}), Tensor::of<int32_t>({5, 7}, {2})},
       .attributes = {{"axis", 0}},
       .expected = {Tensor::of<int32_t>({5, 7, 7, 5}, {2, 2})}},
      {.inputs = {Tensor::of<int32_t>({1, 0, 2, 1}, {2, 2}), Tensor::scalar(3.0f), Tensor::of<float>({-1, 2}, {2})},
       .attributes = {{"axis", -2}}},
      {.inputs = {Tensor::scalar<int64_t>(1), Tensor::scalar<int64_t>(2), values},
       .expected = {Tensor::of<float>({0, 1}, {2})},
       .note = "0-d"},
      {.inputs = {Tensor::of<int64_t>({1, 0}, {2}), Tensor::scalar<int64_t>(0), values}, .note = "depth 0"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> one_hot() {
  return {{
      .name = "one_hot",
      .doc = "Indices as a new axis with one value at the index and another elsewhere.",
      .inputs = {3, 3},
      .attributes = {{"axis", -1}},
      .infer = one_hot_infer,
      .reference = one_hot_reference,
      .gradient = one_hot_gradient,
      .imports = {{"ai.onnx", "OneHot"}, {"tflite", "ONE_HOT", 1, 1 << 20, tflite::import_one_hot}},
      .exports = {{"ai.onnx", "OneHot", 11}},
      .cases = one_hot_cases,
  }};
}

}  // namespace minnow::ops
