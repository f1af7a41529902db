// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/recurrent.h"

#include "kernels/simd/math.h"
#include "kernels/simd/tables.h"

namespace minnow::simd::MN_ISA {
namespace {

void lstm(int64_t count, const float* gates, float* cell, float* hidden) {
  for (int64_t j = 0; j < count; j += kWidth) {
    const int64_t width = count - j < kWidth ? count - j : kWidth;
    const auto read = [&](const float* from) { return width == kWidth ? load(from + j) : load_part(from + j, width); };
    const Vector input = sigmoid_of(read(gates)), output = sigmoid_of(read(gates + count));
    const Vector forget = sigmoid_of(read(gates + 2 * count));
    const Vector state = forget * read(cell) + input * tanh_of(read(gates + 3 * count));
    const Vector value = output * tanh_of(state);
    if (width == kWidth) {
      store(cell + j, state);
      store(hidden + j, value);
    } else {
      store_part(cell + j, state, width);
      store_part(hidden + j, value, width);
    }
  }
}

void gru(int64_t count, const float* z, const float* candidate, float* hidden) {
  for (int64_t j = 0; j < count; j += kWidth) {
    const int64_t width = count - j < kWidth ? count - j : kWidth;
    const auto read = [&](const float* from) { return width == kWidth ? load(from + j) : load_part(from + j, width); };
    const Vector gate = read(z);
    const Vector value = (1.0f - gate) * tanh_of(read(candidate)) + gate * read(hidden);
    if (width == kWidth) {
      store(hidden + j, value);
    } else {
      store_part(hidden + j, value, width);
    }
  }
}

}  // namespace

const RecurrentTable kRecurrentTable = {lstm, gru};

}  // namespace minnow::simd::MN_ISA
