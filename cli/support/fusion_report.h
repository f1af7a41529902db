// What passes and lowering made of the patterns of transformers, and what kept the rest apart.
#pragma once

#include <string>
#include <vector>

#include "api/model.h"
#include "cli/support/json.h"
#include "lower/fusion.h"

namespace minnow::cli {

// For people, and under "patterns" and "refused" for scripts. Without a plan (null) sums are not looked for.
std::string fusion_report(const Model& model, const std::vector<PassNote>& notes, const Lowered* lowered,
                          const std::vector<Group>& groups, Json& json);

}  // namespace minnow::cli
