// Windows bitmaps: uncompressed, 8 bits with a palette, 24 or 32 bits, bottom-up or top-down.
#include "api/picture_codecs.h"

namespace minnow {
namespace {

constexpr size_t kFileHeader = 14;
constexpr size_t kInfoHeader = 40;

uint32_t little_endian(const Bytes& bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | static_cast<uint32_t>(bytes.data()[at + static_cast<size_t>(i)]);
  return value;
}

}  // namespace

Result<Picture> decode_bmp(const Bytes& bytes, const PictureLimits& limits) {
  MN_CHECK(bytes.size() >= kFileHeader + kInfoHeader, "BMP: the header needs ", kFileHeader + kInfoHeader,
           " bytes, the file has ", bytes.size());
  const uint64_t pixels_at = little_endian(bytes, 10, 4), header = little_endian(bytes, 14, 4);
  const int64_t width = static_cast<int32_t>(little_endian(bytes, 18, 4));
  const int64_t signed_height = static_cast<int32_t>(little_endian(bytes, 22, 4));
  const int64_t height = signed_height < 0 ? -signed_height : signed_height;
  const uint32_t bits = little_endian(bytes, 28, 2), compression = little_endian(bytes, 30, 4);
  MN_CHECK(header >= kInfoHeader && header <= bytes.size() - kFileHeader,
           "BMP: expected an information header of 40 bytes or more inside the file, got ", header);
  if (compression != 0 || (bits != 8 && bits != 24 && bits != 32)) {
    return unsupported(
        {"BMP: expected uncompressed 8, 24 or 32 bits, got ", bits, " bits with compression ", compression});
  }
  MN_TRY(check_picture_size(width, height, limits));
  const uint64_t row_bytes = (static_cast<uint64_t>(width) * bits + 31) / 32 * 4;
  const uint64_t palette_at = kFileHeader + header,
                 palette_size = (pixels_at > palette_at ? pixels_at - palette_at : 0) / 4;
  MN_CHECK(pixels_at <= bytes.size() && bytes.size() - pixels_at >= row_bytes * static_cast<uint64_t>(height),
           "BMP: truncated: ", row_bytes * static_cast<uint64_t>(height), " bytes of pixels expected at byte ",
           pixels_at, ", the file has ", bytes.size());
  Picture picture{width, height, std::vector<uint8_t>(static_cast<size_t>(width * height * 3))};
  for (int64_t y = 0; y < height; ++y) {
    const uint64_t row = pixels_at + row_bytes * static_cast<uint64_t>(signed_height < 0 ? y : height - 1 - y);
    for (int64_t x = 0; x < width; ++x) {
      uint64_t at = row + static_cast<uint64_t>(x) * (bits / 8);
      if (bits == 8) {
        const uint64_t index = little_endian(bytes, at, 1);
        MN_CHECK(index < palette_size, "BMP: colour ", index, " of a palette of ", palette_size);
        at = palette_at + 4 * index;
      }
      for (uint64_t c = 0; c < 3; ++c)
        picture.rgb[static_cast<size_t>((y * width + x) * 3) + c] = static_cast<uint8_t>(bytes.data()[at + 2 - c]);
    }
  }
  return picture;
}

}  // namespace minnow
