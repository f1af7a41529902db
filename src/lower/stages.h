// A graph in which sizes depend on data, cut where they become known. What follows from the inputs' sizes is planned
// (the head); nodes whose results' sizes only their run tells are run one by one (the island), and with them the light
// nodes that wait for them; heavy nodes that wait for them are a graph of their own (the rest), lowered when the island
// has run and its inputs' sizes are known.
#pragma once

#include "lower/lowering.h"

namespace minnow {

struct Stages {
  const Registry* registry = nullptr;
  Graph graph;                   // specialized; the ids below are its
  std::vector<ValueId> sources;  // inputs, then states: what a run starts from
  std::vector<ValueId> results;  // outputs, then the states' new values

  std::shared_ptr<const Lowered> head;  // null: nothing to plan
  std::vector<ValueId> head_inputs, head_outputs;

  std::vector<size_t> island;                     // nodes
  std::vector<std::vector<ValueId>> island_dead;  // after each: what only the island read and reads no more
  std::optional<Interpreter> calls;
  std::unique_ptr<BodyLowerings> bodies;

  Graph rest_graph;
  std::unique_ptr<Lowering> rest;  // null: there is none
  std::optional<Interpreter> rest_walk;
  std::vector<ValueId> rest_inputs, rest_outputs;

  int64_t run_bytes() const;  // of the head
};

// Whether planning can pay: some node counts multiply-adds.
bool is_heavy(const Graph& graph, const Registry& registry);
// Whether a node, of a subgraph too, may differ from run to run: such graphs are not cut, because every draw counts the
// nodes that ran before it.
bool draws_random(const Graph& graph, const Registry& registry);

struct StagesContext {
  const Registry& registry;
  const Limits& limits;
  std::shared_ptr<PackStore> packs;
  const PlanOptions& options;
  int nesting = 0;
};
// Null: nothing can be planned beforehand. The graph was specialized.
Result<std::shared_ptr<const Stages>> make_stages(Graph graph, const StagesContext& context);

// The plan of a specialized graph that can_plan.
Result<std::shared_ptr<const Lowered>> make_lowered(Graph graph, const StagesContext& context);

}  // namespace minnow
