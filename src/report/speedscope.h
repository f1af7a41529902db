// Stacks in speedscope's file format (https://www.speedscope.app/file-format-schema.json).
#pragma once

#include <string>
#include <string_view>

#include "report/folded.h"

namespace minnow {

// One profile of samples with weights. `unit`: "nanoseconds", "bytes" or "none".
std::string speedscope_json(const Folded& folded, std::string_view name, std::string_view unit);

}  // namespace minnow
