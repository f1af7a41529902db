#include "base/bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/text.h"

#if !defined(MINNOW_MMAP)
#if defined(__EMSCRIPTEN__)
#define MINNOW_MMAP 0
#else
#define MINNOW_MMAP 1
#endif
#endif

#if MINNOW_MMAP
#include <sys/mman.h>
#endif

namespace minnow {

namespace {

// Tensors may view the bytes of a file: the start of a buffer suits every element type and vector register.
constexpr std::align_val_t kAlignment{64};

// Linux transfers at most 0x7ffff000 bytes a call; macOS refuses more than INT_MAX.
constexpr size_t kTransferBytes = size_t{1} << 30;

// Closes on the way out.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close_quietly(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int number) {
    close_quietly();
    number_ = number;
  }
  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }
  // 0, or errno: a full disk may show up only here.
  int close_checked() {
    const int result = ::close(number_);
    number_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  void close_quietly() {
    if (number_ >= 0) ::close(number_);
  }
  int number_;
};

Error io_error(std::string_view what, const std::string& path, int error_number) {
  return make_error(ErrorCode::io, {printable(path, 400), ": cannot ", what, ": ", std::strerror(error_number)});
}

std::string_view file_kind(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "not a regular file";
}

Status check_regular(const struct stat& info, const std::string& path) {
  if (S_ISREG(info.st_mode)) return {};
  return bad_input({printable(path, 400), ": expected a regular file, got ", file_kind(info.st_mode)});
}

// Without O_NONBLOCK, opening a named pipe waits for a writer.
constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

Result<Bytes> read_range(int descriptor, const std::string& path, int64_t offset, int64_t length) {
  const auto size = static_cast<uint64_t>(length);
  if (size > static_cast<uint64_t>(PTRDIFF_MAX)) {
    return over_limit({printable(path, 400), ": ", length, " bytes exceed this machine's address space"});
  }
  void* buffer = ::operator new(static_cast<size_t>(std::max<uint64_t>(size, 1)), kAlignment, std::nothrow);
  if (buffer == nullptr) {
    return make_error(ErrorCode::out_of_memory,
                      {printable(path, 400), ": out of memory: ", length, " bytes to read the file"});
  }
  const std::shared_ptr<void> owner(buffer, [](void* data) { ::operator delete(data, kAlignment); });
  auto* out = static_cast<std::byte*>(buffer);
  for (size_t done = 0; done < size;) {
    const size_t part = std::min(static_cast<size_t>(size) - done, kTransferBytes);
    const ssize_t got = ::pread(descriptor, out + done, part, static_cast<off_t>(offset + static_cast<int64_t>(done)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("read", path, errno);
    if (got == 0) {
      return make_error(ErrorCode::io, {printable(path, 400), ": expected ", length, " bytes at offset ", offset,
                                        ", got ", done, ": the file became shorter while it was read"});
    }
    done += static_cast<size_t>(got);
  }
  return Bytes(owner, {out, static_cast<size_t>(size)});
}

#if MINNOW_MMAP
struct Unmap {
  void* start;
  size_t bytes;
  void operator()(const void*) const { ::munmap(start, bytes); }
};

Result<Bytes> map_range(int descriptor, const std::string& path, int64_t offset, int64_t length) {
  if (length == 0) return Bytes();  // mmap refuses an empty range
  const int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  const int64_t before = offset % page_bytes;
  if (static_cast<uint64_t>(length) > static_cast<uint64_t>(PTRDIFF_MAX) - static_cast<uint64_t>(before)) {
    return over_limit({printable(path, 400), ": ", length, " bytes exceed this machine's address space"});
  }
  const auto bytes = static_cast<size_t>(length + before);
  void* start = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(offset - before));
  if (start == MAP_FAILED) return io_error("map", path, errno);
  const std::shared_ptr<const void> owner(start, Unmap{start, bytes});
  return Bytes(owner, {static_cast<const std::byte*>(start) + before, static_cast<size_t>(length)});
}
#else
Result<Bytes> map_range(int descriptor, const std::string& path, int64_t offset, int64_t length) {
  return read_range(descriptor, path, offset, length);
}
#endif

// The components of a location that stays inside its folder.
Result<std::vector<std::string>> safe_components(std::string_view location) {
  const std::string shown = printable(location);
  MN_CHECK(!location.empty(), "external data: the location is empty");
  MN_CHECK(location.size() <= PATH_MAX, "external data: the location has ", location.size(), " bytes, at most ",
           PATH_MAX, " are allowed");
  MN_CHECK(location.find('\0') == std::string_view::npos, "external data '", shown, "': the location holds a NUL byte");
  MN_CHECK(location.find('\\') == std::string_view::npos, "external data '", shown,
           "': the location holds a back-slash; expected a relative path with '/'");
  MN_CHECK(location.front() != '/' && !(location.size() > 1 && location[1] == ':'), "external data '", shown,
           "': expected a path relative to the model file, got an absolute one");
  std::vector<std::string> components;
  for (std::string_view part : split(location, '/')) {
    MN_CHECK(part != "..", "external data '", shown, "': '..' would leave the model's folder");
    if (!part.empty() && part != ".") components.emplace_back(part);
  }
  MN_CHECK(!components.empty() && location.back() != '/', "external data '", shown,
           "': expected the name of a file, got a folder");
  return components;
}

// Opens the file one component at a time, so that no symbolic link is followed, whoever swaps folders meanwhile.
Status open_inside(const std::string& folder, const std::vector<std::string>& components, const std::string& path,
                   Descriptor* file) {
  file->reset(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file->valid()) return io_error("open the folder", folder, errno);
  for (size_t i = 0; i < components.size(); ++i) {
    const bool last = i + 1 == components.size();
    const int next = ::openat(file->get(), components[i].c_str(), kReadFlags | O_NOFOLLOW | (last ? 0 : O_DIRECTORY));
    if (next < 0) {
      const int error_number = errno;
      struct stat info;
      const bool is_link =
          ::fstatat(file->get(), components[i].c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
      MN_CHECK(!is_link, "external data '", printable(path), "': '", printable(components[i]),
               "' is a symbolic link; copy the file into the model's folder");
      return io_error("open", path, error_number);
    }
    file->reset(next);
  }
  return {};
}

// Writes everything and asks the disk to keep it; 0 or errno.
int write_all(int descriptor, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = ::write(descriptor, data.data(), std::min(data.size(), kTransferBytes));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    data.remove_prefix(static_cast<size_t>(put));
  }
  // File systems without it (EINVAL) still write.
  return ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

// The file behind a symbolic link, so that rename replaces the file and not the link.
std::string resolve_link(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  return resolved ? std::string(resolved.get()) : path;
}

void sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Best effort: the rename has happened, and some file systems cannot flush a folder.
  if (descriptor.valid()) (void)::fsync(descriptor.get());
}

}  // namespace

Bytes Bytes::own(std::vector<std::byte> data) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(data));
  const std::span<const std::byte> view(*owner);
  return {std::move(owner), view};
}

Bytes Bytes::own(std::string data) {
  auto owner = std::make_shared<const std::string>(std::move(data));
  const auto view = std::as_bytes(std::span<const char>(owner->data(), owner->size()));
  return {std::move(owner), view};
}

Result<Bytes> read_file(const std::string& path, int64_t max_bytes) {
  const Descriptor file(::open(path.c_str(), kReadFlags));
  if (!file.valid()) return io_error("open", path, errno);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return io_error("examine", path, errno);
  MN_TRY(check_regular(info, path));
  if (info.st_size > max_bytes) {
    return over_limit({printable(path, 400), ": the file has ", static_cast<int64_t>(info.st_size), " bytes, at most ",
                       max_bytes, " are allowed"});
  }
  return read_range(file.get(), path, 0, info.st_size);
}

Result<Bytes> map_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), kReadFlags));
  if (!file.valid()) return io_error("open", path, errno);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return io_error("examine", path, errno);
  MN_TRY(check_regular(info, path));
  return map_range(file.get(), path, 0, info.st_size);
}

Status write_file_atomically(const std::string& path, std::string_view data) {
  const std::string target = resolve_link(path);
  struct stat info;
  const bool exists = ::stat(target.c_str(), &info) == 0;
  // Renaming over a device or a pipe would destroy it.
  if (exists) MN_TRY(check_regular(info, path));
  static std::atomic<uint32_t> counter{0};
  std::string temporary;
  Descriptor file(-1);
  // The name is unique in this process; one left behind by a killed process of the same number is stepped over.
  for (int attempt = 0; attempt < 100 && !file.valid(); ++attempt) {
    temporary = concat({target, ".tmp-", static_cast<int64_t>(::getpid()), "-", counter.fetch_add(1)});
    file.reset(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, exists ? info.st_mode & 0777 : 0666));
    if (!file.valid() && errno != EEXIST) break;
  }
  if (!file.valid()) return io_error("create a temporary file next to it", path, errno);
  int error_number = write_all(file.get(), data);
  const int close_error = file.close_checked();
  if (error_number == 0) error_number = close_error;
  if (error_number == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(temporary.c_str());
    return io_error("write", path, error_number);
  }
  sync_folder_of(target);
  return {};
}

Result<Bytes> read_inside(const std::string& folder, const std::string& location, int64_t offset, int64_t length,
                          bool map) {
  MN_ASSIGN(const std::vector<std::string> components, safe_components(location));
  const std::string path = concat({folder.empty() ? "." : std::string_view(folder), "/", location});
  Descriptor file(-1);
  MN_TRY(open_inside(folder, components, path, &file));
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return io_error("examine", path, errno);
  MN_TRY(check_regular(info, path));
  MN_CHECK(info.st_nlink == 1, "external data '", printable(path), "': the file has ",
           static_cast<int64_t>(info.st_nlink), " hard links, and may belong to someone else; copy it");
  const int64_t size = info.st_size;
  MN_CHECK(offset >= 0 && offset <= size, "external data '", printable(path), "': offset ", offset,
           " is outside the file of ", size, " bytes");
  MN_CHECK(length >= -1 && length <= size - offset, "external data '", printable(path), "': length ", length,
           " at offset ", offset, " is outside the file of ", size, " bytes");
  if (length == -1) length = size - offset;
  return map ? map_range(file.get(), path, offset, length) : read_range(file.get(), path, offset, length);
}

}  // namespace minnow
