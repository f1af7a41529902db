// The grid of reference points that single-shot detectors predict boxes from (MediaPipe's SsdAnchorsCalculator with
// fixed anchor sizes: every anchor is one input wide and high).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace minnow::kit {

struct Point {
  float x = 0, y = 0;
};

// One stride a layer. A layer gives one anchor a cell, or two with `interpolated` (the second for the scale between it
// and the next); consecutive layers of one stride share their grid. In the order of the network's outputs: rows, cells,
// anchors of a cell. Centres in [0, 1].
std::vector<Point> ssd_anchors(int64_t width, int64_t height, std::span<const int64_t> strides, bool interpolated);

}  // namespace minnow::kit
