// Runs a lowered model: the arena, the caller's tensors, and the operators that no kernel takes.
#pragma once

#include <memory>
#include <vector>

#include "lower/lowering.h"
#include "run/executor.h"

namespace minnow {

class PlannedRun {
 public:
  // Inputs fit the plan. States are replaced when the run succeeds; their memory is this session's alone.
  Result<std::vector<Datum>> run(const Lowered& lowered, std::span<const Datum> inputs, std::vector<Tensor>& states,
                                 const RunOptions& options, StepObserver* observer);
  int64_t arena_bytes() const { return arena_.valid() ? arena_.bytes() : 0; }

 private:
  Tensor arena_;
};

}  // namespace minnow
