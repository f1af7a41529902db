#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace minnow {
namespace {

Result<int> half(int value) {
  MN_CHECK(value % 2 == 0, "expected an even number, got ", value);
  return value / 2;
}

Result<int> quarter(int value) {
  MN_ASSIGN(const int once, half(value));
  MN_ASSIGN(const int twice, half(once));
  return twice;
}

Status check_quarter(int value) {
  MN_TRY(quarter(value));
  return {};
}

TEST(Result, ValuesAndErrorsPassThrough) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(7).error().message, "expected an even number, got 7");
  EXPECT_EQ(quarter(6).error().message, "expected an even number, got 3");
  EXPECT_TRUE(check_quarter(4).ok());
  EXPECT_EQ(check_quarter(2).error().code, ErrorCode::bad_input);
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> out = std::move(result).value();
  EXPECT_EQ(*out, 5);
}

TEST(Error, PlacesAreAddedInFront) {
  const Error error = unsupported({"no kernel"}).in("node 'a' (Conv)").in("m.onnx");
  EXPECT_EQ(error.message, "m.onnx: node 'a' (Conv): no kernel");
  EXPECT_EQ(error.code, ErrorCode::unsupported);
}

TEST(Concat, NumbersOfEveryType) {
  EXPECT_EQ(concat({"a", -1, 2u, int64_t{-9223372036854775807 - 1}, ~uint64_t{0}, 0.1, 1e100, std::string("s"),
                    std::string_view("v")}),
            "a-12-9223372036854775808184467440737095516150.11e+100sv");
  EXPECT_EQ(concat({}), "");
}

TEST(ErrorCode, HasNames) {
  EXPECT_EQ(to_string(ErrorCode::limit), "limit exceeded");
  EXPECT_EQ(to_string(ErrorCode::io), "input/output error");
}

}  // namespace
}  // namespace minnow
