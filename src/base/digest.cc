// Checksums and base64, declared in text.h.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace minnow {

namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_base64_values() {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (int8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kBase64[i])] = i;
  return values;
}
constexpr std::array<int8_t, 256> kBase64Values = make_base64_values();

// CRC-32 of IEEE 802.3 (zip, PNG), reflected. Table k advances a byte by k further zero bytes: eight bytes a step.
constexpr std::array<std::array<uint32_t, 256>, 8> make_crc_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    tables[0][i] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t i = 0; i < 256; ++i) tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 0xFF];
  }
  return tables;
}
constexpr std::array<std::array<uint32_t, 256>, 8> kCrcTables = make_crc_tables();

uint32_t byte_at(const std::byte* data, size_t i) { return static_cast<uint32_t>(data[i]); }

}  // namespace

std::string base64_encode(std::span<const std::byte> data) {
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  for (size_t i = 0; i < data.size(); i += 3) {
    const size_t left = std::min<size_t>(data.size() - i, 3);
    uint32_t group = byte_at(data.data(), i) << 16;
    if (left > 1) group |= byte_at(data.data(), i + 1) << 8;
    if (left > 2) group |= byte_at(data.data(), i + 2);
    out += kBase64[group >> 18];
    out += kBase64[group >> 12 & 63];
    out += left > 1 ? kBase64[group >> 6 & 63] : '=';
    out += left > 2 ? kBase64[group & 63] : '=';
  }
  return out;
}

std::optional<std::vector<std::byte>> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const size_t digits = text.size() - padding;
  std::vector<std::byte> out;
  out.reserve(text.size() / 4 * 3);
  uint32_t pending = 0;
  int pending_bits = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int8_t value = kBase64Values[static_cast<unsigned char>(text[i])];
    if (value < 0) return std::nullopt;
    pending = pending << 6 | static_cast<uint32_t>(value);
    pending_bits += 6;
    if (pending_bits >= 8) {
      pending_bits -= 8;
      out.push_back(static_cast<std::byte>(pending >> pending_bits & 0xFF));
    }
  }
  // Bits that padding cut off are zero in what an encoder writes: each value has one text.
  if ((pending & ((1u << pending_bits) - 1)) != 0) return std::nullopt;
  return out;
}

uint32_t crc32(std::span<const std::byte> data) {
  uint32_t crc = 0xFFFFFFFFu;
  size_t i = 0;
  for (; data.size() - i >= 8; i += 8) {
    const std::byte* p = data.data() + i;
    crc ^= byte_at(p, 0) | byte_at(p, 1) << 8 | byte_at(p, 2) << 16 | byte_at(p, 3) << 24;
    crc = kCrcTables[7][crc & 0xFF] ^ kCrcTables[6][crc >> 8 & 0xFF] ^ kCrcTables[5][crc >> 16 & 0xFF] ^
          kCrcTables[4][crc >> 24] ^ kCrcTables[3][byte_at(p, 4)] ^ kCrcTables[2][byte_at(p, 5)] ^
          kCrcTables[1][byte_at(p, 6)] ^ kCrcTables[0][byte_at(p, 7)];
  }
  for (; i < data.size(); ++i) crc = crc >> 8 ^ kCrcTables[0][(crc ^ byte_at(data.data(), i)) & 0xFF];
  return ~crc;
}

}  // namespace minnow
