// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/activations.h"

#include "kernels/simd/math.h"

namespace minnow::simd::MN_ISA {
namespace {

struct None {
  static Vector of(Vector x, float, float) { return x; }
};
struct Clip {
  static Vector of(Vector x, float low, float high) { return at_most(at_least(x, splat(low)), splat(high)); }
};
struct LeakyRelu {
  static Vector of(Vector x, float slope, float) { return x < 0.0f ? x * slope : x; }
};
struct Sigmoid {
  static Vector of(Vector x, float, float) { return sigmoid_of(x); }
};
struct Silu {
  static Vector of(Vector x, float, float) { return x * sigmoid_of(x); }
};
struct HardSwish {
  static Vector of(Vector x, float, float) {
    return x * at_most(at_least(x * (1.0f / 6.0f) + 0.5f, Vector{}), splat(1.0f));
  }
};
struct HardSigmoid {
  static Vector of(Vector x, float a, float b) { return at_most(at_least(x * a + b, Vector{}), splat(1.0f)); }
};
struct Tanh {
  static Vector of(Vector x, float, float) { return tanh_of(x); }
};
struct Gelu {
  static Vector of(Vector x, float, float) { return 0.5f * x * (erf_of(x * 0.707106781f) + 1.0f); }
};
struct GeluTanh {
  static Vector of(Vector x, float, float) {
    return 0.5f * x * (tanh_of(0.797884561f * (x + 0.044715f * (x * x * x))) + 1.0f);
  }
};

template <class Apply>
void run(int64_t count, const float* in, const float* residual, float a, float b, float* out) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    Vector x = load(in + i);
    if (residual != nullptr) x += load(residual + i);
    store(out + i, Apply::of(x, a, b));
  }
  if (i == count) return;
  Vector x = load_part(in + i, count - i);
  if (residual != nullptr) x += load_part(residual + i, count - i);
  store_part(out + i, Apply::of(x, a, b), count - i);
}

}  // namespace

const ActivationRun kActivationRuns[kActCount] = {
    run<None>,      run<Clip>,        run<Clip>, run<LeakyRelu>, run<Sigmoid>,  run<Silu>,
    run<HardSwish>, run<HardSigmoid>, run<Tanh>, run<Gelu>,      run<GeluTanh>,
};

}  // namespace minnow::simd::MN_ISA
