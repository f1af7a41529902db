#include "api/staged_run.h"

#include <algorithm>

#include "base/clock.h"

namespace minnow {
namespace {

class Bodies : public SubgraphPlans {
 public:
  Bodies(StagedRun& runner, BodyLowerings& lowerings) : runner_(runner), lowerings_(lowerings) {}
  Result<bool> run(const Graph& graph, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                   const RunOptions& options) override {
    Lowering* lowering = lowerings_.of(graph);
    if (lowering == nullptr) return false;
    return runner_.run_part(*lowering, inputs, options, outputs);
  }

 private:
  StagedRun& runner_;
  BodyLowerings& lowerings_;
};

// Passes nodes on, but not the start of a part of the run.
class WithoutStart : public NodeObserver {
 public:
  explicit WithoutStart(NodeObserver* observer) : observer_(observer) {}
  bool wants_values() const override { return observer_->wants_values(); }
  Status on_node(const Graph& graph, const Node& node, std::span<const Datum> outputs, int depth,
                 int64_t duration_ns) override {
    return observer_->on_node(graph, node, outputs, depth, duration_ns);
  }

 private:
  NodeObserver* observer_;
};

class Nested {
 public:
  explicit Nested(size_t& level) : level_(level) { ++level_; }
  ~Nested() { --level_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  size_t& level_;
};

Datum value_of(const Graph& graph, const std::vector<Datum>& values, ValueId id) {
  if (id == kNoValue) return {};
  const Value& value = graph.value(id);
  return value.is_constant() ? Datum(value.constant) : values[static_cast<size_t>(id)];
}

std::vector<Datum> gather(const Graph& graph, const std::vector<Datum>& values, const std::vector<ValueId>& ids) {
  std::vector<Datum> gathered;
  gathered.reserve(ids.size());
  for (const ValueId id : ids) gathered.push_back(value_of(graph, values, id));
  return gathered;
}

}  // namespace

void StagedRun::keep(std::shared_ptr<const void> texts, const RunOptions& options) {
  if (options.trace == nullptr || std::find(traced_.begin(), traced_.end(), texts) != traced_.end()) return;
  traced_.push_back(std::move(texts));
}

Status StagedRun::run(const Lowered& lowered, std::span<const Datum> inputs, std::vector<Tensor>& states,
                      RunOptions options, std::span<const OutputBuffer> buffers, std::vector<Datum>& outputs) {
  std::optional<Bodies> bodies;
  if (lowered.bodies != nullptr) options.plans = &bodies.emplace(*this, *lowered.bodies);
  if (level_ == levels_.size()) levels_.push_back(std::make_unique<PlannedRun>());
  PlannedRun& level = *levels_[level_];
  const Nested nested(level_);
  return level.run(lowered, inputs, states, options, buffers, outputs);
}

Result<std::vector<Datum>> StagedRun::run(const Stages& stages, std::span<const Datum> sources, RunOptions options) {
  const Graph& graph = stages.graph;
  std::vector<Datum> values(graph.values.size());
  for (size_t i = 0; i < sources.size(); ++i) values[static_cast<size_t>(stages.sources[i])] = sources[i];
  if (stages.head != nullptr) {
    std::vector<Datum> outputs;
    std::vector<Tensor> no_states;
    MN_TRY(run(*stages.head, gather(graph, values, stages.head_inputs), no_states, options, {}, outputs));
    for (size_t i = 0; i < outputs.size(); ++i)
      values[static_cast<size_t>(stages.head_outputs[i])] = std::move(outputs[i]);
  }
  Bodies bodies(*this, *stages.bodies);
  options.plans = &bodies;
  MN_TRY(run_island(stages, values, options));
  std::vector<Datum> results = gather(graph, values, stages.results);
  if (stages.rest == nullptr) return results;
  const std::vector<Datum> inputs = gather(graph, values, stages.rest_inputs);
  values.clear();
  std::vector<Datum> outputs;
  MN_TRY(run_rest(stages, inputs, options, outputs));
  for (size_t i = 0; i < stages.results.size(); ++i) {
    const auto found = std::find(stages.rest_outputs.begin(), stages.rest_outputs.end(), stages.results[i]);
    if (found != stages.rest_outputs.end())
      results[i] = outputs[static_cast<size_t>(found - stages.rest_outputs.begin())];
  }
  return results;
}

Status StagedRun::run_island(const Stages& stages, std::vector<Datum>& values, const RunOptions& options) {
  const Graph& graph = stages.graph;
  std::vector<Datum> outputs;
  for (size_t i = 0; i < stages.island.size(); ++i) {
    const Node& node = graph.nodes[stages.island[i]];
    MN_TRY(options.budget->step());
    outputs.assign(node.outputs.size(), Datum());
    const int64_t start = options.observer != nullptr ? now_ns() : 0;
    Status status = stages.calls->run_node(stages.island[i], gather(graph, values, node.inputs), outputs, options);
    if (!status.ok()) return std::move(status.error()).in(describe(node, *stages.registry->find(node.op)));
    if (options.observer != nullptr)
      MN_TRY(options.observer->on_node(graph, node, outputs, options.depth, now_ns() - start));
    for (size_t k = 0; k < outputs.size(); ++k) {
      if (node.outputs[k] != kNoValue) values[static_cast<size_t>(node.outputs[k])] = std::move(outputs[k]);
    }
    for (const ValueId id : stages.island_dead[i]) values[static_cast<size_t>(id)] = Datum();
  }
  return {};
}

Status StagedRun::run_rest(const Stages& stages, std::span<const Datum> inputs, const RunOptions& options,
                           std::vector<Datum>& outputs) {
  MN_ASSIGN(const bool done, run_part(*stages.rest, inputs, options, outputs));
  if (done) return {};
  WithoutStart observer(options.observer);
  RunOptions rest = options;
  if (options.observer != nullptr) rest.observer = &observer;
  MN_ASSIGN(outputs, walk(*stages.rest_walk, stages.rest->bodies(), inputs, rest, nullptr));
  return {};
}

Result<std::vector<Datum>> StagedRun::walk(const Interpreter& interpreter, BodyLowerings& bodies,
                                           std::span<const Datum> inputs, RunOptions options,
                                           std::vector<Tensor>* states) {
  Bodies plans(*this, bodies);
  options.plans = &plans;
  return interpreter.run(inputs, options, states);
}

Result<bool> StagedRun::run_part(Lowering& part, std::span<const Datum> inputs, const RunOptions& options,
                                 std::vector<Datum>& outputs) {
  std::vector<Type> types;
  for (const Datum& input : inputs) {
    if (!input.present()) return false;
    types.push_back(Type::of(input));
  }
  const Lowerings chosen = part.choose_if_steady(types, plan_options_);
  const int64_t most = options.budget->limits().bytes;
  if (chosen.plan != nullptr && chosen.plan->plan.run_bytes() <= most) {
    keep(chosen.plan, options);
    std::vector<Tensor> no_states;
    MN_TRY(run(*chosen.plan, inputs, no_states, options, {}, outputs));
    return true;
  }
  if (chosen.stages != nullptr && chosen.stages->run_bytes() <= most) {
    keep(chosen.stages, options);
    MN_ASSIGN(outputs, run(*chosen.stages, inputs, options));
    return true;
  }
  return false;
}

}  // namespace minnow
