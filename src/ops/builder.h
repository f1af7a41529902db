// Adds checked, inferred nodes to a graph. The first error sticks: later calls return kNoValue and do nothing, and
// status() tells it, so that code which builds networks and gradients reads like the mathematics it means.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

class Builder {
 public:
  explicit Builder(Graph& graph, const Registry& registry = Registry::builtin());

  ValueId input(std::string_view name, Type type);
  ValueId constant(Tensor tensor, std::string_view name = "");
  ValueId constant(float value) { return constant(Tensor::scalar(value)); }
  // 1-D int64.
  ValueId ints(std::span<const int64_t> values) { return constant(Tensor::of_ints(values)); }
  ValueId ints(std::initializer_list<int64_t> values) {
    return ints(std::span<const int64_t>(values.begin(), values.size()));
  }
  // A scalar constant with the dtype of `like` (whose dtype must be known).
  ValueId scalar_like(double value, ValueId like);
  void output(ValueId id) { graph_.outputs.push_back(id); }
  // Declares a state and returns the value that reads it; set_state names the value that replaces it.
  ValueId state(std::string_view name, Tensor initial);
  void set_state(std::string_view name, ValueId out);

  // One node with one output. `name` becomes the node's and its output's.
  ValueId add(std::string_view op, std::initializer_list<ValueId> inputs, const Attributes& attributes = {},
              std::string_view name = "") {
    return add(op, std::span<const ValueId>(inputs.begin(), inputs.size()), attributes, name);
  }
  ValueId add(std::string_view op, std::span<const ValueId> inputs, const Attributes& attributes = {},
              std::string_view name = "");
  // One node with several outputs; kNoValue for those whose name is "-".
  std::vector<ValueId> add_many(std::string_view op, std::span<const ValueId> inputs, int outputs,
                                const Attributes& attributes = {}, std::string_view name = "",
                                std::span<const std::string> output_names = {});
  // Appends a node as it is (ids of this graph), checked and inferred.
  Status append(Node node);

  Type type(ValueId id) const;  // by value: adding nodes moves the graph's values
  // The constant behind a value, or null.
  const Tensor* constant_value(ValueId id) const;
  std::string unique_name(std::string_view base);
  Graph& graph() { return graph_; }
  const Registry& registry() const { return registry_; }
  const Status& status() const { return status_; }
  void fail(Error error);
  // Prefix for generated names ("decoder/layer_3"), empty at the start.
  std::string scope;

 private:
  Graph& graph_;
  const Registry& registry_;
  std::unordered_set<std::string> names_;
  Status status_;
};

}  // namespace minnow
