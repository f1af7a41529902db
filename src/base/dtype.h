// Element types. Sub-byte types (int4, float4, int2 …) take one byte an element in memory, holding the value (integers)
// or the bit code (floats): packing exists only in files and after lowering (design, contract 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace minnow {

enum class DType : uint8_t {
  undefined,
  float32,
  float64,
  float16,
  bfloat16,
  float8e4m3fn,
  float8e4m3fnuz,
  float8e5m2,
  float8e5m2fnuz,
  float8e8m0,
  float4e2m1,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  int4,
  uint4,
  int2,
  uint2,
  boolean,
  string,
  complex64,
  complex128,
};
inline constexpr int kDTypeCount = static_cast<int>(DType::complex128) + 1;

std::string_view to_string(DType dtype);
// The dtype with that name ("float32"), or undefined.
DType dtype_from_name(std::string_view name);

// Bytes one element takes in memory; 0 for string and undefined.
size_t element_bytes(DType dtype);
// Bits one element takes in a file (4 for int4).
int file_bits(DType dtype);

bool is_float(DType dtype);         // any real floating-point type, 4 to 64 bits
bool is_narrow_float(DType dtype);  // floating point of 16 bits or fewer: references compute it in float32
bool is_integer(DType dtype);       // signed or unsigned integer of any width (not boolean)
bool is_signed_integer(DType dtype);
bool is_complex(DType dtype);

// Value range of an integer dtype (of int4: -8, 7). uint64's maximum is returned in int64 as -1: test is_integer first.
int64_t integer_min(DType dtype);
uint64_t integer_max(DType dtype);

// C++ type <-> dtype for the types with a native representation.
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::float32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::float64;
}
template <>
constexpr DType dtype_of<int8_t>() {
  return DType::int8;
}
template <>
constexpr DType dtype_of<int16_t>() {
  return DType::int16;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::int32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::int64;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::uint8;
}
template <>
constexpr DType dtype_of<uint16_t>() {
  return DType::uint16;
}
template <>
constexpr DType dtype_of<uint32_t>() {
  return DType::uint32;
}
template <>
constexpr DType dtype_of<uint64_t>() {
  return DType::uint64;
}
template <>
constexpr DType dtype_of<bool>() {
  return DType::boolean;
}

// Narrow floats <-> float32. Encoding rounds to nearest, ties to even. `saturate` matters for the float8 types, where
// ONNX lets Cast choose between clamping to the largest finite value and overflowing to infinity or NaN. Other narrow
// floats have one rule: float16 and bfloat16 overflow to infinity, float4e2m1 clamps. float8e8m0 rounds up here.
float decode_narrow_float(DType dtype, uint16_t bits);
uint16_t encode_narrow_float(DType dtype, float value, bool saturate = true);

// float8e8m0 holds 2^(code - 127), code 255 is NaN; no sign, no zero. Cast's round_mode says where a value between two
// powers goes. The sign of `value` is ignored (ONNX leaves negative values open); zero and what lies below 2^-127
// become 2^-127, or NaN when neither saturating nor rounding up.
enum class RoundMode : uint8_t { up, down, nearest };
uint8_t encode_float8e8m0(float value, bool saturate, RoundMode mode);

// The float32 next to `value` that has an odd last bit unless `value` is exact. Rounding it again to 22 bits or fewer
// gives what rounding `value` once would give: no double rounding on the way from float64 to a narrow float.
float round_to_odd(double value);

}  // namespace minnow
