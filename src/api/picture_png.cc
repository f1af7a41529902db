#include <png.h>

#include "api/picture_codecs.h"

namespace minnow {

Result<Picture> decode_png(const Bytes& bytes, const PictureLimits& limits) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto failure = [&]() { return bad_input({"PNG: ", std::string(image.message)}); };
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) return failure();
  if (Status status = check_picture_size(image.width, image.height, limits); !status.ok()) {
    png_image_free(&image);
    return std::move(status.error());
  }
  image.format = PNG_FORMAT_RGB;
  Picture picture{image.width, image.height, {}};
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (!png_image_finish_read(&image, &black, picture.rgb.data(), 0, nullptr)) return failure();
  return picture;
}

Result<std::string> encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.rgb.data(), 0, nullptr))
    return internal_error({"PNG: ", std::string(image.message)});
  bytes.resize(size);
  return bytes;
}

}  // namespace minnow
