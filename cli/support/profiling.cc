#include "cli/support/profiling.h"

#include "base/text.h"

namespace minnow::cli {

// Events of one run: 6 MB, enough for a loop of a thousand steps over a network of 64 nodes.
constexpr size_t kTraceEvents = 1 << 16;

Result<Profile> profile_session(const CommonFlags& common, Session& session, std::span<const Datum> inputs,
                                int64_t runs, std::vector<TraceEvent>* last_events) {
  const Interruptible interruptible(session);
  Trace trace(kTraceEvents);
  Profiler profiler(printable(session.model().name()));
  Progress progress(common, "profile", runs);
  for (int64_t run = -1; run < runs; ++run) {
    trace.clear();
    const Stopwatch watch;
    const Result<std::vector<Datum>> outputs = session.run(inputs, nullptr, &trace);
    const int64_t run_ns = watch.elapsed_ns();
    if (!outputs.ok()) return outputs.error();
    if (run < 0) continue;  // plans, packs and pages are made
    std::vector<TraceEvent> events = trace.events();
    profiler.add_run(events, trace.dropped(), run_ns);
    if (last_events != nullptr && run + 1 == runs) *last_events = std::move(events);
    progress.update(run + 1);
  }
  return profiler.finish();
}

}  // namespace minnow::cli
