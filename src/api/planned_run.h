// Runs a lowered model: the arena, the caller's tensors, and the operators that no kernel takes.
#pragma once

#include <memory>
#include <vector>

#include "lower/lowering.h"
#include "run/executor.h"

namespace minnow {

// Where a caller wants an output. Null: in memory of the run's.
struct OutputBuffer {
  void* data = nullptr;
  size_t bytes = 0;
};

class PlannedRun {
 public:
  // Inputs fit the plan. States are replaced when the run succeeds; their memory is this session's alone. `outputs`:
  // those of the run before, or none; a tensor of the right size that nobody else holds is written again. `buffers`:
  // none, or one an output, of the right size where not null. A run like the one before allocates nothing, unless an
  // operator without a kernel does.
  Status run(const Lowered& lowered, std::span<const Datum> inputs, std::vector<Tensor>& states,
             const RunOptions& options, std::span<const OutputBuffer> buffers, std::vector<Datum>& outputs);
  int64_t arena_bytes() const { return arena_.valid() ? arena_.bytes() : 0; }

 private:
  Status place_outputs(const Plan& plan, std::span<const Datum> inputs, std::span<const OutputBuffer> buffers,
                       const std::shared_ptr<Budget>& budget, std::vector<Datum>& outputs);

  Tensor arena_;
  std::vector<const void*> input_data_;
  std::vector<void*> output_data_, state_data_;
};

}  // namespace minnow
