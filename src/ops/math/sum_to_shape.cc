// sum_to_shape: undoes broadcasting, summing over the dimensions along which `shape` was repeated to give x. Gradients
// of broadcasting operators need it; ONNX has no such operator.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

Status sum_to_shape_infer(InferContext& c) {
  MN_TRY(c.expect_rank(1, 1, "shape"));
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  MN_TRY(expect_dtype(c, 1, is_integer, "an integer type"));
  const auto target = c.ints(1);
  if (!target) {
    const Shape& shape = c.shape(1);
    c.set_output(0, c.dtype(0), shape.ranked && shape.dims[0].known() ? Shape::of_rank(shape.dims[0].value) : Shape());
    return {};
  }
  MN_TRY(checked_element_count(*target));
  MN_ASSIGN(const Shape broadcast, broadcast_shapes(Shape(*target), c.shape(0)));
  if (c.shape(0).static_dims()) {
    MN_CHECK(broadcast == c.shape(0), "shape ", to_string(Shape(*target)), " does not broadcast to the input's ",
             to_string(c.shape(0)));
  }
  c.set_output(0, c.dtype(0), Shape(*target));
  return {};
}

Status sum_to_shape_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  Tensor& out = c.output(0);
  return dispatch<WrappingTypes>(unsigned_twin(x.dtype()), [&]<class T>() -> Status {
    T* sums = out.mutable_data<T>();
    std::fill(sums, sums + out.size(), T(0));
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, T>;
    return fold_into(x, out.dims(), sums, c.budget(), Sum(0), [](auto a, auto b) { return wrapping_add(a, b); });
  });
}

Status sum_to_shape_gradient(GradientContext& c) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(0, c.b.add("expand", {c.output_gradient(0), shape}));
  return {};
}

std::vector<Case> sum_to_shape_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const auto shape = [](std::initializer_list<int64_t> dims) {
    return Tensor::of<int64_t>(dims, {static_cast<int64_t>(dims.size())});
  };
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3}), shape({2, 1})},
       .expected = {Tensor::of<float>({6, 15}, {2, 1})}},
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3}), shape({3})},
       .expected = {Tensor::of<float>({5, 7, 9}, {3})}},
      {.inputs = {f({4, 3, 2, 5}, 1), shape({3, 1, 5})}, .note = "outer and middle"},
      {.inputs = {f({3, 4}, 2), shape({})}, .note = "to a scalar"},
      {.inputs = {f({3, 4}, 3), shape({3, 4})}, .note = "nothing to sum"},
      {.inputs = {f({0, 4}, 4), shape({4})}, .expected = {Tensor::of<float>({0, 0, 0, 0}, {4})}, .note = "empty sums"},
      {.inputs = {Tensor::of<int64_t>({1, -2, 3}, {3, 1}), shape({1})}, .expected = {Tensor::of<int64_t>({2}, {1})}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> sum_to_shape() {
  return {{
      .name = "sum_to_shape",
      .doc = "Sums x over the dimensions along which a tensor of `shape` would be broadcast to x.",
      .inputs = {2, 2},
      .infer = sum_to_shape_infer,
      .reference = sum_to_shape_reference,
      .gradient = sum_to_shape_gradient,
      .cases = sum_to_shape_cases,
  }};
}

}  // namespace minnow::ops
