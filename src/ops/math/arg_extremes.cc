// arg_max and arg_min: positions of the largest and smallest elements along an axis.
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status arg_infer(InferContext& c) {
  MN_CHECK(c.dtype(0) == DType::undefined || is_float(c.dtype(0)) || is_integer(c.dtype(0)),
           "expected a numeric input, got ", to_string(c.dtype(0)));
  if (!c.shape(0).ranked) {
    c.set_output(0, DType::int64, Shape());
    return {};
  }
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), c.shape(0).rank()));
  Shape shape = c.shape(0);
  MN_CHECK(shape.dims[static_cast<size_t>(axis)].value != 0, "axis ", axis, " has no elements");
  if (c.int_attribute("keepdims") != 0) shape.dims[static_cast<size_t>(axis)] = Dim(1);
  else shape.dims.erase(shape.dims.begin() + axis);
  c.set_output(0, DType::int64, std::move(shape));
  return {};
}

// NaN is taken as the extreme, as in NumPy.
template <bool kMax>
Status arg_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  const AxisSplit view = split_at_axis(x.dims(), axis_of(c, x.rank()));
  const bool last = c.int_attribute("select_last_index") != 0;
  int64_t* out = c.output(0).mutable_data<int64_t>();
  return dispatch<NumericTypes>(x.dtype(), [&]<class T>() -> Status {
    Pace pace(c.budget());
    for (int64_t o = 0; o < view.outer; ++o) {
      for (int64_t n = 0; n < view.inner; ++n) {
        MN_TRY(pace.work(view.extent));
        const T* line = x.data<T>() + o * view.extent * view.inner + n;
        T best = line[0];
        int64_t position = 0;
        for (int64_t i = 1; i < view.extent; ++i) {
          const T value = line[i * view.inner];
          const bool beats = (kMax ? value > best : value < best) || (value != value && best == best);
          const bool ties = value == best || (value != value && best != best);
          if (beats || (last && ties)) {
            best = value;
            position = i;
          }
        }
        out[o * view.inner + n] = position;
      }
    }
    return {};
  });
}

std::vector<Case> arg_cases(int64_t first, int64_t second, int64_t last) {
  const Tensor x = Tensor::of<float>({2, 1, 2, 3, 9, 3}, {2, 3});
  return {{.inputs = {x},
           .attributes = {{"axis", 1}},
           .expected = {Tensor::of<int64_t>({first, second}, {2, 1})},
           .differentiable = false},
          {.inputs = {x},
           .attributes = {{"axis", -1}, {"keepdims", 0}, {"select_last_index", 1}},
           .expected = {Tensor::of<int64_t>({first == 0 ? 2 : first, last}, {2})},
           .differentiable = false},
          {.inputs = {random_tensor(DType::int32, {3, 2, 4}, 1, -9, 9)}},
          {.inputs = {random_tensor(DType::float16, {4}, 2)}, .attributes = {{"keepdims", 0}}},
          {.inputs = {random_tensor(DType::float32, {2, 0}, 2)}, .note = "empty"}};
}
std::vector<Case> arg_max_cases() { return arg_cases(0, 1, 1); }
std::vector<Case> arg_min_cases() { return arg_cases(1, 0, 2); }

OpDef arg_op(std::string_view name, std::string_view onnx, std::string_view doc, Status (*reference)(EvalContext&),
             std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .attributes = {{"axis", 0}, {"keepdims", 1}, {"select_last_index", 0}},
          .infer = arg_infer,
          .reference = reference,
          .imports = {{"ai.onnx", onnx}},
          .exports = {{"ai.onnx", onnx, 12}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> arg_extremes() {
  return tflite::with_rows({arg_op("arg_max", "ArgMax", "Position of the largest element along the axis.",
                                   arg_reference<true>, arg_max_cases),
                            arg_op("arg_min", "ArgMin", "Position of the smallest element along the axis.",
                                   arg_reference<false>, arg_min_cases)},
                           {{"arg_max", "ARG_MAX", tflite::import_arg}, {"arg_min", "ARG_MIN", tflite::import_arg}});
}

}  // namespace minnow::ops
