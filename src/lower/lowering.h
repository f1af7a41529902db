// Plans of one model, made when their sizes are first seen and kept for the next time.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "lower/planner.h"
#include "ops/interpreter.h"

namespace minnow {

// A plan with the graph that its steps' `node` counts in; operators without a kernel are called through `calls`.
struct Lowered {
  Graph graph;
  Plan plan;
  std::optional<Interpreter> calls;  // where the plan needs it
};

// Shared by all sessions of a model. Thread-safe.
class Lowering {
 public:
  // The plans that are kept; the one that was not asked for longest goes first.
  static constexpr size_t kMaxPlans = 8;

  // Graph and registry must outlive the lowering. The graph was checked.
  Lowering(const Graph& graph, const Registry& registry, const Limits& limits);

  // The plan for inputs of these types (concrete dims, in order). Null: some size depends on data, or values are no
  // tensors, so only the interpreter can run this.
  std::shared_ptr<const Lowered> lower(std::span<const Type> inputs, const PlanOptions& options);

  int64_t pack_bytes() const { return packs_.bytes(); }
  size_t plan_count() const;

 private:
  struct Entry {
    std::vector<Type> inputs;
    PlanOptions options;
    std::shared_ptr<const Lowered> lowered;
  };
  Result<std::shared_ptr<const Lowered>> make(std::span<const Type> inputs, const PlanOptions& options);

  const Graph& source_;
  std::optional<Graph> graph_;  // with compositions spelled out, once a plan is asked for
  const Registry& registry_;
  Limits limits_;
  PackStore packs_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the latest first
};

}  // namespace minnow
