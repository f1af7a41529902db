// The decoders behind decode_picture, one source each.
#pragma once

#include "api/picture.h"

namespace minnow {

Result<Picture> decode_png(const Bytes& bytes, const PictureLimits& limits);
Result<Picture> decode_jpeg(const Bytes& bytes, const PictureLimits& limits);
Result<Picture> decode_bmp(const Bytes& bytes, const PictureLimits& limits);

// Both sides at least 1 and the area within the limit.
Status check_picture_size(int64_t width, int64_t height, const PictureLimits& limits);

}  // namespace minnow
