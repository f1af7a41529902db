#include "ops/random.h"

#include <cmath>

namespace minnow {

double Random::normal() {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));   // 1 - uniform() is never 0
  return radius * std::cos(kTwoPi * uniform());
}

}  // namespace minnow
