#include "report/block_map.h"

#include <algorithm>
#include <cstdio>

#include "base/result.h"
#include "base/text.h"
#include "report/escape.h"

namespace minnow {
namespace {

constexpr int kWidth = 1100, kHeight = 520;  // of the plot, pixels
constexpr int kLeft = 90, kTop = 50, kBottom = 46;
// Ten hues of one lightness (OKLCH 0.75, 0.11), so that neighbours differ and no block looks more important.
constexpr const char* kColors[] = {"#e89a8c", "#dba26b", "#c0ae60", "#98ba71", "#6ac296",
                                   "#4bc2bd", "#5cbbda", "#87afe8", "#b1a3e2", "#d39ac9"};

std::string fixed(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.2f", value);
  return buffer;
}

std::string text_at(double x, double y, const char* anchor, std::string_view text) {
  return concat(
      {"<text x=\"", fixed(x), "\" y=\"", fixed(y), "\" text-anchor=\"", anchor, "\">", escape_xml(text), "</text>\n"});
}

struct Scale {
  double step_width, byte_height;
  double x(int32_t step) const { return kLeft + step * step_width; }
  double y(int64_t bytes) const { return kTop + kHeight - static_cast<double>(bytes) * byte_height; }
};

std::string rectangle(const MapBlock& block, const Scale& scale, size_t index) {
  const double x = scale.x(block.first), width = (block.last - block.first + 1) * scale.step_width;
  const double y = scale.y(block.offset + block.bytes), height = static_cast<double>(block.bytes) * scale.byte_height;
  const std::string name = printable(block.label, 200);
  std::string out = concat({"<g><title>",
                            escape_xml(name),
                            block.hatched ? " (scratch)" : "",
                            "\n",
                            human_bytes(block.bytes),
                            " at ",
                            human_bytes(block.offset),
                            ", steps ",
                            block.first,
                            " to ",
                            block.last,
                            "</title><rect x=\"",
                            fixed(x),
                            "\" y=\"",
                            fixed(y),
                            "\" width=\"",
                            fixed(width),
                            "\" height=\"",
                            fixed(height),
                            "\" fill=\"",
                            block.hatched ? "#999" : kColors[index % std::size(kColors)],
                            "\" stroke=\"#fff\" stroke-width=\"0.5\"/>"});
  const auto letters = static_cast<size_t>(std::max(0.0, width - 6) / 7);  // of 11-pixel type
  // The last part of a path of scopes tells most.
  const std::string_view tail =
      std::string_view(name).substr(name.rfind('/') == std::string::npos ? 0 : name.rfind('/') + 1);
  if (letters >= 4 && height >= 13) out += text_at(x + 3, y + 11, "start", printable(tail, letters));
  return out + "</g>\n";
}

}  // namespace

std::string block_map_svg(std::string_view title, const std::vector<MapBlock>& blocks, int32_t steps,
                          int64_t total_bytes) {
  const Scale scale{static_cast<double>(kWidth) / std::max(steps, 1),
                    static_cast<double>(kHeight) / static_cast<double>(std::max<int64_t>(total_bytes, 1))};
  std::string svg = concat({"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", kLeft + kWidth + 20, "\" height=\"",
                            kTop + kHeight + kBottom, "\" font-family=\"sans-serif\" font-size=\"11\">\n",
                            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"", kLeft,
                            "\" y=\"28\" font-size=\"16\">", escape_xml(printable(title, 120)), "</text>\n"});
  for (int i = 0; i <= 4; ++i) {
    const int64_t bytes = total_bytes * i / 4;
    svg += text_at(kLeft - 8, scale.y(bytes) + 4, "end", human_bytes(bytes));
    svg += concat({"<line x1=\"", kLeft, "\" x2=\"", kLeft + kWidth, "\" y1=\"", fixed(scale.y(bytes)), "\" y2=\"",
                   fixed(scale.y(bytes)), "\" stroke=\"#ddd\"/>\n"});
  }
  for (size_t i = 0; i < blocks.size(); ++i) svg += rectangle(blocks[i], scale, i);
  svg += text_at(kLeft, kTop + kHeight + 18, "start", "step 0");
  svg += text_at(kLeft + kWidth, kTop + kHeight + 18, "end", concat({"step ", std::max(steps - 1, 0)}));
  return svg + "</svg>\n";
}

}  // namespace minnow
