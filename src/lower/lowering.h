// Plans of one model, made when their sizes are first seen and kept for the next time.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "lower/planner.h"
#include "ops/interpreter.h"

namespace minnow {

struct Lowered;
struct Stages;
class BodyLowerings;

// How a graph runs on inputs of some types: by a plan, in stages, or, with neither, in the interpreter.
struct Lowerings {
  std::shared_ptr<const Lowered> plan;
  std::shared_ptr<const Stages> stages;
};

// Shared by all sessions of a model. Thread-safe.
class Lowering {
 public:
  // The plans that are kept; the one that was not asked for longest goes first.
  static constexpr size_t kMaxPlans = 8;

  // Graph and registry must outlive the lowering. The graph was checked.
  Lowering(const Graph& graph, const Registry& registry, const Limits& limits);
  // Of a part of a model, whose constants may be packed already. `nesting`: of stages in stages and bodies in bodies.
  Lowering(const Graph& part, const Registry& registry, const Limits& limits, std::shared_ptr<PackStore> packs,
           int nesting);
  ~Lowering();

  // For inputs of these types (concrete dims, in order).
  Lowerings choose(std::span<const Type> inputs, const PlanOptions& options);
  // For parts, whose sizes may be others in every run: types that follow after the first ones must come twice before
  // they are worth the work. Till then both are null.
  Lowerings choose_if_steady(std::span<const Type> inputs, const PlanOptions& options);
  // Only a plan of the whole. Null: some size depends on data, or values are no tensors.
  std::shared_ptr<const Lowered> lower(std::span<const Type> inputs, const PlanOptions& options) {
    return choose(inputs, options).plan;
  }

  const Graph& graph() const { return source_; }
  const Registry& registry() const { return registry_; }
  // Of the graph's subgraphs, for who walks it.
  BodyLowerings& bodies() { return *bodies_; }
  int64_t pack_bytes() const { return packs_->bytes(); }
  size_t plan_count() const;
  // Of the plans that are kept: steps, places and problems; not the tensors that they refer to.
  int64_t plan_bytes() const;

 private:
  struct Entry {
    std::vector<Type> inputs;
    PlanOptions options;
    Lowerings lowerings;
  };
  Entry* find(std::span<const Type> inputs, const PlanOptions& options);
  const Entry& add(std::span<const Type> inputs, const PlanOptions& options);
  Result<Lowerings> make(std::span<const Type> inputs, const PlanOptions& options);

  const Graph& source_;
  std::optional<Graph> graph_;  // with compositions spelled out, once a plan is asked for
  const Registry& registry_;
  Limits limits_;
  std::shared_ptr<PackStore> packs_;
  int nesting_ = 0;
  std::unique_ptr<BodyLowerings> bodies_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;                // the latest first
  std::list<std::vector<Type>> seen_once_;  // the latest first
};

// The lowerings of a graph's subgraphs. Thread-safe. The graph must outlive them.
class BodyLowerings {
 public:
  BodyLowerings(const Registry& registry, const Limits& limits, std::shared_ptr<PackStore> packs, int nesting)
      : registry_(registry), limits_(limits), packs_(std::move(packs)), nesting_(nesting) {}
  // Null: walking it node by node takes no longer than looking for a plan would.
  Lowering* of(const Graph& body);

 private:
  const Registry& registry_;
  const Limits& limits_;
  std::shared_ptr<PackStore> packs_;
  int nesting_;
  std::mutex mutex_;
  std::map<const Graph*, std::unique_ptr<Lowering>> lowerings_;
};

// A plan with the graph that its steps' `node` counts in; operators without a kernel are called through `calls`.
struct Lowered {
  Graph graph;
  Plan plan;
  std::optional<Interpreter> calls;       // where the plan needs it
  std::unique_ptr<BodyLowerings> bodies;  // likewise
};

}  // namespace minnow
