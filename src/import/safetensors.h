// safetensors files: named tensors behind a JSON header.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/tensor.h"

namespace minnow {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// In the header's order. Tensors are views of `file` where they are aligned. Overlaps, gaps, duplicate names and sizes
// that do not fit are errors. `metadata`, when given, receives the file's own key-value pairs.
Result<NamedTensors> read_safetensors(const Bytes& file, std::string_view name, const Limits& limits = {},
                                      std::vector<std::pair<std::string, std::string>>* metadata = nullptr);
Result<std::string> safetensors_bytes(const NamedTensors& tensors,
                                      const std::vector<std::pair<std::string, std::string>>& metadata = {});
// Writes the whole file or nothing.
Status write_safetensors(const std::string& path, const NamedTensors& tensors,
                         const std::vector<std::pair<std::string, std::string>>& metadata = {});

}  // namespace minnow
