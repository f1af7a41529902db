#include "base/tensor.h"

#include <algorithm>
#include <new>

#include "base/checked.h"

namespace minnow {

namespace {

// Cache line, and the widest vector register (AVX-512).
constexpr size_t kAlignment = 64;

// glibc before 2.38 cannot serve an aligned request from the block that a request of the same size has left: a program
// that makes outputs in every run would hold several. Larger blocks are aligned here; smaller ones stay aligned
// requests, behind which a sanitizer sees every byte.
constexpr size_t kLargeBytes = size_t{1} << 16;

// 2^40: no machine this library serves has more, and allocators (and sanitizers) misbehave on larger requests.
constexpr int64_t kMaxTensorBytes = int64_t{1} << 40;

int64_t storage_element_bytes(DType dtype) {
  return static_cast<int64_t>(dtype == DType::string ? sizeof(std::string) : element_bytes(dtype));
}

struct Block {
  void* start = nullptr;  // as the allocator gave it
  void* data = nullptr;   // aligned
};

Block take_block(size_t bytes) {
  Block block;
  if (bytes < kLargeBytes) {
    block.start = block.data = ::operator new (bytes, std::align_val_t{kAlignment}, std::nothrow);
  } else if (block.start = ::operator new(bytes + kAlignment, std::nothrow); block.start != nullptr) {
    const auto start = reinterpret_cast<uintptr_t>(block.start);
    block.data = static_cast<std::byte*>(block.start) + (kAlignment - start % kAlignment) % kAlignment;
  }
  return block;
}

void give_block(void* start, size_t bytes) {
  if (bytes < kLargeBytes) ::operator delete (start, std::align_val_t{kAlignment});
  else ::operator delete(start);
}

// Frees what allocate() took, and gives the bytes back to the budget.
struct Release {
  void* start;
  std::shared_ptr<Budget> budget;
  int64_t bytes;
  int64_t strings;  // std::string objects to destroy
  void operator()(void* data) const {
    std::destroy_n(static_cast<std::string*>(data), strings);
    give_block(start, static_cast<size_t>(bytes));
    if (budget) budget->give_bytes(bytes);
  }
};

}  // namespace

Tensor::Tensor() = default;
Tensor::~Tensor() = default;
Tensor::Tensor(const Tensor&) = default;
Tensor::Tensor(Tensor&&) noexcept = default;
Tensor& Tensor::operator=(const Tensor&) = default;
Tensor& Tensor::operator=(Tensor&&) noexcept = default;

Datum::Datum() = default;
Datum::~Datum() = default;
Datum::Datum(const Datum&) = default;
Datum::Datum(Datum&&) noexcept = default;
Datum& Datum::operator=(const Datum&) = default;
Datum& Datum::operator=(Datum&&) noexcept = default;
Datum::Datum(Tensor t) : kind(Kind::tensor), tensor(std::move(t)) {}
Datum::Datum(std::vector<Datum> elements)
    : kind(Kind::sequence), sequence(std::make_shared<const std::vector<Datum>>(std::move(elements))) {}

Result<Tensor> Tensor::allocate(DType dtype, Dims dims, const std::shared_ptr<Budget>& budget) {
  const int64_t width = storage_element_bytes(dtype);
  MN_CHECK(width > 0, "cannot make a tensor of type ", to_string(dtype));
  MN_ASSIGN(const int64_t size, checked_element_count(dims));
  int64_t bytes = 0;
  if (!checked_mul(size, width, &bytes) || bytes > kMaxTensorBytes) {
    return over_limit({"a ", to_string(dtype), " tensor of shape ", to_string(dims), " has ", size, " elements of ",
                       width, " bytes; at most ", kMaxTensorBytes, " bytes fit in one tensor"});
  }
  if (budget) {
    if (Status taken = budget->take_bytes(bytes); !taken.ok()) {
      return std::move(taken.error()).in(concat({to_string(dtype), " tensor of shape ", to_string(dims)}));
    }
  }
  // An empty tensor has an address, too: memcpy and friends may not be given null even for zero bytes.
  const Block block = take_block(static_cast<size_t>(std::max<int64_t>(bytes, 1)));
  void* const data = block.data;
  if (data == nullptr) {
    if (budget) budget->give_bytes(bytes);
    return make_error(ErrorCode::out_of_memory, {"out of memory: ", bytes, " bytes for a ", to_string(dtype),
                                                 " tensor of shape ", to_string(dims)});
  }
  const int64_t strings = dtype == DType::string ? size : 0;
  std::uninitialized_default_construct_n(static_cast<std::string*>(data), strings);
  Tensor tensor;
  tensor.storage_ = std::shared_ptr<void>(data, Release{block.start, budget, bytes, strings});
  tensor.dtype_ = dtype;
  tensor.dims_ = std::move(dims);
  tensor.size_ = size;
  tensor.writable_ = true;
  tensor.data_ = static_cast<const std::byte*>(data);
  return tensor;
}

Result<Tensor> Tensor::view(DType dtype, Dims dims, Bytes data) {
  const auto width = static_cast<int64_t>(element_bytes(dtype));
  MN_CHECK(width > 0, "cannot view bytes as type ", to_string(dtype));
  MN_ASSIGN(const int64_t size, checked_element_count(dims));
  int64_t bytes = 0;
  if (!checked_mul(size, width, &bytes) || static_cast<uint64_t>(bytes) != data.size()) {
    return bad_input({"a ", to_string(dtype), " tensor of shape ", to_string(dims), " needs ", size, " elements of ",
                      width, " bytes, got ", data.size(), " bytes"});
  }
  // A complex number is aligned like its parts.
  const int64_t alignment = is_complex(dtype) ? width / 2 : width;
  MN_CHECK(reinterpret_cast<uintptr_t>(data.data()) % static_cast<uintptr_t>(alignment) == 0, "the bytes of a ",
           to_string(dtype), " tensor must lie at a multiple of ", alignment, " bytes; copy them");
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.dims_ = std::move(dims);
  tensor.size_ = size;
  tensor.data_ = data.data();
  tensor.storage_ = data.owner();
  return tensor;
}

Tensor Tensor::of_ints(std::span<const int64_t> values) {
  return of<int64_t>(values, {static_cast<int64_t>(values.size())});
}

Tensor Tensor::of_strings(std::vector<std::string> values, Dims dims) {
  auto result = allocate(DType::string, std::move(dims));
  assert(result.ok() && result->size() == static_cast<int64_t>(values.size()));
  std::move(values.begin(), values.end(), result->mutable_strings().begin());
  return std::move(result).value();
}

std::span<const std::string> Tensor::strings() const {
  assert(dtype_ == DType::string);
  return {reinterpret_cast<const std::string*>(data_), static_cast<size_t>(size_)};
}

std::span<std::string> Tensor::mutable_strings() {
  assert(dtype_ == DType::string);
  return {reinterpret_cast<std::string*>(const_cast<std::byte*>(data_)), static_cast<size_t>(size_)};
}

Tensor Tensor::reshaped(Dims dims) const {
  assert(element_count(dims) == size_);
  Tensor out = *this;
  out.dims_ = std::move(dims);
  return out;
}

Tensor Tensor::bit_cast(DType dtype) const {
  assert(element_bytes(dtype) == element_bytes(dtype_) && element_bytes(dtype) != 0);
  Tensor out = *this;
  out.dtype_ = dtype;
  return out;
}

Tensor Tensor::rows(int64_t begin, int64_t count) const {
  assert(rank() >= 1 && begin >= 0 && count >= 0 && begin <= dims_[0] - count);
  Tensor out = *this;
  out.dims_[0] = count;
  out.size_ = element_count(out.dims_);
  const int64_t row_elements = dims_[0] == 0 ? 0 : size_ / dims_[0];
  out.data_ = data_ + begin * row_elements * storage_element_bytes(dtype_);
  return out;
}

}  // namespace minnow
