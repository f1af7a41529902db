// where: one of two tensors, chosen element by element.
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status where_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_boolean, "boolean"));
  MN_TRY(c.expect_same_dtype(1, 2));
  MN_ASSIGN(Shape shape, broadcast_inputs(c, 0, 3));
  c.set_output(0, c.dtype(1) != DType::undefined ? c.dtype(1) : c.dtype(2), std::move(shape));
  return {};
}

template <class T>
void choose(const bool* condition, const T* yes, const T* no, T* out, const BroadcastLoop& loop) {
  const int64_t count = loop.run(), s0 = loop.stride(0), s1 = loop.stride(1), s2 = loop.stride(2);
  for (int64_t i = 0; i < count; ++i) out[i] = condition[i * s0] ? yes[i * s1] : no[i * s2];
}

Status where_reference(EvalContext& c) {
  const Tensor &condition = c.input(0), &yes = c.input(1), &no = c.input(2);
  Tensor& out = c.output(0);
  return dispatch_by_size(out.dtype(), [&]<class T>() -> Status {
    Pace pace(c.budget());
    for (BroadcastLoop loop(out.dims(), {condition.dims(), yes.dims(), no.dims()}); !loop.done(); loop.next()) {
      MN_TRY(pace.work(loop.run()));
      choose(condition.data<bool>() + loop.offset(0), yes.data<T>() + loop.offset(1), no.data<T>() + loop.offset(2),
             out.mutable_data<T>() + loop.position(), loop);
    }
    return {};
  });
}

Status where_gradient(GradientContext& c) {
  const Expression condition{&c.b, c.input(0)}, yes{&c.b, c.input(1)}, no{&c.b, c.input(2)},
      g{&c.b, c.output_gradient(0)};
  const Expression zero = g.number(0);
  c.set_input_gradient(1, undo_broadcast(select(condition, g, zero), yes).id);
  c.set_input_gradient(2, undo_broadcast(select(condition, zero, g), no).id);
  return {};
}

std::vector<Case> where_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {
      {.inputs = {Tensor::of<bool>({true, false}, {2}), Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({3, 4}, {2})},
       .expected = {Tensor::of<float>({1, 4}, {2})}},
      {.inputs = {random_tensor(DType::boolean, {3, 1}, 1), f({2, 1, 4}, 2), f({}, 3)}, .note = "all broadcast"},
      {.inputs = {Tensor::scalar(true), Tensor::of_strings({"a"}, {1}), Tensor::of_strings({"b", "c"}, {2})},
       .expected = {Tensor::of_strings({"a", "a"}, {2})}},
      {.inputs = {random_tensor(DType::boolean, {0}, 1), f({1}, 2), f({0}, 3)}, .note = "empty"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> where() {
  return {{
      .name = "where",
      .doc = "x where the condition holds, else y.",
      .inputs = {3, 3},
      .narrow_floats = NarrowFloats::native,
      .infer = where_infer,
      .reference = where_reference,
      .gradient = where_gradient,
      .imports = {{"ai.onnx", "Where"},
                  {"tflite", "SELECT", 1, 1 << 20, tflite::import_select},
                  {"tflite", "SELECT_V2", 1, 1 << 20, tflite::import_select}},
      .exports = {{"ai.onnx", "Where", 9}},
      .cases = where_cases,
  }};
}

}  // namespace minnow::ops
