#include "cli/support/picture_flags.h"

#include <cmath>

#include "base/text.h"
#include "insight/kinds.h"

namespace minnow::cli {

void PictureFlags::declare(Arguments& arguments) {
  arguments.flag("--icicle", &icicle, "The root at the top");
  arguments.option("--title", "TEXT", &title, "Title of the picture");
  arguments.option("--subtitle", "TEXT", &subtitle, "A second line below it");
  arguments.option(
      "--colors", "NAME", &colors,
      "kind (of operator), peak (share of what the machine can do), or a palette: hot, mem, io, red, green, "
      "blue, yellow, purple, aqua, orange, java, js, perl");
  arguments.option("--width", "N", &width, "Width in pixels (default 1200)");
  arguments.option("--min-width", "W", &min_width, "Leave out what is narrower, in pixels (default 0.1)");
}

Status PictureFlags::apply(FlameOptions& options) const {
  MN_CHECK(width >= kMinFlameWidth && width <= kMaxFlameWidth, "--width: expected ", kMinFlameWidth, " to ",
           kMaxFlameWidth, ", got ", width);
  MN_CHECK(std::isfinite(min_width) && min_width >= 0, "--min-width: expected 0 or more pixels, got ", min_width);
  if (!title.empty()) options.title = title;
  if (!subtitle.empty()) options.subtitle = subtitle;
  options.icicle = icicle;
  options.width = static_cast<int>(width);
  options.min_width = min_width;
  options.kinds = operator_kinds();
  options.kind_of = operator_kind;
  if (colors.empty()) return {};
  if (colors == "kind") {
    options.coloring = FlameColoring::kind;
  } else if (colors == "peak") {
    options.coloring = FlameColoring::fraction;
  } else {
    std::vector<std::string> names{"kind", "peak"};
    for (std::string_view name : palette_names()) names.emplace_back(name);
    MN_CHECK(is_palette(colors), "--colors: expected one of ", join(names, ", "), "; got '", printable(colors), "'");
    options.coloring = FlameColoring::palette;
    options.palette = colors;
  }
  return {};
}

CommonFlags to_standard_output(const CommonFlags& common) {
  CommonFlags flags = common;
  flags.output.clear();
  return flags;
}

}  // namespace minnow::cli
