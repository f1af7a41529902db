// Flame graphs: a tree of frames as nested boxes, wide where much was spent, in one SVG file with its own script
// (hover, zoom, search, state in the address) that opens offline. The geometry is FlameGraph's.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/flame/colors.h"
#include "report/flame/tree.h"

namespace minnow {

// What the numbers are, for texts.
enum class FlameUnit : uint8_t { count, nanoseconds, bytes };

enum class FlameColoring : uint8_t {
  palette,     // by a hash of the name, within `palette`
  kind,        // by `kind_of` the name
  difference,  // `total` against `other`: red grew, blue shrank, in proportion to the larger
  fraction,    // `other` over `total`, 0 to 1
};

// A group of names with one colour and a place in the legend.
struct FlameKind {
  std::string_view label;
  Color color;
};

struct FlameOptions {
  std::string title;       // empty: "Flame Graph" or "Icicle Graph"
  std::string subtitle;    // empty: none
  int width = 1200;        // pixels
  bool icicle = false;     // the root at the top
  double min_width = 0.1;  // pixels; narrower boxes are left out
  FlameUnit unit = FlameUnit::count;
  std::string count_name = "samples";
  FlameColoring coloring = FlameColoring::palette;
  std::string palette = "hot";
  bool negate = false;  // difference: swap red and blue
  std::span<const FlameKind> kinds;
  int (*kind_of)(std::string_view name) = nullptr;  // index into `kinds`
  std::string fraction_label;                       // fraction: of what; the legend's words
};

inline constexpr int kMinFlameWidth = 200, kMaxFlameWidth = 20'000;

// One box, in pixels.
struct FlameBox {
  int32_t node = 0;
  double x = 0, width = 0;
  double top = 0, bottom = 0;
};

struct FlameLayout {
  int height = 0;
  std::vector<FlameBox> boxes;  // in the tree's order
  int64_t hidden = 0;           // nodes that are too narrow
};

// An error when nothing was counted, or when more boxes are wide enough than a browser can show.
Result<FlameLayout> lay_out_flame(const std::vector<FlameNode>& tree, const FlameOptions& options);

Result<std::string> flame_svg(const Folded& folded, const FlameOptions& options);

// "12 samples", "1.500 ms", "1.2 MB".
std::string flame_amount(double value, const FlameOptions& options);

}  // namespace minnow
