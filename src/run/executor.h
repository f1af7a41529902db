// Walks a plan.
#pragma once

#include <cstddef>
#include <span>

#include "base/limits.h"
#include "base/threads.h"
#include "base/trace.h"
#include "plan/plan.h"

namespace minnow {

// Runs the steps that no kernel takes.
class OperatorCalls {
 public:
  virtual ~OperatorCalls() = default;
  // `operands` as in step.operands, null where absent. Writes the outputs.
  virtual Status call(const PlanStep& step, void* const* operands) = 0;
};

class StepObserver {
 public:
  virtual ~StepObserver() = default;
  // After step number `index` ran. An error ends the run.
  virtual Status on_step(const PlanStep& step, int64_t index, int64_t duration_ns) = 0;
};

// The buffers of one run. Sizes are those of the plan's inputs, outputs and states; the arena's start is a multiple of
// kArenaAlignment.
struct PlanBuffers {
  std::byte* arena = nullptr;
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  std::span<void* const> states;  // written at the end of a run that succeeds
};

struct PlanRun {
  Budget* budget = nullptr;        // null: no limits
  ThreadPool* threads = nullptr;   // at most plan.threads
  OperatorCalls* calls = nullptr;  // may be null where every step has a kernel
  StepObserver* observer = nullptr;
  Trace* trace = nullptr;  // steps with a kernel are recorded here; `calls` records its own
  int32_t depth = 0;       // of subgraphs that the plan is in, for the trace
};

// Allocates nothing. The plan was verified or comes from lowering.
Status run_plan(const Plan& plan, const PlanBuffers& buffers, const PlanRun& run);

}  // namespace minnow
