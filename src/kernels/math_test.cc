// exp, erf and the activations against the C library in double: at most 4 units in the last place, on every
// instruction set here; NaN and infinities as the limits say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/families.h"

namespace minnow {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Function = void (*)(const simd::F32Table&, int64_t, const float*, float*);

// Distance in units of the last place of the exact value, at least the smallest subnormal number.
double ulps(float actual, double exact) {
  const double size = std::max(std::abs(exact), 0x1p-126);
  return std::abs(static_cast<double>(actual) - exact) / std::ldexp(1.0, std::ilogb(size) - 23);
}

void check(const char* name, Function function, double (*exact)(double)) {
  std::vector<float> in;
  for (float size = 1e-30f; size < 200.0f; size *= 1.0007f) in.insert(in.end(), {size, -size});
  for (float x = -110.0f; x < 110.0f; x += 0.0137f) in.push_back(x);
  std::vector<float> out(in.size());
  for (Isa isa : kIsas) {
    if (!isa_available(isa)) continue;
    const auto rows = kernel_rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const KernelRow& r) { return r.isa == isa; });
    ASSERT_NE(row, rows.end());
    function(*row->f32, static_cast<int64_t>(in.size()), in.data(), out.data());
    for (size_t i = 0; i < in.size(); ++i) {
      const double expected = exact(static_cast<double>(in[i]));
      if (std::abs(expected) > static_cast<double>(std::numeric_limits<float>::max())) continue;
      ASSERT_LE(ulps(out[i], expected), 4)
          << name << "(" << in[i] << ") is " << out[i] << ", not " << expected << ", on " << to_string(isa);
    }
    const float special[] = {kNaN, kInfinity, -kInfinity, 0.0f};
    float results[4];
    function(*row->f32, 4, special, results);
    EXPECT_TRUE(std::isnan(results[0])) << name;
    for (int i = 1; i < 4; ++i)
      EXPECT_EQ(results[i], static_cast<float>(exact(static_cast<double>(special[i])))) << name << " of " << special[i];
  }
}

template <simd::UnaryOp op>
void unary(const simd::F32Table& f32, int64_t count, const float* in, float* out) {
  f32.unary[op](count, in, out);
}
template <simd::ActivationKind kind>
void activation(const simd::F32Table& f32, int64_t count, const float* in, float* out) {
  f32.activations[kind](count, in, nullptr, 0, 0, out);
}

TEST(VectorMath, IsAccurate) {
  check("exp", unary<simd::kExp>, [](double x) { return std::exp(x); });
  check("erf", unary<simd::kErf>, [](double x) { return std::erf(x); });
  check("tanh", activation<simd::kActTanh>, [](double x) { return std::tanh(x); });
  check("sigmoid", activation<simd::kActSigmoid>, [](double x) { return 1 / (1 + std::exp(-x)); });
}

}  // namespace
}  // namespace minnow
