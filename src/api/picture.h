// Pictures in: PNG, JPEG and BMP bytes to 8-bit RGB, and RGB to the tensor that a vision network expects.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/catalogue.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/tensor.h"

namespace minnow {

struct Picture {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]
};

struct PictureLimits {
  int64_t pixels = int64_t{1} << 26;  // 67 M, 201 MB decoded; checked before anything is allocated
};

// The format is told by the content. Alpha is blended with black, gray is repeated, CMYK converted, 16-bit samples
// rounded to 8, JPEG's EXIF orientation applied. A truncated or damaged file is an error. `name` stands for the file in
// messages.
Result<Picture> decode_picture(const Bytes& bytes, std::string_view name, const PictureLimits& limits = {});

// The tensor that the contract asks for: resized bilinearly (pixel centres at half, edges repeated), each sample p in
// [0, 255] taken to (p - mean) * scale, [1, C, H, W] or [1, H, W, C]. `dtype`: a floating-point type or uint8.
Result<Tensor> picture_tensor(const Picture& picture, const InputContract& contract, DType dtype = DType::float32);
// PNG bytes of 8-bit RGB.
Result<std::string> encode_png(const Picture& picture);
Picture resize_picture(const Picture& picture, int64_t width, int64_t height);

}  // namespace minnow
