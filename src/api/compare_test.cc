#include "api/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace minnow {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();

Datum doubles(std::initializer_list<double> values) {
  return Datum(Tensor::of<double>(values, {static_cast<int64_t>(values.size())}));
}

TEST(Compare, BoundIsAbsolutePlusRelativeOfTheExpected) {
  const Closeness closeness{0.1, 1.0};
  EXPECT_TRUE(compare_values(doubles({111.0}), doubles({100.0}), closeness).close);  // 11 <= 1 + 10
  EXPECT_FALSE(compare_values(doubles({111.1}), doubles({100.0}), closeness).close);
  EXPECT_FALSE(compare_values(doubles({100.0}), doubles({88.0}), closeness).close);  // 12 > 1 + 8.8: not symmetric
}

TEST(Compare, NotANumberAndInfinitiesEqualThemselvesOnly) {
  const Closeness loose{10.0, 1e9};
  EXPECT_TRUE(
      compare_values(doubles({kNan, kInfinity, -kInfinity}), doubles({kNan, kInfinity, -kInfinity}), loose).close);
  EXPECT_FALSE(compare_values(doubles({kNan}), doubles({1}), loose).close);
  EXPECT_FALSE(compare_values(doubles({1}), doubles({kNan}), loose).close);
  EXPECT_FALSE(compare_values(doubles({kInfinity}), doubles({-kInfinity}), loose).close);
  EXPECT_FALSE(compare_values(doubles({1}), doubles({kInfinity}), loose).close);
}

TEST(Compare, NamesTheWorstElement) {
  const Tensor actual = Tensor::of<float>({1, 2, 3, 4.5f, 5, 6.1f}, {2, 3}),
               expected = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  const Difference difference = compare_values(Datum(actual), Datum(expected), {1e-3, 1e-7});
  EXPECT_FALSE(difference.close);
  EXPECT_EQ(difference.mismatches, 2);
  EXPECT_EQ(difference.worst_index, (Dims{1, 0}));
  EXPECT_DOUBLE_EQ(difference.max_absolute, 0.5);
  EXPECT_NE(difference.reason.find("[1, 0]: got 4.5, expected 4"), std::string::npos) << difference.reason;
}

TEST(Compare, DtypeShapeAndKindMustAgree) {
  const Closeness closeness;
  EXPECT_FALSE(compare_values(Datum(Tensor::of<float>({1}, {1})), doubles({1}), closeness).close);
  EXPECT_FALSE(compare_values(Datum(Tensor::of<double>({1, 2}, {2, 1})), doubles({1, 2}), closeness).close);
  EXPECT_FALSE(compare_values(Datum(), doubles({1}), closeness).close);
  EXPECT_TRUE(compare_values(Datum(), Datum(), closeness).close);
}

TEST(Compare, LargeIntegersThatAreEqualAsDoubles) {
  const int64_t big = (int64_t{1} << 60) + 1;
  const Datum a(Tensor::of<int64_t>({big}, {1})), b(Tensor::of<int64_t>({big - 1}, {1}));
  EXPECT_FALSE(compare_values(a, b, {0, 0}).close);
  EXPECT_TRUE(compare_values(a, a, {0, 0}).close);
}

TEST(Compare, StringsExactlyAndSequencesByElement) {
  const Datum a(Tensor::of_strings({"x", "y"}, {2})), b(Tensor::of_strings({"x", "z"}, {2}));
  EXPECT_TRUE(compare_values(a, a, {}).close);
  EXPECT_FALSE(compare_values(a, b, {}).close);
  const Datum first(std::vector<Datum>{doubles({1}), doubles({2})}),
      second(std::vector<Datum>{doubles({1}), doubles({3})});
  EXPECT_TRUE(compare_values(first, first, {}).close);
  const Difference difference = compare_values(first, second, {});
  EXPECT_NE(difference.reason.find("element 1"), std::string::npos) << difference.reason;
  EXPECT_FALSE(compare_values(first, Datum(std::vector<Datum>{doubles({1})}), {}).close);
}

TEST(Compare, ErrorMeasures) {
  const auto measure = measure_error(Tensor::of<float>({3, 4, 1}, {3}), Tensor::of<float>({3, 4, 0}, {3}));
  ASSERT_TRUE(measure.ok());
  EXPECT_DOUBLE_EQ(measure->max_absolute, 1.0);
  EXPECT_DOUBLE_EQ(measure->relative, 0.2);         // 1 / 5
  EXPECT_DOUBLE_EQ(measure->range_relative, 0.25);  // 1 / (4 - 0)
  EXPECT_NEAR(measure->snr_db, 20 * std::log10(5.0), 1e-12);
  const auto same = measure_error(Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({1, 2}, {2}));
  EXPECT_EQ(same->snr_db, kInfinity);
  EXPECT_FALSE(measure_error(Tensor::of<float>({1}, {1}), Tensor::of<float>({1, 2}, {2})).ok());
}

}  // namespace
}  // namespace minnow
