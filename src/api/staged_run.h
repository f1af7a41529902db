// Runs a graph by whatever its lowering chose: a plan, stages, or the interpreter; subgraphs likewise.
#pragma once

#include "api/planned_run.h"
#include "lower/stages.h"

namespace minnow {

// One run at a time.
class StagedRun {
 public:
  explicit StagedRun(int threads) { plan_options_.threads = threads; }
  const PlanOptions& plan_options() const { return plan_options_; }

  // As PlannedRun::run.
  Status run(const Lowered& lowered, std::span<const Datum> inputs, std::vector<Tensor>& states, RunOptions options,
             std::span<const OutputBuffer> buffers, std::vector<Datum>& outputs);
  // From the sources to the results.
  Result<std::vector<Datum>> run(const Stages& stages, std::span<const Datum> sources, RunOptions options);
  // Node by node, with plans for the bodies of control flow.
  Result<std::vector<Datum>> walk(const Interpreter& interpreter, BodyLowerings& bodies, std::span<const Datum> inputs,
                                  RunOptions options, std::vector<Tensor>* states);
  // A part of a model. False: no plan, nothing was done.
  Result<bool> run_part(Lowering& part, std::span<const Datum> inputs, const RunOptions& options,
                        std::vector<Datum>& outputs);
  // Traces name nodes by text that plans own: those of parts are kept until this is called.
  void forget_traced() { traced_.clear(); }

 private:
  Status run_island(const Stages& stages, std::vector<Datum>& values, const RunOptions& options);
  Status run_rest(const Stages& stages, std::span<const Datum> inputs, const RunOptions& options,
                  std::vector<Datum>& outputs);
  void keep(std::shared_ptr<const void> texts, const RunOptions& options);

  PlanOptions plan_options_;
  // The arena of the plan that runs, of the plan of a body that one of its steps runs, and so on.
  std::vector<std::unique_ptr<PlannedRun>> levels_;
  size_t level_ = 0;
  std::vector<std::shared_ptr<const void>> traced_;
};

}  // namespace minnow
