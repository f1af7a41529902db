#include <gtest/gtest.h>

#include "base/sha256.h"
#include "base/text.h"

namespace minnow {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

// n bytes that differ from place to place and from n to n.
std::string pattern(int n) {
  std::string data;
  for (int i = 0; i < n; ++i) data += static_cast<char>((i * 7 + n) & 255);
  return data;
}

// By the processor's instructions where it has them, and without.
class Digest : public testing::TestWithParam<bool> {
 protected:
  static std::string sha256(std::string_view text) {
    const CpuFeatures features = GetParam() ? detect_cpu_features() : CpuFeatures();
    return sha256_hex(bytes_of(text), features);
  }
};
INSTANTIATE_TEST_SUITE_P(Instructions, Digest, testing::Bool());

TEST_P(Digest, Sha256OfStandardMessages) {
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Every length up to three blocks, so every padding; the digest of all digests was made with Python's hashlib.
TEST_P(Digest, Sha256OfEveryTail) {
  std::string all;
  for (int n = 0; n < 200; ++n) all += sha256(pattern(n));
  EXPECT_EQ(sha256(all), "b8f5d54cfd1cbbcae2003d1365d9fab7e5bc61813fa3486ee6a6a6bf38db4745");
}

// The combination was made with Python's zlib.crc32.
TEST(Checksum, Crc32) {
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32({}), 0u);
  uint32_t combined = 0;
  for (uint32_t n = 0; n < 200; ++n) combined ^= crc32(bytes_of(pattern(static_cast<int>(n)))) * (n + 1);
  EXPECT_EQ(combined, 0x7ABB4139u);
}

TEST(Checksum, Base64OfRfc4648) {
  const std::pair<std::string_view, std::string_view> rows[] = {{"", ""},
                                                                {"f", "Zg=="},
                                                                {"fo", "Zm8="},
                                                                {"foo", "Zm9v"},
                                                                {"foob", "Zm9vYg=="},
                                                                {"fooba", "Zm9vYmE="},
                                                                {"foobar", "Zm9vYmFy"},
                                                                {"\xfb\xff\xbf", "+/+/"}};
  for (const auto& [plain, coded] : rows) {
    EXPECT_EQ(base64_encode(bytes_of(plain)), coded);
    const auto decoded = base64_decode(coded);
    ASSERT_TRUE(decoded.has_value()) << coded;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(decoded->data()), decoded->size()), plain);
  }
}

TEST(Checksum, Base64RefusesWhatNoEncoderWrites) {
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Z=g=", "Zm9-"}) {
    EXPECT_FALSE(base64_decode(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace minnow
