// top_k: the k largest (or smallest) elements along an axis, with their positions; ties go to the lower position.
#include <algorithm>
#include <numeric>

#include "ops/axes.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status top_k_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  MN_TRY(expect_dtype(c, 1, is_integer, "an integer type"));
  if (c.shape(1).static_dims())
    MN_CHECK(element_count(c.shape(1).to_dims()) == 1, "k must be one number, got ", to_string(c.shape(1)));
  Shape shape = c.shape(0);
  const auto k = c.ints(1);
  if (k) MN_CHECK((*k)[0] >= 0, "k must not be negative, got ", (*k)[0]);
  if (shape.ranked) {
    MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), shape.rank()));
    Dim& dim = shape.dims[static_cast<size_t>(axis)];
    if (k && dim.known())
      MN_CHECK((*k)[0] <= dim.value, "k is ", (*k)[0], ", but axis ", axis, " has only ", dim.value, " elements");
    dim = k ? Dim((*k)[0]) : Dim();
  }
  c.set_output(0, c.dtype(0), shape);
  c.set_output(1, DType::int64, shape);
  return {};
}

// NaN counts as larger than every number, as in NumPy's sort.
template <class T>
bool above(T a, T b) {
  return a > b || (a != a && b == b);
}

template <class T>
Status pick(EvalContext& c) {
  const Tensor& x = c.input(0);
  const int64_t axis = axis_of(c, x.rank()), k = to_ints(c.input(1))[0];
  const AxisSplit view = split_at_axis(x.dims(), axis);
  const bool largest = c.int_attribute("largest") != 0;
  MN_ASSIGN(Tensor scratch, c.scratch(DType::int64, {view.extent}));
  int64_t* order = scratch.mutable_data<int64_t>();
  Pace pace(c.budget());
  for (int64_t o = 0; o < view.outer && k > 0; ++o) {
    for (int64_t n = 0; n < view.inner; ++n) {
      MN_TRY(pace.work(view.extent * 8));
      const T* line = x.data<T>() + o * view.extent * view.inner + n;
      std::iota(order, order + view.extent, int64_t{0});
      std::partial_sort(order, order + k, order + view.extent, [&](int64_t i, int64_t j) {
        const T a = line[i * view.inner], b = line[j * view.inner];
        if (largest ? above(a, b) : above(b, a)) return true;
        return (largest ? above(b, a) : above(a, b)) ? false : i < j;
      });
      for (int64_t i = 0; i < k; ++i) {
        const int64_t at = (o * k + i) * view.inner + n;
        if (c.wants_output(0)) c.output(0).mutable_data<T>()[at] = line[order[i] * view.inner];
        if (c.wants_output(1)) c.output(1).mutable_data<int64_t>()[at] = order[i];
      }
    }
  }
  return {};
}

Status top_k_reference(EvalContext& c) {
  return dispatch<NumericTypes>(c.input(0).dtype(), [&]<class T>() { return pick<T>(c); });
}

Status top_k_gradient(GradientContext& c) {
  const Expression x{&c.b, c.input(0)};
  const Attributes along{{"axis", c.int_attribute("axis")}};
  ValueId indices = c.output_count() > 1 ? c.output(1) : kNoValue;
  if (indices == kNoValue) {
    const ValueId inputs[] = {c.input(0), c.input(1)};
    indices = c.b.add_many("top_k", inputs, 2, c.node().attributes)[1];
  }
  c.set_input_gradient(0, c.b.add("scatter_elements", {x.zeros().id, indices, c.output_gradient(0)}, along));
  return {};
}

// k was an attribute in version 1.
Status top_k_import_1(ImportContext& c) {
  MN_ASSIGN(const int64_t k, c.int_attribute("k", 0));
  return c.take_over({c.input(0), c.b.ints({k})});
}

std::vector<Case> top_k_cases() {
  const Tensor x = Tensor::of<float>({1, 5, 3, 5, 4, 4, 0, 2}, {2, 4}), two = Tensor::of<int64_t>({2}, {1});
  return {
      {.inputs = {x, two},
       .outputs = 2,
       .expected = {Tensor::of<float>({5, 5, 4, 4}, {2, 2}), Tensor::of<int64_t>({1, 3, 0, 1}, {2, 2})},
       .differentiable = false},
      {.inputs = {x, two},
       .attributes = {{"largest", 0}},
       .outputs = 2,
       .expected = {Tensor::of<float>({1, 3, 0, 2}, {2, 2}), Tensor::of<int64_t>({0, 2, 2, 3}, {2, 2})},
       .differentiable = false},
      {.inputs = {random_tensor(DType::float32, {3, 5, 2}, 1), Tensor::of<int64_t>({3}, {1})},
       .attributes = {{"axis", 1}},
       .outputs = 2},
      {.inputs = {random_tensor(DType::int32, {4}, 2, -99, 99), Tensor::of<int64_t>({0}, {1})},
       .outputs = 2,
       .note = "k is 0"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> top_k() {
  return {{
      .name = "top_k",
      .doc = "The k largest or smallest elements along the axis, and their positions.",
      .inputs = {2, 2},
      .outputs = {1, 2},
      .attributes = {{"axis", -1}, {"largest", 1}, {"sorted", 1}},
      .infer = top_k_infer,
      .reference = top_k_reference,
      .gradient = top_k_gradient,
      .imports = {{"ai.onnx", "TopK", 1, 9, top_k_import_1},
                  {"ai.onnx", "TopK", 10},
                  {"tflite", "TOPK_V2", 1, 1 << 20, tflite::import_top_k}},
      .exports = {{"ai.onnx", "TopK", 11}},
      .cases = top_k_cases,
  }};
}

}  // namespace minnow::ops
