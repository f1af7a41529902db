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

}  // namespace minnow
