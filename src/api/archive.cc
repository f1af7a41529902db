#include "api/archive.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace minnow {
namespace {

constexpr int64_t kMaxMembers = 1'000'000;
constexpr int64_t kMaxRatio = 1000;  // deflate reaches 1032 at most on constant data; real models stay below 20

uint64_t little_endian(const std::byte* data, int count) {
  uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | static_cast<uint8_t>(data[i]);
  return value;
}

bool safe_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos)
    return false;
  for (std::string_view part : split(name, '/')) {
    if (part == "..") return false;
  }
  return true;
}

// Inflates at most max_bytes; window_bits -15 for raw deflate (zip), 31 for gzip.
Result<std::vector<std::byte>> inflate_bytes(std::span<const std::byte> packed, int64_t max_bytes, int window_bits) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return make_error(ErrorCode::out_of_memory, {"no memory to unpack"});
  const int64_t limit = std::min<int64_t>(max_bytes, static_cast<int64_t>(packed.size()) * kMaxRatio + 1024);
  std::vector<std::byte> out;
  std::byte chunk[65536];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    code = inflate(&stream, Z_NO_FLUSH);
    const size_t produced = sizeof chunk - stream.avail_out;
    if (static_cast<int64_t>(out.size() + produced) > limit) {
      inflateEnd(&stream);
      return over_limit({"archive unpacks to more than ", limit, " bytes"});
    }
    out.insert(out.end(), chunk, chunk + produced);
    if (code == Z_OK && produced == 0 && stream.avail_in == 0) break;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return bad_input({"archive data is damaged or cut off"});
  return out;
}

struct ZipMember {
  uint64_t method = 0, flags = 0, packed = 0, unpacked = 0, header = 0;
  bool link = false;
};

// Position of the end-of-central-directory record: the last 22 bytes plus a comment of at most 65,535.
Result<size_t> find_zip_end(const Bytes& archive) {
  const std::byte* data = archive.data();
  const size_t size = archive.size();
  MN_CHECK(size >= 22, "not a zip archive: only ", size, " bytes");
  for (size_t back = 22; back <= std::min<size_t>(size, 22 + 65535); ++back) {
    if (little_endian(data + size - back, 4) == 0x06054b50) return size - back;
  }
  return bad_input({"not a zip archive: no end of central directory"});
}

Result<ZipMember> find_zip_member(const Bytes& archive, std::string_view member) {
  MN_ASSIGN(const size_t end, find_zip_end(archive));
  const std::byte* data = archive.data();
  const int64_t count = static_cast<int64_t>(little_endian(data + end + 10, 2));
  size_t at = little_endian(data + end + 16, 4);
  ZipMember found;
  int64_t matches = 0;
  for (int64_t i = 0; i < std::min(count, kMaxMembers); ++i) {
    MN_CHECK(at + 46 <= end && little_endian(data + at, 4) == 0x02014b50, "zip directory is damaged at entry ", i);
    const size_t name_size = little_endian(data + at + 28, 2), extra = little_endian(data + at + 30, 2),
                 comment = little_endian(data + at + 32, 2);
    MN_CHECK(at + 46 + name_size + extra + comment <= end, "zip directory is damaged at entry ", i);
    const std::string_view name = archive.text().substr(at + 46, name_size);
    MN_CHECK(safe_name(name), "unsafe name '", printable(name), "' in the archive");
    if (name == member) {
      ++matches;
      const uint64_t unix_mode = little_endian(data + at + 38, 4) >> 16;
      found = {little_endian(data + at + 10, 2), little_endian(data + at + 8, 2),  little_endian(data + at + 20, 4),
               little_endian(data + at + 24, 4), little_endian(data + at + 42, 4), (unix_mode & 0170000) == 0120000};
    }
    at += 46 + name_size + extra + comment;
  }
  MN_CHECK(matches != 0, "no member '", printable(member), "' in the archive");
  MN_CHECK(matches == 1, "member '", printable(member), "' stands ", matches, " times in the archive");
  return found;
}

}  // namespace

Result<Bytes> read_zip_member(const Bytes& archive, std::string_view member, int64_t max_bytes) {
  MN_ASSIGN(const ZipMember entry, find_zip_member(archive, member));
  MN_CHECK((entry.flags & 1) == 0, "member '", printable(member), "' is encrypted");
  MN_CHECK(!entry.link, "member '", printable(member), "' is a symbolic link");
  if (static_cast<int64_t>(entry.unpacked) > max_bytes)
    return over_limit({"member '", printable(member), "' says ", entry.unpacked, " bytes, the limit is ", max_bytes});
  const size_t size = archive.size();
  MN_CHECK(entry.header + 30 <= size && little_endian(archive.data() + entry.header, 4) == 0x04034b50, "member '",
           printable(member), "' has no header");
  const size_t start = entry.header + 30 + little_endian(archive.data() + entry.header + 26, 2) +
                       little_endian(archive.data() + entry.header + 28, 2);
  MN_CHECK(start <= size && entry.packed <= size - start, "member '", printable(member),
           "' runs past the end of the archive");
  const Bytes packed = archive.part(start, entry.packed);
  if (entry.method == 0) {
    MN_CHECK(entry.packed == entry.unpacked, "member '", printable(member), "' is stored in ", entry.packed,
             " bytes, its header says ", entry.unpacked);
    return packed;
  }
  if (entry.method != 8) return unsupported({"zip method ", entry.method, " of member '", printable(member), "'"});
  MN_ASSIGN(std::vector<std::byte> data, inflate_bytes(packed.view(), max_bytes, -15));
  MN_CHECK(data.size() == entry.unpacked, "member '", printable(member), "' unpacks to ", data.size(),
           " bytes, its header says ", entry.unpacked);
  return Bytes::own(std::move(data));
}

Result<Bytes> read_tar_gz_member(const Bytes& archive, std::string_view member, int64_t max_bytes) {
  MN_ASSIGN(std::vector<std::byte> tar, inflate_bytes(archive.view(), max_bytes, 31));
  const Bytes bytes = Bytes::own(std::move(tar));
  std::optional<Bytes> found;
  for (size_t at = 0; at + 512 <= bytes.size();) {
    const std::string_view header = bytes.text().substr(at, 512);
    if (header[0] == '\0') break;
    const std::string_view prefix = header.substr(345, std::min<size_t>(155, header.substr(345, 155).find('\0')));
    const std::string_view base = header.substr(0, std::min<size_t>(100, header.substr(0, 100).find('\0')));
    const std::string name = prefix.empty() ? std::string(base) : concat({prefix, "/", base});
    uint64_t count = 0;
    for (char digit : header.substr(124, 12)) {
      if (digit >= '0' && digit <= '7') count = count * 8 + static_cast<uint64_t>(digit - '0');
    }
    MN_CHECK(count <= bytes.size() - at - 512, "member '", printable(name), "' runs past the end of the archive");
    MN_CHECK(safe_name(name), "unsafe name '", printable(name), "' in the archive");
    if (name == member) {
      MN_CHECK(header[156] == '0' || header[156] == '\0', "member '", printable(member), "' is not a regular file");
      MN_CHECK(!found.has_value(), "member '", printable(member), "' stands twice in the archive");
      found = bytes.part(at + 512, count);
    }
    at += 512 + (count + 511) / 512 * 512;
  }
  MN_CHECK(found.has_value(), "no member '", printable(member), "' in the archive");
  return *found;
}

}  // namespace minnow
