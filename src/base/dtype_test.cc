#include "base/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace minnow {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr DType kNarrow[] = {DType::float16,    DType::bfloat16,       DType::float8e4m3fn, DType::float8e4m3fnuz,
                             DType::float8e5m2, DType::float8e5m2fnuz, DType::float8e8m0,   DType::float4e2m1};

TEST(DType, NamesRoundTripAndUnknownOnesAreUndefined) {
  for (int i = 1; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(to_string(dtype)), dtype) << to_string(dtype);
  }
  EXPECT_EQ(dtype_from_name("float31"), DType::undefined);
  EXPECT_EQ(dtype_from_name("undefined"), DType::undefined);
  EXPECT_EQ(to_string(static_cast<DType>(200)), "undefined");
}

TEST(DType, SizesInMemoryAndInFiles) {
  EXPECT_EQ(element_bytes(DType::float64), 8u);
  EXPECT_EQ(element_bytes(DType::int4), 1u);
  EXPECT_EQ(element_bytes(DType::complex128), 16u);
  EXPECT_EQ(element_bytes(DType::string), 0u);
  EXPECT_EQ(file_bits(DType::int4), 4);
  EXPECT_EQ(file_bits(DType::uint2), 2);
  EXPECT_EQ(file_bits(DType::boolean), 8);
}

TEST(DType, Classes) {
  EXPECT_TRUE(is_float(DType::float4e2m1) && is_narrow_float(DType::float16) && is_float(DType::float64));
  EXPECT_FALSE(is_narrow_float(DType::float32) || is_float(DType::int8) || is_float(DType::complex64));
  EXPECT_TRUE(is_integer(DType::uint2) && is_signed_integer(DType::int4) && is_complex(DType::complex64));
  EXPECT_FALSE(is_integer(DType::boolean) || is_signed_integer(DType::uint8) || is_integer(DType::string));
}

TEST(DType, IntegerRanges) {
  EXPECT_EQ(integer_min(DType::int4), -8);
  EXPECT_EQ(integer_max(DType::int4), 7u);
  EXPECT_EQ(integer_max(DType::uint2), 3u);
  EXPECT_EQ(integer_min(DType::uint32), 0);
  EXPECT_EQ(integer_min(DType::int64), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(integer_max(DType::int64), uint64_t{std::numeric_limits<int64_t>::max()});
  EXPECT_EQ(integer_max(DType::uint64), std::numeric_limits<uint64_t>::max());
}

TEST(NarrowFloat, EveryCodeRoundTrips) {
  for (DType dtype : kNarrow) {
    int nans = 0;
    for (int code = 0; code < 1 << file_bits(dtype); ++code) {
      const float value = decode_narrow_float(dtype, static_cast<uint16_t>(code));
      const uint16_t back = encode_narrow_float(dtype, value, false);
      if (std::isnan(value)) {
        ++nans;
        EXPECT_TRUE(std::isnan(decode_narrow_float(dtype, back))) << to_string(dtype) << " " << code;
      } else {
        EXPECT_EQ(back, code) << to_string(dtype);
      }
    }
    const int expected = dtype == DType::float16        ? 2 * 1023
                         : dtype == DType::bfloat16     ? 2 * 127
                         : dtype == DType::float8e4m3fn ? 2
                         : dtype == DType::float8e5m2   ? 6
                         : dtype == DType::float4e2m1   ? 0
                                                        : 1;
    EXPECT_EQ(nans, expected) << to_string(dtype);
  }
}

TEST(NarrowFloat, ValuesOfKnownCodes) {
  const auto value = [](DType dtype, int code) { return decode_narrow_float(dtype, static_cast<uint16_t>(code)); };
  EXPECT_EQ(value(DType::float16, 0x3C00), 1.0f);
  EXPECT_EQ(value(DType::float16, 0x7BFF), 65504.0f);
  EXPECT_EQ(value(DType::float16, 0x0001), 0x1p-24f);
  EXPECT_EQ(value(DType::float16, 0xFC00), -kInf);
  EXPECT_EQ(value(DType::bfloat16, 0x0001), 0x1p-133f);
  EXPECT_EQ(value(DType::bfloat16, 0xC049), -3.140625f);
  EXPECT_EQ(value(DType::float8e4m3fn, 0x7E), 448.0f);
  EXPECT_EQ(value(DType::float8e4m3fn, 0x01), 0x1p-9f);
  EXPECT_EQ(value(DType::float8e4m3fnuz, 0x7F), 240.0f);
  EXPECT_EQ(value(DType::float8e5m2, 0x7B), 57344.0f);
  EXPECT_EQ(value(DType::float8e5m2, 0x7C), kInf);
  EXPECT_EQ(value(DType::float8e5m2fnuz, 0x01), 0x1p-17f);
  EXPECT_EQ(value(DType::float8e8m0, 0), 0x1p-127f);
  EXPECT_EQ(value(DType::float8e8m0, 127), 1.0f);
  EXPECT_EQ(value(DType::float8e8m0, 254), 0x1p127f);
  EXPECT_TRUE(std::isnan(value(DType::float8e8m0, 255)));
  const float float4[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(value(DType::float4e2m1, i), float4[i]);
    EXPECT_EQ(value(DType::float4e2m1, i | 8), -float4[i]);
  }
}

// Between each two neighbouring codes: the midpoint goes to the even code, anything else to the nearer one.
TEST(NarrowFloat, RoundsToNearestTiesToEven) {
  for (DType dtype : kNarrow) {
    if (dtype == DType::float8e8m0) continue;
    const int sign = 1 << (file_bits(dtype) - 1);
    for (int code = 0; code + 1 < sign; ++code) {
      const float low = decode_narrow_float(dtype, static_cast<uint16_t>(code));
      const float high = decode_narrow_float(dtype, static_cast<uint16_t>(code + 1));
      if (!std::isfinite(high)) break;
      const float middle = static_cast<float>((static_cast<double>(low) + high) / 2);
      const int even = code & 1 ? code + 1 : code;
      ASSERT_EQ(encode_narrow_float(dtype, middle), even) << to_string(dtype) << " " << code;
      ASSERT_EQ(encode_narrow_float(dtype, std::nextafter(middle, 0.0f)), code) << to_string(dtype);
      ASSERT_EQ(encode_narrow_float(dtype, std::nextafter(middle, kInf)), code + 1) << to_string(dtype);
      const bool unsigned_zero = dtype == DType::float8e4m3fnuz || dtype == DType::float8e5m2fnuz;
      ASSERT_EQ(encode_narrow_float(dtype, -middle), even == 0 && unsigned_zero ? 0 : even + sign) << to_string(dtype);
    }
  }
}

struct Special {
  DType dtype;
  float value;
  uint16_t saturated;
  uint16_t overflowed;
};

// The two tables of ONNX's Cast.
TEST(NarrowFloat, SpecialValuesAsInCast) {
  const Special rows[] = {
      {DType::float8e4m3fn, 0.0f, 0x00, 0x00},    {DType::float8e4m3fn, -0.0f, 0x80, 0x80},
      {DType::float8e4m3fn, kNan, 0x7F, 0x7F},    {DType::float8e4m3fn, -kNan, 0xFF, 0xFF},
      {DType::float8e4m3fn, kInf, 0x7E, 0x7F},    {DType::float8e4m3fn, -kInf, 0xFE, 0xFF},
      {DType::float8e4m3fn, 464.0f, 0x7E, 0x7E},  {DType::float8e4m3fn, 464.1f, 0x7E, 0x7F},
      {DType::float8e4m3fn, -1e6f, 0xFE, 0xFF},   {DType::float8e4m3fnuz, -0.0f, 0x00, 0x00},
      {DType::float8e4m3fnuz, kNan, 0x80, 0x80},  {DType::float8e4m3fnuz, -kInf, 0xFF, 0x80},
      {DType::float8e4m3fnuz, 1e6f, 0x7F, 0x80},  {DType::float8e4m3fnuz, -1e-9f, 0x00, 0x00},
      {DType::float8e5m2, kInf, 0x7B, 0x7C},      {DType::float8e5m2, -kInf, 0xFB, 0xFC},
      {DType::float8e5m2, 1e6f, 0x7B, 0x7C},      {DType::float8e5m2, -1e-9f, 0x80, 0x80},
      {DType::float8e5m2fnuz, kInf, 0x7F, 0x80},  {DType::float8e5m2fnuz, -1e6f, 0xFF, 0x80},
      {DType::float16, 65520.0f, 0x7C00, 0x7C00}, {DType::float16, 65519.9f, 0x7BFF, 0x7BFF},
      {DType::float16, -kInf, 0xFC00, 0xFC00},    {DType::bfloat16, 3.4e38f, 0x7F80, 0x7F80},
      {DType::float4e2m1, kInf, 0x7, 0x7},        {DType::float4e2m1, -1e6f, 0xF, 0xF},
      {DType::float4e2m1, -0.0f, 0x8, 0x8},       {DType::float4e2m1, kNan, 0x8, 0x8},
  };
  for (const Special& row : rows) {
    EXPECT_EQ(encode_narrow_float(row.dtype, row.value, true), row.saturated)
        << to_string(row.dtype) << " " << row.value;
    EXPECT_EQ(encode_narrow_float(row.dtype, row.value, false), row.overflowed)
        << to_string(row.dtype) << " " << row.value;
  }
}

TEST(NarrowFloat, SixteenBitNansKeepTheirPayloadAndBecomeQuiet) {
  const float signalling = std::bit_cast<float>(0xFF802000u);
  EXPECT_EQ(encode_narrow_float(DType::float16, signalling), 0xFE01);
  EXPECT_EQ(std::bit_cast<uint32_t>(decode_narrow_float(DType::float16, 0x7C01)), 0x7FC02000u);
}

TEST(Float8e8m0, RoundModesAndLimits) {
  const auto code = [](float value, bool saturate, RoundMode mode) {
    return int{encode_float8e8m0(value, saturate, mode)};
  };
  EXPECT_EQ(code(1.0f, true, RoundMode::up), 127);
  EXPECT_EQ(code(1.1f, true, RoundMode::up), 128);
  EXPECT_EQ(code(1.9f, true, RoundMode::down), 127);
  EXPECT_EQ(code(1.49f, true, RoundMode::nearest), 127);
  EXPECT_EQ(code(1.5f, true, RoundMode::nearest), 128);
  EXPECT_EQ(code(0.124f, true, RoundMode::up), 124);
  // The documented table: saturate and up, then neither.
  EXPECT_EQ(code(0.0f, true, RoundMode::up), 0);
  EXPECT_EQ(code(0x1p-140f, true, RoundMode::up), 0);
  EXPECT_EQ(code(0x1.8p127f, true, RoundMode::up), 254);
  EXPECT_EQ(code(kInf, true, RoundMode::up), 254);
  EXPECT_EQ(code(kNan, true, RoundMode::up), 255);
  EXPECT_EQ(code(0.0f, false, RoundMode::nearest), 255);
  EXPECT_EQ(code(0x1p-140f, false, RoundMode::nearest), 255);
  EXPECT_EQ(code(0x1.8p127f, false, RoundMode::nearest), 255);
  EXPECT_EQ(code(kInf, false, RoundMode::nearest), 255);
  // Around the float32 subnormals.
  EXPECT_EQ(code(0x1p-127f, true, RoundMode::up), 0);
  EXPECT_EQ(code(0x1.4p-127f, true, RoundMode::nearest), 0);
  EXPECT_EQ(code(0x1.4p-127f, true, RoundMode::up), 1);
  EXPECT_EQ(code(0x1.8p-127f, true, RoundMode::nearest), 1);
}

TEST(RoundToOdd, KeepsExactValuesAndMarksInexactOnes) {
  EXPECT_EQ(round_to_odd(1.5), 1.5f);
  EXPECT_EQ(round_to_odd(-static_cast<double>(kInf)), -kInf);
  EXPECT_TRUE(std::isnan(round_to_odd(std::nan(""))));
  EXPECT_EQ(round_to_odd(1 + 0x1p-40), 1 + 0x1p-23f);
  EXPECT_EQ(round_to_odd(-(1 + 0x1p-23 + 0x1p-25)), -(1 + 0x1p-23f));
  EXPECT_EQ(round_to_odd(1 + 0x1p-22 - 0x1p-40), 1 + 0x1p-23f);
  EXPECT_EQ(round_to_odd(1e300), std::numeric_limits<float>::max());
  EXPECT_EQ(round_to_odd(-1e-300), -std::numeric_limits<float>::denorm_min());
}

}  // namespace
}  // namespace minnow
