// Problem: all that a kernel sees of the work to do. Plain data, no graph (design, contract 5).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/dtype.h"
#include "base/scheme.h"

namespace minnow {

inline constexpr int kMaxRank = 8;
inline constexpr int kMaxOperands = 12;  // lstm has up to 8 inputs and 3 outputs
inline constexpr int kMaxProblemInts = 24;

struct Operand {
  DType dtype = DType::undefined;
  int32_t rank = 0;
  std::array<int64_t, kMaxRank> dims{};
  std::array<int64_t, kMaxRank> strides{};  // in elements
  Scheme scheme;
  int64_t elements() const {
    int64_t count = 1;
    for (int32_t i = 0; i < rank; ++i) count *= dims[static_cast<size_t>(i)];
    return count;
  }
};

// y = f(x), x the kernel's own result in float32, a = parameters[0], b = parameters[1]. NaN stays NaN in all of them.
enum class Activation : uint8_t {
  none,
  relu,          // max(x, 0)
  clip,          // min(max(x, a), b)
  leaky_relu,    // x < 0 ? a x : x
  sigmoid,       // 1 / (1 + e^-x)
  silu,          // x sigmoid(x)
  hard_swish,    // x max(0, min(1, x / 6 + 1 / 2))
  hard_sigmoid,  // max(0, min(1, a x + b))
  tanh,
  gelu,       // x (1 + erf(x / sqrt 2)) / 2
  gelu_tanh,  // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
};

// What a kernel does to its result before it stores it: output = activation(result + residual). "Result" is what the
// operator alone would give, bias included. With `residual`, the problem's last input is that addend: dtype and dims of
// the first output, row-major; it may be the output's own memory. A kernel that does not know epilogues refuses every
// problem whose epilogue is not none(): so do all families but matmul, gemm, conv and the elementwise ones.
struct Epilogue {
  Activation activation = Activation::none;
  bool residual = false;
  std::array<float, 2> parameters{};
  bool none() const { return activation == Activation::none && !residual; }
};

// Operands: inputs first (the residual last of them), outputs after them. The meaning of `ints` and `floats` is stated
// by each kernel family's header.
struct Problem {
  std::string_view op;
  int32_t input_count = 0;
  int32_t operand_count = 0;
  std::array<Operand, kMaxOperands> operands;
  std::array<int64_t, kMaxProblemInts> ints{};
  std::array<float, 4> floats{};
  Epilogue epilogue;
  // The operator's own inputs: all but the residual.
  int32_t own_input_count() const { return input_count - (epilogue.residual ? 1 : 0); }
  const Operand& input(int i) const { return operands[static_cast<size_t>(i)]; }
  const Operand& output(int i) const { return operands[static_cast<size_t>(input_count) + static_cast<size_t>(i)]; }
};

}  // namespace minnow
