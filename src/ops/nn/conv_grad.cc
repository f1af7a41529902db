// The two backward operators of conv. Each is linear in both operands, so that their own gradients are convolutions
// again: conv_grad_input is also what conv_transpose and col2im decompose into.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/dispatch.h"

namespace minnow::ops {
namespace {

// The output has the shape that the operand `i` holds as values; checks x, w and dy against each other when all are
// known.
Status grad_infer(InferContext& c, int dy, bool of_input) {
  MN_TRY(c.expect_same_dtype(0, 1));
  MN_TRY(c.expect_rank(2, 1, "shape"));
  MN_TRY(expect_integers(c, 2, "shape"));
  const auto target = c.ints(2);
  if (!target) {
    const Shape& known = c.shape(dy).ranked ? c.shape(dy) : c.shape(1 - dy);
    c.set_output(0, c.dtype(0), known.ranked ? Shape::of_rank(known.rank()) : Shape());
    return {};
  }
  MN_TRY(checked_element_count(*target));
  c.set_output(0, c.dtype(0), Shape(*target));
  const Shape& other = c.shape(1 - dy);
  if (!other.ranked) return {};
  MN_ASSIGN(const ConvolutionShapes shapes,
            of_input ? convolution_shapes(c, Shape(*target), other) : convolution_shapes(c, other, Shape(*target)));
  const Shape expected = shapes.y.shape(shapes.last);
  if (!c.shape(dy).static_dims() || !expected.static_dims()) return {};
  MN_CHECK(c.shape(dy).to_dims() == expected.to_dims(), "output gradient: expected ", to_string(expected), ", got ",
           to_string(c.shape(dy)));
  return {};
}

Status grad_input_infer(InferContext& c) { return grad_infer(c, 0, true); }
Status grad_weight_infer(InferContext& c) { return grad_infer(c, 1, false); }

Status grad_input_reference(EvalContext& c) {
  MN_ASSIGN(const Convolution conv, concrete_convolution(c, c.output(0).dims(), c.input(1).dims(), c.input(0).dims()));
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* dy = c.input(0).data<T>();
    const T* w = c.input(1).data<T>();
    T* dx = c.output(0).mutable_data<T>();
    std::fill(dx, dx + c.output(0).size(), T(0));
    Pace pace(c.budget());
    for (int64_t n = 0; n < conv.y.batch; ++n) {
      for (int64_t m = 0; m < conv.y.channels; ++m) {
        int64_t work = 0;
        for_each_row(conv, n, m, [&](const ConvolutionRow& row) {
          add_scaled(dx + row.x, row.x_step, dy + row.y, row.y_step, w[row.w], row.count);
          work += row.count;
        });
        MN_TRY(pace.work(work));
      }
    }
    return {};
  });
}

// Sum of a[i * a_step] * b[i * b_step] in eight parts, so that it vectorises and rounds less than one running sum.
template <class T>
T dot(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t count) {
  T parts[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int64_t p = 0; p < 8; ++p) parts[p] += a[(i + p) * a_step] * b[(i + p) * b_step];
  }
  T sum = T(0);
  for (; i < count; ++i) sum += a[i * a_step] * b[i * b_step];
  for (T part : parts) sum += part;
  return sum;
}

Status grad_weight_reference(EvalContext& c) {
  MN_ASSIGN(const Convolution conv, concrete_convolution(c, c.input(0).dims(), c.output(0).dims(), c.input(1).dims()));
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* x = c.input(0).data<T>();
    const T* dy = c.input(1).data<T>();
    T* dw = c.output(0).mutable_data<T>();
    std::fill(dw, dw + c.output(0).size(), T(0));
    Pace pace(c.budget());
    for (int64_t n = 0; n < conv.y.batch; ++n) {
      for (int64_t m = 0; m < conv.y.channels; ++m) {
        int64_t work = 0;
        for_each_row(conv, n, m, [&](const ConvolutionRow& row) {
          dw[row.w] += row.x_step == 1 && row.y_step == 1
                           ? dot<T>(x + row.x, 1, dy + row.y, 1, row.count)
                           : dot<T>(x + row.x, row.x_step, dy + row.y, row.y_step, row.count);
          work += row.count;
        });
        MN_TRY(pace.work(work));
      }
    }
    return {};
  });
}

// dx(dy, w): d loss / d dy = conv(g, w), d loss / d w = dw(g, dy) with g in the place of x.
Status grad_input_gradient(GradientContext& c) {
  const ValueId g = c.output_gradient(0);
  if (is_wanted(c, 0)) c.set_input_gradient(0, c.b.add("conv", {g, c.input(1)}, c.node().attributes));
  if (is_wanted(c, 1)) {
    const ValueId shape = c.b.add("shape", {c.input(1)});
    c.set_input_gradient(1, c.b.add("conv_grad_weight", {g, c.input(0), shape}, c.node().attributes));
  }
  return {};
}

// dw(x, dy): d loss / d x = dx(dy, g), d loss / d dy = conv(x, g) with g in the place of w.
Status grad_weight_gradient(GradientContext& c) {
  const ValueId g = c.output_gradient(0);
  if (is_wanted(c, 0)) {
    const ValueId shape = c.b.add("shape", {c.input(0)});
    c.set_input_gradient(0, c.b.add("conv_grad_input", {c.input(1), g, shape}, c.node().attributes));
  }
  if (is_wanted(c, 1)) c.set_input_gradient(1, c.b.add("conv", {c.input(0), g}, c.node().attributes));
  return {};
}

int64_t operand_bytes(const InferContext& c) {
  const int64_t elements = element_count(c.shape(0).to_dims()) + element_count(c.shape(1).to_dims()) +
                           element_count(c.outputs()[0].shape.to_dims());
  return elements * static_cast<int64_t>(element_bytes(c.dtype(0)));
}

Cost grad_input_cost(const InferContext& c) {
  return {convolution_multiply_adds(c, c.outputs()[0].shape, c.shape(1)), operand_bytes(c)};
}
Cost grad_weight_cost(const InferContext& c) {
  return {convolution_multiply_adds(c, c.shape(0), c.outputs()[0].shape), operand_bytes(c)};
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> grad_input_cases() {
  return {
      // One output position spreads the kernel over its window; two windows overlap in the middle.
      {.inputs = {Tensor::of<float>({1, 10}, {1, 1, 2}), Tensor::of<float>({1, 2, 3}, {1, 1, 3}),
                  Tensor::of_ints(Dims{1, 1, 4})},
       .expected = {Tensor::of<float>({1, 12, 23, 30}, {1, 1, 4})}},
      {.inputs = {f({2, 4, 3, 4}, 1), f({4, 3, 3, 3}, 2), Tensor::of_ints(Dims{2, 3, 5, 4})},
       .attributes = {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 1}}}},
      {.inputs = {f({1, 3, 2, 4}, 3), f({4, 3, 2, 1}, 4), Tensor::of_ints(Dims{1, 5, 3, 2})},
       .attributes = {{"group", 2}, {"data_layout", "NHWC"}},
       .note = "groups, channels last"},
  };
}

std::vector<Case> grad_weight_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {1, 1, 4}), Tensor::of<float>({1, 10}, {1, 1, 2}),
                  Tensor::of_ints(Dims{1, 1, 3})},
       .expected = {Tensor::of<float>({21, 32, 43}, {1, 1, 3})}},
      {.inputs = {f({2, 3, 5, 4}, 1), f({2, 4, 3, 4}, 2), Tensor::of_ints(Dims{4, 3, 3, 3})},
       .attributes = {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 1}}}},
      {.inputs = {f({1, 3, 12, 4}, 3), f({1, 2, 12, 4}, 4), Tensor::of_ints(Dims{4, 2, 1, 2})},
       .attributes = {{"group", 2}, {"data_layout", "NHWC"}},
       .note = "groups, channels last"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> conv_grad() {
  return {{
              .name = "conv_grad_input",
              .doc = "Gradient of conv by its input: (output gradient, weight, shape of the input).",
              .inputs = {3, 3},
              .attributes = convolution_attributes(),
              .infer = grad_input_infer,
              .reference = grad_input_reference,
              .gradient = grad_input_gradient,
              .cost = grad_input_cost,
              .cases = grad_input_cases,
          },
          {
              .name = "conv_grad_weight",
              .doc = "Gradient of conv by its weight: (input, output gradient, shape of the weight).",
              .inputs = {3, 3},
              .attributes = convolution_attributes(),
              .infer = grad_weight_infer,
              .reference = grad_weight_reference,
              .gradient = grad_weight_gradient,
              .cost = grad_weight_cost,
              .cases = grad_weight_cases,
          }};
}

}  // namespace minnow::ops
