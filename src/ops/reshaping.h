// What reshape, flatten, squeeze and unsqueeze share: their output is the input's bytes under other dims.
#pragma once

#include "ops/contexts.h"

namespace minnow {

// Shares the input's storage under the dims that infer found.
Status reshaping_reference(EvalContext& c);
// The output's gradient under the first input's dims.
Status reshaping_gradient(GradientContext& c);
// For import rows of versions whose `axes` (or other 1-D integer list) was an attribute: input 0 plus a constant of it.
Status import_list_as_input(ImportContext& c, std::string_view attribute);

}  // namespace minnow
