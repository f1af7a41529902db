// Sizes in pixels, as in FlameGraph (flamegraph.pl), so that pictures of both can be laid side by side.
#pragma once

#include <cstddef>

#include "report/flame/flame.h"

namespace minnow::flame {

constexpr int kFontSize = 12;
constexpr double kCharacterWidth = 0.59 * kFontSize;  // of Verdana, on average
constexpr int kFrameHeight = 16;
constexpr int kSidePadding = 10;
constexpr int kBottomPadding = 2 * kFontSize + 10;
// A box is four elements and some 250 bytes: 25 MB, about what browsers still open and scroll.
constexpr size_t kMaxBoxes = 100'000;

int legend_rows(const FlameOptions& options);
int top_padding(const FlameOptions& options);

}  // namespace minnow::flame
