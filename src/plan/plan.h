// The plan: every decision about a run, made before it (design, contract 6). A flat list of steps whose operands are
// offsets into buffers, so that running is walking the list, and the memory it takes is known.
#pragma once

#include <string>
#include <vector>

#include "base/tensor.h"
#include "kernels/kernel_row.h"

namespace minnow {

enum class Region : uint8_t { none, arena, constant, state, input, output };
std::string_view to_string(Region region);

// Where an operand lies: `offset` bytes into the arena, or into constant, state, input or output number `index`.
struct Place {
  Region region = Region::none;  // none: an absent operand
  int32_t index = 0;
  int64_t offset = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

struct PlanValue {
  std::string name;
  DType dtype = DType::undefined;
  Dims dims;
  int64_t bytes() const { return element_count(dims) * static_cast<int64_t>(element_bytes(dtype)); }
};

struct PlanStep {
  std::string name;                // the node's, for messages and profiles
  std::string op;                  // as users know it: "Conv"
  const KernelRow* row = nullptr;  // null: no kernel; the operator itself is called (OperatorCalls)
  Problem problem;                 // with a row
  std::string_view operation;      // the operator's name in the registry, for profiles; empty in a plan from a file
  int64_t multiply_adds = 0;       // as the operator counts them; 0 where it does not
  int32_t node = -1;               // in the graph that was lowered
  int32_t input_count = 0;
  std::vector<Place> operands;  // inputs, then outputs
  std::vector<int64_t> bytes;   // of each operand
  std::vector<int32_t> packs;   // with a row: per input, which of Plan.packs holds it; -1: it is not packed
  int64_t scratch_offset = 0;   // in the arena
  int64_t scratch_bytes = 0;
};

// After the last step: outputs that no step writes (an input, a constant) and the states' new values.
struct PlanCopy {
  Place from, to;
  int64_t bytes = 0;
};

struct Plan {
  std::vector<PlanValue> inputs, outputs, states;
  std::vector<Tensor> constants;
  std::vector<Tensor> packs;  // constants as kernels want them
  std::vector<PlanStep> steps;
  std::vector<PlanCopy> copies;
  int64_t arena_bytes = 0;  // scratch included
  // The most that is alive at once, scratch included: no placement of these steps in this order takes less.
  int64_t live_bytes = 0;
  int threads = 1;             // that scratch is enough for
  int64_t run_bytes() const;   // of arena, outputs and states
  int64_t held_bytes() const;  // of the plan itself: steps and places, without the tensors that it refers to
};

// Buffers of the arena start at multiples of this: a cache line, and the widest vector register.
inline constexpr int64_t kArenaAlignment = 64;

inline constexpr int kMaxThreads = 256;  // of a plan, and so of a session

// What the row asks for; bit i of `packed`: input i comes packed.
int64_t scratch_bytes(const KernelRow& row, const Problem& problem, int threads, uint32_t packed);
// Whether the first output may be the memory of this input.
bool may_share(const KernelRow& row, const Problem& problem, int input);

// What must hold before a plan may run: every place names a buffer that is there and lies within it, every row takes
// its problem (kernels/kernel_row.h: sizes and attributes fit each other), operands are as long as the problem says and
// aligned to their elements, packed inputs and scratch suffice, scratch overlaps no operand, and outputs overlap inputs
// only where they start at the same byte and the row allows it. Such a plan runs inside its buffers, whoever made it.
// Errors name the step.
Status verify_plan(const Plan& plan);

}  // namespace minnow
