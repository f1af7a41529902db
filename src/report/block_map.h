// Rectangles in time and memory as an SVG that opens offline: who holds which bytes, and when.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

struct MapBlock {
  std::string label;
  int64_t offset = 0;  // bytes
  int64_t bytes = 0;
  int32_t first = 0;  // steps, both included
  int32_t last = 0;
  bool hatched = false;  // scratch
};

// Steps run to the right, bytes upwards. Each block has a tooltip.
std::string block_map_svg(std::string_view title, const std::vector<MapBlock>& blocks, int32_t steps,
                          int64_t total_bytes);

}  // namespace minnow
