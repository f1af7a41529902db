// What the fuzz targets share: bounds small enough for thousands of runs a second, and one step of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "api/model.h"
#include "base/bytes.h"
#include "base/limits.h"

namespace minnow::fuzz {

inline Limits small_limits() {
  Limits limits;
  limits.bytes = int64_t{64} << 20;
  limits.nodes = 2000;
  limits.depth = 16;
  limits.steps = 10'000;
  limits.seconds = 1;
  return limits;
}

inline Bytes bytes_of(const uint8_t* data, size_t size) {
  return Bytes::borrow(std::as_bytes(std::span<const uint8_t>(data, size)));
}

// Opens the model (parse, verify, check, passes) and runs it once on zeros; dimensions that are not known are 1 or 2.
void open_and_run(const Bytes& bytes, std::string_view name);

}  // namespace minnow::fuzz
