#include "cli/support/fusion_report.h"

#include <algorithm>

#include "base/text.h"
#include "cli/support/terminal.h"

namespace minnow::cli {
namespace {

struct Pattern {
  std::string name;
  int64_t present = 0;  // in the model as it runs
  std::vector<std::string> found;
  std::vector<PassNote> refused;
};

class Patterns {
 public:
  Patterns() {
    for (const char* name : {"attention", "layer_normalization", "gelu", "skip + layer_normalization", "embedding"})
      list_.push_back({name});
  }
  Pattern& at(std::string_view name) {
    const auto known = std::find_if(list_.begin(), list_.end(), [&](const Pattern& p) { return p.name == name; });
    if (known != list_.end()) return *known;
    list_.push_back({std::string(name)});
    return list_.back();
  }
  std::vector<Pattern>& list() { return list_; }

 private:
  std::vector<Pattern> list_;
};

std::string name_of(const Graph& graph, const Node& node) {
  return node.name.empty() && !node.outputs.empty() && node.outputs[0] != kNoValue ? graph.value(node.outputs[0]).name
                                                                                   : node.name;
}

class Sums {
 public:
  explicit Sums(const Graph& graph) : graph_(graph), producer_(producers(graph)) {}

  int32_t producer(ValueId id) const { return id == kNoValue ? -1 : producer_[static_cast<size_t>(id)]; }
  const Node* made_by(ValueId id, std::string_view op) const {
    const int32_t index = producer(id);
    return index >= 0 && graph_.nodes[static_cast<size_t>(index)].op == op ? &graph_.nodes[static_cast<size_t>(index)]
                                                                           : nullptr;
  }
  // Rows of tables, added: two or three lookups, one of which may have become a constant.
  bool is_embedding(const Node& sum) const {
    int lookups = 0, others = 0;
    count(sum, 0, lookups, others);
    return lookups > 0 && others == 0;
  }

 private:
  void count(const Node& sum, int depth, int& lookups, int& others) const {
    for (const ValueId id : sum.inputs) {
      const Node *inner = made_by(id, "add"), *lookup = made_by(id, "gather");
      if (graph_.value(id).is_constant()) continue;
      if (inner != nullptr && depth < 3) count(*inner, depth + 1, lookups, others);
      else ++(lookup != nullptr && graph_.value(lookup->inputs[0]).is_constant() ? lookups : others);
    }
  }

  const Graph& graph_;
  std::vector<int32_t> producer_;
};

// Normalized sums, in the graph that was lowered: residual connections go into the kernel of the product before them.
void add_sums(const Lowered& lowered, const std::vector<Group>& groups, Patterns& patterns) {
  const Graph& graph = lowered.graph;
  const Sums sums(graph);
  std::vector<const Group*> group_of(graph.nodes.size(), nullptr);
  for (const Group& group : groups) {
    for (const int32_t node : group.nodes) group_of[static_cast<size_t>(node)] = &group;
  }
  for (const Node& node : graph.nodes) {
    if (node.op != "layer_normalization" && node.op != "rms_normalization") continue;
    const Node* sum = sums.made_by(node.inputs[0], "add");
    if (sum == nullptr) continue;
    if (sums.is_embedding(*sum)) {
      Pattern& pattern = patterns.at("embedding");
      ++pattern.present;
      pattern.refused.push_back({"embedding", name_of(graph, node), "lookups, sums and norm have a kernel each"});
      continue;
    }
    if (graph.value(sum->inputs[0]).is_constant() || graph.value(sum->inputs[1]).is_constant()) continue;
    Pattern& pattern = patterns.at("skip + layer_normalization");
    ++pattern.present;
    if (group_of[static_cast<size_t>(sums.producer(node.inputs[0]))]->nodes.size() > 1) {
      pattern.found.push_back(name_of(graph, node));
    } else {
      pattern.refused.push_back({"skip + layer_normalization", name_of(graph, node),
                                 "its sum is not the only reader of a product of the same shape"});
    }
  }
}

Json as_json(const Pattern& pattern) {
  Json json{{"name", pattern.name}, {"present", pattern.present}, {"fused", pattern.found}, {"refused", Json::array()}};
  for (const PassNote& note : pattern.refused) {
    json["refused"].push_back({{"node", note.node}, {"why", note.why_not}});
  }
  return json;
}

}  // namespace

std::string fusion_report(const Model& model, const std::vector<PassNote>& notes, const Lowered* lowered,
                          const std::vector<Group>& groups, Json& json) {
  Patterns patterns;
  for (const PassNote& note : notes) {
    Pattern& pattern = patterns.at(note.pattern);
    if (note.why_not.empty()) pattern.found.push_back(note.node);
    else pattern.refused.push_back(note);
  }
  for (Pattern& pattern : patterns.list()) {
    const auto same = [&](const Node& node) { return node.op == pattern.name; };
    pattern.present = std::count_if(model.graph().nodes.begin(), model.graph().nodes.end(), same);
  }
  if (lowered != nullptr) add_sums(*lowered, groups, patterns);
  json["patterns"] = Json::array();
  std::vector<std::vector<std::string>> rows{{"pattern", "in the model", "fused", "refused"}};
  std::string details;
  for (const Pattern& pattern : patterns.list()) {
    json["patterns"].push_back(as_json(pattern));
    rows.push_back(
        {pattern.name, concat({pattern.present}), concat({pattern.found.size()}), concat({pattern.refused.size()})});
    for (const std::string& node : pattern.found)
      details += concat({pattern.name, " '", printable(node), "': fused\n"});
    for (const PassNote& note : pattern.refused)
      details += concat({pattern.name, " '", printable(note.node), "': ", note.why_not, "\n"});
  }
  return concat({table(rows, {false, true, true, true}), details.empty() ? "" : "\n", details});
}

}  // namespace minnow::cli
