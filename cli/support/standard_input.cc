#include "cli/support/standard_input.h"

#include <cstdio>

namespace minnow::cli {

Result<Bytes> read_file_or_stdin(const std::string& path, int64_t max_bytes) {
  if (path != "-") return read_file(path, max_bytes);
  std::string all;
  char buffer[1 << 16];
  for (size_t count; (count = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
    all.append(buffer, count);
    if (static_cast<int64_t>(all.size()) > max_bytes)
      return over_limit({"standard input has more than ", max_bytes, " bytes"});
  }
  if (std::ferror(stdin) != 0) return make_error(ErrorCode::io, {"standard input could not be read"});
  return Bytes::own(std::move(all));
}

}  // namespace minnow::cli
