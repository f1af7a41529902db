// gather_nd: slices chosen by index tuples, after shared batch dims. gather_nd_gradient adds slices back.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/scattering.h"
#include "ops/spatial.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status gather_nd_infer(InferContext& c) {
  MN_TRY(expect_integers(c, 1, "indices"));
  MN_ASSIGN(Shape out, tuple_result_shape(c.shape(0), c.shape(1), c.int_attribute("batch_dims")));
  c.set_output(0, c.dtype(0), std::move(out));
  return {};
}

int64_t run_length(const Tensor& data, const Tensor& indices, int64_t batch_dims) {
  return element_count(std::span(data.dims()).subspan(static_cast<size_t>(batch_dims + indices.dims().back())));
}

Status gather_nd_reference(EvalContext& c) {
  const int64_t batch_dims = c.int_attribute("batch_dims");
  if (c.output(0).size() == 0) return {};
  MN_ASSIGN(const Ints offsets, tuple_offsets(c.input(1), c.input(0).dims(), batch_dims));
  return take_runs(c.input(0), offsets, run_length(c.input(0), c.input(1), batch_dims), c.output(0), *c.budget());
}

Status gather_nd_gradient_of(GradientContext& c) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(0, c.b.add("gather_nd_gradient", {c.output_gradient(0), c.input(1), shape},
                                  {{"batch_dims", c.int_attribute("batch_dims")}}));
  return {};
}

Status gather_nd_gradient_infer(InferContext& c) {
  MN_TRY(expect_integers(c, 1, "indices"));
  MN_TRY(check_shape_input(c.type(2), "shape"));
  const auto dims = c.ints(2);
  if (!dims) {
    c.set_output(0, c.dtype(0), shape_of_length(c.shape(2)));
    return {};
  }
  MN_TRY(checked_element_count(*dims));
  MN_ASSIGN(const Shape expected, tuple_result_shape(Shape(*dims), c.shape(1), c.int_attribute("batch_dims")));
  MN_CHECK(!expected.static_dims() || !c.shape(0).static_dims() || expected == c.shape(0),
           "expected a gradient of shape ", to_string(expected), ", got ", to_string(c.shape(0)));
  c.set_output(0, c.dtype(0), Shape(*dims));
  return {};
}

Status gather_nd_gradient_reference(EvalContext& c) {
  const int64_t batch_dims = c.int_attribute("batch_dims");
  Tensor& out = c.output(0);
  fill_zero(out);
  if (c.input(0).size() == 0) return {};
  MN_ASSIGN(const Ints offsets, tuple_offsets(c.input(1), out.dims(), batch_dims));
  return scatter_runs("add", c.input(0), offsets, run_length(out, c.input(1), batch_dims), out, *c.budget());
}

Status gather_nd_gradient_gradient(GradientContext& c) {
  c.set_input_gradient(
      0, c.b.add("gather_nd", {c.output_gradient(0), c.input(1)}, {{"batch_dims", c.int_attribute("batch_dims")}}));
  return {};
}

std::vector<Case> gather_nd_cases() {
  const Tensor x = random_tensor(DType::float32, {2, 3, 4}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {2, 2}), Tensor::of<int64_t>({0, 0, 1, -1}, {2, 2})},
       .expected = {Tensor::of<float>({1, 4}, {2})}},
      {.inputs = {x, Tensor::of<int64_t>({1, 0, 1}, {3, 1})}, .note = "repeated slices"},
      {.inputs = {x, Tensor::of<int64_t>({2, 0}, {2, 1})}, .attributes = {{"batch_dims", 1}}, .note = "batch"},
      {.inputs = {x, Tensor::of<int64_t>({}, {0, 2})}, .note = "no tuples"},
      {.inputs = {x, Tensor::of<int64_t>({}, {2, 0})}, .note = "empty tuples copy everything"},
  };
}

std::vector<Case> gather_nd_gradient_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {2}), Tensor::of<int64_t>({2, -1}, {2, 1}), Tensor::of<int64_t>({3}, {1})},
       .expected = {Tensor::of<float>({0, 0, 3}, {3})}},
      {.inputs = {random_tensor(DType::float32, {2, 4}, 2), Tensor::of<int64_t>({2, 0}, {2, 1}),
                  Tensor::of<int64_t>({2, 3, 4}, {3})},
       .attributes = {{"batch_dims", 1}}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> gather_nd() {
  return {{
              .name = "gather_nd",
              .doc = "Slices chosen by index tuples along the last dim of indices.",
              .inputs = {2, 2},
              .attributes = {{"batch_dims", 0}},
              .narrow_floats = NarrowFloats::native,
              .infer = gather_nd_infer,
              .reference = gather_nd_reference,
              .gradient = gather_nd_gradient_of,
              .imports = {{"ai.onnx", "GatherND"}, {"tflite", "GATHER_ND", 1, 1 << 20, tflite::import_gather_nd}},
              .exports = {{"ai.onnx", "GatherND", 12}},
              .cases = gather_nd_cases,
          },
          {
              .name = "gather_nd_gradient",
              .doc = "Slices added into zeros of a shape at index tuples: inputs gradient, indices, shape.",
              .inputs = {3, 3},
              .attributes = {{"batch_dims", 0}},
              .infer = gather_nd_gradient_infer,
              .reference = gather_nd_gradient_reference,
              .gradient = gather_nd_gradient_gradient,
              .cases = gather_nd_gradient_cases,
          }};
}

}  // namespace minnow::ops
