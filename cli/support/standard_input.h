// Files that may be standard input.
#pragma once

#include <string>

#include "base/bytes.h"

namespace minnow::cli {

// The whole file; "-" is standard input, read to its end. More than max_bytes is an error.
Result<Bytes> read_file_or_stdin(const std::string& path, int64_t max_bytes);

}  // namespace minnow::cli
