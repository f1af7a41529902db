// average_pool, sum_pool (the same without the division; lp_pool and lrn are spelled with it) and their gradients,
// which are linear and each other's gradient.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/elementwise.h"
#include "ops/pooling.h"
#include "ops/rounding.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

enum class Divisor { one, count };

// Values that one window averages over: its taps inside the input, or also those in the padding, but never those beyond
// it (where ceil_mode lets the last window reach).
int64_t divisor_of(const Pool& pool, const std::array<int64_t, kMaxSpatialRank>& o, const WindowTaps& taps,
                   bool count_include_pad) {
  int64_t count = 1;
  for (size_t i = 0; i < kMaxSpatialRank; ++i) {
    const WindowAxis& axis = pool.window[i];
    const int64_t reach = ceil_div(axis.in + axis.pad_begin + axis.pad_end - o[i] * axis.stride, axis.dilation);
    count *= count_include_pad ? std::clamp<int64_t>(reach, 0, axis.kernel) : taps.last[i] - taps.first[i];
  }
  return std::max<int64_t>(count, 1);
}

Status pool_infer(InferContext& c) { return set_pool_output(c, 0, c.dtype(0)); }

Status forward(EvalContext& c, Divisor divisor) {
  MN_ASSIGN(const Pool pool, concrete_pool(c, c.input(0).dims(), c.output(0).dims()));
  const bool include_pad = divisor == Divisor::count && c.int_attribute("count_include_pad") != 0;
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* x = c.input(0).data<T>();
    T* y = c.output(0).mutable_data<T>();
    return for_each_window(
        pool, c.budget(), [&](int64_t n, int64_t channel, const auto& o, int64_t offset, const WindowTaps& taps) {
          T sum = T(0);
          for_each_tap(pool, n, channel, o, taps, [&](int64_t i, const auto&) { sum += x[i]; });
          y[offset] = divisor == Divisor::count ? sum / static_cast<T>(divisor_of(pool, o, taps, include_pad)) : sum;
        });
  });
}

Status backward(EvalContext& c, Divisor divisor) {
  MN_ASSIGN(const Pool pool, concrete_pool(c, c.output(0).dims(), c.input(0).dims()));
  const bool include_pad = divisor == Divisor::count && c.int_attribute("count_include_pad") != 0;
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* dy = c.input(0).data<T>();
    T* dx = c.output(0).mutable_data<T>();
    std::fill(dx, dx + c.output(0).size(), T(0));
    return for_each_window(pool, c.budget(),
                           [&](int64_t n, int64_t channel, const auto& o, int64_t offset, const WindowTaps& taps) {
                             const T share = divisor == Divisor::count
                                                 ? dy[offset] / static_cast<T>(divisor_of(pool, o, taps, include_pad))
                                                 : dy[offset];
                             for_each_tap(pool, n, channel, o, taps, [&](int64_t i, const auto&) { dx[i] += share; });
                           });
  });
}

Status integer_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_integer, "an integer type"));
  return pool_infer(c);
}
Status integer_decompose(DecomposeContext& c) { return decompose_on_codes(c, "average_pool"); }

Status average_reference(EvalContext& c) { return forward(c, Divisor::count); }
Status sum_reference(EvalContext& c) { return forward(c, Divisor::one); }
Status average_grad_reference(EvalContext& c) { return backward(c, Divisor::count); }
Status sum_grad_reference(EvalContext& c) { return backward(c, Divisor::one); }

Status grad_infer(InferContext& c) {
  MN_TRY(c.expect_rank(1, 1, "shape"));
  MN_TRY(expect_integers(c, 1, "shape"));
  const auto target = c.ints(1);
  if (!target) {
    c.set_output(0, c.dtype(0), c.shape(0).ranked ? Shape::of_rank(c.shape(0).rank()) : Shape());
    return {};
  }
  MN_TRY(checked_element_count(*target));
  const Shape shape = Shape(*target);
  MN_ASSIGN(const PoolShapes shapes, pool_shapes(c, shape));
  const Shape expected = shapes.y.shape(shapes.last);
  MN_CHECK(!c.shape(0).static_dims() || c.shape(0).to_dims() == expected.to_dims(), "output gradient: expected ",
           to_string(expected), ", got ", to_string(c.shape(0)));
  c.set_output(0, c.dtype(0), shape);
  return {};
}

Status pool_gradient(GradientContext& c, std::string_view backward_op) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(0, c.b.add(backward_op, {c.output_gradient(0), shape}, c.node().attributes));
  return {};
}

Status average_gradient(GradientContext& c) { return pool_gradient(c, "average_pool_grad"); }
Status sum_gradient(GradientContext& c) { return pool_gradient(c, "sum_pool_grad"); }

Status average_grad_gradient(GradientContext& c) {
  c.set_input_gradient(0, c.b.add("average_pool", {c.output_gradient(0)}, c.node().attributes));
  return {};
}

Status sum_grad_gradient(GradientContext& c) {
  c.set_input_gradient(0, c.b.add("sum_pool", {c.output_gradient(0)}, c.node().attributes));
  return {};
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> average_cases() {
  const Ints k2{2, 2}, ones{1, 1, 1, 1};
  const Tensor row = Tensor::of<float>({1, 2, 3, 4, 5}, {1, 1, 5});
  return {
      {.inputs = {row},
       .attributes = {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}},
       .expected = {Tensor::of<float>({1.5f, 3.5f}, {1, 1, 2})}},
      {.inputs = {row},
       .attributes = {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}, {"ceil_mode", 1}, {"count_include_pad", 1}},
       .expected = {Tensor::of<float>({1.5f, 3.5f, 5}, {1, 1, 3})},
       .note = "the last window reaches beyond the input"},
      {.inputs = {row},
       .attributes = {{"kernel_shape", Ints{3}}, {"pads", Ints{1, 1}}, {"count_include_pad", 1}},
       .expected = {Tensor::of<float>({1, 2, 3, 4, 3}, {1, 1, 5})},
       .note = "padding counts"},
      {.inputs = {f({2, 3, 5, 4}, 1)}, .attributes = {{"kernel_shape", Ints{3, 2}}, {"pads", ones}, {"strides", k2}}},
      {.inputs = {f({1, 2, 6, 5}, 2)},
       .attributes = {{"kernel_shape", k2}, {"dilations", Ints{2, 3}}, {"auto_pad", "SAME_UPPER"}}},
      {.inputs = {f({1, 2, 3, 4, 3}, 3)}, .attributes = {{"kernel_shape", Ints{2, 2, 2}}}, .note = "3-D"},
      {.inputs = {f({2, 5, 4, 3}, 4)},
       .attributes =
           {{"kernel_shape", Ints{3, 3}}, {"auto_pad", "SAME_LOWER"}, {"strides", k2}, {"data_layout", "NHWC"}},
       .note = "channels last"},
      {.inputs = {f({0, 3, 4, 4}, 5)}, .attributes = {{"kernel_shape", k2}}, .note = "no images"},
  };
}

std::vector<Case> integer_cases() {
  const Attributes same{{"kernel_shape", Ints{3, 3}}, {"auto_pad", "SAME_UPPER"}, {"data_layout", "NHWC"}};
  return {
      {.inputs = {Tensor::of<int8_t>({-3, -2, 2, 3, 4}, {1, 1, 5, 1})},
       .attributes = {{"kernel_shape", Ints{1, 2}}, {"data_layout", "NHWC"}},
       .expected = {Tensor::of<int8_t>({-3, 0, 3, 4}, {1, 1, 4, 1})}},
      {.inputs = {random_tensor(DType::uint8, {2, 5, 4, 19}, 1, 0, 256)}, .attributes = same, .note = "channels last"},
      {.inputs = {random_tensor(DType::int8, {1, 3, 4, 5}, 2, -128, 128)},
       .attributes = {{"kernel_shape", Ints{2, 2}}},
       .note = "channels first"},
  };
}

std::vector<Case> sum_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5}, {1, 1, 5})},
       .attributes = {{"kernel_shape", Ints{3}}, {"pads", Ints{1, 1}}},
       .expected = {Tensor::of<float>({3, 6, 9, 12, 9}, {1, 1, 5})}},
      {.inputs = {f({2, 4, 5, 2}, 1)},
       .attributes = {{"kernel_shape", Ints{2, 3}}, {"strides", Ints{2, 1}}, {"data_layout", "NHWC"}}},
  };
}

std::vector<Case> grad_cases(bool average) {
  const Tensor dy = Tensor::of<float>({2, 4, 6}, {1, 1, 3});
  const Attributes attributes{{"kernel_shape", Ints{2}}};
  return {
      {.inputs = {dy, Tensor::of_ints(Dims{1, 1, 4})},
       .attributes = attributes,
       .expected = {average ? Tensor::of<float>({1, 3, 5, 3}, {1, 1, 4})
                            : Tensor::of<float>({2, 6, 10, 6}, {1, 1, 4})}},
      {.inputs = {f({1, 2, 3, 3}, 1), Tensor::of_ints(Dims{1, 2, 5, 6})},
       .attributes = {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}}},
  };
}

std::vector<Case> average_grad_cases() { return grad_cases(true); }
std::vector<Case> sum_grad_cases() { return grad_cases(false); }

std::vector<AttributeSpec> average_attributes() {
  std::vector<AttributeSpec> attributes = pool_attributes();
  attributes.push_back({"count_include_pad", Attribute(0)});
  return attributes;
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> average_pool() {
  return {
      {.name = "integer_average_pool",
       .doc = "Mean of integers over sliding windows, rounded to nearest, halves away from zero.",
       .attributes = average_attributes(),
       .infer = integer_infer,
       .decompose = integer_decompose,
       .cost = pool_cost,
       .cases = integer_cases},
      {.name = "average_pool",
       .doc = "Mean over sliding windows.",
       .attributes = average_attributes(),
       .infer = pool_infer,
       .reference = average_reference,
       .gradient = average_gradient,
       .cost = pool_cost,
       .imports = {{"ai.onnx", "AveragePool"}, {"tflite", "AVERAGE_POOL_2D", 1, 1 << 20, tflite::import_average_pool}},
       .exports = {{"ai.onnx", "AveragePool", 19}},
       .cases = average_cases},
      {.name = "sum_pool",
       .doc = "Sum over sliding windows.",
       .attributes = pool_attributes(),
       .infer = pool_infer,
       .reference = sum_reference,
       .gradient = sum_gradient,
       .cost = pool_cost,
       .cases = sum_cases},
      {.name = "average_pool_grad",
       .doc = "Gradient of average_pool: (output gradient, shape of the input).",
       .inputs = {2, 2},
       .attributes = average_attributes(),
       .infer = grad_infer,
       .reference = average_grad_reference,
       .gradient = average_grad_gradient,
       .cases = average_grad_cases},
      {.name = "sum_pool_grad",
       .doc = "Gradient of sum_pool: (output gradient, shape of the input).",
       .inputs = {2, 2},
       .attributes = pool_attributes(),
       .infer = grad_infer,
       .reference = sum_grad_reference,
       .gradient = sum_grad_gradient,
       .cases = sum_grad_cases}};
}

}  // namespace minnow::ops
