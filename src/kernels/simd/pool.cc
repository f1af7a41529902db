// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/pool.h"

#include <math.h>

#include "kernels/simd/tables.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {
namespace {

// NaN in either stays: at_least keeps it in its first operand only.
MN_INLINE Vector larger(Vector most, Vector x) { return x != x ? x : at_least(most, x); }

template <int V>
MN_INLINE void max_channels(int64_t c, int64_t taps, const float* const* in, float* out) {
  Vector most[V];
  for (int v = 0; v < V; ++v) most[v] = splat(-INFINITY);
  for (int64_t t = 0; t < taps; ++t) {
    for (int v = 0; v < V; ++v) most[v] = larger(most[v], load(in[t] + c + v * kWidth));
  }
  for (int v = 0; v < V; ++v) store(out + c + v * kWidth, most[v]);
}

void max(int64_t channels, int64_t taps, const float* const* in, float* out) {
  int64_t c = 0;
  for (; c + 4 * kWidth <= channels; c += 4 * kWidth) max_channels<4>(c, taps, in, out);
  for (; c + kWidth <= channels; c += kWidth) max_channels<1>(c, taps, in, out);
  if (c == channels) return;
  Vector most = splat(-INFINITY);
  for (int64_t t = 0; t < taps; ++t) most = larger(most, load_part(in[t] + c, channels - c));
  store_part(out + c, most, channels - c);
}

template <int V>
MN_INLINE void mean_channels(int64_t c, int64_t taps, const float* const* in, Vector divisor, float* out) {
  Vector sums[V];
  for (int v = 0; v < V; ++v) sums[v] = Vector{};
  for (int64_t t = 0; t < taps; ++t) {
    for (int v = 0; v < V; ++v) sums[v] += load(in[t] + c + v * kWidth);
  }
  for (int v = 0; v < V; ++v) store(out + c + v * kWidth, sums[v] / divisor);
}

void mean(int64_t channels, int64_t taps, const float* const* in, float divisor, float* out) {
  const Vector divisors = splat(divisor);
  int64_t c = 0;
  for (; c + 4 * kWidth <= channels; c += 4 * kWidth) mean_channels<4>(c, taps, in, divisors, out);
  for (; c + kWidth <= channels; c += kWidth) mean_channels<1>(c, taps, in, divisors, out);
  if (c == channels) return;
  Vector sum{};
  for (int64_t t = 0; t < taps; ++t) sum += load_part(in[t] + c, channels - c);
  store_part(out + c, sum / divisors, channels - c);
}

}  // namespace

const PoolTable kPoolTable = {max, mean};

}  // namespace minnow::simd::MN_ISA
