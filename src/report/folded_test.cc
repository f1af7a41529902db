#include "report/folded.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace minnow {
namespace {

namespace fs = std::filesystem;

Folded must_read(std::string_view text) {
  Result<Folded> folded = read_folded(text, "test.folded");
  EXPECT_TRUE(folded.ok()) << folded.error().message;
  return std::move(folded).value();
}

std::string error_of(std::string_view text, const FoldedLimits& limits = {}) {
  const Result<Folded> folded = read_folded(text, "test.folded", limits);
  EXPECT_FALSE(folded.ok());
  return folded.ok() ? "" : folded.error().message;
}

TEST(Folded, ReadsStacksAndCounts) {
  const Folded folded = must_read("a;b;c 3\r\n\na;b 2\na;b d;  5.25\n");
  ASSERT_EQ(folded.stacks().size(), 3u);
  EXPECT_FALSE(folded.pairs);
  EXPECT_EQ(folded.stacks()[0].frames.size(), 3u);
  EXPECT_EQ(folded.names()[folded.stacks()[2].frames[1]], "b d");
  EXPECT_EQ(folded.names()[folded.stacks()[2].frames[2]], " ");
  EXPECT_EQ(folded.total(), 10.25);
  EXPECT_EQ(write_folded(folded), "a;b;c 3\na;b 2\na;b d;  5.25\n");
}

TEST(Folded, TwoCountsOnEveryLineArePairs) {
  const Folded folded = must_read("a;b 1 2\na;c 3 4\n");
  EXPECT_TRUE(folded.pairs);
  EXPECT_EQ(folded.other_total(), 4);
  EXPECT_EQ(folded.total(), 6);
  EXPECT_EQ(write_folded(folded), "a;b 1 2\na;c 3 4\n");
}

TEST(Folded, AFrameMayEndInANumber) {
  const Folded folded = must_read("a;level 7 2\na;c 4\n");
  EXPECT_FALSE(folded.pairs);
  EXPECT_EQ(folded.names()[folded.stacks()[0].frames[1]], "level 7");
  EXPECT_EQ(folded.stacks()[0].value, 2);
}

TEST(Folded, ErrorsNameTheLine) {
  EXPECT_EQ(error_of("a 1\n\nno count\n"), "test.folded:3: expected 'frame;frame COUNT', got 'no count'");
  for (const char* line : {"12", " 12", "a -1", "a 1e3", "a 0x10", "a nan", "a .5", "a 1.2.3", "a;b"})
    EXPECT_NE(error_of(line).find("test.folded:1: expected"), std::string::npos) << line;
  EXPECT_NE(error_of("a 99999999999999999999\n").find("2^53"), std::string::npos);
  EXPECT_NE(error_of("").find("no stacks"), std::string::npos);
  EXPECT_NE(error_of("\n \n").find("no stacks"), std::string::npos);
  EXPECT_EQ(error_of("a\x1b[2Jb\n").find('\x1b'), std::string::npos);
}

TEST(Folded, LimitsHold) {
  FoldedLimits limits;
  limits.bytes = 10;
  EXPECT_NE(error_of("a;b;c;d;e;f 1", limits).find("the limit is 10"), std::string::npos);
  limits = {};
  limits.depth = 3;
  EXPECT_NE(error_of("a;b;c 1\na;b;c;d 1", limits).find("test.folded:2: a stack of more than 3"), std::string::npos);
  limits = {};
  limits.frames = 4;
  EXPECT_NE(error_of("a;b;c 1\na;b 1", limits).find("test.folded:2: more than 4 frames"), std::string::npos);
}

TEST(Folded, WritingReplacesWhatWouldBreakALine) {
  Folded folded;
  const std::vector<std::string_view> frames{"a;b", "c\nd"};
  folded.add(frames, 0.00001);
  EXPECT_EQ(write_folded(folded), "a:b;c_d 0.00001000000000000000\n");
  EXPECT_EQ(write_folded(must_read(write_folded(folded))), write_folded(folded));
  EXPECT_FALSE(must_read(write_folded(must_read("a\r1 2\n"))).pairs);
}

TEST(Folded, DifferenceHoldsBothSides) {
  const Folded before = must_read("a;b 1\na;gone 3\n"), after = must_read("a;b 6\na;new 2\n");
  const Folded both = folded_difference(before, after, false);
  EXPECT_TRUE(both.pairs);
  EXPECT_EQ(both.other_total(), 4);
  EXPECT_EQ(both.total(), 8);
  EXPECT_EQ(folded_difference(before, after, true).other_total(), 8);
}

// FlameGraph's expected results: what is read is written back byte for byte.
TEST(Folded, FlameGraphsResultsSurviveReadingAndWriting) {
  const char* data = std::getenv("MINNOW_DATA");
  const fs::path folder = fs::path(data != nullptr ? data : "../shared/data") / "flamegraph/test/results";
  std::error_code error;
  if (!fs::is_directory(folder, error)) GTEST_SKIP() << "skipped: no " << folder << " (set MINNOW_DATA)";
  int files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const Result<Folded> folded = read_folded(text.str(), entry.path().string());
    ASSERT_TRUE(folded.ok()) << folded.error().message;
    EXPECT_FALSE(folded->pairs) << entry.path();
    EXPECT_TRUE(write_folded(*folded) == text.str()) << entry.path();  // not _EQ, which would print both
    ++files;
  }
  EXPECT_EQ(files, 78);
}

}  // namespace
}  // namespace minnow
