#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>

namespace minnow {
namespace {

// From a Python program written after the two generators' definitions.
TEST(Random, BitsOfXoshiro256PlusPlus) {
  Random zero(0);
  EXPECT_EQ(zero.next(), 0x53175d61490b23dfu);
  EXPECT_EQ(zero.next(), 0x61da6f3dc380d507u);
  EXPECT_EQ(zero.next(), 0x5c0fdf91ec9a7bfcu);
  Random other(42);
  EXPECT_EQ(other.next(), 0xd0764d4f4476689fu);
  EXPECT_EQ(other.next(), 0x519e4174576f3791u);
}

TEST(Random, UniformsUseTheHighBits) {
  Random bits(7), doubles(7), floats(7), scaled(7);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t word = bits.next();
    const double real = doubles.uniform();
    EXPECT_EQ(real, std::ldexp(static_cast<double>(word >> 11), -53));
    EXPECT_EQ(floats.uniform_float(), std::ldexp(static_cast<float>(word >> 40), -24));
    EXPECT_DOUBLE_EQ(scaled.uniform(-2, 6), -2 + 8 * real);
  }
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) ++counts.at(random.below(7));
  double chi_square = 0;
  for (int count : counts) chi_square += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  EXPECT_LT(chi_square, 22.5);  // 0.1 % of good generators exceed it (6 degrees of freedom); the seed is fixed
  EXPECT_EQ(random.below(1), 0u);
  // 3/4 of 2^64: without rejection, the first third would come up twice as often.
  constexpr uint64_t kCount = uint64_t{3} << 62;
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += random.below(kCount) < kCount / 3;
  EXPECT_NEAR(low, 10'000, 400);
}

// The polar method with the C library's log differs by rounding only.
TEST(Random, NormalIsTheMethodItClaims) {
  Random random(5), uniforms(5);
  for (int i = 0; i < 10'000; ++i) {
    double u, v, s;
    do {
      u = 2 * uniforms.uniform() - 1;
      v = 2 * uniforms.uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s == 0);
    const double scale = std::sqrt(-2 * std::log(s) / s);
    const double first = random.normal(), second = random.normal();
    ASSERT_NEAR(first, u * scale, 1e-14 * (1 + std::fabs(first))) << i;
    ASSERT_NEAR(second, v * scale, 1e-14 * (1 + std::fabs(second))) << i;
  }
}

TEST(Random, NormalHasTheRightMoments) {
  Random random(3);
  constexpr int kDraws = 200'000;
  double sum = 0, squares = 0, fourths = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  // Four standard errors: 1/sqrt(n), sqrt(2/n), sqrt(96/n).
  EXPECT_NEAR(sum / kDraws, 0, 0.009);
  EXPECT_NEAR(squares / kDraws, 1, 0.013);
  EXPECT_NEAR(fourths / kDraws, 3, 0.088);
}

// Folds a long run into one number: another compiler or machine that rounds differently anywhere gives another one.
TEST(Random, NormalBitsAreTheSameEverywhere) {
  Random random(2024);
  uint64_t fold = 0;
  for (int i = 0; i < 100'000; ++i) fold = std::rotl(fold, 1) ^ std::bit_cast<uint64_t>(random.normal());
  EXPECT_EQ(fold, 0x2ca29fcf8c1ad634u);  // by a Python program with exact fractions for fma
}

TEST(Random, StateContinuesInTheMiddleOfAPair) {
  Random random(9);
  random.normal();
  Random later(0);
  later.set_state(random.state());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(later.normal(), random.normal());
  EXPECT_EQ(later.next(), random.next());
}

}  // namespace
}  // namespace minnow
