#include "api/archive.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace minnow {
namespace {

void put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Member {
  std::string name, data;
  bool packed = false;
  uint64_t flags = 0, method = 8, claimed = 0;  // claimed: a size that replaces the true one
  uint64_t mode = 0100644;
};

std::string zip_of(const std::vector<Member>& members) {
  std::string out, directory;
  for (const Member& member : members) {
    const std::string body = member.packed ? deflated(member.data, -15) : member.data;
    const uint64_t method = member.packed ? member.method : 0,
                   size = member.claimed != 0 ? member.claimed : member.data.size();
    const uint64_t at = out.size();
    put(out, 0x04034b50, 4);
    put(out, 20, 2);
    put(out, member.flags, 2);
    put(out, method, 2);
    put(out, 0, 8);  // time, date, CRC
    put(out, body.size(), 4);
    put(out, size, 4);
    put(out, member.name.size(), 2);
    put(out, 0, 2);
    out += member.name + body;
    put(directory, 0x02014b50, 4);
    put(directory, 0x0314, 2);
    put(directory, 20, 2);
    put(directory, member.flags, 2);
    put(directory, method, 2);
    put(directory, 0, 8);
    put(directory, body.size(), 4);
    put(directory, size, 4);
    put(directory, member.name.size(), 2);
    put(directory, 0, 8);  // extra, comment, disk, internal attributes
    put(directory, member.mode << 16, 4);
    put(directory, at, 4);
    directory += member.name;
  }
  const uint64_t directory_at = out.size();
  out += directory;
  put(out, 0x06054b50, 4);
  put(out, 0, 4);
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, directory_at, 4);
  put(out, 0, 2);
  return out;
}

std::string tar_of(const std::string& name, const std::string& data, char kind = '0', std::string_view size = {}) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  char octal[13];
  std::snprintf(octal, sizeof octal, "%011zo", data.size());
  header.replace(124, 11, size.empty() ? std::string_view(octal, 11) : size);
  header[156] = kind;
  return header + data + std::string((512 - data.size() % 512) % 512, '\0');
}

Result<Bytes> from_zip(const std::string& archive, int64_t max_bytes = 1 << 20) {
  return read_zip_member(Bytes::own(archive), "a.txt", max_bytes);
}

Result<Bytes> from_tar(const std::string& tar, int64_t max_bytes = 1 << 20) {
  return read_tar_gz_member(Bytes::own(deflated(tar + std::string(1024, '\0'), 31)), "a.txt", max_bytes);
}

std::string text_of(const Result<Bytes>& bytes) {
  return bytes.ok() ? std::string(bytes->text()) : bytes.error().message;
}

void expect_refused(const Result<Bytes>& result, std::string_view phrase, ErrorCode code = ErrorCode::bad_input) {
  ASSERT_FALSE(result.ok()) << phrase;
  EXPECT_EQ(result.error().code, code) << result.error().message;
  EXPECT_NE(result.error().message.find(phrase), std::string::npos) << result.error().message;
}

TEST(Zip, ReadsStoredAndPackedMembers) {
  EXPECT_EQ(text_of(from_zip(zip_of({{"b.txt", "other"}, {"a.txt", "some text"}}))), "some text");
  EXPECT_EQ(text_of(from_zip(zip_of({{"a.txt", "some text", true}}))), "some text");
}

TEST(Zip, RefusesHostileArchives) {
  for (const char* name : {"../owned", "folder/../../owned", "/tmp/owned", "folder\\owned"}) {
    expect_refused(from_zip(zip_of({{name, "x"}, {"a.txt", "some text"}})), "unsafe name");
  }
  expect_refused(from_zip(zip_of({{"a.txt", "1"}, {"a.txt", "2"}})), "2 times");
  expect_refused(from_zip(zip_of({{"a.txt", "/etc/passwd", false, 0, 8, 0, 0120777}})), "symbolic link");
  expect_refused(from_zip(zip_of({{"a.txt", "x", false, 1}})), "encrypted");
  expect_refused(from_zip(zip_of({{"a.txt", "text", true, 0, 12}})), "method", ErrorCode::unsupported);
  expect_refused(from_zip(zip_of({{"b.txt", "x"}})), "no member");
  expect_refused(from_zip(zip_of({})), "no member");
  expect_refused(from_zip("PK"), "not a zip");
}

TEST(Zip, BoundsWhatIsUnpacked) {
  const std::string zeros(40 << 20, '\0');
  expect_refused(from_zip(zip_of({{"a.txt", zeros, true}})), "limit", ErrorCode::limit);
  // The header tells less than comes out.
  expect_refused(from_zip(zip_of({{"a.txt", zeros, true, 0, 8, 100}})), "unpacks to more", ErrorCode::limit);
  expect_refused(from_zip(zip_of({{"a.txt", "some text", true, 0, 8, 100}})), "unpacks to");
  expect_refused(from_zip(zip_of({{"a.txt", "some text", false, 0, 8, 100}})), "its header says");
  expect_refused(from_zip(zip_of({{"a.txt", "x", false, 0, 8, 0xFFFFFFFF}})), "limit", ErrorCode::limit);
}

TEST(Zip, EveryCutIsAnError) {
  const std::string whole = zip_of({{"a.txt", "some text", true}, {"b.txt", "other"}});
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(from_zip(whole.substr(0, size)).ok()) << size;
}

TEST(Tar, ReadsAMember) { EXPECT_EQ(text_of(from_tar(tar_of("b", "x") + tar_of("a.txt", "some text"))), "some text"); }

TEST(Tar, RefusesHostileArchives) {
  for (const char* name : {"../owned", "/tmp/owned"}) {
    expect_refused(from_tar(tar_of(name, "x") + tar_of("a.txt", "y")), "unsafe name");
  }
  expect_refused(from_tar(tar_of("a.txt", "1") + tar_of("a.txt", "2")), "twice");
  expect_refused(from_tar(tar_of("a.txt", "", '2')), "regular file");
  expect_refused(from_tar(tar_of("a.txt", "x", '0', "77777777777")), "past the end");
  expect_refused(from_tar(""), "no member");
  expect_refused(from_tar(tar_of("a.txt", std::string(4 << 20, '\0'))), "unpacks to more", ErrorCode::limit);
  expect_refused(read_tar_gz_member(Bytes::own(std::string("\x1f\x8b\x08 noise")), "a.txt", 1 << 20), "damaged");
}

// Unpacked piece by piece: the limit lies inside the second piece of 64 KB.
TEST(Tar, BoundsWhatIsUnpackedSoFar) {
  const std::string text(100000, 'a');
  expect_refused(from_tar(tar_of("a.txt", text), 70000), "unpacks to more than 70000", ErrorCode::limit);
  EXPECT_EQ(text_of(from_tar(tar_of("a.txt", text), 120000)), text);
}

TEST(Tar, EveryCutIsAnError) {
  const std::string whole = deflated(tar_of("a.txt", "some text"), 31);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_tar_gz_member(Bytes::own(whole.substr(0, size)), "a.txt", 1 << 20).ok()) << size;
  }
}

}  // namespace
}  // namespace minnow
