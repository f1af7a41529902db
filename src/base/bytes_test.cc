#include "base/bytes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

namespace minnow {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "minnow_bytes_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string path(const std::string& name) const { return root_ + "/" + name; }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
  }
  std::string get(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(root_), fs::directory_iterator()));
  }
  // The message of the refusal, or what was read after "read: ".
  std::string refusal(const std::string& location, int64_t offset = 0, int64_t length = -1) const {
    const auto result = read_inside(root_ + "/model", location, offset, length, false);
    return result.ok() ? "read: " + std::string(result->text()) : result.error().message;
  }

  std::string root_;
};

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(Files, ReadsAndMapsWholeFiles) {
  std::string text(100'000, 'x');
  text[99'999] = '\0';
  put("a", text);
  const auto read = read_file(path("a"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->text(), text);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read->data()) % 64, 0u);
  const auto mapped = map_file(path("a"));
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(mapped->text(), text);
}

TEST_F(Files, EmptyFileIsEmpty) {
  put("empty", "");
  ASSERT_TRUE(read_file(path("empty")).ok());
  EXPECT_EQ(read_file(path("empty"))->size(), 0u);
  ASSERT_TRUE(map_file(path("empty")).ok());
  EXPECT_EQ(map_file(path("empty"))->size(), 0u);
}

TEST_F(Files, LimitIsInBytes) {
  put("a", "12345");
  EXPECT_TRUE(read_file(path("a"), 5).ok());
  const auto result = read_file(path("a"), 4);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::limit);
  EXPECT_HAS(result.error().message, "has 5 bytes, at most 4");
}

TEST_F(Files, RefusesWhatIsNoRegularFileWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  for (const auto& [name, kind] : {std::pair<std::string, const char*>{path("pipe"), "a named pipe"},
                                   {root_, "a directory"},
                                   {"/dev/zero", "a device"}}) {
    for (const auto& result : {read_file(name), map_file(name)}) {
      ASSERT_FALSE(result.ok()) << name;
      EXPECT_EQ(result.error().code, ErrorCode::bad_input);
      EXPECT_HAS(result.error().message, "expected a regular file, got " + std::string(kind));
    }
  }
}

TEST_F(Files, MissingFileSaysWhy) {
  const auto result = read_file(path("none\x1b[31m"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::io);
  EXPECT_HAS(result.error().message, "none\\x1b[31m: cannot open: No such file");
}

TEST_F(Files, BytesShareTheirOwner) {
  Bytes part;
  {
    const Bytes whole = Bytes::own(std::string("hello world, long enough to live on the heap"));
    part = whole.part(6, 5);
  }
  EXPECT_EQ(part.text(), "world");
  EXPECT_EQ(Bytes::own(std::vector<std::byte>{std::byte{65}}).text(), "A");
  EXPECT_EQ(Bytes::borrow({}).owner(), nullptr);
}

TEST_F(Files, AtomicWriteReplacesAndLeavesNothingElse) {
  ASSERT_TRUE(write_file_atomically(path("out"), "first").ok());
  ASSERT_EQ(::chmod(path("out").c_str(), 0640), 0);
  ASSERT_TRUE(write_file_atomically(path("out"), "second").ok());
  EXPECT_EQ(get("out"), "second");
  EXPECT_EQ(entries(), 1u);
  struct stat info;
  ASSERT_EQ(::stat(path("out").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(Files, AtomicWriteFollowsALinkAndSparesDevices) {
  put("target", "old");
  fs::create_symlink("target", path("link"));
  ASSERT_TRUE(write_file_atomically(path("link"), "new").ok());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(get("target"), "new");
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(write_file_atomically(path("pipe"), "x").ok());
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_FALSE(write_file_atomically(root_, "x").ok());
  EXPECT_EQ(entries(), 3u);
}

TEST_F(Files, AtomicWriteFailureLeavesNoTrace) {
  const Status status = write_file_atomically(path("no/such/folder"), "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::io);
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Files, FullDiskKeepsTheOldFile) {
  put("out", "old");
  const auto write_too_much = [&] {
    // A file size limit fails write(2) as a full disk does.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Status status = write_file_atomically(path("out"), std::string(5000, 'n'));
    std::fprintf(stderr, "%s\n", status.ok() ? "no error" : status.error().message.c_str());
    ::_exit(0);
  };
  EXPECT_EXIT(write_too_much(), testing::ExitedWithCode(0), "cannot write: File too large");
  EXPECT_EQ(get("out"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, ReadInsideGivesTheRange) {
  put("model/sub/weights.bin", "0123456789");
  for (bool map : {false, true}) {
    const auto all = read_inside(path("model"), "sub/weights.bin", 0, -1, map);
    ASSERT_TRUE(all.ok()) << all.error().message;
    EXPECT_EQ(all->text(), "0123456789");
    EXPECT_EQ(read_inside(path("model"), "./sub//weights.bin", 3, 4, map)->text(), "3456");
    EXPECT_EQ(read_inside(path("model"), "sub/weights.bin", 10, -1, map)->text(), "");
  }
}

TEST_F(Files, ReadInsideMapsAtAnyOffset) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += static_cast<char>(i % 251);
  put("model/w", text);
  const auto part = read_inside(path("model"), "w", 5001, 9000, true);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->text(), text.substr(5001, 9000));
}

TEST_F(Files, ReadInsideChecksTheRange) {
  put("model/w", "0123456789");
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const auto& [offset, length] :
       {std::pair<int64_t, int64_t>{-1, 1}, {11, -1}, {kMax, 1}, {kMax, kMax}, {5, 6}, {0, kMax}, {0, -2}}) {
    const std::string message = refusal("w", offset, length);
    EXPECT_HAS(message, "is outside the file of 10 bytes");
  }
}

TEST_F(Files, ReadInsideRefusesToLeaveTheFolder) {
  put("secret", "secret");
  put("model/w", "weights");
  put("model/sub/v", "weights");
  EXPECT_HAS(refusal("../secret"), "'..' would leave");
  EXPECT_HAS(refusal("sub/../../secret"), "'..' would leave");
  EXPECT_HAS(refusal("sub/../w"), "'..' would leave");
  EXPECT_HAS(refusal(path("secret")), "absolute");
  EXPECT_HAS(refusal("C:secret"), "absolute");
  EXPECT_HAS(refusal("..\\secret"), "back-slash");
  EXPECT_HAS(refusal(""), "empty");
  EXPECT_HAS(refusal("sub/"), "folder");
  EXPECT_HAS(refusal("."), "folder");
  EXPECT_HAS(refusal("sub"), "got a directory");
  EXPECT_HAS(refusal(std::string("w\0x", 3)), "NUL");
  EXPECT_HAS(refusal(std::string(10'000, 'a')), "at most");
  EXPECT_HAS(refusal("%2e%2e/secret"), "No such file");
  EXPECT_HAS(refusal("w/x"), "cannot open");
}

TEST_F(Files, ReadInsideRefusesLinks) {
  put("secret", "secret");
  put("outside/w", "secret");
  put("model/w", "weights");
  fs::create_symlink("../secret", path("model/link"));
  fs::create_symlink("w", path("model/harmless"));
  fs::create_directory_symlink("../outside", path("model/folder"));
  fs::create_hard_link(path("secret"), path("model/hard"));
  EXPECT_HAS(refusal("link"), "'link' is a symbolic link");
  EXPECT_HAS(refusal("harmless"), "is a symbolic link");
  EXPECT_HAS(refusal("folder/w"), "'folder' is a symbolic link");
  EXPECT_HAS(refusal("hard"), "2 hard links");
  EXPECT_EQ(refusal("w"), "read: weights");
}

TEST_F(Files, ReadInsideDoesNotWaitForAPipe) {
  put("model/w", "");
  ASSERT_EQ(::mkfifo(path("model/pipe").c_str(), 0600), 0);
  EXPECT_HAS(refusal("pipe"), "got a named pipe");
}

}  // namespace
}  // namespace minnow
