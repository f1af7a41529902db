#include "import/raw_tensor.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"

namespace minnow {
namespace {

// Booleans other than 0 and 1 would be undefined behaviour where they are read as bool.
bool has_odd_booleans(std::span<const std::byte> data) {
  return std::any_of(data.begin(), data.end(), [](std::byte b) { return b > std::byte{1}; });
}

}  // namespace

Result<int64_t> file_bytes(DType dtype, int64_t count) {
  int64_t bits = 0;
  MN_CHECK(checked_mul(count, file_bits(dtype), &bits), "the tensor has more than 2^63 bits");
  return ceil_div(bits, 8);
}

void unpack_elements(std::span<const std::byte> packed, Tensor& tensor) {
  const int bits = file_bits(tensor.dtype());
  const int per_byte = 8 / bits;
  const auto mask = static_cast<uint8_t>((1 << bits) - 1);
  // Signed elements are sign-extended: (code ^ sign) - sign.
  const auto sign = static_cast<uint8_t>(is_signed_integer(tensor.dtype()) ? 1 << (bits - 1) : 0);
  auto* data = tensor.mutable_data<uint8_t>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const auto byte = static_cast<uint8_t>(packed[static_cast<size_t>(i / per_byte)]);
    const auto code = static_cast<uint8_t>(byte >> (bits * static_cast<int>(i % per_byte)) & mask);
    data[i] = static_cast<uint8_t>((code ^ sign) - sign);
  }
}

Result<Tensor> tensor_from_bytes(DType dtype, Dims dims, const Bytes& data, const std::shared_ptr<Budget>& budget) {
  const bool sub_byte = file_bits(dtype) < 8;
  const bool repair = dtype == DType::boolean && has_odd_booleans(data.view());
  if (!sub_byte && !repair) {
    if (Result<Tensor> view = Tensor::view(dtype, dims, data); view.ok()) return view;
  }
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, std::move(dims), budget));
  if (sub_byte) {
    unpack_elements(data.view(), tensor);
  } else if (repair) {
    for (size_t i = 0; i < data.size(); ++i) tensor.mutable_data<uint8_t>()[i] = data.data()[i] != std::byte{0};
  } else if (data.size() != 0) {
    std::memcpy(tensor.mutable_data<std::byte>(), data.data(), data.size());
  }
  return tensor;
}

std::string tensor_to_bytes(const Tensor& tensor) {
  const std::span<const std::byte> raw = tensor.raw();
  const int bits = file_bits(tensor.dtype());
  if (bits >= 8) return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  const int per_byte = 8 / bits;
  const auto mask = static_cast<uint8_t>((1 << bits) - 1);
  std::string packed(static_cast<size_t>(ceil_div(tensor.size(), per_byte)), '\0');
  for (int64_t i = 0; i < tensor.size(); ++i) {
    char& byte = packed[static_cast<size_t>(i / per_byte)];
    const int code = (tensor.data<uint8_t>()[i] & mask) << (bits * static_cast<int>(i % per_byte));
    byte = static_cast<char>(static_cast<uint8_t>(byte) | code);
  }
  return packed;
}

}  // namespace minnow
