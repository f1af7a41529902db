#include "base/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace minnow {

namespace {

enum class Kind : uint8_t { none, real, signed_integer, unsigned_integer, other, complex };

struct Info {
  std::string_view name;
  uint8_t bytes;  // an element in memory
  uint8_t bits;   // an element in a file
  Kind kind;
};

// In the order of DType.
constexpr std::array<Info, kDTypeCount> kInfo = {{
    {"undefined", 0, 0, Kind::none},
    {"float32", 4, 32, Kind::real},
    {"float64", 8, 64, Kind::real},
    {"float16", 2, 16, Kind::real},
    {"bfloat16", 2, 16, Kind::real},
    {"float8e4m3fn", 1, 8, Kind::real},
    {"float8e4m3fnuz", 1, 8, Kind::real},
    {"float8e5m2", 1, 8, Kind::real},
    {"float8e5m2fnuz", 1, 8, Kind::real},
    {"float8e8m0", 1, 8, Kind::real},
    {"float4e2m1", 1, 4, Kind::real},
    {"int8", 1, 8, Kind::signed_integer},
    {"int16", 2, 16, Kind::signed_integer},
    {"int32", 4, 32, Kind::signed_integer},
    {"int64", 8, 64, Kind::signed_integer},
    {"uint8", 1, 8, Kind::unsigned_integer},
    {"uint16", 2, 16, Kind::unsigned_integer},
    {"uint32", 4, 32, Kind::unsigned_integer},
    {"uint64", 8, 64, Kind::unsigned_integer},
    {"int4", 1, 4, Kind::signed_integer},
    {"uint4", 1, 4, Kind::unsigned_integer},
    {"int2", 1, 2, Kind::signed_integer},
    {"uint2", 1, 2, Kind::unsigned_integer},
    {"boolean", 1, 8, Kind::other},
    {"string", 0, 0, Kind::other},
    {"complex64", 8, 64, Kind::complex},
    {"complex128", 16, 128, Kind::complex},
}};

const Info& info(DType dtype) {
  const auto i = static_cast<size_t>(dtype);
  return kInfo[i < kInfo.size() ? i : 0];
}

// A sign bit, then exponent, then `mantissa_bits` of mantissa. Codes above max_code (sign aside) are infinity or NaN.
struct NarrowFormat {
  int mantissa_bits;
  int bias;
  uint32_t sign_bit;
  uint32_t max_code;       // the largest finite value
  uint32_t overflow_code;  // what an overflow becomes when it does not saturate
  uint32_t nan_code;
  bool signed_zero;  // false (the fnuz types): -0 and signed NaN do not exist, the code of -0 is NaN
  bool always_saturates;
  bool never_saturates;
};

constexpr NarrowFormat kFloat16 = {10, 15, 0x8000, 0x7BFF, 0x7C00, 0x7E00, true, false, true};
constexpr NarrowFormat kBfloat16 = {7, 127, 0x8000, 0x7F7F, 0x7F80, 0x7FC0, true, false, true};
constexpr NarrowFormat kE4m3fn = {3, 7, 0x80, 0x7E, 0x7F, 0x7F, true, false, false};
constexpr NarrowFormat kE4m3fnuz = {3, 8, 0x80, 0x7F, 0x80, 0x80, false, false, false};
constexpr NarrowFormat kE5m2 = {2, 15, 0x80, 0x7B, 0x7C, 0x7E, true, false, false};
constexpr NarrowFormat kE5m2fnuz = {2, 16, 0x80, 0x7F, 0x80, 0x80, false, false, false};
constexpr NarrowFormat kE2m1 = {1, 1, 0x8, 0x7, 0x7, 0x0, true, true, false};

const NarrowFormat* narrow_format(DType dtype) {
  switch (dtype) {
    case DType::float16: return &kFloat16;
    case DType::bfloat16: return &kBfloat16;
    case DType::float8e4m3fn: return &kE4m3fn;
    case DType::float8e4m3fnuz: return &kE4m3fnuz;
    case DType::float8e5m2: return &kE5m2;
    case DType::float8e5m2fnuz: return &kE5m2fnuz;
    case DType::float4e2m1: return &kE2m1;
    default: return nullptr;
  }
}

constexpr uint32_t kFloatMantissaMask = 0x7FFFFF;

uint32_t encode_nan(const NarrowFormat& format, uint32_t bits) {
  const bool negative = bits >> 31;
  if (!format.signed_zero) return format.nan_code;
  // float4e2m1 has no NaN: ONNX's reference data holds a zero of the opposite sign.
  if (format.always_saturates) return negative ? 0 : format.sign_bit;
  uint32_t code = format.nan_code;
  // The 16-bit types keep the payload, made quiet, as the conversion instructions of x86 and ARM do.
  if (format.sign_bit == 0x8000) code |= (bits & kFloatMantissaMask) >> (23 - format.mantissa_bits);
  return code | (negative ? format.sign_bit : 0);
}

// The code (without sign) of a finite float32 magnitude, rounded to nearest even; may exceed max_code.
uint32_t round_magnitude(const NarrowFormat& format, uint32_t magnitude) {
  const int exponent_field = static_cast<int>(magnitude >> 23);
  uint32_t significand = magnitude & kFloatMantissaMask;
  if (exponent_field != 0) significand |= kFloatMantissaMask + 1;
  int exponent = (exponent_field != 0 ? exponent_field : 1) - 127 + format.bias;
  int shift = 23 - format.mantissa_bits;
  if (exponent < 1) {  // a subnormal of the narrow format
    shift += 1 - exponent;
    exponent = 1;
  }
  if (shift > 25) return 0;  // below half of the smallest subnormal
  const uint32_t kept = significand >> shift;
  const uint32_t rest = significand & ((uint32_t{1} << shift) - 1);
  const uint32_t half = uint32_t{1} << (shift - 1);
  const uint32_t rounded = kept + (rest > half || (rest == half && (kept & 1)) ? 1 : 0);
  // A significand that reaches 2^(mantissa_bits + 1), or a subnormal 2^mantissa_bits, carries into the exponent by
  // itself.
  return (static_cast<uint32_t>(exponent - 1) << format.mantissa_bits) + rounded;
}

float decode(const NarrowFormat& format, uint32_t code) {
  const uint32_t magnitude = code & (format.sign_bit - 1);
  const uint32_t sign = code & format.sign_bit ? 0x80000000u : 0;
  if (!format.signed_zero && magnitude == 0 && sign != 0) return std::numeric_limits<float>::quiet_NaN();
  if (magnitude > format.max_code) {
    if (magnitude == format.overflow_code && format.overflow_code != format.nan_code) {
      return std::bit_cast<float>(sign | 0x7F800000u);
    }
    const uint32_t payload = (magnitude << (23 - format.mantissa_bits)) & kFloatMantissaMask;
    return std::bit_cast<float>(sign | 0x7FC00000u | payload);
  }
  const int exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  if (exponent == 0) {
    // bfloat16 shares float32's subnormals; those of the others are normal float32 numbers.
    if (format.bias == 127) return std::bit_cast<float>(sign | (magnitude << 16));
    const float scale = std::bit_cast<float>(static_cast<uint32_t>(127 + 1 - format.bias - format.mantissa_bits) << 23);
    return std::bit_cast<float>(std::bit_cast<uint32_t>(static_cast<float>(magnitude) * scale) | sign);
  }
  const uint32_t mantissa = magnitude & ((uint32_t{1} << format.mantissa_bits) - 1);
  return std::bit_cast<float>(sign | static_cast<uint32_t>(exponent - format.bias + 127) << 23 |
                              mantissa << (23 - format.mantissa_bits));
}

}  // namespace

std::string_view to_string(DType dtype) { return info(dtype).name; }

DType dtype_from_name(std::string_view name) {
  for (size_t i = 1; i < kInfo.size(); ++i) {
    if (kInfo[i].name == name) return static_cast<DType>(i);
  }
  return DType::undefined;
}

size_t element_bytes(DType dtype) { return info(dtype).bytes; }
int file_bits(DType dtype) { return info(dtype).bits; }
bool is_float(DType dtype) { return info(dtype).kind == Kind::real; }
bool is_narrow_float(DType dtype) { return info(dtype).kind == Kind::real && info(dtype).bits <= 16; }
bool is_complex(DType dtype) { return info(dtype).kind == Kind::complex; }
bool is_signed_integer(DType dtype) { return info(dtype).kind == Kind::signed_integer; }
bool is_integer(DType dtype) { return is_signed_integer(dtype) || info(dtype).kind == Kind::unsigned_integer; }

int64_t integer_min(DType dtype) {
  if (!is_signed_integer(dtype)) return 0;
  return std::numeric_limits<int64_t>::min() >> (64 - info(dtype).bits);
}

uint64_t integer_max(DType dtype) {
  if (dtype == DType::boolean) return 1;
  if (!is_integer(dtype)) return 0;
  const int value_bits = info(dtype).bits - (is_signed_integer(dtype) ? 1 : 0);
  return std::numeric_limits<uint64_t>::max() >> (64 - value_bits);
}

float decode_narrow_float(DType dtype, uint16_t bits) {
  if (const NarrowFormat* format = narrow_format(dtype)) return decode(*format, bits);
  if (dtype != DType::float8e8m0 || (bits & 0xFF) == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  // 2^-127 is a float32 subnormal.
  return std::bit_cast<float>((bits & 0xFF) == 0 ? 0x00400000u : static_cast<uint32_t>(bits & 0xFF) << 23);
}

uint16_t encode_narrow_float(DType dtype, float value, bool saturate) {
  const NarrowFormat* format = narrow_format(dtype);
  if (format == nullptr) return dtype == DType::float8e8m0 ? encode_float8e8m0(value, saturate, RoundMode::up) : 0;
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(encode_nan(*format, bits));
  const uint32_t sign = bits >> 31 ? format->sign_bit : 0;
  uint32_t code = magnitude == 0x7F800000u ? format->max_code + 1 : round_magnitude(*format, magnitude);
  if (code > format->max_code) {
    const bool clamp = format->always_saturates || (saturate && !format->never_saturates);
    code = clamp ? format->max_code : format->overflow_code;
  }
  if (!format->signed_zero && code == 0) return 0;
  return static_cast<uint16_t>(code | sign);
}

uint8_t encode_float8e8m0(float value, bool saturate, RoundMode mode) {
  constexpr uint8_t kNan = 0xFF, kMax = 0xFE;
  constexpr uint32_t kSmallest = 0x00400000u;  // 2^-127
  const uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return kNan;
  if (magnitude == 0x7F800000u) return saturate ? kMax : kNan;
  if (magnitude < kSmallest) return saturate || mode == RoundMode::up ? 0 : kNan;
  // Significand and exponent as if 2^-127 were a normal number: [2^-127, 2^-126) has one fraction bit fewer.
  uint32_t code = magnitude >> 23;
  const uint32_t fraction = code == 0 ? (magnitude - kSmallest) << 1 : magnitude & kFloatMantissaMask;
  // A tie (1.5 * 2^n) goes up, as in ONNX's reference.
  if ((mode == RoundMode::up && fraction != 0) || (mode == RoundMode::nearest && fraction >= 0x400000u)) ++code;
  if (code > kMax) return saturate ? kMax : kNan;
  return static_cast<uint8_t>(code);
}

float round_to_odd(double value) {
  const float rounded = static_cast<float>(value);
  if (std::isnan(value) || static_cast<double>(rounded) == value) return rounded;
  const uint32_t bits = std::bit_cast<uint32_t>(rounded);
  if (bits & 1) return rounded;
  // The odd neighbour on the other side of `value`. Past the largest float, `rounded` is infinity and its neighbour is
  // finite.
  return std::bit_cast<float>(std::fabs(static_cast<double>(rounded)) > std::fabs(value) ? bits - 1 : bits + 1);
}

}  // namespace minnow
