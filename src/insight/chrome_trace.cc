#include "insight/chrome_trace.h"

#include <algorithm>
#include <cstdio>

#include "base/result.h"
#include "report/escape.h"

namespace minnow {
namespace {

// Microseconds with three digits: the format's unit, and the clock's resolution.
std::string microseconds(int64_t nanoseconds) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%.3f", static_cast<double>(nanoseconds) * 1e-3);
  return buffer;
}

}  // namespace

std::string chrome_trace_json(std::span<const TraceEvent> events, std::string_view model) {
  int64_t start = events.empty() ? 0 : events[0].start_ns;
  for (const TraceEvent& event : events) start = std::min(start, event.start_ns);
  std::string out = concat({"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"name\":\"process_name\",\"ph\":\"M\",",
                            "\"pid\":1,\"args\":{\"name\":", json_string(model), "}}"});
  for (const TraceEvent& event : events) {
    out +=
        concat({",\n{\"name\":", json_string(event.name.empty() ? event.op : event.name),
                ",\"cat\":", json_string(event.op), ",\"ph\":\"X\",\"ts\":", microseconds(event.start_ns - start),
                ",\"dur\":", microseconds(event.end_ns - event.start_ns), ",\"pid\":1,\"tid\":", event.thread + 1,
                ",\"args\":{\"kernel\":", json_string(event.kernel), ",\"bytes\":", static_cast<long long>(event.bytes),
                ",\"multiply_adds\":", static_cast<long long>(event.multiply_adds), "}}"});
  }
  return out + "\n]}\n";
}

}  // namespace minnow
