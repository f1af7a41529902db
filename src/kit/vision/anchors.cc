#include "kit/vision/anchors.h"

namespace minnow::kit {

std::vector<Point> ssd_anchors(int64_t width, int64_t height, std::span<const int64_t> strides, bool interpolated) {
  std::vector<Point> anchors;
  for (size_t layer = 0; layer < strides.size();) {
    const int64_t stride = strides[layer];
    int64_t per_cell = 0;
    for (; layer < strides.size() && strides[layer] == stride; ++layer) per_cell += interpolated ? 2 : 1;
    const int64_t columns = (width + stride - 1) / stride, rows = (height + stride - 1) / stride;
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = 0; x < columns; ++x) {
        const Point center{(static_cast<float>(x) + 0.5f) / static_cast<float>(columns),
                           (static_cast<float>(y) + 0.5f) / static_cast<float>(rows)};
        anchors.insert(anchors.end(), static_cast<size_t>(per_cell), center);
      }
    }
  }
  return anchors;
}

}  // namespace minnow::kit
