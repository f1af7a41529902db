#include "ops/expand.h"

#include <algorithm>
#include <utility>

#include "ops/builder.h"

namespace minnow {
namespace {

class Expander {
 public:
  Expander(Graph graph, const Registry& registry, const Limits& limits, ExpandChoice wanted)
      : graph_(std::move(graph)), registry_(registry), limits_(limits), wanted_(wanted), builder_(graph_, registry) {}

  Result<Graph> run() {
    // Nodes yet to be looked at, the next one last: what a node expands to is looked at before what follows it.
    std::vector<Node> pending = std::exchange(graph_.nodes, {});
    std::reverse(pending.begin(), pending.end());
    std::vector<std::string> names;
    for (const ValueId id : graph_.outputs) names.push_back(graph_.value(id).name);
    int64_t count = 0;
    while (!pending.empty()) {
      if (++count > limits_.nodes)
        return over_limit({"more than ", limits_.nodes, " nodes after operators are decomposed"});
      Node node = std::move(pending.back());
      pending.pop_back();
      for (ValueId& id : node.inputs) id = current(id);
      MN_TRY(expand_subgraphs(node));
      const OpDef* op = registry_.find(node.op);
      if (op == nullptr || op->decompose == nullptr || !wanted_(graph_, node, *op)) {
        graph_.nodes.push_back(std::move(node));
        continue;
      }
      MN_ASSIGN(std::vector<Node> parts, decompose(*op, node));
      std::move(parts.rbegin(), parts.rend(), std::back_inserter(pending));
    }
    MN_TRY(name_outputs(names));
    return std::move(graph_);
  }

 private:
  // The value that now stands for `id`.
  ValueId current(ValueId id) const {
    while (id != kNoValue && static_cast<size_t>(id) < replaced_.size() &&
           replaced_[static_cast<size_t>(id)] != kNoValue) {
      id = replaced_[static_cast<size_t>(id)];
    }
    return id;
  }

  Result<std::vector<Node>> decompose(const OpDef& op, const Node& node) {
    const auto first_new = static_cast<ValueId>(graph_.values.size());
    const size_t before = graph_.nodes.size();
    DecomposeContext context(op, node, builder_);
    Status status = op.decompose(context);
    if (status.ok()) status = builder_.status();
    if (!status.ok()) return std::move(status.error()).in(describe(node, op));
    const auto start = graph_.nodes.begin() + static_cast<std::ptrdiff_t>(before);
    std::vector<Node> parts(std::make_move_iterator(start), std::make_move_iterator(graph_.nodes.end()));
    graph_.nodes.resize(before);
    // Messages and profiles lead back to the node that the user knows.
    for (Node& part : parts) {
      if (!node.name.empty()) part.name = concat({node.name, "/", part.name.empty() ? part.op : part.name});
    }
    replaced_.resize(graph_.values.size(), kNoValue);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId old_id = node.outputs[i];
      if (old_id == kNoValue) continue;
      const ValueId new_id = context.outputs()[i];
      MN_CHECK(new_id != kNoValue, describe(node, op), ": output ", i,
               " is lost when it is spelled in simpler operators");
      if (new_id >= first_new && new_id != old_id) std::swap(graph_.value(new_id).name, graph_.value(old_id).name);
      replaced_[static_cast<size_t>(old_id)] = new_id;
    }
    return parts;
  }

  Status expand_subgraphs(Node& node) {
    std::vector<Attributes::Entry> changed;
    for (const auto& [name, value] : node.attributes) {
      if (const auto* graph = value.get<GraphRef>()) {
        MN_ASSIGN(Graph expanded, expand(**graph, registry_, limits_, wanted_));
        changed.emplace_back(name, Attribute(GraphRef(std::make_shared<const Graph>(std::move(expanded)))));
      } else if (const auto* graphs = value.get<std::vector<GraphRef>>()) {
        std::vector<GraphRef> list;
        for (const GraphRef& graph : *graphs) {
          MN_ASSIGN(Graph expanded, expand(*graph, registry_, limits_, wanted_));
          list.push_back(std::make_shared<const Graph>(std::move(expanded)));
        }
        changed.emplace_back(name, Attribute(std::move(list)));
      }
    }
    for (auto& [name, value] : changed) node.attributes.set(name, std::move(value));
    return {};
  }

  // Outputs keep their names even where a decomposition passes an input or a constant through: then an identity has it.
  Status name_outputs(const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size(); ++i) {
      ValueId& output = graph_.outputs[i];
      const ValueId now = current(output);
      if (graph_.value(now).name == names[i]) {
        output = now;
        continue;
      }
      ValueId holder = output;
      while (graph_.value(holder).name != names[i] && holder != now) holder = replaced_[static_cast<size_t>(holder)];
      const ValueId copy = builder_.add("identity", {now});
      MN_TRY(builder_.status());
      std::swap(graph_.value(copy).name, graph_.value(holder).name);
      output = copy;
    }
    return {};
  }

  Graph graph_;
  const Registry& registry_;
  const Limits& limits_;
  ExpandChoice wanted_;
  Builder builder_;
  std::vector<ValueId> replaced_;
};

}  // namespace

Result<Graph> expand(const Graph& graph, const Registry& registry, const Limits& limits, ExpandChoice wanted) {
  return Expander(graph, registry, limits, wanted).run();
}

}  // namespace minnow
