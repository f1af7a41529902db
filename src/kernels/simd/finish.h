// What happens to a result before it is stored (base/problem.h: Epilogue), for sources of simd/. C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

// The values of minnow::Activation.
enum ActivationKind {
  kActNone,
  kActRelu,
  kActClip,
  kActLeakyRelu,
  kActSigmoid,
  kActSilu,
  kActHardSwish,
  kActHardSigmoid,
  kActTanh,
  kActGelu,
  kActGeluTanh,
  kActCount
};

struct Finish {
  int kind;
  float a, b;  // the activation's parameters; relu has 0 and +inf here, so that it is a clip
};

}  // namespace minnow::simd
