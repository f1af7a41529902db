// Text into XML and HTML: names from files are never markup.
#pragma once

#include <string>
#include <string_view>

namespace minnow {

std::string escape_xml(std::string_view text);

}  // namespace minnow
