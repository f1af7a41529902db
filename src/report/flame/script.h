// The program inside the picture.
#pragma once

#include <string_view>

namespace minnow::flame {

// It holds no text from the profile: names reach it only as the text of <title> elements, and leave it only as text.
std::string_view script();

}  // namespace minnow::flame
