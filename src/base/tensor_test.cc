#include "base/tensor.h"

#include <gtest/gtest.h>

#include <array>

namespace minnow {
namespace {

std::shared_ptr<Budget> budget_of(int64_t bytes) {
  Limits limits;
  limits.bytes = bytes;
  return std::make_shared<Budget>(limits);
}

TEST(Tensor, AllocatesAlignedStorage) {
  for (DType dtype : {DType::int4, DType::float16, DType::float32, DType::complex128, DType::string}) {
    auto tensor = Tensor::allocate(dtype, {3, 5});
    ASSERT_TRUE(tensor.ok()) << tensor.error().message;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data<std::byte>()) % 64, 0u);
    EXPECT_EQ(tensor->size(), 15);
    EXPECT_EQ(tensor->bytes(), 15 * static_cast<int64_t>(element_bytes(dtype)));
  }
}

TEST(Tensor, EmptyTensorsHaveAnAddress) {
  auto tensor = Tensor::allocate(DType::float32, {4, 0, 5});
  ASSERT_TRUE(tensor.ok()) << tensor.error().message;
  EXPECT_EQ(tensor->size(), 0);
  EXPECT_NE(tensor->data<float>(), nullptr);
  EXPECT_TRUE(tensor->valid());
  EXPECT_FALSE(Tensor().valid());
}

TEST(Tensor, RefusesBadSizes) {
  const auto code_of = [](DType dtype, Dims dims) {
    auto tensor = Tensor::allocate(dtype, std::move(dims));
    EXPECT_FALSE(tensor.ok());
    return tensor.ok() ? ErrorCode::internal : tensor.error().code;
  };
  EXPECT_EQ(code_of(DType::float32, {-1}), ErrorCode::bad_input);
  EXPECT_EQ(code_of(DType::float32, {int64_t{1} << 32, int64_t{1} << 32}), ErrorCode::bad_input);  // 2^64 wraps to 0
  EXPECT_EQ(code_of(DType::float32, {int64_t{1} << 62}), ErrorCode::limit);  // 2^64 bytes wrap to 0
  EXPECT_EQ(code_of(DType::int8, {int64_t{1} << 50}), ErrorCode::limit);
  EXPECT_EQ(code_of(DType::string, {int64_t{1} << 40}), ErrorCode::limit);
  EXPECT_EQ(code_of(DType::undefined, {1}), ErrorCode::bad_input);
  auto tensor = Tensor::allocate(DType::float32, {2, -7});
  EXPECT_EQ(tensor.error().message, "negative dimension -7 in shape [2, -7]");
}

TEST(Tensor, BudgetIsTakenOnceAndGivenBackWithTheLastCopy) {
  const auto budget = budget_of(1000);
  {
    auto first = Tensor::allocate(DType::float32, {100}, budget);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(budget->live_bytes(), 400);
    const Tensor copy = first->rows(10, 5);
    *first = Tensor();
    EXPECT_EQ(budget->live_bytes(), 400);
    auto second = Tensor::allocate(DType::float32, {151}, budget);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::limit);
    EXPECT_NE(second.error().message.find("604 bytes asked for, 400 in use, the limit is 1000"), std::string::npos)
        << second.error().message;
    EXPECT_EQ(budget->live_bytes(), 400);
  }
  EXPECT_EQ(budget->live_bytes(), 0);
  EXPECT_EQ(budget->peak_bytes(), 400);
}

TEST(Tensor, StringsCountTheirObjects) {
  const auto budget = budget_of(static_cast<int64_t>(10 * sizeof(std::string)));
  auto tensor = Tensor::allocate(DType::string, {10}, budget);
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->strings()[9], "");
  tensor->mutable_strings()[9] = "a text too long to lie inside the object itself";
  EXPECT_FALSE(Tensor::allocate(DType::string, {1}, budget).ok());
  *tensor = Tensor();
  EXPECT_EQ(budget->live_bytes(), 0);
}

TEST(Tensor, OfAndScalar) {
  const Tensor tensor = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(tensor.dtype(), DType::float32);
  EXPECT_EQ(tensor.values<float>()[5], 6.0f);
  EXPECT_EQ(Tensor::scalar<int64_t>(7).rank(), 0);
  EXPECT_EQ(Tensor::scalar<bool>(true).dtype(), DType::boolean);
  const std::array<int64_t, 2> ints = {4, 9};
  EXPECT_EQ(to_ints(Tensor::of_ints(ints)), (std::vector<int64_t>{4, 9}));
  EXPECT_EQ(Tensor::of_strings({"a", "b"}, {1, 2}).strings()[1], "b");
}

TEST(Tensor, ViewChecksSizeAndAlignment) {
  alignas(16) std::array<std::byte, 24> storage{};
  const std::span<const std::byte> bytes(storage);
  auto good = Tensor::view(DType::float32, {2, 3}, Bytes::borrow(bytes));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->data<std::byte>(), storage.data());
  EXPECT_FALSE(Tensor::view(DType::float32, {7}, Bytes::borrow(bytes)).ok());
  EXPECT_FALSE(Tensor::view(DType::float32, {5}, Bytes::borrow(bytes)).ok());
  EXPECT_FALSE(Tensor::view(DType::float32, {int64_t{1} << 62}, Bytes::borrow(bytes.first(0))).ok());
  EXPECT_FALSE(Tensor::view(DType::float32, {5}, Bytes::borrow(bytes.subspan(2, 20))).ok());
  EXPECT_FALSE(Tensor::view(DType::string, {0}, Bytes::borrow(bytes.first(0))).ok());
  EXPECT_TRUE(Tensor::view(DType::complex128, {1}, Bytes::borrow(bytes.subspan(8, 16))).ok());
}

TEST(Tensor, ViewKeepsItsOwnerAliveAndIsNeverUnique) {
  Tensor tensor;
  std::weak_ptr<const void> owner;
  {
    const Bytes bytes = Bytes::own(std::string("abcdefgh"));
    owner = bytes.owner();
    tensor = Tensor::view(DType::uint8, {8}, bytes).value();
  }
  EXPECT_FALSE(owner.expired());
  EXPECT_EQ(tensor.values<uint8_t>()[7], 'h');
  EXPECT_FALSE(tensor.unique());
  tensor = Tensor();
  EXPECT_TRUE(owner.expired());
}

TEST(Tensor, UniqueUntilCopied) {
  Tensor tensor = Tensor::of<float>({1, 2}, {2});
  EXPECT_TRUE(tensor.unique());
  {
    const Tensor copy = tensor;
    EXPECT_FALSE(tensor.unique());
  }
  EXPECT_TRUE(tensor.unique());
}

TEST(Tensor, PartsShareStorage) {
  const Tensor tensor = Tensor::of<int32_t>({0, 1, 2, 3, 4, 5}, {3, 2});
  const Tensor rows = tensor.rows(1, 2);
  EXPECT_EQ(rows.dims(), (Dims{2, 2}));
  EXPECT_EQ(rows.data<int32_t>(), tensor.data<int32_t>() + 2);
  EXPECT_EQ(tensor.rows(3, 0).size(), 0);
  EXPECT_EQ(tensor.reshaped({6}).data<int32_t>(), tensor.data<int32_t>());
  EXPECT_EQ(Tensor::scalar(1.0f).bit_cast(DType::int32).values<int32_t>()[0], 0x3F800000);
  EXPECT_EQ(Tensor::of_strings({"a", "b", "c"}, {3}).rows(2, 1).strings()[0], "c");
}

}  // namespace
}  // namespace minnow
