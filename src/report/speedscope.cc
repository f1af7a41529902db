#include "report/speedscope.h"

#include "base/text.h"
#include "report/escape.h"

namespace minnow {

std::string speedscope_json(const Folded& folded, std::string_view name, std::string_view unit) {
  std::string frames, samples, weights;
  for (const std::string& frame : folded.names())
    frames += concat({frames.empty() ? "" : ",\n", "{\"name\":", json_string(frame), "}"});
  for (const FoldedStack& stack : folded.stacks()) {
    samples += samples.empty() ? "[" : ",\n[";
    for (size_t i = 0; i < stack.frames.size(); ++i) samples += concat({i > 0 ? "," : "", stack.frames[i]});
    samples += "]";
    weights += concat({weights.empty() ? "" : ",", static_cast<long long>(stack.value)});
  }
  return concat({"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"exporter\":\"minnow\",\n",
                 "\"name\":", json_string(name), ",\n\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[\n", frames,
                 "\n]},\n\"profiles\":[{\"type\":\"sampled\",\"name\":", json_string(name), ",\"unit\":",
                 json_string(unit), ",\"startValue\":0,\"endValue\":", static_cast<long long>(folded.total()),
                 ",\n\"samples\":[\n", samples, "\n],\n\"weights\":[", weights, "]}]}\n"});
}

}  // namespace minnow
