// Sums, extremes and normalizations of rows, compiled once for each instruction set (simd/reduce.cc). C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

struct RowTable {
  float (*sum)(int64_t count, const float* in);
  float (*max)(int64_t count, const float* in);  // NaN where one is NaN; -inf of nothing
  float (*min)(int64_t count, const float* in);
  // out[j] += in[j], out[j] = max(out[j], in[j]), min likewise
  void (*add_to)(int64_t count, const float* in, float* out);
  void (*max_to)(int64_t count, const float* in, float* out);
  void (*min_to)(int64_t count, const float* in, float* out);
  // softmax of a contiguous row; out may be in
  void (*softmax)(int64_t count, const float* in, float* out);
  // softmax of each column of [count, columns]; out may be in
  void (*softmax_columns)(int64_t count, int64_t columns, const float* in, float* out);
  // out = (in - mean) / sqrt(variance + epsilon) * scale + bias; bias may be null
  void (*normalize)(int64_t count, const float* in, const float* scale, const float* bias, float epsilon, float* out);
  // out[i] = in[i] * factor; out may be in
  void (*scale)(int64_t count, const float* in, float factor, float* out);
  // out[j * out_row + i] = in[i * in_row + j], i < rows, j < cols
  void (*transpose)(int64_t rows, int64_t cols, const float* in, int64_t in_row, float* out, int64_t out_row);
};

}  // namespace minnow::simd
