#include "report/flame/colors.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/result.h"
#include "base/text.h"

namespace minnow {
namespace {

// value = base + spread * v, where v is one of the two hashes of a name.
struct Channel {
  int base = 0, spread = 0;
  int hash = 0;  // 0: of the name, 1: of the name reversed
  int at(const std::array<double, 2>& v) const {
    return base + static_cast<int>(spread * v[static_cast<size_t>(hash)]);
  }
};

struct Palette {
  std::string_view name;
  Channel red, green, blue;
};

// The ranges are FlameGraph's (flamegraph.pl, sub color).
constexpr Palette kPalettes[] = {
    {"hot", {205, 50, 1}, {0, 230, 0}, {0, 55, 1}},      {"mem", {0, 0, 0}, {190, 50, 1}, {0, 210, 0}},
    {"io", {80, 60, 0}, {80, 60, 0}, {190, 55, 1}},      {"red", {200, 55, 0}, {50, 80, 0}, {50, 80, 0}},
    {"green", {50, 60, 0}, {200, 55, 0}, {50, 60, 0}},   {"blue", {80, 60, 0}, {80, 60, 0}, {205, 50, 0}},
    {"yellow", {175, 55, 0}, {175, 55, 0}, {50, 20, 0}}, {"purple", {190, 65, 0}, {80, 60, 0}, {190, 65, 0}},
    {"aqua", {50, 60, 0}, {165, 55, 0}, {165, 55, 0}},   {"orange", {190, 65, 0}, {90, 65, 0}, {0, 0, 0}},
};
constexpr std::string_view kNames[] = {"hot",    "mem",  "io",     "red",  "green", "blue", "yellow",
                                       "purple", "aqua", "orange", "java", "js",    "perl"};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Annotations that profilers put at the end of a frame.
bool is_kernel(std::string_view name) { return ends_with(name, "_[k]"); }
bool is_compiled(std::string_view name) { return ends_with(name, "_[j]"); }

bool is_java_package(std::string_view name) {
  if (starts_with(name, "L")) name.remove_prefix(1);
  for (std::string_view package : {"java/", "javax/", "jdk/", "net/", "org/", "com/", "io/", "sun/"}) {
    if (starts_with(name, package)) return true;
  }
  return false;
}

std::string_view java_palette(std::string_view name) {
  if (is_compiled(name)) return "green";
  if (ends_with(name, "_[i]")) return "aqua";
  if (is_java_package(name) || contains(name, ":::")) return "green";
  if (contains(name, "::")) return "yellow";
  return is_kernel(name) ? "orange" : "red";
}

std::string_view script_palette(std::string_view name) {
  if (is_compiled(name)) return contains(name, "/") ? "green" : "aqua";
  if (contains(name, "::")) return "yellow";
  if (contains(name, "/") && contains(name, ".js")) return "green";
  if (contains(name, ":")) return "aqua";
  if (name == " ") return "green";
  return is_kernel(name) ? "orange" : "red";
}

std::string_view perl_palette(std::string_view name) {
  if (contains(name, "::")) return "yellow";
  if (contains(name, "Perl") || contains(name, ".pl")) return "green";
  return is_kernel(name) ? "orange" : "red";
}

int mix(int from, int to, double share) { return from + static_cast<int>(std::lround((to - from) * share)); }

}  // namespace

std::string to_string(Color color) { return concat({"rgb(", color.red, ",", color.green, ",", color.blue, ")"}); }

double name_hash(std::string_view name) {
  // FlameGraph's sub namehash: three characters, each with 0.7 of the weight of the one before.
  const size_t tick = name.find('`', 1);
  if (tick != std::string_view::npos) name.remove_prefix(tick + 1);
  double vector = 0, weight = 1, max = 1;
  int mod = 10;
  for (char c : name) {
    const int i = static_cast<unsigned char>(c) % mod;
    vector += static_cast<double>(i) / (mod++ - 1) * weight;
    max += weight;
    weight *= 0.70;
    if (mod > 12) break;
  }
  return 1 - vector / max;
}

std::span<const std::string_view> palette_names() { return kNames; }

bool is_palette(std::string_view palette) {
  return std::find(std::begin(kNames), std::end(kNames), palette) != std::end(kNames);
}

Color palette_color(std::string_view palette, std::string_view name) {
  if (name == "--") return {160, 160, 160};
  if (name == "-") return {200, 200, 200};
  if (palette == "java") palette = java_palette(name);
  if (palette == "js") palette = script_palette(name);
  if (palette == "perl") palette = perl_palette(name);
  const auto* row = std::find_if(std::begin(kPalettes), std::end(kPalettes),
                                 [&](const Palette& candidate) { return candidate.name == palette; });
  if (row == std::end(kPalettes)) row = kPalettes;
  const std::string reversed(name.rbegin(), name.rend());
  const std::array<double, 2> v{name_hash(name), name_hash(reversed)};
  return {row->red.at(v), row->green.at(v), row->blue.at(v)};
}

Color difference_color(double change) {
  const double strength = std::min(std::abs(change), 1.0);
  if (strength == 0) return {255, 255, 255};
  const int rest = static_cast<int>(210 * (1 - strength));
  return change > 0 ? Color{255, rest, rest} : Color{rest, rest, 255};
}

Color fraction_color(double fraction) {
  // Three colours of ColorBrewer's RdYlBu.
  constexpr Color kLow{244, 120, 77}, kMiddle{254, 224, 144}, kHigh{116, 173, 209};
  const double f = std::clamp(fraction, 0.0, 1.0);
  const Color &from = f < 0.5 ? kLow : kMiddle, &to = f < 0.5 ? kMiddle : kHigh;
  const double share = f < 0.5 ? 2 * f : 2 * f - 1;
  return {mix(from.red, to.red, share), mix(from.green, to.green, share), mix(from.blue, to.blue, share)};
}

Color shaded(Color base, std::string_view name) {
  constexpr int kSpread = 14;  // of 255: seen side by side, and still the same colour to the eye
  const int shift = static_cast<int>(std::lround((name_hash(name) - 0.5) * 2 * kSpread));
  const auto moved = [&](int value) { return std::clamp(value + shift, 0, 255); };
  return {moved(base.red), moved(base.green), moved(base.blue)};
}

}  // namespace minnow
