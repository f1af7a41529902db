// One HTML page of pictures, tables and drawings that opens offline.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

struct PageSection {
  std::string heading;
  std::string html;  // trusted: made by the functions below
};

std::string html_page(std::string_view title, const std::vector<PageSection>& sections);

// The parts of a section.
std::string html_text(std::string_view text);
std::string html_table(const std::vector<std::vector<std::string>>& rows);           // the first row is the head
std::string html_picture(std::string_view mime, std::string_view bytes, int width);  // "image/png"
std::string html_frame(std::string_view svg, int height);                            // its scripts stay inside

}  // namespace minnow
