// What an operator's functions see: the node with its attributes (defaults filled in), and the inputs and outputs of
// the step at hand: types (infer), data (eval), graph values (gradient, decompose, import, export).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/threads.h"
#include "graph/graph.h"
#include "graph/imported_node.h"

namespace minnow {

struct OpDef;
class Registry;
class Builder;

// Attribute access with the operator's defaults. Names must be in the operator's attribute list, kinds were verified.
class NodeView {
 public:
  NodeView(const OpDef& op, const Node& node) : op_(&op), node_(&node) {}
  const OpDef& op() const { return *op_; }
  const Node& node() const { return *node_; }

  bool has_attribute(std::string_view name) const { return find(name).present(); }
  int64_t int_attribute(std::string_view name) const;
  float float_attribute(std::string_view name) const;
  const std::string& string_attribute(std::string_view name) const;
  const Ints& ints_attribute(std::string_view name) const;  // empty when absent
  const Floats& floats_attribute(std::string_view name) const;
  const Strings& strings_attribute(std::string_view name) const;
  const Tensor& tensor_attribute(std::string_view name) const;   // not valid() when absent
  const GraphRef& graph_attribute(std::string_view name) const;  // null when absent
  DType dtype_attribute(std::string_view name) const;  // a text attribute that names a dtype; undefined when absent
  const Attribute& find(std::string_view name) const;  // the node's, else the default, else a none attribute

 protected:
  const OpDef* op_;
  const Node* node_;
};

class InferContext : public NodeView {
 public:
  InferContext(const OpDef& op, const Node& node, std::span<const Type> inputs, std::span<const Tensor* const> values)
      : NodeView(op, node), inputs_(inputs), values_(values), outputs_(node.outputs.size()) {}

  int input_count() const { return static_cast<int>(inputs_.size()); }
  bool has_input(int i) const;  // given, and not absent
  const Type& type(int i) const;
  DType dtype(int i) const { return type(i).dtype; }
  const Shape& shape(int i) const { return type(i).shape; }
  // The input's value where it is known (always when running; constants otherwise), else null.
  const Tensor* value(int i) const;
  // The same as integers. Nothing when unknown or not an integer tensor.
  std::optional<std::vector<int64_t>> ints(int i) const;
  std::optional<double> scalar(int i) const;

  int output_count() const { return static_cast<int>(outputs_.size()); }
  bool wants_output(int i) const;
  void set_output(int i, Type type);
  void set_output(int i, DType dtype, Shape shape) { set_output(i, Type::tensor(dtype, std::move(shape))); }
  std::span<const Type> outputs() const { return outputs_; }
  std::vector<Type>& mutable_outputs() { return outputs_; }

  // Checks with uniform messages; unknown ranks and dtypes pass. `what` names the input: "weight".
  Status expect_rank(int i, int64_t rank, std::string_view what) const;
  Status expect_same_dtype(int i, int j) const;

 private:
  std::span<const Type> inputs_;
  std::span<const Tensor* const> values_;
  std::vector<Type> outputs_;
};

// Runs a closed subgraph (If, Loop, Scan, SequenceMap).
class SubgraphRunner {
 public:
  virtual ~SubgraphRunner() = default;
  virtual Result<std::vector<Datum>> run_subgraph(const Graph& graph, std::span<const Datum> inputs) = 0;
};

class EvalContext : public NodeView {
 public:
  EvalContext(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::span<Datum> outputs,
              std::span<const Type> output_types, const std::shared_ptr<Budget>& budget)
      : NodeView(op, node), inputs_(inputs), outputs_(outputs), output_types_(output_types), budget_(budget) {}

  int input_count() const { return static_cast<int>(inputs_.size()); }
  bool has_input(int i) const { return i < input_count() && inputs_[static_cast<size_t>(i)].present(); }
  const Tensor& input(int i) const { return inputs_[static_cast<size_t>(i)].tensor; }
  const Datum& datum(int i) const { return inputs_[static_cast<size_t>(i)]; }
  std::span<const Datum> inputs() const { return inputs_; }

  int output_count() const { return static_cast<int>(outputs_.size()); }
  bool wants_output(int i) const;
  // The output that infer resolved, allocated by the interpreter.
  Tensor& output(int i) { return outputs_[static_cast<size_t>(i)].tensor; }
  // For outputs whose size depends on data. The dtype is infer's unless given.
  Result<Tensor*> allocate_output(int i, Dims dims, DType dtype = DType::undefined);
  void set_output(int i, Datum datum) { outputs_[static_cast<size_t>(i)] = std::move(datum); }
  // A scratch tensor counted against the budget.
  Result<Tensor> scratch(DType dtype, Dims dims) const { return Tensor::allocate(dtype, std::move(dims), budget_); }

  const std::shared_ptr<Budget>& budget() const { return budget_; }
  SubgraphRunner* subgraphs = nullptr;
  ThreadPool* threads = nullptr;  // may be null
  uint64_t seed = 0;              // of this node in this run, for random operators without a seed of their own

 private:
  std::span<const Datum> inputs_;
  std::span<Datum> outputs_;
  std::span<const Type> output_types_;
  const std::shared_ptr<Budget>& budget_;
};

// Common to the contexts that add nodes to a graph.
class RewriteContext : public NodeView {
 public:
  RewriteContext(const OpDef& op, const Node& node, Builder& builder) : NodeView(op, node), b(builder) {}
  int input_count() const { return static_cast<int>(node_->inputs.size()); }
  bool has_input(int i) const { return i < input_count() && node_->inputs[static_cast<size_t>(i)] != kNoValue; }
  // Optional inputs that the node leaves out, at its end or before others, are kNoValue.
  ValueId input(int i) const { return i < input_count() ? node_->inputs[static_cast<size_t>(i)] : kNoValue; }
  int output_count() const { return static_cast<int>(node_->outputs.size()); }
  Type type(ValueId id) const;  // by value: adding nodes moves the graph's values
  Builder& b;
};

class GradientContext : public RewriteContext {
 public:
  GradientContext(const OpDef& op, const Node& node, Builder& builder, std::span<const ValueId> output_gradients)
      : RewriteContext(op, node, builder),
        output_gradients_(output_gradients),
        input_gradients_(node.inputs.size(), kNoValue) {}
  ValueId output(int i) const { return node_->outputs[static_cast<size_t>(i)]; }
  // d loss / d output i; kNoValue where the loss does not depend on it.
  ValueId output_gradient(int i) const { return output_gradients_[static_cast<size_t>(i)]; }
  void set_input_gradient(int i, ValueId gradient) { input_gradients_[static_cast<size_t>(i)] = gradient; }
  std::span<const ValueId> input_gradients() const { return input_gradients_; }
  std::vector<bool> wanted;  // per input: is its gradient needed; empty: all are

 private:
  std::span<const ValueId> output_gradients_;
  std::vector<ValueId> input_gradients_;
};

class DecomposeContext : public RewriteContext {
 public:
  DecomposeContext(const OpDef& op, const Node& node, Builder& builder)
      : RewriteContext(op, node, builder), outputs_(node.outputs.size(), kNoValue) {}
  bool wants_output(int i) const { return i < output_count() && node_->outputs[static_cast<size_t>(i)] != kNoValue; }
  void set_output(int i, ValueId id) { outputs_[static_cast<size_t>(i)] = id; }
  std::span<const ValueId> outputs() const { return outputs_; }

 private:
  std::vector<ValueId> outputs_;
};

// Turns an ImportedNode into nodes of ours. `op` is the operator that owns the import row.
class ImportContext {
 public:
  ImportContext(const OpDef& op, const ImportedNode& node, Builder& builder)
      : op(op), node(node), b(builder), outputs_(node.outputs.size(), kNoValue) {}
  const OpDef& op;
  const ImportedNode& node;
  Builder& b;
  int input_count() const { return static_cast<int>(node.inputs.size()); }
  bool has_input(int i) const { return i < input_count() && node.inputs[static_cast<size_t>(i)] != kNoValue; }
  // kNoValue where the file gives fewer: adding a node says then what is missing.
  ValueId input(int i) const { return i < input_count() ? node.inputs[static_cast<size_t>(i)] : kNoValue; }
  int output_count() const { return static_cast<int>(node.outputs.size()); }
  bool wants_output(int i) const { return i < output_count() && !node.outputs[static_cast<size_t>(i)].empty(); }
  void set_output(int i, ValueId id) { outputs_[static_cast<size_t>(i)] = id; }
  std::span<const ValueId> outputs() const { return outputs_; }

  // Attributes of the imported node; the kind is checked, `fallback` stands in when absent.
  Result<int64_t> int_attribute(std::string_view name, int64_t fallback) const;
  Result<float> float_attribute(std::string_view name, float fallback) const;
  Result<std::string> string_attribute(std::string_view name, std::string_view fallback) const;
  Result<Ints> ints_attribute(std::string_view name) const;  // empty when absent

  // Adds one node of `op` with these inputs and the imported attributes that `op` knows (changed by `attributes`), and
  // makes its outputs the imported node's. What a row without adapter does with its own inputs.
  Status take_over(std::vector<ValueId> inputs, const Attributes& attributes = {});

 private:
  std::vector<ValueId> outputs_;
};

// Writes one node of ours to ONNX; src/export supplies the implementation.
class ExportContext : public NodeView {
 public:
  ExportContext(const OpDef& op, const Node& node, const Graph& graph) : NodeView(op, node), graph(graph) {}
  virtual ~ExportContext() = default;
  const Graph& graph;
  // Names of the node's inputs and outputs in the file ("" where absent).
  virtual std::string input_name(int i) const = 0;
  virtual std::string output_name(int i) const = 0;
  // A new constant or intermediate name.
  virtual std::string constant(const Tensor& tensor, std::string_view hint) = 0;
  virtual std::string fresh_name(std::string_view hint) = 0;
  virtual void add(std::string_view domain, std::string_view op, std::vector<std::string> inputs,
                   std::vector<std::string> outputs, const Attributes& attributes) = 0;
};

}  // namespace minnow
