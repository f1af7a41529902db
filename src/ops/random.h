// A small seeded generator (SplitMix64, Steele et al. 2014): the same seed gives the same values on every machine.
#pragma once

#include <cstdint>

namespace minnow {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Standard normal (Box and Muller).
  double normal();

 private:
  uint64_t state_;
};

}  // namespace minnow
