// The elementwise ends of recurrent cells, compiled once for each instruction set (simd/recurrent.cc). C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

struct RecurrentTable {
  // gates: i, o, f, c of `count` each, before their activations.
  // cell = sigmoid(f) cell + sigmoid(i) tanh(c), hidden = sigmoid(o) tanh(cell)
  void (*lstm)(int64_t count, const float* gates, float* cell, float* hidden);
  // hidden = (1 - z) tanh(candidate) + z hidden
  void (*gru)(int64_t count, const float* z, const float* candidate, float* hidden);
};

}  // namespace minnow::simd
