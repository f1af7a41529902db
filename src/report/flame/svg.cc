#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "report/escape.h"
#include "report/flame/flame.h"
#include "report/flame/geometry.h"
#include "report/flame/script.h"

namespace minnow {

using namespace flame;

namespace {

constexpr size_t kMaxNameBytes = 1000;
constexpr int kSwatch = 12;        // side of a square of the legend
constexpr double kLegendGap = 18;  // between entries

std::string number(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

// 1234567 → "1,234,567"; fractions keep two digits.
std::string with_commas(double value) {
  std::string text = number(value == std::floor(value) ? "%.0f" : "%.2f", value);
  size_t end = std::min(text.find('.'), text.size());
  const size_t first = text[0] == '-' ? 1 : 0;
  while (end > first + 3) text.insert(end -= 3, ",");
  return text;
}

// The first `room` characters, the last two as ".." when there are more; nothing where three do not fit.
std::string fitted(std::string_view text, double width) {
  const size_t room = static_cast<size_t>(std::max(0.0, std::floor(width / kCharacterWidth)));
  if (room < 3) return "";
  size_t characters = 0, cut = text.size();  // `cut`: where character room - 2 begins
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (characters == room - 2) cut = i;
    ++characters;
  }
  return characters <= room ? std::string(text) : std::string(text.substr(0, cut)) + "..";
}

// Without the annotation that says to palettes what kind of code it is: "_[k]".
std::string_view without_annotation(std::string_view name) {
  for (std::string_view mark : {"_[k]", "_[i]", "_[j]", "_[w]"}) {
    if (ends_with(name, mark)) return name.substr(0, name.size() - mark.size());
  }
  return name;
}

class Writer {
 public:
  Writer(const Folded& folded, const FlameOptions& options, const std::vector<FlameNode>& tree,
         const FlameLayout& layout)
      : folded_(folded), options_(options), tree_(tree), layout_(layout) {}

  std::string write() {
    head();
    texts();
    if (legend_rows(options_) > 0) legend();
    out_ += "<g id=\"frames\">\n";
    for (const FlameBox& box : layout_.boxes) frame(box);
    out_ += "</g>\n<script type=\"text/ecmascript\"><![CDATA[";
    out_ += script();
    out_ += "]]></script>\n</svg>\n";
    return std::move(out_);
  }

 private:
  void head() {
    const std::string size = concat({"width=\"", options_.width, "\" height=\"", layout_.height, "\" viewBox=\"0 0 ",
                                     options_.width, " ", layout_.height, "\""});
    const auto [top, bottom] = background();
    out_ += concat(
        {"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n",
         "<svg version=\"1.1\" xmlns=\"http://www.w3.org/2000/svg\" ",
         size,
         " font-family=\"Verdana, 'DejaVu Sans', sans-serif\" font-size=\"",
         kFontSize,
         "\">\n<desc>",
         escape_xml(printable(title(), kMaxNameBytes)),
         "; made by minnow</desc>\n<style>\n",
         "text { fill: #000; } .button { display: none; cursor: pointer; fill: #555; }\n",
         "#title { font-size: ",
         kFontSize + 5,
         "px; text-anchor: middle; }\n",
         "#subtitle, #legend text { fill: #555; }\n",
         "#frames > g { cursor: pointer; } #frames > g:hover > rect { stroke: #000; stroke-width: 0.5; }\n",
         "#frames text { pointer-events: none; }\n",
         options_.coloring == FlameColoring::difference ? "#frames rect { stroke: #ccc; stroke-width: 0.5; }\n" : "",
         "</style>\n",
         "<defs><linearGradient id=\"background\" y1=\"0\" y2=\"1\" x1=\"0\" x2=\"0\">",
         "<stop stop-color=\"",
         top,
         "\" offset=\"5%\"/><stop stop-color=\"",
         bottom,
         "\" offset=\"95%\"/></linearGradient></defs>\n",
         "<rect width=\"100%\" height=\"100%\" fill=\"url(#background)\"/>\n"});
  }

  // FlameGraph's backgrounds: each palette has one of another colour than its boxes.
  std::pair<const char*, const char*> background() const {
    if (options_.coloring != FlameColoring::palette) return {"#f8f8f8", "#e8e8e8"};
    const std::string& palette = options_.palette;
    if (palette == "mem") return {"#eef2ee", "#e0ffe0"};
    if (palette == "io") return {"#eeeeee", "#e0e0ff"};
    if (palette == "hot" || palette == "java" || palette == "js" || palette == "perl") return {"#eeeeee", "#eeeeb0"};
    return {"#f8f8f8", "#e8e8e8"};
  }

  std::string title() const {
    if (!options_.title.empty()) return options_.title;
    return options_.icicle ? "Icicle Graph" : "Flame Graph";
  }

  void texts() {
    const int right = options_.width - kSidePadding, line = 2 * kFontSize;
    const int bottom = layout_.height - kBottomPadding / 2;
    text("title", options_.width / 2, line, "", printable(title(), kMaxNameBytes));
    if (!options_.subtitle.empty())
      text("subtitle", options_.width / 2, 2 * line, " text-anchor=\"middle\"",
           printable(options_.subtitle, kMaxNameBytes));
    const std::string_view button = " class=\"button\" role=\"button\" tabindex=\"0\"";
    text("unzoom", kSidePadding, line, button, "Reset Zoom");
    text("search", right - 110, line, button, "Search");
    text("ignorecase", right - 16, line, button, "ic");
    text("details", kSidePadding, bottom, "", " ");
    text("matched", right - 110, bottom, "", " ");
  }

  void text(std::string_view id, int x, int y, std::string_view attributes, std::string_view content) {
    out_ += concat(
        {"<text id=\"", id, "\" x=\"", x, "\" y=\"", y, "\"", attributes, ">", escape_xml(content), "</text>\n"});
  }

  struct LegendEntry {
    std::string label;
    std::vector<Color> colors;
    double width() const {
      return static_cast<double>(colors.size()) * kSwatch + 5 + static_cast<double>(label.size()) * kCharacterWidth +
             kLegendGap;
    }
  };

  std::vector<LegendEntry> legend_entries() const {
    std::vector<LegendEntry> entries;
    if (options_.coloring == FlameColoring::kind) {
      for (size_t i = 0; i < options_.kinds.size(); ++i) {
        if (uses_kind(static_cast<int>(i)))
          entries.push_back({std::string(options_.kinds[i].label), {options_.kinds[i].color}});
      }
      return entries;
    }
    if (options_.coloring == FlameColoring::difference) {
      const double sign = options_.negate ? -1 : 1;
      LegendEntry shrank{"shrank", {}}, grew{"grew", {}};
      for (double change : {1.0, 0.6, 0.3}) shrank.colors.push_back(difference_color(-sign * change));
      for (double change : {0.3, 0.6, 1.0}) grew.colors.push_back(difference_color(sign * change));
      return {shrank, {"same", {difference_color(0)}}, grew};
    }
    LegendEntry scale{"0 to 100 % of " + options_.fraction_label, {}};
    for (int i = 0; i <= 10; ++i) scale.colors.push_back(fraction_color(i / 10.0));
    return {scale};
  }

  // Swatches in one row, centred; what does not fit is left out.
  void legend() {
    const std::vector<LegendEntry> entries = legend_entries();
    const double room = options_.width - 2.0 * kSidePadding;
    double width = -kLegendGap;
    for (const LegendEntry& entry : entries) width += entry.width();
    double x = kSidePadding + std::max(0.0, (room - width) / 2);
    const double y = top_padding(options_) - kFontSize;
    out_ += "<g id=\"legend\">\n";
    for (const LegendEntry& entry : entries) {
      if (x + entry.width() - kLegendGap > kSidePadding + room) break;
      double swatch = x;
      for (Color color : entry.colors) {
        out_ += concat({"<rect x=\"", number("%.1f", swatch), "\" y=\"", number("%.1f", y - kSwatch + 2), "\" width=\"",
                        kSwatch, "\" height=\"", kSwatch, "\" fill=\"", to_string(color),
                        "\" stroke=\"#bbb\" stroke-width=\"0.5\"/>"});
        swatch += kSwatch;
      }
      out_ += concat({"<text x=\"", number("%.1f", swatch + 5), "\" y=\"", number("%.1f", y), "\">",
                      escape_xml(entry.label), "</text>\n"});
      x += entry.width();
    }
    out_ += "</g>\n";
  }

  bool uses_kind(int kind) const {
    if (options_.kind_of == nullptr) return false;
    return std::any_of(layout_.boxes.begin(), layout_.boxes.end(), [&](const FlameBox& box) {
      const int32_t name = tree_[static_cast<size_t>(box.node)].name;
      return name >= 0 && options_.kind_of(folded_.names()[static_cast<size_t>(name)]) == kind;
    });
  }

  void frame(const FlameBox& box) {
    const FlameNode& node = tree_[static_cast<size_t>(box.node)];
    const std::string_view raw =
        node.name < 0 ? "all" : std::string_view(folded_.names()[static_cast<size_t>(node.name)]);
    const std::string name = printable(without_annotation(raw), kMaxNameBytes);
    const double scale = options_.width - 2.0 * kSidePadding;
    // Both edges to tenths of a pixel, so that neighbours neither overlap nor leave a gap.
    const double left = std::round(box.x * 10) / 10, right = std::round((box.x + box.width) * 10) / 10;
    out_ += concat({"<g data-f=\"",
                    node.depth,
                    " ",
                    number("%.9g", (box.x - kSidePadding) / scale),
                    " ",
                    number("%.9g", box.width / scale),
                    "\"><title>",
                    escape_xml(name),
                    " (",
                    amounts(node),
                    ")</title><rect x=\"",
                    number("%.1f", left),
                    "\" y=\"",
                    number("%g", box.top),
                    "\" width=\"",
                    number("%.1f", right - left),
                    "\" height=\"",
                    number("%.1f", box.bottom - box.top),
                    "\" fill=\"",
                    to_string(color(node, raw)),
                    "\" rx=\"2\" ry=\"2\"/><text x=\"",
                    number("%.2f", box.x + 3),
                    "\" y=\"",
                    number("%g", 3 + (box.top + box.bottom) / 2),
                    "\">",
                    escape_xml(fitted(name, box.width)),
                    "</text></g>\n"});
  }

  std::string amounts(const FlameNode& node) const {
    const std::string share = node.parent < 0 ? "100" : number("%.2f", 100 * node.total / tree_[0].total);
    std::string text = concat({flame_amount(node.total, options_), ", ", share, "%"});
    if (options_.coloring == FlameColoring::difference) {
      const double change = node.total - node.other;
      text += concat({"; ", change < 0 ? "-" : "+", flame_amount(std::abs(change), options_), ", "});
      text += node.other > 0 ? number("%+.1f%%", 100 * change / node.other) : std::string("new");
    } else if (options_.coloring == FlameColoring::fraction && node.total > 0) {
      text += concat({"; ", number("%.1f", 100 * node.other / node.total), "% of ", options_.fraction_label});
    }
    // The script takes what stands before the last " (" as the name.
    std::replace(text.begin(), text.end(), '(', '[');
    return escape_xml(text);
  }

  Color color(const FlameNode& node, std::string_view name) const {
    switch (options_.coloring) {
      case FlameColoring::difference: {
        const double larger = std::max(node.total, node.other);
        const double change = larger > 0 ? (node.total - node.other) / larger : 0;
        return difference_color(options_.negate ? -change : change);
      }
      case FlameColoring::fraction: return fraction_color(node.total > 0 ? node.other / node.total : 0);
      case FlameColoring::kind: {
        constexpr Color kNone{214, 208, 196};  // frames that are no operators
        const int kind = node.name >= 0 && options_.kind_of != nullptr ? options_.kind_of(name) : -1;
        if (kind < 0 || kind >= static_cast<int>(options_.kinds.size())) return shaded(kNone, name);
        return shaded(options_.kinds[static_cast<size_t>(kind)].color, name);
      }
      case FlameColoring::palette: break;
    }
    return palette_color(options_.palette, name);
  }

  const Folded& folded_;
  const FlameOptions& options_;
  const std::vector<FlameNode>& tree_;
  const FlameLayout& layout_;
  std::string out_;
};

}  // namespace

std::string flame_amount(double value, const FlameOptions& options) {
  switch (options.unit) {
    case FlameUnit::bytes: return human_bytes(static_cast<int64_t>(value));
    case FlameUnit::nanoseconds:
      if (value < 1e3) return number("%.0f ns", value);
      if (value < 1e6) return number("%.1f us", value * 1e-3);
      return value < 1e9 ? number("%.3f ms", value * 1e-6) : number("%.3f s", value * 1e-9);
    case FlameUnit::count: break;
  }
  return with_commas(value) + " " + printable(options.count_name, 60);
}

Result<std::string> flame_svg(const Folded& folded, const FlameOptions& options) {
  MN_CHECK(options.coloring != FlameColoring::palette || is_palette(options.palette), "unknown palette '",
           printable(options.palette), "'");
  const std::vector<FlameNode> tree = build_flame_tree(folded);
  MN_ASSIGN(const FlameLayout layout, lay_out_flame(tree, options));
  return Writer(folded, options, tree, layout).write();
}

}  // namespace minnow
