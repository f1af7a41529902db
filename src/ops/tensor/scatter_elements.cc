// scatter_elements: updates written (or added, …) at an index for every position along an axis.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/scattering.h"

namespace minnow::ops {
namespace {

Status scatter_elements_infer(InferContext& c) {
  MN_TRY(check_reduction(c.string_attribute("reduction")));
  MN_TRY(c.expect_same_dtype(0, 2));
  MN_TRY(check_element_indices(c, 0, 1, c.int_attribute("axis")));
  if (c.shape(1).static_dims() && c.shape(2).static_dims()) {
    MN_CHECK(c.shape(1).to_dims() == c.shape(2).to_dims(), "indices ", to_string(c.shape(1)), " and updates ",
             to_string(c.shape(2)), " must have one shape");
  }
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

Status scatter_elements_reference(EvalContext& c) {
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), c.input(0).rank()));
  MN_ASSIGN(const Ints offsets, element_offsets(c.input(1), c.input(0).dims(), axis));
  copy_elements(c.input(0), c.output(0));
  return scatter_runs(c.string_attribute("reduction"), c.input(2), offsets, 1, c.output(0), *c.budget());
}

// Overwritten elements of data have no influence; with repeated indices the gradient of `none` is not defined.
Status scatter_elements_gradient(GradientContext& c) {
  const std::string& reduction = c.string_attribute("reduction");
  const ValueId gradient = c.output_gradient(0);
  const Attributes axis = {{"axis", c.int_attribute("axis")}};
  if (reduction != "none" && reduction != "add") return unsupported({"no gradient for reduction '", reduction, "'"});
  if (reduction == "none") {
    c.set_input_gradient(0, c.b.add("scatter_elements", {gradient, c.input(1), zeros_like(c.b, c.input(2))}, axis));
  } else {
    c.set_input_gradient(0, gradient);
  }
  c.set_input_gradient(2, c.b.add("gather_elements", {gradient, c.input(1)}, axis));
  return {};
}

std::vector<Case> scatter_elements_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 4}, 1);
  const Tensor ones = Tensor::of<float>({1, 2, 3, 4, 5}, {1, 5});
  const Tensor at = Tensor::of<int64_t>({1, 1}, {1, 2});
  const Tensor two = Tensor::of<float>({1.1f, 2.1f}, {1, 2});
  const auto with = [](std::string_view reduction) {
    return Attributes{{"axis", 1}, {"reduction", std::string(reduction)}};
  };
  return {
      {.inputs = {ones, Tensor::of<int64_t>({1, -2}, {1, 2}), two},
       .attributes = {{"axis", 1}},
       .expected = {Tensor::of<float>({1, 1.1f, 3, 2.1f, 5}, {1, 5})}},
      {.inputs = {ones, at, two},
       .attributes = with("add"),
       .expected = {Tensor::of<float>({1, 5.2f, 3, 4, 5}, {1, 5})}},
      {.inputs = {ones, at, two},
       .attributes = with("mul"),
       .expected = {Tensor::of<float>({1, 4.62f, 3, 4, 5}, {1, 5})},
       .differentiable = false},
      {.inputs = {ones, at, two},
       .attributes = with("max"),
       .expected = {Tensor::of<float>({1, 2.1f, 3, 4, 5}, {1, 5})},
       .differentiable = false},
      {.inputs = {ones, at, two},
       .attributes = with("min"),
       .expected = {Tensor::of<float>({1, 1.1f, 3, 4, 5}, {1, 5})},
       .differentiable = false},
      {.inputs = {x, Tensor::of<int32_t>({2, 0, 1, 0, 1, 2}, {2, 3}), random_tensor(DType::float32, {2, 3}, 2)}},
      {.inputs = {x, Tensor::of<int64_t>({}, {0, 4}), random_tensor(DType::float32, {0, 4}, 2)}, .note = "no updates"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> scatter_elements() {
  return {{
      .name = "scatter_elements",
      .doc = "Data with updates written, added, multiplied, or by maximum or minimum, at indices along an axis.",
      .inputs = {3, 3},
      .attributes = {{"axis", 0}, {"reduction", "none"}},
      .infer = scatter_elements_infer,
      .reference = scatter_elements_reference,
      .gradient = scatter_elements_gradient,
      .imports = {{"ai.onnx", "ScatterElements"}, {"ai.onnx", "Scatter"}},
      .exports = {{"ai.onnx", "ScatterElements", 18}},
      .cases = scatter_elements_cases,
  }};
}

}  // namespace minnow::ops
