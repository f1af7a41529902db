// gather_elements: one element per index, from the index's own position except along the axis.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/scattering.h"

namespace minnow::ops {
namespace {

Status gather_elements_infer(InferContext& c) {
  MN_TRY(check_element_indices(c, 0, 1, c.int_attribute("axis")));
  c.set_output(0, c.dtype(0),
               c.shape(1).ranked   ? c.shape(1)
               : c.shape(0).ranked ? Shape::of_rank(c.shape(0).rank())
                                   : Shape());
  return {};
}

Status gather_elements_reference(EvalContext& c) {
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), c.input(0).rank()));
  MN_ASSIGN(const Ints offsets, element_offsets(c.input(1), c.input(0).dims(), axis));
  return take_runs(c.input(0), offsets, 1, c.output(0), *c.budget());
}

Status gather_elements_gradient(GradientContext& c) {
  const ValueId zeros = zeros_like(c.b, c.input(0));
  c.set_input_gradient(0, c.b.add("scatter_elements", {zeros, c.input(1), c.output_gradient(0)},
                                  {{"axis", c.int_attribute("axis")}, {"reduction", "add"}}));
  return {};
}

std::vector<Case> gather_elements_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 4}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 2}), Tensor::of<int64_t>({0, 0, 1, 0}, {2, 2})},
       .attributes = {{"axis", 1}},
       .expected = {Tensor::of<float>({1, 1, 4, 3}, {2, 2})}},
      {.inputs = {x, Tensor::of<int64_t>({2, 0, -1, 1, 1, 1}, {2, 3})}, .note = "fewer indices than data"},
      {.inputs = {x, Tensor::of<int32_t>({3, 3, 0}, {3, 1})}, .attributes = {{"axis", -1}}, .note = "negative axis"},
      {.inputs = {x, Tensor::of<int64_t>({}, {0, 4})}, .note = "no indices"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> gather_elements() {
  return {{
      .name = "gather_elements",
      .doc = "Elements chosen by an index for every position along an axis.",
      .inputs = {2, 2},
      .attributes = {{"axis", 0}},
      .narrow_floats = NarrowFloats::native,
      .infer = gather_elements_infer,
      .reference = gather_elements_reference,
      .gradient = gather_elements_gradient,
      .imports = {{"ai.onnx", "GatherElements"}},
      .exports = {{"ai.onnx", "GatherElements", 11}},
      .cases = gather_elements_cases,
  }};
}

}  // namespace minnow::ops
