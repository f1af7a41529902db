// Text into XML, HTML and JSON: names from files are never markup.
#pragma once

#include <string>
#include <string_view>

namespace minnow {

std::string escape_xml(std::string_view text);
// With its quotes: "a\"b". Control characters and bytes that are no UTF-8 become visible (printable in base/text.h).
std::string json_string(std::string_view text);

}  // namespace minnow
