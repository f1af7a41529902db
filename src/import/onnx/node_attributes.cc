// Attributes of a node: values, references to a function's attributes, and subgraphs, which are closed here.
#include "base/text.h"
#include "import/onnx/attributes.h"
#include "import/onnx/graph_importer.h"

namespace minnow::onnx {

Status Scope::read_attributes(const NodeProto& node, ImportedNode& imported, std::vector<Subgraph>& subgraphs) {
  for (const Unparsed& message : node.attribute) {
    state_.attribute_bytes += static_cast<int64_t>(message.message.size());
    // Each expansion of a function reads its attributes again: few calls of calls can ask for more work than time is
    // left.
    if (call_ != nullptr && state_.attribute_bytes > state_.limits.bytes) {
      return over_limit({"expanding functions reads more than ", state_.limits.bytes, " bytes of attributes"});
    }
    MN_TRY(read_attribute(message, imported, subgraphs));
  }
  return {};
}

Status Scope::read_attribute(Unparsed message, ImportedNode& imported, std::vector<Subgraph>& subgraphs) {
  MN_ASSIGN(const AttributeProto proto, parse_attribute(state_.source(), message));
  const std::string name(proto.name);
  MN_CHECK(!name.empty(), "an attribute has no name");
  bool repeated = imported.attributes.find(name) != nullptr;
  for (const Subgraph& subgraph : subgraphs) repeated |= subgraph.attribute == name;
  MN_CHECK(!repeated, "attribute '", printable(name), "' is given twice");
  if (!proto.ref_attr_name.empty()) {
    MN_CHECK(call_ != nullptr, "attribute '", printable(name), "' refers to '", printable(proto.ref_attr_name),
             "' outside of a function");
    // A reference to an attribute that the call does not give leaves the node without it.
    if (const Attribute* value = call_->attributes.find(proto.ref_attr_name)) imported.attributes.set(name, *value);
    return {};
  }
  const std::string where = concat({"attribute '", printable(name), "'"});
  Result<std::optional<Attribute>> value = read_attribute_value(state_.tensors, proto);
  if (!value.ok()) return std::move(value.error()).in(where);
  if (value->has_value()) {
    imported.attributes.set(name, std::move(**value));
    return {};
  }
  const bool in_list = proto.g.empty();
  for (const Unparsed& graph : in_list ? proto.graphs : proto.g) {
    Result<Subgraph> subgraph = read_subgraph(graph);
    if (!subgraph.ok()) return std::move(subgraph.error()).in(where);
    subgraph->attribute = name;
    subgraph->in_list = in_list;
    subgraphs.push_back(std::move(subgraph).value());
  }
  return {};
}

Result<Scope::Subgraph> Scope::read_subgraph(Unparsed message) {
  MN_ASSIGN(const GraphProto proto, parse_graph(state_.source(), message));
  Subgraph subgraph;
  subgraph.graph = std::make_shared<Graph>();
  subgraph.graph->name = std::string(proto.name);
  Builder builder(*subgraph.graph, state_.registry);
  Scope inner(state_, builder, opsets_, this, call_, depth_ + 1);
  MN_TRY(inner.build_subgraph(proto));
  subgraph.captures = std::move(inner.captures_);
  return subgraph;
}

// All subgraphs of a node take the same captured values, in the same order, after their own inputs.
void Scope::close_subgraphs(std::vector<Subgraph>& subgraphs, ImportedNode& imported) {
  std::vector<Capture> all;
  std::unordered_map<TextView, size_t> position;
  for (const Subgraph& subgraph : subgraphs) {
    for (const Capture& capture : subgraph.captures) {
      if (position.emplace(capture.name, all.size()).second) all.push_back(capture);
    }
  }
  std::vector<GraphRef> list;
  for (Subgraph& subgraph : subgraphs) {
    std::vector<ValueId> inside(all.size(), kNoValue);
    for (const Capture& capture : subgraph.captures) inside[position[capture.name]] = capture.inside;
    Graph& graph = *subgraph.graph;
    Builder builder(graph, state_.registry);
    for (size_t i = 0; i < all.size(); ++i) {
      if (inside[i] == kNoValue) inside[i] = graph.add_value({builder.unique_name(all[i].name), all[i].type, {}});
      graph.inputs.push_back(inside[i]);
    }
    if (subgraph.in_list) list.push_back(std::move(subgraph.graph));
    else imported.attributes.set(subgraph.attribute, Attribute(GraphRef(std::move(subgraph.graph))));
    if (subgraph.in_list) imported.attributes.set(subgraph.attribute, Attribute(list));
  }
  for (const Capture& capture : all) imported.inputs.push_back(capture.outside);
  imported.captures = static_cast<int32_t>(all.size());
}

}  // namespace minnow::onnx
