#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/tensor.h"

namespace minnow {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();

template <class T>
Tensor row(std::initializer_list<T> values) {
  return Tensor::of<T>(values, {static_cast<int64_t>(values.size())});
}

Tensor convert(const Tensor& tensor, DType dtype) {
  auto result = convert_dtype(tensor, dtype);
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : Tensor();
}

using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;

TEST(ConvertDType, FloatsToIntegersTruncateAndSaturate) {
  const Tensor values = row<double>({1.9, -1.9, 300, -300, kInf, -kInf, std::nan(""), 0.5});
  EXPECT_EQ(to_ints(convert(values, DType::int8)), (Ints{1, -1, 127, -128, 127, -128, 0, 0}));
  EXPECT_EQ(to_ints(convert(values, DType::uint8)), (Ints{1, 0, 255, 0, 255, 0, 0, 0}));
  EXPECT_EQ(to_ints(convert(values, DType::int4)), (Ints{1, -1, 7, -8, 7, -8, 0, 0}));
  EXPECT_EQ(to_ints(convert(values, DType::int64)), (Ints{1, -1, 300, -300, kMax64, kMin64, 0, 0}));
  const Tensor wide = row<double>({0x1p63, 0x1p64, -0x1p63, 0x1p62});
  EXPECT_EQ(to_ints(convert(wide, DType::int64)), (Ints{kMax64, kMax64, kMin64, int64_t{1} << 62}));
  const Tensor unsigned_wide = convert(wide, DType::uint64);
  EXPECT_EQ(unsigned_wide.values<uint64_t>()[0], uint64_t{1} << 63);
  EXPECT_EQ(unsigned_wide.values<uint64_t>()[1], std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(unsigned_wide.values<uint64_t>()[2], 0u);
}

TEST(ConvertDType, IntegersWrap) {
  const Tensor values = row<int32_t>({200, -1, 65536 + 7, -129});
  EXPECT_EQ(to_ints(convert(values, DType::int8)), (Ints{-56, -1, 7, 127}));
  EXPECT_EQ(to_ints(convert(values, DType::uint8)), (Ints{200, 255, 7, 127}));
  EXPECT_EQ(to_ints(convert(values, DType::int4)), (Ints{-8, -1, 7, -1}));
  EXPECT_EQ(to_ints(convert(values, DType::uint2)), (Ints{0, 3, 3, 3}));
  EXPECT_EQ(to_ints(convert(values, DType::uint16)), (Ints{200, 65535, 7, 65407}));
  EXPECT_EQ(to_doubles(convert(values, DType::uint64))[1], 0x1p64);
}

TEST(ConvertDType, Booleans) {
  EXPECT_EQ(to_ints(convert(row<float>({0, -0.0f, 0.1f, std::nanf("")}), DType::boolean)), (Ints{0, 0, 1, 1}));
  EXPECT_EQ(to_ints(convert(row<int32_t>({0, 256, -1}), DType::boolean)), (Ints{0, 1, 1}));
  EXPECT_EQ(to_doubles(convert(row<bool>({true, false}), DType::float16)), (Doubles{1, 0}));
  // A byte other than 0 and 1 from a file still means true.
  const Tensor bytes = row<uint8_t>({2, 0, 255}).bit_cast(DType::boolean);
  EXPECT_EQ(to_ints(bytes), (Ints{1, 0, 1}));
  EXPECT_EQ(to_doubles(convert(bytes, DType::float32)), (Doubles{1, 0, 1}));
}

TEST(ConvertDType, RoundsOnce) {
  // Just above the midpoint of two float16 (bfloat16) numbers, by less than float32 can tell.
  const Tensor doubles = row<double>({1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 1 + 0x1p-8 + 0x1p-40});
  EXPECT_EQ(to_doubles(convert(doubles, DType::float16))[0], 1 + 0x1p-10);
  EXPECT_EQ(to_doubles(convert(doubles, DType::float16))[1], 1.0);
  EXPECT_EQ(to_doubles(convert(doubles, DType::bfloat16))[2], 1 + 0x1p-7);
  const int64_t tie = (int64_t{1} << 62) + (int64_t{1} << 38);
  const Tensor integers = row<int64_t>({tie, tie + 1, -tie - 1, kMax64});
  EXPECT_EQ(to_doubles(convert(integers, DType::float32)),
            (Doubles{0x1p62, 0x1p62 + 0x1p39, -0x1p62 - 0x1p39, 0x1p63}));
  const int64_t narrow_tie = (int64_t{1} << 62) + (int64_t{1} << 54);
  EXPECT_EQ(to_doubles(convert(row<int64_t>({narrow_tie, narrow_tie + 1}), DType::bfloat16)),
            (Doubles{0x1p62, 0x1p62 + 0x1p55}));
  EXPECT_EQ(to_doubles(convert(row<uint64_t>({~uint64_t{0}}), DType::float64)), (Doubles{0x1p64}));
}

TEST(ConvertDType, EveryFloat16AsDecodedAlone) {
  std::vector<uint16_t> codes(65536);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint16_t>(i);
  const Tensor halves = Tensor::of<uint16_t>(std::span<const uint16_t>(codes), {65536}).bit_cast(DType::float16);
  const Tensor floats = convert(halves, DType::float32);
  for (uint16_t code : codes) {
    ASSERT_EQ(std::bit_cast<uint32_t>(floats.data<float>()[code]),
              std::bit_cast<uint32_t>(decode_narrow_float(DType::float16, code)))
        << code;
  }
}

TEST(ConvertDType, OverflowAndSaturation) {
  const Tensor values = row<double>({1e6, -1e300, -kInf, 1e-300});
  EXPECT_EQ(to_doubles(convert(values, DType::float16)), (Doubles{kInf, -kInf, -kInf, 0}));
  EXPECT_EQ(to_doubles(convert(values, DType::float32))[1], -kInf);
  EXPECT_EQ(to_doubles(convert(values, DType::float8e5m2)), (Doubles{57344, -57344, -57344, 0}));
  EXPECT_EQ(to_doubles(*convert_dtype(values, DType::float8e5m2, nullptr, false)), (Doubles{kInf, -kInf, -kInf, 0}));
  EXPECT_EQ(to_doubles(convert(row<int32_t>({70000, 5}), DType::float4e2m1)), (Doubles{6, 4}));
}

TEST(ConvertDType, Float8e8m0TakesARoundMode) {
  const Tensor values = row<double>({1.0 + 0x1p-40, 3.0, 5.0});
  EXPECT_EQ(to_doubles(convert(values, DType::float8e8m0)), (Doubles{2, 4, 8}));
  EXPECT_EQ(to_doubles(*convert_dtype(values, DType::float8e8m0, nullptr, true, RoundMode::down)), (Doubles{1, 2, 4}));
  EXPECT_EQ(to_doubles(*convert_dtype(values, DType::float8e8m0, nullptr, true, RoundMode::nearest)),
            (Doubles{1, 4, 4}));
}

TEST(ConvertDType, LongTensorsAndEveryPairOfTypes) {
  // 1 and 2 exist in every type but int2; 1,300 elements end inside a chunk.
  std::vector<int32_t> numbers(1300);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int32_t>(i % 2 + 1);
  const Tensor source = Tensor::of<int32_t>(std::span<const int32_t>(numbers), {13, 100});
  const Ints expected(numbers.begin(), numbers.end());
  for (int a = 0; a < kDTypeCount; ++a) {
    const auto from = static_cast<DType>(a);
    if ((!is_float(from) && !is_integer(from)) || from == DType::int2) continue;
    const Tensor middle = convert(source, from);
    EXPECT_EQ(to_ints(middle), expected) << to_string(from);
    for (int b = 0; b < kDTypeCount; ++b) {
      const auto to = static_cast<DType>(b);
      if ((!is_float(to) && !is_integer(to)) || to == DType::int2) continue;
      const Tensor out = convert(middle, to);
      EXPECT_EQ(out.dims(), (Dims{13, 100}));
      EXPECT_EQ(to_ints(out), expected) << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(ConvertDType, SameTypeSharesOthersAreRefused) {
  const Tensor values = row<float>({1, 2});
  EXPECT_EQ(convert(values, DType::float32).data<float>(), values.data<float>());
  EXPECT_EQ(convert_dtype(values, DType::string).error().code, ErrorCode::unsupported);
  EXPECT_EQ(convert_dtype(values, DType::complex64).error().code, ErrorCode::unsupported);
  EXPECT_EQ(convert_dtype(Tensor::of_strings({"1"}, {1}), DType::int8).error().code, ErrorCode::unsupported);
  EXPECT_EQ(convert_dtype(values, DType::undefined).error().code, ErrorCode::unsupported);
  Limits limits;
  limits.bytes = 15;
  EXPECT_EQ(convert_dtype(values, DType::float64, std::make_shared<Budget>(limits)).error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace minnow
