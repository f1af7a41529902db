#include "report/heat_map.h"

#include <algorithm>
#include <cstdio>

#include "base/result.h"
#include "base/text.h"
#include "report/escape.h"

namespace minnow {
namespace {

constexpr int kCell = 44;  // pixels; two digits after the point fit in 12-pixel type
constexpr int kLabelWidth = 330;
constexpr size_t kLabelBytes = 46;

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.2f", value);
  return buffer;
}

// White to the blue of ColorBrewer's Blues (8,48,107), linear.
std::string color(double share) {
  const auto mix = [&](int dark) { return static_cast<int>(255 + (dark - 255) * share); };
  return concat({"rgb(", mix(8), ",", mix(48), ",", mix(107), ")"});
}

std::string cell(int x, int y, double value, double share, const std::string& tip) {
  const std::string tip_text = concat({"<title>", escape_xml(tip), "</title>"});
  return concat({"<g>",
                 tip_text,
                 "<rect x=\"",
                 x,
                 "\" y=\"",
                 y,
                 "\" width=\"",
                 kCell,
                 "\" height=\"",
                 kCell,
                 "\" fill=\"",
                 color(share),
                 "\" stroke=\"#fff\"/><text x=\"",
                 x + kCell / 2,
                 "\" y=\"",
                 y + kCell / 2 + 4,
                 "\" text-anchor=\"middle\" font-size=\"12\" fill=\"",
                 share > 0.55 ? "#fff" : "#222",
                 "\">",
                 number(value),
                 "</text></g>\n"});
}

}  // namespace

std::string heat_map_html(std::string_view title, const std::vector<std::string>& labels,
                          std::span<const double> values, double low, double high) {
  const int n = static_cast<int>(labels.size());
  const int width = kLabelWidth + n * kCell + 20, height = n * kCell + 50;
  std::string page =
      concat({"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>", escape_xml(title),
              "</title></head>\n<body style=\"font-family:sans-serif;margin:24px\"><h2>", escape_xml(title),
              "</h2>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height,
              "\" font-family=\"sans-serif\">\n"});
  for (int i = 0; i < n; ++i) {
    page += concat({"<text x=\"", kLabelWidth - 8, "\" y=\"", 30 + i * kCell + kCell / 2 + 4,
                    "\" text-anchor=\"end\" font-size=\"13\">",
                    escape_xml(printable(labels[static_cast<size_t>(i)], kLabelBytes)), " <tspan fill=\"#888\">", i + 1,
                    "</tspan></text>\n"});
    page += concat({"<text x=\"", kLabelWidth + i * kCell + kCell / 2,
                    "\" y=\"22\" text-anchor=\"middle\" font-size=\"12\" fill=\"#888\">", i + 1, "</text>\n"});
    for (int j = 0; j < n; ++j) {
      const double value = values[static_cast<size_t>(i * n + j)];
      const double share = high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) : 0.0;
      page +=
          cell(kLabelWidth + j * kCell, 30 + i * kCell, value, share,
               concat({labels[static_cast<size_t>(i)], " / ", labels[static_cast<size_t>(j)], ": ", number(value)}));
    }
  }
  return page + "</svg></body></html>\n";
}

}  // namespace minnow
