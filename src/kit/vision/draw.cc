#include "kit/vision/draw.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace minnow::kit {
namespace {

using Color = std::array<uint8_t, 3>;
constexpr Color kBoxColor = {0, 220, 120}, kPointColor = {255, 80, 60};

// A pixel rectangle as far as it lies in the picture.
void fill(Picture& picture, int64_t left, int64_t top, int64_t right, int64_t bottom, Color color) {
  left = std::max<int64_t>(left, 0);
  top = std::max<int64_t>(top, 0);
  right = std::min(right, picture.width);
  bottom = std::min(bottom, picture.height);
  for (int64_t y = top; y < bottom; ++y) {
    for (int64_t x = left; x < right; ++x)
      std::copy(color.begin(), color.end(), picture.rgb.begin() + (y * picture.width + x) * 3);
  }
}

// In pixels; what lies far outside is cut, so that no number of the network overflows.
int64_t pixel(float fraction, int64_t size) {
  return std::lround(std::clamp(fraction, -1.0f, 2.0f) * static_cast<float>(size));
}

}  // namespace

void draw_detections(Picture& picture, const std::vector<Detection>& detections) {
  const int64_t line = std::max<int64_t>(2, std::max(picture.width, picture.height) / 250);
  for (const Detection& one : detections) {
    const int64_t left = pixel(one.box.left, picture.width), top = pixel(one.box.top, picture.height);
    const int64_t right = pixel(one.box.left + one.box.width, picture.width);
    const int64_t bottom = pixel(one.box.top + one.box.height, picture.height);
    fill(picture, left, top, right, top + line, kBoxColor);
    fill(picture, left, bottom - line, right, bottom, kBoxColor);
    fill(picture, left, top, left + line, bottom, kBoxColor);
    fill(picture, right - line, top, right, bottom, kBoxColor);
    for (const Point& point : one.points) {
      const int64_t x = pixel(point.x, picture.width), y = pixel(point.y, picture.height);
      fill(picture, x - line, y - line, x + line, y + line, kPointColor);
    }
  }
}

}  // namespace minnow::kit
