// A square table of numbers as a picture: one HTML page with an inline SVG that opens offline.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

// `values`: [n, n] row-major, n = labels.size(). Colours run from white (low) to blue (high); every cell shows its
// number and has a tooltip with both labels.
std::string heat_map_html(std::string_view title, const std::vector<std::string>& labels,
                          std::span<const double> values, double low, double high);

}  // namespace minnow
