#include <string_view>
#include <unordered_set>

#include "base/text.h"
#include "graph/graph.h"

namespace minnow {
namespace {

// What all levels of nesting share.
struct Counts {
  const Limits& limits;
  int64_t nodes = 0;
  int64_t bytes = 0;
};

class Verifier {
 public:
  Verifier(const Graph& graph, Counts& counts, int64_t depth)
      : graph_(graph), counts_(counts), depth_(depth), produced_(graph.values.size(), false) {}

  Status run() {
    if (depth_ > counts_.limits.depth) {
      return over_limit({"subgraphs are nested deeper than ", counts_.limits.depth, " levels"});
    }
    MN_TRY(check_values());
    for (ValueId id : graph_.inputs) MN_TRY(produce(id, "graph input"));
    MN_TRY(check_state_inputs());
    for (const Node& node : graph_.nodes) {
      if (Status status = check_node(node); !status.ok()) return std::move(status.error()).in(describe(node));
    }
    for (ValueId id : graph_.outputs) MN_TRY(consume(id, "graph output"));
    for (const State& state : graph_.states) MN_TRY(consume(state.out, "state output"));
    return {};
  }

 private:
  std::string name_of(ValueId id) const { return "'" + printable(graph_.value(id).name) + "'"; }

  Status check_range(ValueId id, std::string_view what) const {
    MN_CHECK(id >= 0 && static_cast<size_t>(id) < graph_.values.size(), what, " refers to value ", id,
             ", but the graph has ", graph_.values.size(), " values");
    return {};
  }

  Status produce(ValueId id, std::string_view what) {
    MN_TRY(check_range(id, what));
    MN_CHECK(!graph_.value(id).is_constant(), what, " ", name_of(id), " is a constant, which nothing else may produce");
    MN_CHECK(!produced_[static_cast<size_t>(id)], what, " ", name_of(id), " is produced twice");
    produced_[static_cast<size_t>(id)] = true;
    return {};
  }

  Status consume(ValueId id, std::string_view what) const {
    MN_TRY(check_range(id, what));
    MN_CHECK(produced_[static_cast<size_t>(id)], what, " ", name_of(id),
             " is not produced before it is used: no input, constant, state or earlier node makes it");
    return {};
  }

  Status check_values() {
    std::unordered_set<std::string_view> names;
    names.reserve(graph_.values.size());
    for (const Value& value : graph_.values) {
      MN_CHECK(!value.name.empty(), "a value has no name");
      MN_CHECK(names.insert(value.name).second, "two values are named '", printable(value.name), "'");
    }
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      if (!value.is_constant()) continue;
      MN_TRY(check_constant(value));
      produced_[i] = true;
    }
    return {};
  }

  Status check_constant(const Value& value) {
    const Tensor& tensor = value.constant;
    counts_.bytes += tensor.bytes();
    if (counts_.bytes > counts_.limits.bytes) {
      return over_limit({"constants take more than the limit of ", counts_.limits.bytes, " bytes"});
    }
    const Type& type = value.type;
    bool fits = type.kind == Type::Kind::unknown || type.is_tensor();
    if (type.is_tensor()) {
      fits = type.dtype == DType::undefined || type.dtype == tensor.dtype();
      if (fits && type.shape.ranked) {
        fits = type.shape.rank() == tensor.rank();
        for (int64_t i = 0; fits && i < tensor.rank(); ++i) {
          const Dim& dim = type.shape.dims[static_cast<size_t>(i)];
          fits = !dim.known() || dim.value == tensor.dim(i);
        }
      }
    }
    MN_CHECK(fits, "constant '", printable(value.name), "' is declared ", to_string(type), ", but holds ",
             to_string(Type::of(tensor)));
    return {};
  }

  Status check_state_inputs() {
    MN_CHECK(graph_.states.empty() || depth_ == 0,
             "a subgraph holds states; only the main graph may: pass them in and out");
    std::unordered_set<std::string_view> names;
    for (const State& state : graph_.states) {
      MN_CHECK(!state.name.empty(), "a state has no name");
      MN_CHECK(names.insert(state.name).second, "two states are named '", printable(state.name), "'");
      MN_CHECK(state.initial.valid(), "state '", printable(state.name), "' has no initial value");
      MN_TRY(produce(state.in, "state input"));
    }
    return {};
  }

  Status check_node(const Node& node) {
    MN_CHECK(!node.op.empty(), "a node names no operator");
    MN_TRY(count_node());
    for (ValueId id : node.inputs) {
      if (id != kNoValue) MN_TRY(consume(id, "input"));
    }
    for (const auto& [name, attribute] : node.attributes) {
      MN_CHECK(!name.empty(), "an attribute has no name");
      if (const auto* graph = attribute.get<GraphRef>()) MN_TRY(check_subgraph(name, *graph));
      if (const auto* graphs = attribute.get<std::vector<GraphRef>>()) {
        for (const GraphRef& graph : *graphs) MN_TRY(check_subgraph(name, graph));
      }
    }
    for (ValueId id : node.outputs) {
      if (id != kNoValue) MN_TRY(produce(id, "output"));
    }
    return {};
  }

  Status count_node() {
    if (++counts_.nodes <= counts_.limits.nodes) return {};
    return over_limit({"the graph has more than the limit of ", counts_.limits.nodes, " nodes"});
  }

  Status check_subgraph(std::string_view name, const GraphRef& graph) {
    MN_CHECK(graph != nullptr, "subgraph '", printable(name), "' is empty");
    // A subgraph counts as a node: references may be shared, so a small file can spell exponentially many of them.
    MN_TRY(count_node());
    Status status = Verifier(*graph, counts_, depth_ + 1).run();
    if (!status.ok()) return std::move(status.error()).in(concat({"subgraph '", printable(name), "'"}));
    return {};
  }

  const Graph& graph_;
  Counts& counts_;
  int64_t depth_;
  std::vector<bool> produced_;
};

}  // namespace

Status verify_graph(const Graph& graph, const Limits& limits) {
  Counts counts{limits};
  return Verifier(graph, counts, 0).run();
}

}  // namespace minnow
