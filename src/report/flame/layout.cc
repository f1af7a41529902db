#include <cmath>

#include "base/text.h"
#include "report/flame/flame.h"
#include "report/flame/geometry.h"

namespace minnow {

using namespace flame;

int flame::legend_rows(const FlameOptions& options) { return options.coloring == FlameColoring::palette ? 0 : 1; }

int flame::top_padding(const FlameOptions& options) {
  return 3 * kFontSize + (options.subtitle.empty() ? 0 : 2 * kFontSize) + legend_rows(options) * 2 * kFontSize;
}

Result<FlameLayout> lay_out_flame(const std::vector<FlameNode>& tree, const FlameOptions& options) {
  MN_CHECK(options.width >= kMinFlameWidth && options.width <= kMaxFlameWidth, "width: expected ", kMinFlameWidth,
           " to ", kMaxFlameWidth, " pixels, got ", options.width);
  MN_CHECK(!tree.empty() && tree[0].total > 0 && std::isfinite(tree[0].total),
           "nothing to show: the counts of all stacks add up to 0");
  FlameLayout layout;
  const double per_unit = (options.width - 2.0 * kSidePadding) / tree[0].total;
  std::vector<double> next(tree.size(), 0);  // where the next child of a node begins, in units
  int32_t deepest = 0;
  for (size_t i = 0; i < tree.size(); ++i) {
    const FlameNode& node = tree[i];
    double start = 0;
    if (node.parent >= 0) {
      double& from = next[static_cast<size_t>(node.parent)];
      start = from;
      from += node.total;
    }
    next[i] = start + node.self;  // stacks that end here come first
    if (node.total * per_unit < options.min_width && i > 0) {
      ++layout.hidden;
      continue;
    }
    deepest = std::max(deepest, node.depth);
    layout.boxes.push_back({static_cast<int32_t>(i), kSidePadding + start * per_unit, node.total * per_unit, 0, 0});
  }
  if (layout.boxes.size() > kMaxBoxes)
    return over_limit({layout.boxes.size(), " boxes are wide enough to be drawn, the limit is ", kMaxBoxes,
                       ": raise --min-width, or lower --width"});
  const int top = top_padding(options);
  layout.height = (deepest + 1) * kFrameHeight + top + kBottomPadding;
  for (FlameBox& box : layout.boxes) {
    const int depth = tree[static_cast<size_t>(box.node)].depth;
    if (options.icicle) {
      box.top = top + depth * kFrameHeight;
      box.bottom = box.top + kFrameHeight - 1;
    } else {
      box.bottom = layout.height - kBottomPadding - depth * kFrameHeight;
      box.top = box.bottom - kFrameHeight + 1;
    }
  }
  return layout;
}

}  // namespace minnow
