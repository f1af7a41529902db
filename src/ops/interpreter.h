// Walks a graph node by node: infer, allocate, reference. The oracle for everything faster, the engine of constant
// folding, and the island where data-dependent shapes run.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/threads.h"
#include "base/trace.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// Something faster than a reference for some problems (kernels, joined in lower).
class KernelProvider {
 public:
  virtual ~KernelProvider() = default;
  // Runs the node into `outputs` (allocated, concrete) and returns true, or returns false: no kernel for this problem.
  virtual Result<bool> run(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::span<Datum> outputs,
                           const std::shared_ptr<Budget>& budget, ThreadPool* threads) = 0;
  // What the last successful run used, for traces: the instruction set of its kernel row. Text of the program.
  virtual std::string_view last_kernel() const { return "kernel"; }
};

class NodeObserver {
 public:
  virtual ~NodeObserver() = default;
  // False: nodes may run fused and planned, and on_node comes once for each step, with no outputs.
  virtual bool wants_values() const { return true; }
  // Before a run: how many calls of on_node with depth 0 will follow, at most.
  virtual void on_start(int64_t) {}
  // After a node ran. depth 0: the main graph; more: inside subgraphs. duration in nanoseconds. An error stops the run.
  virtual Status on_node(const Graph& graph, const Node& node, std::span<const Datum> outputs, int depth,
                         int64_t duration_ns) = 0;
};

class SubgraphPlans;

struct RunOptions {
  std::shared_ptr<Budget> budget;  // null: default limits
  KernelProvider* kernels = nullptr;
  ThreadPool* threads = nullptr;
  NodeObserver* observer = nullptr;
  Trace* trace = nullptr;  // null: nothing is recorded
  uint64_t seed = 0;
  SubgraphPlans* plans = nullptr;  // null: subgraphs are walked
  int32_t depth = 0;               // of subgraphs that the run is in already
};

// Something faster than walking a subgraph node by node (plans, joined in api).
class SubgraphPlans {
 public:
  virtual ~SubgraphPlans() = default;
  // Runs the subgraph of a graph that an Interpreter was prepared for and returns true, or returns false: walk it.
  // `options.depth`: where its nodes are.
  virtual Result<bool> run(const Graph& graph, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                           const RunOptions& options) = 0;
};

class Interpreter {
 public:
  // The graph and the registry must outlive the interpreter. The graph must have passed check_graph.
  static Result<Interpreter> prepare(const Graph& graph, const Registry& registry = Registry::builtin());
  Interpreter(Interpreter&&) noexcept;
  Interpreter& operator=(Interpreter&&) noexcept;
  ~Interpreter();

  // Inputs in the graph's order, checked against the declared types; returns outputs in order. `states`: current values
  // in the order of graph.states, replaced by the new ones when the run succeeds.
  Result<std::vector<Datum>> run(std::span<const Datum> inputs, const RunOptions& options,
                                 std::vector<Tensor>* states = nullptr) const;
  // One node of the graph alone, for those who order the others themselves. `outputs`: one an output; a tensor of the
  // right type in it is written, where the operator can do so; otherwise the output comes in memory of its own.
  Status run_node(size_t node, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                  const RunOptions& options) const;

 private:
  struct Program;
  explicit Interpreter(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

// The caller's inputs against what the graph declares: one, or all.
Status check_input(const Value& value, const Datum& datum);
Status check_inputs(const Graph& graph, std::span<const Datum> inputs);

// One operator on concrete inputs, without a graph: for tests and folding.
Result<std::vector<Datum>> evaluate(std::string_view op, std::span<const Datum> inputs,
                                    const Attributes& attributes = {}, int outputs = 1,
                                    const Registry& registry = Registry::builtin());

}  // namespace minnow
