#include "base/shape.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/checked.h"

namespace minnow {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

int64_t count_of(Dims dims) {
  const auto result = checked_element_count(dims);
  return result.ok() ? *result : -1;
}

TEST(Shape, ElementCounts) {
  EXPECT_EQ(count_of({}), 1);
  EXPECT_EQ(count_of({2, 3, 4}), 24);
  EXPECT_EQ(count_of({2, 0, 4}), 0);
  EXPECT_EQ(count_of({kMax}), kMax);
  EXPECT_EQ(count_of({-1}), -1);
  EXPECT_EQ(count_of({0, -1}), -1);
  EXPECT_EQ(count_of({int64_t{1} << 32, int64_t{1} << 32}), -1);
  EXPECT_EQ(count_of({int64_t{1} << 31, int64_t{1} << 32}), -1);
  // Strides are products of the other dimensions: they may not overflow either.
  EXPECT_EQ(count_of({0, int64_t{1} << 40, int64_t{1} << 40}), -1);
}

TEST(Shape, TextAndStrides) {
  EXPECT_EQ(to_string(Dims{1, 3, 224}), "[1, 3, 224]");
  EXPECT_EQ(to_string(Dims{}), "[]");
  EXPECT_EQ(row_major_strides(Dims{2, 3, 4}), (Dims{12, 4, 1}));
  EXPECT_EQ(row_major_strides(Dims{}), Dims{});
  EXPECT_EQ(to_string(Shape{Dim("batch"), 3, Dim()}), "[batch, 3, ?]");
  EXPECT_EQ(to_string(Shape()), "?");
}

TEST(Shape, AxesCountFromBothEnds) {
  EXPECT_EQ(*normalize_axis(-1, 4), 3);
  EXPECT_EQ(*normalize_axis(0, 4), 0);
  EXPECT_FALSE(normalize_axis(4, 4).ok());
  EXPECT_FALSE(normalize_axis(0, 0).ok());
  EXPECT_FALSE(normalize_axis(kMin, 4).ok());
  EXPECT_EQ(normalize_axis(-5, 4).error().message, "axis -5 is outside [-4, 4) of a 4-D tensor");
}

TEST(Shape, Broadcasting) {
  EXPECT_EQ(*broadcast_dims(Dims{2, 1, 4}, Dims{3, 1}), (Dims{2, 3, 4}));
  EXPECT_EQ(*broadcast_dims(Dims{}, Dims{5}), (Dims{5}));
  EXPECT_EQ(*broadcast_dims(Dims{0, 1}, Dims{1, 3}), (Dims{0, 3}));
  EXPECT_EQ(broadcast_dims(Dims{2, 3}, Dims{4}).error().message, "shapes [2, 3] and [4] do not broadcast");
}

TEST(Shape, SymbolicBroadcasting) {
  const auto text = [](const Shape& a, const Shape& b) {
    const auto result = broadcast_shapes(a, b);
    return result.ok() ? to_string(*result) : result.error().message;
  };
  EXPECT_EQ(text({Dim("n"), 1}, {Dim("n"), 4}), "[n, 4]");
  EXPECT_EQ(text({Dim("n")}, {Dim("m")}), "[?]");
  EXPECT_EQ(text({Dim("n")}, {7}), "[7]");
  EXPECT_EQ(text({Dim("n")}, {1}), "[n]");
  EXPECT_EQ(text(Shape(), {1}), "?");
  EXPECT_EQ(text({2}, {3}), "shapes [2] and [3] do not broadcast");
}

TEST(Shape, StaticDims) {
  EXPECT_TRUE((Shape{2, 3}.static_dims()));
  EXPECT_EQ((Shape{2, 3}.to_dims()), (Dims{2, 3}));
  EXPECT_FALSE((Shape{2, Dim("n")}.static_dims()));
  EXPECT_FALSE(Shape().static_dims());
  EXPECT_TRUE(Shape(Dims{}).static_dims());
}

TEST(Checked, ReportsOverflow) {
  int64_t out = 0;
  EXPECT_TRUE(checked_add(kMax - 1, 1, &out) && out == kMax);
  EXPECT_FALSE(checked_add(kMax, 1, &out));
  EXPECT_FALSE(checked_sub(kMin, 1, &out));
  EXPECT_FALSE(checked_mul(kMin, -1, &out));
  EXPECT_FALSE(checked_mul(int64_t{1} << 32, int64_t{1} << 31, &out));
}

TEST(Checked, DivisionRoundsTowardsTheNamedSide) {
  for (int64_t a = -7; a <= 7; ++a) {
    for (int64_t b = 1; b <= 4; ++b) {
      const int64_t low = floor_div(a, b), high = ceil_div(a, b);
      EXPECT_TRUE(low * b <= a && a < (low + 1) * b) << a << "/" << b;
      EXPECT_TRUE((high - 1) * b < a && a <= high * b) << a << "/" << b;
    }
  }
}

}  // namespace
}  // namespace minnow
