// flatten: a matrix of the dims before an axis times the dims from it on.
#include "base/checked.h"
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/reshaping.h"

namespace minnow::ops {
namespace {

// Product of dims, unknown when one is; a single named dim keeps its name.
Result<Dim> product(std::span<const Dim> dims) {
  Dim out(1);
  for (const Dim& dim : dims) {
    if (dim.value == 0) return Dim(0);
    if (dim.value == 1) continue;
    if (out.value == 1) {
      out = dim;
    } else if (dim.known() && out.known()) {
      MN_CHECK(checked_mul(out.value, dim.value, &out.value), "the flattened shape has more than 2^63 elements");
    } else {
      out = Dim();
    }
  }
  return out;
}

Status flatten_infer(InferContext& c) {
  const Shape& in = c.shape(0);
  if (!in.ranked) {
    c.set_output(0, c.dtype(0), Shape::of_rank(2));
    return {};
  }
  int64_t axis = c.int_attribute("axis");
  MN_CHECK(axis >= -in.rank() && axis <= in.rank(), "axis ", axis, " is outside [", -in.rank(), ", ", in.rank(),
           "] of a ", in.rank(), "-D tensor");
  if (axis < 0) axis += in.rank();
  const std::span<const Dim> dims(in.dims);
  MN_ASSIGN(Dim rows, product(dims.first(static_cast<size_t>(axis))));
  MN_ASSIGN(Dim columns, product(dims.subspan(static_cast<size_t>(axis))));
  c.set_output(0, c.dtype(0), Shape{std::move(rows), std::move(columns)});
  return {};
}

std::vector<Case> flatten_cases() {
  const Tensor x = random_tensor(DType::float32, {2, 3, 4}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 1, 2})}, .expected = {Tensor::of<float>({1, 2, 3, 4}, {2, 2})}},
      {.inputs = {x}, .attributes = {{"axis", 0}}},
      {.inputs = {x}, .attributes = {{"axis", 3}}},
      {.inputs = {x}, .attributes = {{"axis", -1}}, .note = "negative axis"},
      {.inputs = {Tensor::scalar(3.0f)},
       .attributes = {{"axis", 0}},
       .expected = {Tensor::of<float>({3}, {1, 1})},
       .note = "0-d"},
      {.inputs = {random_tensor(DType::float32, {2, 0, 4}, 1)}, .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> flatten() {
  return {{
      .name = "flatten",
      .doc = "A matrix: dims before the axis times dims from it on.",
      .attributes = {{"axis", 1}},
      .narrow_floats = NarrowFloats::native,
      .infer = flatten_infer,
      .reference = reshaping_reference,
      .gradient = reshaping_gradient,
      .imports = {{"ai.onnx", "Flatten"}},
      .exports = {{"ai.onnx", "Flatten", 1}},
      .cases = flatten_cases,
  }};
}

}  // namespace minnow::ops
