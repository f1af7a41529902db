#include "lower/fusion.h"

#include <algorithm>

#include "lower/provider.h"

namespace minnow {
namespace {

std::optional<double> constant_scalar(const Graph& graph, const Node& node, size_t index) {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return std::nullopt;
  const Tensor& tensor = graph.value(node.inputs[index]).constant;
  if (!tensor.valid() || tensor.size() != 1 || tensor.dtype() == DType::string) return std::nullopt;
  return to_doubles(tensor)[0];
}

// The node as an activation of its first input, if it is one.
bool as_activation(const Graph& graph, const Node& node, const OpDef& op, Epilogue& epilogue) {
  struct Plain {
    std::string_view op;
    Activation activation;
  };
  constexpr Plain kPlain[] = {{"relu", Activation::relu},
                              {"sigmoid", Activation::sigmoid},
                              {"hard_swish", Activation::hard_swish},
                              {"tanh", Activation::tanh}};
  const NodeView view(op, node);
  const auto set = [&](Activation activation, float a = 0, float b = 0) {
    epilogue.activation = activation;
    epilogue.parameters = {a, b};
    return true;
  };
  for (const Plain& plain : kPlain) {
    if (plain.op == node.op) return set(plain.activation);
  }
  if (node.op == "leaky_relu") return set(Activation::leaky_relu, view.float_attribute("alpha"));
  if (node.op == "hard_sigmoid")
    return set(Activation::hard_sigmoid, view.float_attribute("alpha"), view.float_attribute("beta"));
  if (node.op == "swish" && view.float_attribute("alpha") == 1.0f) return set(Activation::silu);
  if (node.op == "gelu")
    return set(view.string_attribute("approximate") == "tanh" ? Activation::gelu_tanh : Activation::gelu);
  if (node.op == "clip") {
    const auto low = constant_scalar(graph, node, 1), high = constant_scalar(graph, node, 2);
    if (low.has_value() && high.has_value()) {
      return set(Activation::clip, static_cast<float>(*low), static_cast<float>(*high));
    }
  }
  return false;
}

class Fuser {
 public:
  Fuser(const Graph& graph, const Registry& registry, const FusionOptions& options)
      : graph_(graph), registry_(registry), options_(options), uses_(use_counts(graph)) {
    reader_.resize(graph.values.size(), -1);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (ValueId id : graph.nodes[i].inputs) {
        if (id != kNoValue) reader_[static_cast<size_t>(id)] = static_cast<int32_t>(i);
      }
    }
  }

  std::vector<Group> run() {
    taken_.assign(graph_.nodes.size(), false);
    std::vector<Group> groups;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (taken_[i]) continue;
      Group group = start(static_cast<int32_t>(i));
      if (group.row != nullptr && options_.fuse) {
        if (graph_.nodes[i].op == "matmul") add_bias(group);
        grow(group);
      }
      for (int32_t node : group.nodes) taken_[static_cast<size_t>(node)] = true;
      groups.push_back(std::move(group));
    }
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return a.nodes.back() < b.nodes.back(); });
    return groups;
  }

 private:
  const Value& value(ValueId id) const { return graph_.value(id); }

  Group start(int32_t index) {
    const Node& node = graph_.nodes[static_cast<size_t>(index)];
    Group group;
    group.nodes = {index};
    group.inputs = node.inputs;
    group.outputs = node.outputs;
    const OpDef* op = registry_.find(node.op);
    std::vector<Type> inputs, outputs;
    std::vector<const Tensor*> values;
    for (ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? Type{} : value(id).type);
      values.push_back(id != kNoValue && value(id).is_constant() ? &value(id).constant : nullptr);
    }
    for (ValueId id : node.outputs) {
      outputs.push_back(id == kNoValue ? Type{} : value(id).type);
    }
    const std::optional<Problem> problem = make_problem(*op, node, inputs, values, outputs);
    if (!problem.has_value()) return group;
    group.row = find_kernel(*problem, options_.best);
    if (group.row == nullptr) return group;
    group.problem = *problem;
    group.inputs.resize(static_cast<size_t>(problem->input_count));
    return group;
  }

  // The only node that reads the group's output, or -1 where there are several readers, the output is the graph's, or
  // another group has that node.
  int32_t only_reader(const Group& group) const {
    if (group.outputs.size() != 1 || group.outputs[0] == kNoValue) return -1;
    const auto id = static_cast<size_t>(group.outputs[0]);
    const int32_t reader = uses_[id] == 1 ? reader_[id] : -1;
    return reader >= 0 && !taken_[static_cast<size_t>(reader)] ? reader : -1;
  }

  bool same_type(ValueId a, ValueId b) const { return value(a).type == value(b).type; }

  // matmul(x, w) + bias with a matrix w and a bias of its columns: a product of two matrices with an addend.
  void add_bias(Group& group) {
    const Operand &a = group.problem.input(0), &b = group.problem.input(1);
    const ValueId weights = group.inputs[1];
    if (b.rank != 2 || a.rank < 2 || !value(weights).is_constant() || value(weights).type.shape.rank() != 2) return;
    const int32_t index = only_reader(group);
    if (index < 0) return;
    const Node& next = graph_.nodes[static_cast<size_t>(index)];
    if (next.op != "add" || !same_type(next.outputs[0], group.outputs[0])) return;
    const ValueId bias = next.inputs[0] == group.outputs[0] ? next.inputs[1] : next.inputs[0];
    const Type& type = value(bias).type;
    const int64_t columns = b.dims[1];
    if (!type.is_tensor() || type.dtype != DType::float32 || !type.shape.static_dims() || type.shape.rank() != 1 ||
        type.shape.dims[0].value != columns)
      return;
    Problem problem;
    problem.op = "gemm";
    problem.input_count = 3;
    problem.operand_count = 4;
    const int64_t depth = a.dims[static_cast<size_t>(a.rank - 1)];
    problem.operands[0] = matrix(a.elements() / std::max<int64_t>(depth, 1), depth);
    problem.operands[1] = b;
    problem.operands[2] = matrix(1, columns);
    problem.operands[2].rank = 1;
    problem.operands[2].dims = {columns};
    problem.operands[2].strides = {1};
    problem.operands[3] = matrix(problem.operands[0].dims[0], columns);
    problem.floats = {1.0f, 1.0f};
    const KernelRow* row = find_kernel(problem, options_.best);
    if (row == nullptr) return;
    group.row = row;
    group.problem = problem;
    group.nodes.push_back(index);
    group.inputs = {group.inputs[0], weights, bias};
    group.outputs = next.outputs;
  }

  static Operand matrix(int64_t rows, int64_t columns) {
    Operand operand;
    operand.dtype = DType::float32;
    operand.rank = 2;
    operand.dims = {rows, columns};
    operand.strides = {columns, 1};
    return operand;
  }

  // Takes in the addition and the activation that follow, as long as a kernel runs them all.
  void grow(Group& group) {
    for (int32_t index = only_reader(group); index >= 0; index = only_reader(group)) {
      const Node& next = graph_.nodes[static_cast<size_t>(index)];
      if (next.outputs.size() != 1 || !same_type(next.outputs[0], group.outputs[0])) return;
      Problem problem = group.problem;
      ValueId residual = kNoValue;
      if (next.op == "add") {
        if (!problem.epilogue.none()) return;
        residual = next.inputs[0] == group.outputs[0] ? next.inputs[1] : next.inputs[0];
        if (residual == group.outputs[0] || !same_type(residual, group.outputs[0]) || !add_residual(problem)) return;
      } else if (problem.epilogue.activation != Activation::none || next.inputs[0] != group.outputs[0] ||
                 !as_activation(graph_, next, *registry_.find(next.op), problem.epilogue)) {
        return;
      }
      const KernelRow* row = find_kernel(problem, options_.best);
      if (row == nullptr) return;
      group.row = row;
      group.problem = problem;
      group.nodes.push_back(index);
      if (residual != kNoValue) group.inputs.push_back(residual);
      group.outputs = next.outputs;
    }
  }

  static bool add_residual(Problem& problem) {
    if (problem.operand_count >= kMaxOperands || problem.operand_count != problem.input_count + 1) return false;
    const Operand output = problem.output(0);
    problem.operands[static_cast<size_t>(problem.operand_count)] = output;
    ++problem.input_count;
    ++problem.operand_count;
    problem.epilogue.residual = true;
    return true;
  }

  const Graph& graph_;
  const Registry& registry_;
  const FusionOptions& options_;
  std::vector<int32_t> uses_;
  std::vector<int32_t> reader_;  // per value: the last node that reads it
  std::vector<bool> taken_;      // per node: a group has it
};

}  // namespace

std::vector<Group> group_nodes(const Graph& graph, const Registry& registry, const FusionOptions& options) {
  return Fuser(graph, registry, options).run();
}

}  // namespace minnow
