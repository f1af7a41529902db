#include "base/random.h"

#include <cmath>

namespace minnow {

namespace {

// The finalizer and increment of splitmix64 (Steele, Lea and Flood 2014).
uint64_t splitmix64(uint64_t* state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

uint64_t rotate_left(uint64_t value, int count) { return value << count | value >> (64 - count); }

// Natural logarithm of x in (0, 1], within some units in the last place. C libraries differ in log's last bits, and
// compilers may or may not fuse a * b + c: everything here is exact, a single rounding, or an explicit fma.
double portable_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // [0.5, 1)
  if (mantissa < 0.70710678118654752) {        // centred on 1: [0.707, 1.414)
    mantissa *= 2;
    --exponent;
  }
  // log(m) = 2 artanh(t) = 2 (t + t^3/3 + t^5/5 + ...), t = (m - 1) / (m + 1), |t| <= 0.1716: t^23 / 23 is below 2^-60.
  const double t = (mantissa - 1) / (mantissa + 1);
  const double square = t * t;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = std::fma(series, square, 1.0 / k);
  constexpr double kLog2 = 0.69314718055994530942;
  const double twice_t = 2 * t;
  return std::fma(exponent, kLog2, twice_t * series);
}

}  // namespace

Random::Random(uint64_t seed) : state_{{}, 0, false} {
  for (uint64_t& word : state_.words) word = splitmix64(&seed);
}

uint64_t Random::next() {
  uint64_t(&s)[4] = state_.words;
  const uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
  const uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

float Random::uniform_float() { return static_cast<float>(next() >> 40) * 0x1p-24f; }

double Random::uniform(double low, double high) { return std::fma(high - low, uniform(), low); }

uint64_t Random::below(uint64_t count) {
  // 2^64 mod count values are drawn again, so that every remainder is equally likely.
  const uint64_t rejected = (0 - count) % count;
  for (;;) {
    const uint64_t value = next();
    if (value >= rejected) return value % count;
  }
}

double Random::normal() {
  if (state_.has_spare) {
    state_.has_spare = false;
    return state_.spare_normal;
  }
  // Marsaglia's polar method: a point in the unit disc gives two independent normals.
  for (;;) {
    const double u = 2 * uniform() - 1;  // both steps are exact
    const double v = 2 * uniform() - 1;
    const double v_square = v * v;
    const double s = std::fma(u, u, v_square);
    if (s >= 1 || s == 0) continue;
    const double numerator = -2 * portable_log(s);
    const double scale = std::sqrt(numerator / s);
    state_.spare_normal = v * scale;
    state_.has_spare = true;
    return u * scale;
  }
}

}  // namespace minnow
