// Random numbers from an explicit seed: the same seed gives the same bits with every compiler and on every machine,
// which the distributions of <random> do not promise.
#pragma once

#include <cstdint>

namespace minnow {

// xoshiro256++ 1.0 (Blackman and Vigna, https://prng.di.unimi.it), its state filled by splitmix64.
class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t next();                          // 64 uniform bits
  double uniform();                         // [0, 1), a multiple of 2^-53
  float uniform_float();                    // [0, 1), a multiple of 2^-24
  double uniform(double low, double high);  // [low, high], for finite high - low
  uint64_t below(uint64_t count);           // [0, count) without bias; count > 0
  double normal();                          // mean 0, standard deviation 1

  // Everything needed to go on later from this point.
  struct State {
    uint64_t words[4];
    double spare_normal;  // normal() makes two at a time
    bool has_spare;
  };
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  State state_;
};

}  // namespace minnow
