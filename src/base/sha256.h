// SHA-256 (FIPS 180-4): what a model file must be, and which of the catalogue's it is.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/cpu.h"

namespace minnow {

// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> data);
// The same by what `features` allow.
std::string sha256_hex(std::span<const std::byte> data, const CpuFeatures& features);

}  // namespace minnow
