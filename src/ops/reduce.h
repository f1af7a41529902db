// Folding a tensor's elements into the output element that each belongs to.
#pragma once

#include "base/tensor.h"
#include "ops/broadcast.h"

namespace minnow {

// out[j] = f(... f(f(out[j], x[i0]), x[i1]) ...) over the elements that broadcasting `out_dims` to x's dims would give
// j. Within a contiguous run the partial result is an Accumulator: a double keeps the rounding errors of long float32
// sums out.
template <class T, class Accumulator, class F>
Status fold_into(const Tensor& x, std::span<const int64_t> out_dims, T* out, const std::shared_ptr<Budget>& budget,
                 Accumulator first, F f) {
  const T* in = x.data<T>();
  Pace pace(budget);
  for (BroadcastLoop loop(x.dims(), {out_dims}); !loop.done(); loop.next()) {
    MN_TRY(pace.work(loop.run()));
    const T* from = in + loop.position();
    T* to = out + loop.offset(0);
    const int64_t count = loop.run();
    if (loop.stride(0) != 0) {
      for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(f(to[i], from[i]));
    } else {
      Accumulator partial = first;
      for (int64_t i = 0; i < count; ++i) partial = f(partial, static_cast<Accumulator>(from[i]));
      to[0] = static_cast<T>(f(static_cast<Accumulator>(to[0]), partial));
    }
  }
  return {};
}

}  // namespace minnow
