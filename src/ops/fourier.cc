#include "ops/fourier.h"

#include <cmath>

namespace minnow {

Fourier::Fourier(int64_t length) : length_(length) {
  constexpr double kTwoPi = 6.283185307179586;
  roots_.reserve(static_cast<size_t>(length));
  for (int64_t k = 0; k < length; ++k)
    roots_.push_back(std::polar(1.0, -kTwoPi * static_cast<double>(k) / static_cast<double>(length)));
}

Status Fourier::transform(const Complex* in, Complex* out, bool inverse, Pace& pace) {
  return combine(in, 1, out, length_, inverse, pace);
}

// Cooley and Tukey 1965: with p the smallest prime factor, p transforms of length / p, then sums of p terms.
Status Fourier::combine(const Complex* in, int64_t stride, Complex* out, int64_t length, bool inverse, Pace& pace) {
  if (length == 1) {
    out[0] = in[0];
    return {};
  }
  int64_t p = 2;
  while (length % p != 0 && p * p <= length) ++p;
  if (length % p != 0) p = length;
  const int64_t part = length / p, root_step = length_ / length;
  for (int64_t r = 0; r < p; ++r) MN_TRY(combine(in + r * stride, stride * p, out + r * part, part, inverse, pace));
  std::vector<Complex> terms(static_cast<size_t>(p));
  const auto root = [&](int64_t power) {
    const Complex value = roots_[static_cast<size_t>(power % length * root_step)];
    return inverse ? std::conj(value) : value;
  };
  for (int64_t k = 0; k < part; ++k) {
    for (int64_t r = 0; r < p; ++r) terms[static_cast<size_t>(r)] = out[r * part + k];
    for (int64_t q = 0; q < p; ++q) {
      Complex sum = terms[0];
      for (int64_t r = 1; r < p; ++r) sum += terms[static_cast<size_t>(r)] * root(r * (k + q * part) % length);
      out[k + q * part] = sum;
      MN_TRY(pace.work(p * 4));
    }
  }
  return {};
}

}  // namespace minnow
