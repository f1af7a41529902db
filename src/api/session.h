// Runs a model: owns threads, states and the budget. One run at a time; several sessions share one model.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "api/model.h"
#include "api/staged_run.h"
#include "base/threads.h"
#include "ops/interpreter.h"

namespace minnow {

struct SessionOptions {
  Limits limits;
  int threads = 1;      // 0: one for each hardware thread; at most kMaxThreads
  uint64_t seed = 0;    // of random operators without a seed of their own
  bool kernels = true;  // false: references only
  bool plan = true;     // false: node by node, each value in memory of its own
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model,
                                                 const SessionOptions& options = {});
  ~Session();

  // Inputs in the graph's order. An error when another thread runs this session now.
  // `trace`: where the run's events go; their texts live until the session runs on inputs of other sizes.
  Result<std::vector<Datum>> run(std::span<const Datum> inputs, NodeObserver* observer = nullptr,
                                 Trace* trace = nullptr);
  // The same into `outputs`, whose memory is used again where it fits and nobody else holds it, and into `buffers`
  // (none, or one an output), which may be the inputs' own memory. A planned run like the one before allocates nothing.
  // A run that fails leaves no outputs, and anything in the buffers.
  Status run_into(std::span<const Datum> inputs, std::span<const OutputBuffer> buffers, std::vector<Datum>& outputs,
                  NodeObserver* observer = nullptr, Trace* trace = nullptr);
  // Ends the run in progress, if there is one, with ErrorCode::cancelled. From any thread.
  void cancel() { budget_->cancel(); }

  const Model& model() const { return *model_; }
  int threads() const { return pool_ != nullptr ? pool_->thread_count() : 1; }
  const Budget& budget() const { return *budget_; }

  // States by name; errors name the states there are. Not while a run is in progress.
  Result<Tensor> state(std::string_view name) const;
  Status set_state(std::string_view name, Tensor value);
  Status reset_states();
  Result<std::string> save_states() const;  // safetensors bytes, one tensor a state
  Status load_states(const Bytes& bytes, std::string_view name);

 private:
  Session(std::shared_ptr<const Model> model, const SessionOptions& options);
  Result<size_t> state_index(std::string_view name) const;
  void find_plan(std::span<const Datum> inputs, const NodeObserver* observer);
  Status check_buffers(std::span<const OutputBuffer> buffers) const;
  Status run_claimed(std::span<const Datum> inputs, std::span<const OutputBuffer> buffers, std::vector<Datum>& outputs,
                     NodeObserver* observer, Trace* trace);
  Result<std::vector<Datum>> run_unplanned(std::span<const Datum> inputs, const RunOptions& options);

  std::shared_ptr<const Model> model_;
  SessionOptions options_;
  std::shared_ptr<Budget> budget_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<KernelProvider> kernels_;
  std::unique_ptr<Interpreter> interpreter_;
  // How the last run went; both null: node by node.
  std::shared_ptr<const Lowered> lowered_;
  std::shared_ptr<const Stages> stages_;
  StagedRun runner_;
  bool draws_random_ = false;
  std::vector<Tensor> states_;
  mutable std::atomic<bool> busy_{false};
};

}  // namespace minnow
