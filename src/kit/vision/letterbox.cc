#include "kit/vision/letterbox.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace minnow::kit {
namespace {

// Colour at a position in pixels (centres at 0.5); black outside.
std::array<float, 3> sample(const Picture& picture, float x, float y) {
  const float column = x - 0.5f, row = y - 0.5f;
  const auto x0 = static_cast<int64_t>(std::floor(column)), y0 = static_cast<int64_t>(std::floor(row));
  const float u = column - static_cast<float>(x0), v = row - static_cast<float>(y0);
  std::array<float, 3> color{};
  for (int64_t dy = 0; dy < 2; ++dy) {
    for (int64_t dx = 0; dx < 2; ++dx) {
      const int64_t px = x0 + dx, py = y0 + dy;
      if (px < 0 || py < 0 || px >= picture.width || py >= picture.height) continue;
      const float weight = (dx == 0 ? 1 - u : u) * (dy == 0 ? 1 - v : v);
      const uint8_t* pixel = picture.rgb.data() + (py * picture.width + px) * 3;
      for (size_t c = 0; c < 3; ++c) color[c] += weight * static_cast<float>(pixel[c]);
    }
  }
  return color;
}

}  // namespace

Detection Letterbox::to_picture(const Detection& detection) const {
  Detection result = detection;
  const Point corner = to_picture(Point{detection.box.left, detection.box.top});
  result.box = {corner.x, corner.y, detection.box.width / inside.width, detection.box.height / inside.height};
  for (Point& point : result.points) point = to_picture(point);
  return result;
}

Result<LetterboxedTensor> letterbox(const Picture& picture, int64_t width, int64_t height, float low, float high) {
  MN_CHECK(picture.width > 0 && picture.height > 0 && width > 0 && height > 0, "a picture of ", picture.width, " x ",
           picture.height, " cannot be put into ", width, " x ", height);
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  const auto pw = static_cast<float>(picture.width), ph = static_cast<float>(picture.height);
  const float ratio = std::min(w / pw, h / ph);  // tensor pixels a picture pixel
  LetterboxedTensor result;
  Box& inside = result.letterbox.inside;
  inside.width = ratio * pw / w;
  inside.height = ratio * ph / h;
  inside.left = (1 - inside.width) / 2;
  inside.top = (1 - inside.height) / 2;
  MN_ASSIGN(result.tensor, Tensor::allocate(DType::float32, {1, height, width, 3}));
  float* out = result.tensor.mutable_data<float>();
  const float slope = (high - low) / 255;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const float px = ((static_cast<float>(x) + 0.5f) - inside.left * w) / ratio;
      const float py = ((static_cast<float>(y) + 0.5f) - inside.top * h) / ratio;
      for (float channel : sample(picture, px, py)) *out++ = low + channel * slope;
    }
  }
  return result;
}

}  // namespace minnow::kit
