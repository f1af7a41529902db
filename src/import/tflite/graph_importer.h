// Builds our graphs from a file's subgraphs: tensors become values, operators go through the import rows, variables
// become states. Subgraphs are closed in this format as they are in ours.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/options.h"
#include "import/tflite/model_file.h"
#include "import/tflite/options.h"
#include "ops/builder.h"

namespace minnow::tflite {

// All operators that no import row knows, in one error.
Status check_operators(const ModelFile& file, const Registry& registry);

// What the subgraphs of one import share.
class ModelImporter {
 public:
  ModelImporter(const ModelFile& file, const ImportOptions& options);
  // The first subgraph with inputs, outputs, states and metadata.
  Result<Graph> build_main();
  // A branch or body, built once.
  Result<GraphRef> build_subgraph(const SubgraphOption& option);

  const ModelFile& file() const { return file_; }
  const ImportOptions& options() const { return options_; }
  const std::shared_ptr<Budget>& budget() const { return budget_; }

 private:
  const ModelFile& file_;
  const ImportOptions& options_;
  std::shared_ptr<Budget> budget_;
  std::unordered_map<int64_t, GraphRef> built_;
  std::vector<int64_t> open_;  // subgraphs that are being built
};

// Adds one subgraph to a graph.
class SubgraphImporter {
 public:
  // States belong to a whole graph: `is_main` tells whether this one may have them.
  SubgraphImporter(ModelImporter& model, const schema::SubGraph& subgraph, Builder& builder, bool is_main);
  Status build();

 private:
  Status add_inputs();
  Status add_outputs();
  void reserve_names();
  Status build_operator(const schema::Operator& op);
  // Handles of variables are no values: these four are done here. False: another operator.
  Result<bool> build_variable_operator(const schema::Operator& op, std::string_view name, const Options& options);
  Status run_initializers();
  Status initialize_variables(const schema::SubGraph& subgraph);
  Status add_variable(const schema::Operator& op, const std::string& variable);
  Result<ImportedNode> imported_node(const schema::Operator& op, const OperatorName& name, Options options);
  Status import_node(const ImportedNode& node, const schema::Operator& op);
  Status bind_outputs(const ImportedNode& node, const schema::Operator& op, std::span<const ValueId> ids,
                      ValueId first_new);

  // The value of a tensor that an operator reads: made so far, or a constant, or a variable that keeps its value.
  Result<ValueId> find(int32_t tensor);
  const schema::Tensor& tensor(int32_t i) const { return *subgraph_.tensors()->Get(static_cast<uint32_t>(i)); }
  std::string base_name(int32_t i) const;
  std::string describe_tensor(int32_t i) const;

  ModelImporter& model_;
  const schema::SubGraph& subgraph_;
  Builder& builder_;
  bool is_main_;
  std::unordered_map<int32_t, ValueId> ids_;
  std::unordered_map<int32_t, std::string> names_;         // of outputs of operators, reserved
  std::unordered_map<int32_t, std::string> handles_;       // tensors that hold a variable's handle
  std::map<std::string, Tensor, std::less<>> initial_;     // stated by initializers
  std::map<std::string, ValueId, std::less<>> variables_;  // the value that a variable has here
};

}  // namespace minnow::tflite
