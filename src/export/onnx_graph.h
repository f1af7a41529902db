// Graphs as ONNX's GraphProto: the operators' export rows write the nodes.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "import/onnx/proto_writer.h"
#include "ops/op.h"
#include "ops/registry.h"

namespace minnow::onnx {

// What all graphs of one file share.
class ModelWriter {
 public:
  ModelWriter(const Registry& registry, int64_t opset) : registry_(registry), opset_(opset) {}

  // The row for an operator: of those that the file's operator set has, the newest.
  const ExportRow* row(const OpDef& op) const;
  const Registry& registry() const { return registry_; }
  // A name that nothing else in the file has: `base`, or `base` with a number.
  std::string unique_name(std::string_view base);
  void use_domain(std::string_view domain, int64_t version);
  const std::map<std::string, int64_t>& domains() const { return domains_; }

 private:
  const Registry& registry_;
  int64_t opset_;
  std::unordered_set<std::string> names_;
  std::map<std::string, int64_t> domains_;  // other than the default one
};

// `captured`: the outer names of the graph's last inputs, which are then no inputs of its own. Empty for the main
// graph.
Result<Message> write_graph(ModelWriter& model, const Graph& graph, const std::vector<std::string>& captured);

}  // namespace minnow::onnx
