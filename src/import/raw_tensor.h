// Tensors from and to the bytes that files hold: little-endian, row-major, elements below a byte packed from the lowest
// bits up. Shared by the containers.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/tensor.h"

namespace minnow {

// Bytes that `count` elements take in a file.
Result<int64_t> file_bytes(DType dtype, int64_t count);
// `data` must have the size that file_bytes() says. A view of it where it is aligned and coded as in memory, else a
// copy that counts against the budget.
Result<Tensor> tensor_from_bytes(DType dtype, Dims dims, const Bytes& data, const std::shared_ptr<Budget>& budget);
// Packed sub-byte elements into one byte each (tensor.dtype() tells which).
void unpack_elements(std::span<const std::byte> packed, Tensor& tensor);
// The bytes of any tensor but strings, as files hold them.
std::string tensor_to_bytes(const Tensor& tensor);

}  // namespace minnow
