// Builds our graph from ONNX's: names become values, nodes go through the operators' import rows, subgraphs are closed
// over what they use from outside, functions are expanded in place.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/onnx/opsets.h"
#include "import/onnx/tensors.h"
#include "ops/builder.h"

namespace minnow::onnx {

// What one import shares.
struct ImportState {
  const TensorSource& tensors;
  const Functions& functions;
  const Registry& registry;
  const Limits& limits;
  int64_t node_count = 0;       // nodes and function calls built so far
  int64_t attribute_bytes = 0;  // read so far: an expanded function reads its attributes again
  const Source& source() const { return tensors.source; }
};

Error over_node_limit(const Limits& limits);
// An error where the nodes of the main graph, with function calls expanded, are more than the limit. Counted without
// expanding: thirty functions that call each other twice stand for a billion nodes. Nodes of subgraphs are left out,
// so this is a lower bound.
Status check_expanded_size(const GraphProto& graph, const Functions& functions, const Limits& limits);

// A function that is being expanded.
struct FunctionCall {
  const Function* function = nullptr;
  Attributes attributes;  // what ref_attr_name refers to
  std::string prefix;     // of the names of inner nodes and values
  const FunctionCall* caller = nullptr;
  int64_t depth = 1;
};

// The names of one graph or function body and the graph that its nodes go to.
class Scope {
 public:
  // `outer`: the scope around a subgraph; null for the main graph and for function bodies, which see nothing outside.
  Scope(ImportState& state, Builder& builder, const Opsets& opsets, Scope* outer, const FunctionCall* call,
        int64_t depth)
      : state_(state), builder_(builder), opsets_(opsets), outer_(outer), call_(call), depth_(depth) {}

  // The main graph, complete with inputs and outputs.
  Status build_main(const GraphProto& graph);

 private:
  struct Capture {
    TextView name;
    ValueId outside = kNoValue;
    ValueId inside = kNoValue;
    Type type;
  };
  struct Subgraph {
    std::string attribute;
    bool in_list = false;  // one of a GRAPHS attribute
    std::shared_ptr<Graph> graph;
    std::vector<Capture> captures;
  };

  Status build_subgraph(const GraphProto& graph);
  Status add_inputs(const GraphProto& graph, bool is_main);
  Status add_initializers(const GraphProto& graph, bool is_main);
  Status add_main_outputs(const GraphProto& graph);
  void declare_types(const std::vector<ValueInfoProto>& infos);
  Status build_nodes(const std::vector<NodeProto>& nodes);
  Status build_node(const NodeProto& node);
  Status import_node(const NodeProto& node, ImportedNode imported);
  Status expand_call(const NodeProto& node, const Function& function, const ImportedNode& imported);
  Result<FunctionCall> make_call(const NodeProto& node, const Function& function, const ImportedNode& imported) const;

  Status read_attributes(const NodeProto& node, ImportedNode& imported, std::vector<Subgraph>& subgraphs);
  Status read_attribute(Unparsed message, ImportedNode& imported, std::vector<Subgraph>& subgraphs);
  Result<Subgraph> read_subgraph(Unparsed message);
  void close_subgraphs(std::vector<Subgraph>& subgraphs, ImportedNode& imported);

  // The value a name stands for here; looks outside and captures. kNoValue: an optional function input that is not
  // given.
  Result<ValueId> find(TextView name);
  bool find_quietly(TextView name, ValueId* id);
  Result<Type> declared_type(TextView name) const;
  // Makes ids[i] what node.output[i] stands for. Values from `first_new` on were made for the node and take the names
  // that its outputs have in the file; others (a node that passes an input through) keep theirs.
  Status bind_outputs(const NodeProto& node, const ImportedNode& imported, std::span<const ValueId> ids,
                      ValueId first_new);
  // A function body is expanded many times, into the graph of its caller: its names need a prefix.
  bool is_call_body() const { return call_ != nullptr && outer_ == nullptr; }
  std::string value_name(TextView name);
  std::string node_name(const NodeProto& node) const;

  ImportState& state_;
  Builder& builder_;
  const Opsets& opsets_;
  Scope* outer_;
  const FunctionCall* call_;
  int64_t depth_;
  std::unordered_map<TextView, ValueId> ids_;
  std::unordered_map<TextView, Unparsed> declared_;
  std::vector<Capture> captures_;
};

}  // namespace minnow::onnx
