#include "plan/memory_map.h"

#include <map>

namespace minnow {

std::vector<MemoryBlock> memory_map(const Plan& plan) {
  std::vector<MemoryBlock> blocks;
  std::map<int64_t, size_t> at;  // offset: the block that was written there last
  for (size_t s = 0; s < plan.steps.size(); ++s) {
    const PlanStep& step = plan.steps[s];
    const auto now = static_cast<int32_t>(s);
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const Place& place = step.operands[i];
      if (place.region != Region::arena) continue;
      if (static_cast<int32_t>(i) < step.input_count) {
        if (const auto found = at.find(place.offset); found != at.end()) blocks[found->second].last = now;
      } else {
        at[place.offset] = blocks.size();
        blocks.push_back({step.name, false, place.offset, step.bytes[i], now, now});
      }
    }
    if (step.scratch_bytes > 0) blocks.push_back({step.name, true, step.scratch_offset, step.scratch_bytes, now, now});
  }
  for (const PlanCopy& copy : plan.copies) {
    if (copy.from.region != Region::arena) continue;
    if (const auto found = at.find(copy.from.offset); found != at.end())
      blocks[found->second].last = static_cast<int32_t>(plan.steps.size()) - 1;
  }
  return blocks;
}

}  // namespace minnow
