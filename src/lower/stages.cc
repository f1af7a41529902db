#include "lower/stages.h"

#include <algorithm>

namespace minnow {
namespace {

// Stages in stages: a chain of heavy nodes whose sizes depend on data costs a level each. No network has this many.
constexpr int kMaxNesting = 16;

enum class Part : uint8_t { head, island, rest };

bool heavy(const Node& node, const Registry& registry) {
  const OpDef* op = registry.find(node.op);
  return op != nullptr && op->cost != nullptr;
}

struct Cut {
  std::vector<Part> nodes;
  std::vector<Part> values;  // who makes them; the head, if nobody does
};

Cut cut(const Graph& graph, const Registry& registry) {
  Cut parts;
  std::vector<Part>& made_by = parts.values;
  made_by.assign(graph.values.size(), Part::head);
  for (const Node& node : graph.nodes) {
    bool known = true;
    Part part = Part::head;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      part = std::max(part, made_by[static_cast<size_t>(id)]);
      known = known && can_plan(graph.value(id));
    }
    for (const ValueId id : node.outputs) known = known && (id == kNoValue || can_plan(graph.value(id)));
    if (part == Part::head && !known) part = Part::island;
    else if (part == Part::island && heavy(node, registry)) part = Part::rest;
    parts.nodes.push_back(part);
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) made_by[static_cast<size_t>(id)] = part;
    }
  }
  return parts;
}

// Moves some nodes of a graph into one of their own.
class Extract {
 public:
  Extract(const Graph& from, std::string name) : from_(from), ids_(from.values.size(), kNoValue) {
    graph.name = std::move(name);
  }
  void add(const Node& node) {
    for (const ValueId id : node.inputs) {
      if (id == kNoValue || ids_[static_cast<size_t>(id)] != kNoValue) continue;
      const Value& value = from_.value(id);
      ids_[static_cast<size_t>(id)] = graph.add_value(value);
      if (value.is_constant()) continue;
      graph.inputs.push_back(ids_[static_cast<size_t>(id)]);
      inputs.push_back(id);
    }
    Node copy = node;
    for (ValueId& id : copy.inputs) id = id == kNoValue ? kNoValue : ids_[static_cast<size_t>(id)];
    for (ValueId& id : copy.outputs) {
      if (id == kNoValue) continue;
      made.push_back(id);
      const ValueId original = id;
      id = ids_[static_cast<size_t>(original)] = graph.add_value(from_.value(original));
    }
    graph.nodes.push_back(std::move(copy));
  }
  void output(ValueId id) {
    graph.outputs.push_back(ids_[static_cast<size_t>(id)]);
    outputs.push_back(id);
  }

  Graph graph;
  std::vector<ValueId> inputs, outputs, made;  // ids of the graph that the nodes come from

 private:
  const Graph& from_;
  std::vector<ValueId> ids_;
};

void find_outputs(Extract& part, const std::vector<bool>& wanted) {
  for (const ValueId id : part.made) {
    if (wanted[static_cast<size_t>(id)]) part.output(id);
  }
}

template <class Test>
bool any_node(const Graph& graph, const Test& test) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    if (test(node)) return true;
    return std::any_of(node.attributes.begin(), node.attributes.end(), [&](const auto& entry) {
      const GraphRef* body = entry.value.template get<GraphRef>();
      return body != nullptr && any_node(**body, test);
    });
  });
}

}  // namespace

int64_t Stages::run_bytes() const { return head != nullptr ? head->plan.run_bytes() : 0; }

bool is_heavy(const Graph& graph, const Registry& registry) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return heavy(node, registry); });
}

bool draws_random(const Graph& graph, const Registry& registry) {
  return any_node(graph, [&](const Node& node) {
    const OpDef* op = registry.find(node.op);
    return op == nullptr || !op->pure;
  });
}

Result<std::shared_ptr<const Lowered>> make_lowered(Graph graph, const StagesContext& context) {
  auto lowered = std::make_shared<Lowered>();
  lowered->graph = std::move(graph);
  MN_ASSIGN(lowered->plan, make_plan(lowered->graph, context.registry, *context.packs, context.options));
  const auto& steps = lowered->plan.steps;
  if (std::any_of(steps.begin(), steps.end(), [](const PlanStep& step) { return step.row == nullptr; })) {
    MN_ASSIGN(lowered->calls, Interpreter::prepare(lowered->graph, context.registry));
    lowered->bodies =
        std::make_unique<BodyLowerings>(context.registry, context.limits, context.packs, context.nesting + 1);
  }
  return std::shared_ptr<const Lowered>(std::move(lowered));
}

namespace {

// Per node of the island, the values that die with it: read by nobody later, by no other part and by no caller.
void find_dead(Stages& stages) {
  const Graph& graph = stages.graph;
  std::vector<int64_t> last(graph.values.size(), -1);
  const auto never = static_cast<int64_t>(stages.island.size());
  for (size_t i = 0; i < stages.island.size(); ++i) {
    const Node& node = graph.nodes[stages.island[i]];
    for (const auto& ids : {node.outputs, node.inputs}) {
      for (const ValueId id : ids) {
        if (id != kNoValue) last[static_cast<size_t>(id)] = static_cast<int64_t>(i);
      }
    }
  }
  for (const auto& ids : {stages.rest_inputs, stages.results}) {
    for (const ValueId id : ids) last[static_cast<size_t>(id)] = never;
  }
  stages.island_dead.resize(stages.island.size());
  for (size_t id = 0; id < last.size(); ++id) {
    if (last[id] >= 0 && last[id] < never)
      stages.island_dead[static_cast<size_t>(last[id])].push_back(static_cast<ValueId>(id));
  }
}

// Moves the rest's nodes, if there are any, into a lowering of their own.
Status set_rest(Stages& stages, Extract rest, const StagesContext& context) {
  if (rest.graph.nodes.empty()) return {};
  stages.rest_inputs = std::move(rest.inputs);
  stages.rest_outputs = std::move(rest.outputs);
  stages.rest_graph = std::move(rest.graph);
  stages.rest = std::make_unique<Lowering>(stages.rest_graph, context.registry, context.limits, context.packs,
                                           context.nesting + 1);
  MN_ASSIGN(stages.rest_walk, Interpreter::prepare(stages.rest_graph, context.registry));
  return {};
}

}  // namespace

Result<std::shared_ptr<const Stages>> make_stages(Graph graph, const StagesContext& context) {
  if (context.nesting >= kMaxNesting || draws_random(graph, context.registry)) return std::shared_ptr<const Stages>();
  auto stages = std::make_shared<Stages>();
  stages->registry = &context.registry;
  stages->graph = std::move(graph);
  const Graph& whole = stages->graph;
  stages->sources = whole.inputs;
  stages->results = whole.outputs;
  for (const State& state : whole.states) {
    stages->sources.push_back(state.in);
    stages->results.push_back(state.out);
  }
  const auto [parts, made_by] = cut(whole, context.registry);
  Extract head(whole, whole.name), rest(whole, whole.name);
  std::vector<bool> wanted(whole.values.size(), false);  // by another part, or as a result
  for (const ValueId id : stages->results) wanted[static_cast<size_t>(id)] = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Node& node = whole.nodes[i];
    if (parts[i] == Part::island) stages->island.push_back(i);
    if (parts[i] != Part::island) (parts[i] == Part::head ? head : rest).add(node);
    for (size_t k = 0; parts[i] != Part::head && k < node.inputs.size(); ++k) {
      const auto id = static_cast<size_t>(node.inputs[k]);
      if (node.inputs[k] != kNoValue && made_by[id] != parts[i]) wanted[id] = true;
    }
  }
  find_outputs(head, wanted);
  find_outputs(rest, wanted);
  const bool planned = !head.graph.outputs.empty() && is_heavy(head.graph, context.registry) && can_plan(head.graph);
  if (!planned && rest.graph.nodes.empty()) return std::shared_ptr<const Stages>();
  if (planned) {
    stages->head_inputs = std::move(head.inputs);
    stages->head_outputs = std::move(head.outputs);
    MN_ASSIGN(stages->head, make_lowered(std::move(head.graph), context));
  } else {
    stages->island.clear();
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i] != Part::rest) stages->island.push_back(i);
    }
  }
  MN_ASSIGN(stages->calls, Interpreter::prepare(whole, context.registry));
  stages->bodies =
      std::make_unique<BodyLowerings>(context.registry, context.limits, context.packs, context.nesting + 1);
  MN_TRY(set_rest(*stages, std::move(rest), context));
  find_dead(*stages);
  return std::shared_ptr<const Stages>(std::move(stages));
}

}  // namespace minnow
