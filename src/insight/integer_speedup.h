// What 8-bit integers would give on this machine: measured on the library's own kernels, not looked up.
#pragma once

#include <string>

#include "insight/profile.h"

namespace minnow {

// How many times as fast a product of codes (uint8 × int8 → uint8) runs as the same product of floats; about 20 ms.
Result<double> measure_integer_speedup(int threads);

// A sentence about what quantizing the float products of a profiled model would give (Amdahl's law: the rest stays as
// it is), or "" where that is too little to be worth the loss of accuracy.
std::string integer_finding(const Profile& profile, double product_speedup);

}  // namespace minnow
