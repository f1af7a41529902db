// NumPy's .npy files: one array each.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/tensor.h"

namespace minnow {

// Versions 1 to 3, C and Fortran order, either byte order, all numbers and booleans. Arrays of objects are pickled
// programs and refused. `name` stands for the file in messages.
Result<Tensor> read_npy(const Bytes& file, std::string_view name, const Limits& limits = {});
// The bytes of a version 1 file. Types that NumPy does not have (bfloat16, float8, int4, strings, …) are `unsupported`.
Result<std::string> npy_bytes(const Tensor& tensor);
Status write_npy(const std::string& path, const Tensor& tensor);

}  // namespace minnow
