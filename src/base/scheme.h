// How a quantized value is coded. Scale, zero point and table are operands of the quantize and dequantize nodes, not
// fields: they may be computed, learned or shared (design, contract 2).
#pragma once

#include <cstdint>

namespace minnow {

struct Scheme {
  enum class Kind : uint8_t { symmetric, affine, table };
  int8_t bits = 8;
  bool is_signed = true;
  Kind kind = Kind::affine;
  int32_t axis = -1;  // dimension that has one scale a slice; -1: one scale for the whole tensor
  int64_t group = 0;  // elements along `axis` (or the last dimension) that share a scale; 0: the whole extent
  friend bool operator==(const Scheme&, const Scheme&) = default;
};

}  // namespace minnow
