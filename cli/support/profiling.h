// Runs of a session with a trace, for the verbs that say where time goes.
#pragma once

#include <vector>

#include "api/session.h"
#include "cli/support/terminal.h"
#include "insight/profile.h"

namespace minnow::cli {

// `runs` runs after one that does not count. `last_events`: those of the last run, whose texts live until the session
// runs on inputs of other sizes; null: not wanted.
Result<Profile> profile_session(const CommonFlags& common, Session& session, std::span<const Datum> inputs,
                                int64_t runs, std::vector<TraceEvent>* last_events = nullptr);

}  // namespace minnow::cli
