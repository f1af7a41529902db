#include "export/onnx_graph.h"

#include <algorithm>

#include "base/text.h"

namespace minnow::onnx {
namespace {

class GraphWriter {
 public:
  GraphWriter(ModelWriter& model, const Graph& graph) : model_(model), graph_(graph), names_(graph.values.size()) {}

  Result<Message> write(const std::vector<std::string>& captured);

  const Graph& graph() const { return graph_; }
  ModelWriter& model() { return model_; }
  // The name of a value in the file; constants are written when they are first used.
  const std::string& name(ValueId id);
  std::string constant(const Tensor& tensor, std::string_view hint);
  Status add_node(std::string_view domain, std::string_view op, std::vector<std::string> inputs,
                  std::vector<std::string> outputs, const Attributes& attributes,
                  const std::vector<std::string>& captured, std::string_view node_name);

 private:
  Status write_node(const Node& node);
  Result<Message> attribute(std::string_view name, const Attribute& value, const std::vector<std::string>& captured);

  ModelWriter& model_;
  const Graph& graph_;
  std::vector<std::string> names_;
  Message nodes_, initializers_;
};

class NodeWriter : public ExportContext {
 public:
  NodeWriter(const OpDef& op, const Node& node, GraphWriter& writer, std::vector<std::string> captured)
      : ExportContext(op, node, writer.graph()), writer_(writer), captured_(std::move(captured)) {}

  std::string input_name(int i) const override {
    return i < count(node().inputs) ? name(node().inputs[static_cast<size_t>(i)]) : "";
  }
  std::string output_name(int i) const override {
    return i < count(node().outputs) ? name(node().outputs[static_cast<size_t>(i)]) : "";
  }
  std::string constant(const Tensor& tensor, std::string_view hint) override { return writer_.constant(tensor, hint); }
  std::string fresh_name(std::string_view hint) override { return writer_.model().unique_name(hint); }
  void add(std::string_view domain, std::string_view op, std::vector<std::string> inputs,
           std::vector<std::string> outputs, const Attributes& attributes) override {
    if (!status_.ok()) return;
    status_ = writer_.add_node(domain, op, std::move(inputs), std::move(outputs), attributes, captured_, node().name);
  }

  // The node as it stands: what a row without adapter means.
  Status write_as_is(const ExportRow& row) {
    std::vector<std::string> inputs, outputs;
    const int own_inputs = count(node().inputs) - static_cast<int>(captured_.size());
    for (int i = 0; i < own_inputs; ++i) inputs.push_back(input_name(i));
    for (int i = 0; i < count(node().outputs); ++i) outputs.push_back(output_name(i));
    Attributes attributes = node().attributes;
    attributes.erase("captures");
    if (const Attribute* layout = attributes.find("data_layout")) {
      const std::string* text = layout->get<std::string>();
      if (text == nullptr || *text != "NCHW")
        return unsupported({"ONNX has channels first only: convert the layout to NCHW before export"});
      attributes.erase("data_layout");
    }
    add(row.domain, row.name, std::move(inputs), std::move(outputs), attributes);
    return status_;
  }
  const Status& status() const { return status_; }

 private:
  static int count(const std::vector<ValueId>& ids) { return static_cast<int>(ids.size()); }
  std::string name(ValueId id) const { return id == kNoValue ? std::string() : writer_.name(id); }
  GraphWriter& writer_;
  std::vector<std::string> captured_;
  Status status_;
};

const std::string& GraphWriter::name(ValueId id) {
  std::string& known = names_[static_cast<size_t>(id)];
  if (!known.empty()) return known;
  const Value& value = graph_.value(id);
  known = model_.unique_name(value.name);
  if (value.is_constant()) initializers_.message(5, tensor_message(value.constant, known));
  return known;
}

std::string GraphWriter::constant(const Tensor& tensor, std::string_view hint) {
  std::string fresh = model_.unique_name(hint.empty() ? "constant" : hint);
  initializers_.message(5, tensor_message(tensor, fresh));
  return fresh;
}

Result<Message> GraphWriter::attribute(std::string_view name, const Attribute& value,
                                       const std::vector<std::string>& captured) {
  if (const auto* graph = value.get<GraphRef>()) {
    MN_ASSIGN(const Message inner, write_graph(model_, **graph, captured));
    return graph_attribute_message(name, inner);
  }
  if (value.kind() == AttributeKind::graphs) return unsupported({"attribute '", name, "' is a list of graphs"});
  return attribute_message(name, value);
}

Status GraphWriter::add_node(std::string_view domain, std::string_view op, std::vector<std::string> inputs,
                             std::vector<std::string> outputs, const Attributes& attributes,
                             const std::vector<std::string>& captured, std::string_view node_name) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  NodeText text{op, std::move(inputs), std::move(outputs),
                {}, node_name,         domain == "ai.onnx" ? std::string_view() : domain};
  for (const auto& [name, value] : attributes) {
    if (!value.present()) continue;
    MN_ASSIGN(Message message, attribute(name, value, captured));
    text.attributes.push_back(std::move(message));
  }
  nodes_.message(1, node_message(text));
  return {};
}

Status GraphWriter::write_node(const Node& node) {
  const OpDef* op = model_.registry().find(node.op);
  const ExportRow* row = op != nullptr ? model_.row(*op) : nullptr;
  MN_CHECK(row != nullptr, "operator '", node.op, "' has no ONNX form");
  if (row->domain != "ai.onnx") model_.use_domain(row->domain, row->first);
  std::vector<std::string> captured;
  const int64_t captures = NodeView(*op, node).int_attribute("captures");
  MN_CHECK(captures >= 0 && captures <= static_cast<int64_t>(node.inputs.size()), "captures is ", captures);
  for (size_t i = node.inputs.size() - static_cast<size_t>(captures); i < node.inputs.size(); ++i)
    captured.push_back(name(node.inputs[i]));
  NodeWriter writer(*op, node, *this, std::move(captured));
  Status status = row->adapter != nullptr ? row->adapter(writer) : writer.write_as_is(*row);
  if (status.ok()) status = writer.status();
  if (!status.ok()) return std::move(status.error()).in(describe(node, *op));
  return {};
}

Result<Message> GraphWriter::write(const std::vector<std::string>& captured) {
  MN_CHECK(captured.size() <= graph_.inputs.size(), "a subgraph has fewer inputs than captured values");
  const size_t own_inputs = graph_.inputs.size() - captured.size();
  // Inputs and outputs get their names before anything generated can take them.
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    if (i >= own_inputs) names_[static_cast<size_t>(graph_.inputs[i])] = captured[i - own_inputs];
    else static_cast<void>(name(graph_.inputs[i]));
  }
  for (const Node& node : graph_.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) static_cast<void>(name(id));
    }
  }
  for (const Node& node : graph_.nodes) MN_TRY(write_node(node));
  Message ends;
  for (size_t i = 0; i < own_inputs; ++i)
    ends.message(11, value_info_message(name(graph_.inputs[i]), graph_.value(graph_.inputs[i]).type));
  std::unordered_set<std::string> given;
  for (const ValueId id : graph_.outputs) {
    std::string output = name(id);
    // An output that is an input, a constant, a captured value or another output needs a node of its own.
    const bool is_end = graph_.value(id).is_constant() || !given.insert(output).second ||
                        std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
    if (is_end) {
      const std::string copy = model_.unique_name(concat({output, "_output"}));
      MN_TRY(add_node("ai.onnx", "Identity", {output}, {copy}, {}, {}, ""));
      output = copy;
    }
    ends.message(12, value_info_message(output, graph_.value(id).type));
  }
  std::string body = nodes_.take();
  const std::string label = graph_.name.empty() ? "graph" : graph_.name;
  Message named;
  named.bytes(2, label);
  return Message::joined({body, named.data(), initializers_.data(), ends.data()});
}

}  // namespace

const ExportRow* ModelWriter::row(const OpDef& op) const {
  const ExportRow* best = nullptr;
  for (const ExportRow& row : op.exports) {
    if (row.domain == "ai.onnx" && row.first > opset_) continue;
    if (best == nullptr || row.first > best->first) best = &row;
  }
  return best;
}

std::string ModelWriter::unique_name(std::string_view base) {
  std::string name(base.empty() ? "value" : base);
  if (names_.insert(name).second) return name;
  for (size_t i = names_.size();; ++i) {
    std::string candidate = concat({name, "_", i});
    if (names_.insert(candidate).second) return candidate;
  }
}

void ModelWriter::use_domain(std::string_view domain, int64_t version) {
  int64_t& known = domains_[std::string(domain)];
  known = std::max(known, version);
}

Result<Message> write_graph(ModelWriter& model, const Graph& graph, const std::vector<std::string>& captured) {
  return GraphWriter(model, graph).write(captured);
}

}  // namespace minnow::onnx
