// Events in the Trace Event format, which chrome://tracing, Perfetto and speedscope open: a time line, not sums.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/trace.h"

namespace minnow {

// Times count from the first event.
std::string chrome_trace_json(std::span<const TraceEvent> events, std::string_view model);

}  // namespace minnow
