// Shared by the families of elementwise operators: inference, and the loops over one and two operands.
#pragma once

#include "ops/broadcast.h"
#include "ops/dispatch.h"
#include "ops/op.h"

namespace minnow {

// Fails unless input i's dtype is unknown or `accepts` it; the message says what is expected ("a floating-point type").
Status expect_dtype(const InferContext& c, int i, bool (*accepts)(DType), std::string_view expected);
bool is_real_number(DType dtype);  // float or integer
bool is_float_or_integer_signed(DType dtype);
bool is_boolean(DType dtype);

// Output 0 has input 0's type.
Status infer_same(InferContext& c);  // any dtype
Status infer_same_float(InferContext& c);
Status infer_same_number(InferContext& c);
// Output 0 is the broadcast of all inputs, which have one dtype.
Status infer_broadcast(InferContext& c);  // any dtype
Status infer_broadcast_number(InferContext& c);
Status infer_broadcast_float(InferContext& c);
Status infer_broadcast_integer(InferContext& c);
Status infer_broadcast_boolean(InferContext& c);
Status infer_broadcast_compare(InferContext& c);  // numbers in, boolean out
// The broadcast shape of inputs [first, first + count).
Result<Shape> broadcast_inputs(const InferContext& c, int first, int count);

// Import of ai.onnx 1 to 6: the second operand is broadcast when `broadcast` is 1, aligned at `axis` instead of at the
// end.
Status import_legacy_broadcast(ImportContext& c);

// A signed dtype's unsigned twin: two's complement add, subtract and multiply give the same bits without overflow.
DType unsigned_twin(DType dtype);
using WrappingTypes = TypeList<float, double, uint8_t, uint16_t, uint32_t, uint64_t>;

// out[i] = f(x[i]).
template <class In, class Out, class F>
Status map_elements(EvalContext& c, F f) {
  const In* x = c.input(0).data<In>();
  Out* out = c.output(0).mutable_data<Out>();
  const int64_t count = c.output(0).size();
  constexpr int64_t kBlock = int64_t{1} << 20;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    if (begin != 0) MN_TRY(c.budget()->step(0));
    const int64_t end = begin + kBlock < count ? begin + kBlock : count;
    for (int64_t i = begin; i < end; ++i) out[i] = f(x[i]);
  }
  return {};
}

// out = f(a, b) with broadcasting.
template <class In, class Out, class F>
Status map_pairs(EvalContext& c, F f) {
  const Tensor &left = c.input(0), &right = c.input(1);
  Tensor& result = c.output(0);
  Pace pace(c.budget());
  for (BroadcastLoop loop(result.dims(), {left.dims(), right.dims()}); !loop.done(); loop.next()) {
    MN_TRY(pace.work(loop.run()));
    const In* a = left.data<In>() + loop.offset(0);
    const In* b = right.data<In>() + loop.offset(1);
    Out* out = result.mutable_data<Out>() + loop.position();
    const int64_t count = loop.run();
    if (loop.stride(0) == 0) {
      const In value = *a;
      for (int64_t i = 0; i < count; ++i) out[i] = f(value, b[i * loop.stride(1)]);
    } else if (loop.stride(1) == 0) {
      const In value = *b;
      for (int64_t i = 0; i < count; ++i) out[i] = f(a[i], value);
    } else {
      for (int64_t i = 0; i < count; ++i) out[i] = f(a[i], b[i]);
    }
  }
  return {};
}

}  // namespace minnow
