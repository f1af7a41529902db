// Elementwise operators on 8-bit codes, compiled once for each instruction set (simd/codes.cc). C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

// Codes that stand for (code - zero) scale. Signed codes are read as unsigned ones with their highest bit flipped:
// `flip` is 128 for them, else 0, and `zero` counts 128 more.
struct CodeInput {
  const uint8_t* codes;
  int64_t step;  // 0 or 1: how it advances
  uint8_t flip;
  int32_t zero;
  float scale;
};

// code = limit(round(x / scale) + zero), ties to even; low and high are limits of the code without its zero.
struct CodeOutput {
  uint8_t flip;
  int32_t zero;
  float scale;
  float low, high;
};

// Columns of a row that is resized: the elements that each lies between, and their weights.
struct CodeColumns {
  int64_t count, inner;  // columns, elements of each
  const int32_t *a, *b;
  const float *wa, *wb;
};

enum CodeBinary { kCodesAdd, kCodesSub, kCodesMul, kCodeBinaryCount };

struct CodeTable {
  // out[i] = table[in[i] ^ flip], table of 256; out may be in.
  void (*lookup)(int64_t count, const uint8_t* in, uint8_t flip, const uint8_t* table, uint8_t* out);
  // Every step rounds to float32 as the operators on real numbers do. out may be an input that advances.
  void (*binary[kCodeBinaryCount])(int64_t count, const CodeInput* a, const CodeInput* b, const CodeOutput* output,
                                   uint8_t* out);
  // Of one element of all channels, over the codes at in[0], in[1], …: the largest (the lowest code of none), and the
  // sum / divisor, rounded to nearest, halves away from zero.
  void (*max)(int64_t channels, int64_t taps, const uint8_t* const* in, uint8_t flip, uint8_t* out);
  void (*mean)(int64_t channels, int64_t taps, const uint8_t* const* in, uint8_t flip, float divisor, uint8_t* out);
  // out[i] = wa a[i] + wb b[i]
  void (*blend)(int64_t count, const uint8_t* a, float wa, const uint8_t* b, float wb, uint8_t flip, float* out);
  // The columns of one row of such sums, rounded as means are.
  void (*columns)(const CodeColumns* columns, const float* in, uint8_t* out);
};

}  // namespace minnow::simd
