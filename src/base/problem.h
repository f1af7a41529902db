// Problem: all that a kernel sees of the work to do. Plain data, no graph (design, contract 5).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/dtype.h"
#include "base/scheme.h"

namespace minnow {

inline constexpr int kMaxRank = 8;
inline constexpr int kMaxOperands = 8;
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

// Operands: inputs first, outputs after them. The meaning of `ints` and `floats` is stated by each kernel family's
// header.
struct Problem {
  std::string_view op;
  int32_t input_count = 0;
  int32_t operand_count = 0;
  std::array<Operand, kMaxOperands> operands;
  std::array<int64_t, kMaxProblemInts> ints{};
  std::array<float, 4> floats{};
  const Operand& input(int i) const { return operands[static_cast<size_t>(i)]; }
  const Operand& output(int i) const { return operands[static_cast<size_t>(input_count + i)]; }
};

}  // namespace minnow
