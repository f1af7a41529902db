// Colours of frames.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace minnow {

struct Color {
  int red = 0, green = 0, blue = 0;
};
std::string to_string(Color color);  // "rgb(255,0,0)"

// A number in [0, 1] that depends on the first characters of a name, as in FlameGraph: functions that begin alike look
// alike, in every picture. What stands before a '`' (a module) is left out.
double name_hash(std::string_view name);

// Palettes by name: "hot", "mem", "io", the flat colours "red", "green", … , and those that look at what a name says
// ("java", "js", "perl").
bool is_palette(std::string_view palette);
std::span<const std::string_view> palette_names();
Color palette_color(std::string_view palette, std::string_view name);

// White at 0, red for growth, blue for shrinking; change in [-1, 1].
Color difference_color(double change);
// Orange at 0, yellow in the middle, blue at 1: ends that colour-blind eyes tell apart, light enough for black text.
Color fraction_color(double fraction);
// `base` made a little lighter or darker by the name, so that neighbours of one kind can be told apart.
Color shaded(Color base, std::string_view name);

}  // namespace minnow
