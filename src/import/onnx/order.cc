#include "import/onnx/order.h"

#include <numeric>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"

namespace minnow::onnx {
namespace {

using Producers = std::unordered_map<TextView, int32_t>;

// Names that a graph uses and does not define.
Status collect_free_names(const Source& source, const GraphProto& graph, std::vector<TextView>& names) {
  std::unordered_set<TextView> defined;
  for (const ValueInfoProto& input : graph.input) defined.insert(input.name);
  for (const NamedTensor& tensor : graph.initializer) defined.insert(tensor.name);
  for (const NamedTensor& tensor : graph.sparse_initializer) defined.insert(tensor.name);
  for (const NodeProto& node : graph.node) defined.insert(node.output.begin(), node.output.end());
  const auto use = [&](TextView name) {
    if (!name.empty() && defined.count(name) == 0) names.push_back(name);
  };
  for (const NodeProto& node : graph.node) {
    for (TextView name : node.input) use(name);
    if (!node.has_graphs) continue;
    MN_ASSIGN(const std::vector<GraphProto> subgraphs, subgraphs_of(source, node));
    std::vector<TextView> inner;
    for (const GraphProto& subgraph : subgraphs) MN_TRY(collect_free_names(source, subgraph, inner));
    for (TextView name : inner) use(name);
  }
  for (const ValueInfoProto& output : graph.output) use(output.name);
  return {};
}

Result<Producers> find_producers(std::span<const NodeProto> nodes) {
  Producers producers;
  producers.reserve(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (TextView name : nodes[i].output) {
      if (name.empty()) continue;
      const auto [entry, is_new] = producers.emplace(name, static_cast<int32_t>(i));
      MN_CHECK(is_new, "value '", printable(name), "' is produced twice: by ",
               describe(nodes[static_cast<size_t>(entry->second)]), " and by ", describe(nodes[i]));
    }
  }
  return producers;
}

// Per node: the nodes of the same list that it reads.
Result<std::vector<std::vector<int32_t>>> find_sources(const Source& source, std::span<const NodeProto> nodes,
                                                       const Producers& producers) {
  std::vector<std::vector<int32_t>> sources(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto read = [&](TextView name) {
      const auto found = producers.find(name);
      if (found != producers.end()) sources[i].push_back(found->second);
    };
    for (TextView name : nodes[i].input) read(name);
    if (!nodes[i].has_graphs) continue;
    MN_ASSIGN(const std::vector<GraphProto> subgraphs, subgraphs_of(source, nodes[i]));
    std::vector<TextView> names;
    for (const GraphProto& subgraph : subgraphs) MN_TRY(collect_free_names(source, subgraph, names));
    for (TextView name : names) read(name);
  }
  return sources;
}

bool is_ordered(const std::vector<std::vector<int32_t>>& sources) {
  for (size_t i = 0; i < sources.size(); ++i) {
    for (int32_t j : sources[i]) {
      if (j >= static_cast<int32_t>(i)) return false;
    }
  }
  return true;
}

// Walks from an unbuilt node to unbuilt nodes until one repeats: that is on a cycle.
Error cycle_error(std::span<const NodeProto> nodes, const std::vector<std::vector<int32_t>>& sources,
                  const std::vector<int32_t>& waiting) {
  int32_t at = 0;
  while (waiting[static_cast<size_t>(at)] == 0) ++at;
  const auto step = [&](int32_t node) {
    for (int32_t j : sources[static_cast<size_t>(node)]) {
      if (waiting[static_cast<size_t>(j)] != 0) return j;
    }
    return node;
  };
  std::unordered_set<int32_t> seen;
  while (seen.insert(at).second) at = step(at);
  std::string path = describe(nodes[static_cast<size_t>(at)]);
  int32_t next = step(at);
  for (int shown = 1; next != at && shown < 5; next = step(next), ++shown)
    path += ", which needs " + describe(nodes[static_cast<size_t>(next)]);
  return bad_input({"the graph has a cycle: ", path, next == at ? ", which needs the first" : ", …"});
}

}  // namespace

std::string_view name_of(const NodeProto& node) {
  if (!node.name.empty()) return node.name;
  for (TextView output : node.output) {
    if (!output.empty()) return output;
  }
  return "unnamed";
}

std::string describe(const NodeProto& node) {
  return concat({"node '", printable(name_of(node)), "' (", printable(node.op_type), ")"});
}

Result<std::vector<GraphProto>> subgraphs_of(const Source& source, const NodeProto& node) {
  std::vector<GraphProto> graphs;
  for (const Unparsed& message : node.attribute) {
    MN_ASSIGN(const AttributeProto attribute, parse_attribute(source, message));
    for (const auto* list : {&attribute.g, &attribute.graphs}) {
      for (const Unparsed& graph : *list) {
        MN_ASSIGN(GraphProto parsed, parse_graph(source, graph));
        graphs.push_back(std::move(parsed));
      }
    }
  }
  return graphs;
}

Result<std::vector<int32_t>> order_nodes(const Source& source, std::span<const NodeProto> nodes) {
  MN_ASSIGN(const Producers producers, find_producers(nodes));
  MN_ASSIGN(const auto sources, find_sources(source, nodes, producers));
  std::vector<int32_t> order(nodes.size());
  std::iota(order.begin(), order.end(), 0);
  if (is_ordered(sources)) return order;

  std::vector<int32_t> waiting(nodes.size(), 0);
  std::vector<std::vector<int32_t>> readers(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    waiting[i] = static_cast<int32_t>(sources[i].size());
    for (int32_t j : sources[i]) readers[static_cast<size_t>(j)].push_back(static_cast<int32_t>(i));
  }
  // The smallest index first keeps what the file's order says wherever it can be kept.
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (waiting[i] == 0) ready.push(static_cast<int32_t>(i));
  }
  order.clear();
  while (!ready.empty()) {
    const int32_t node = ready.top();
    ready.pop();
    order.push_back(node);
    for (int32_t reader : readers[static_cast<size_t>(node)]) {
      if (--waiting[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
  }
  if (order.size() < nodes.size()) return cycle_error(nodes, sources, waiting);
  return order;
}

}  // namespace minnow::onnx
