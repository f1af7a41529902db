// The step that most normalizations share.
#pragma once

#include "ops/builder.h"

namespace minnow {

struct Moments {
  ValueId mean, inverse_deviation, variance, normalized;
};

// (x - mean) / sqrt(variance + epsilon) over `axes` (kept as 1); the variance is that of the population.
inline Moments normalize(Builder& b, ValueId x, const Ints& axes, float epsilon) {
  const ValueId over = b.ints(axes);
  Moments out{};
  out.mean = b.add("reduce_mean", {x, over}, {{"keepdims", 1}});
  const ValueId centered = b.add("sub", {x, out.mean});
  out.variance = b.add("reduce_mean", {b.add("mul", {centered, centered}), over}, {{"keepdims", 1}});
  out.inverse_deviation =
      b.add("reciprocal", {b.add("sqrt", {b.add("add", {out.variance, b.scalar_like(epsilon, x)})})});
  out.normalized = b.add("mul", {centered, out.inverse_deviation});
  return out;
}

}  // namespace minnow
