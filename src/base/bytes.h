// Bytes that may be owned, borrowed or mapped, and the file system behind one door: reading with limits, atomic
// writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace minnow {

// Immutable bytes plus whatever keeps them alive (a vector, a mapping, the caller's promise). Copies share.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::shared_ptr<const void> owner, std::span<const std::byte> view) : owner_(std::move(owner)), view_(view) {}
  static Bytes own(std::vector<std::byte> data);
  static Bytes own(std::string data);
  static Bytes borrow(std::span<const std::byte> data) { return {nullptr, data}; }

  std::span<const std::byte> view() const { return view_; }
  const std::byte* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  std::string_view text() const { return {reinterpret_cast<const char*>(view_.data()), view_.size()}; }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  // A part that shares ownership; requires offset + count <= size().
  Bytes part(size_t offset, size_t count) const { return {owner_, view_.subspan(offset, count)}; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> view_;
};

// Reads a regular file whole (a directory, FIFO or device is refused), at most max_bytes.
Result<Bytes> read_file(const std::string& path, int64_t max_bytes = int64_t{1} << 40);
// Maps a regular file read-only. The process dies with SIGBUS if another one shrinks the file: hence opt-in.
Result<Bytes> map_file(const std::string& path);
// Writes a whole file or nothing: temporary file in the same folder, flush, rename.
Status write_file_atomically(const std::string& path, std::string_view data);

// Opens `location` (a relative path from a model file) inside `folder`: refuses absolute paths, "..", back-slashes,
// drive letters, symbolic links on the way and files with several hard links. offset/length in bytes,
// length -1: to the end.
Result<Bytes> read_inside(const std::string& folder, const std::string& location, int64_t offset, int64_t length,
                          bool map);

}  // namespace minnow
