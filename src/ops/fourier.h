// Discrete Fourier transforms of any length, in float64.
#pragma once

#include <complex>
#include <vector>

#include "ops/broadcast.h"

namespace minnow {

class Fourier {
 public:
  using Complex = std::complex<double>;
  explicit Fourier(int64_t length);
  // out[k] = sum over n of in[n] exp(-+ 2 pi i k n / length), without the inverse's factor 1 / length. `in` and `out`
  // differ.
  Status transform(const Complex* in, Complex* out, bool inverse, Pace& pace);

 private:
  Status combine(const Complex* in, int64_t stride, Complex* out, int64_t length, bool inverse, Pace& pace);
  int64_t length_;
  std::vector<Complex> roots_;  // exp(-2 pi i k / length)
};

}  // namespace minnow
