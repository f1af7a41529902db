// Graph to plan: kernels, order, places.
#pragma once

#include "graph/graph.h"
#include "lower/fusion.h"
#include "lower/pack_store.h"
#include "plan/plan.h"

namespace minnow {

struct PlanOptions {
  int threads = 1;
  FusionOptions fusion;
  friend bool operator==(const PlanOptions&, const PlanOptions&) = default;
};

// A step of a plan takes about 2 KB. The largest networks that are exported node by node have some 20,000 nodes.
inline constexpr size_t kMaxPlannedNodes = 1 << 15;

// Whether a value is, or every value, a tensor of known size and no text, so that a plan can hold it.
bool can_plan(const Value& value);
bool can_plan(const Graph& graph);

// The plan of a graph that was specialized and that can_plan. Constants are shared with the graph.
Result<Plan> make_plan(const Graph& graph, const Registry& registry, PackStore& packs, const PlanOptions& options);

}  // namespace minnow
