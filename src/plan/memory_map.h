// Who holds which bytes of a plan's arena, and when.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace minnow {

struct MemoryBlock {
  std::string name;  // of the step that writes it
  bool scratch = false;
  int64_t offset = 0;
  int64_t bytes = 0;
  int32_t first = 0;  // steps, both included
  int32_t last = 0;
};

// In the order in which they are first written. A buffer that steps hand on in place is one block for each of them.
std::vector<MemoryBlock> memory_map(const Plan& plan);

}  // namespace minnow
