// The fields of a plan in a .mnw file (stream.h). Tensors are numbers of the file's tensor list.
#pragma once

#include "plan/plan.h"
#include "plan/stream.h"

namespace minnow {

// Names the library's kernels: a plan is for the kernels that it was made with.
uint32_t kernels_fingerprint();

// `constants`, `packs`: numbers of the tensors. False from a Writer: a step has no kernel.
bool write_plan(stream::Writer& io, Plan& plan, std::vector<int32_t>& constants, std::vector<int32_t>& packs);
// Why the plan cannot be used here, or nothing; plan.constants and plan.packs are the caller's to fill. `foreign`: it is
// for other kernels or for another processor, which is no fault of the file.
Status read_plan(stream::Reader& io, Plan& plan, std::vector<int32_t>& constants, std::vector<int32_t>& packs,
                 bool& foreign);

}  // namespace minnow
