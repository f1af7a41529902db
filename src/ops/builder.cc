#include "ops/builder.h"

#include "ops/check.h"

namespace minnow {

Builder::Builder(Graph& graph, const Registry& registry) : graph_(graph), registry_(registry) {
  names_.reserve(graph.values.size() * 2);
  for (const Value& value : graph.values) names_.insert(value.name);
}

std::string Builder::unique_name(std::string_view base) {
  std::string name = scope.empty() ? std::string(base) : concat({scope, "/", base});
  if (name.empty()) name = "value";
  if (names_.insert(name).second) return name;
  for (size_t i = names_.size();; ++i) {
    std::string candidate = concat({name, "_", i});
    if (names_.insert(candidate).second) return candidate;
  }
}

void Builder::fail(Error error) {
  if (status_.ok()) status_ = std::move(error);
}

ValueId Builder::input(std::string_view name, Type type) {
  const ValueId id = graph_.add_value({unique_name(name), std::move(type), {}});
  graph_.inputs.push_back(id);
  return id;
}

ValueId Builder::constant(Tensor tensor, std::string_view name) {
  Type type = Type::tensor(tensor.dtype(), tensor.dims());
  return graph_.add_value({unique_name(name.empty() ? "constant" : name), std::move(type), std::move(tensor)});
}

ValueId Builder::scalar_like(double value, ValueId like) {
  if (!status_.ok()) return kNoValue;
  const DType dtype = type(like).dtype;
  Result<Tensor> tensor = convert_dtype(Tensor::scalar(value), dtype);
  if (!tensor.ok()) {
    fail(std::move(tensor.error()));
    return kNoValue;
  }
  return constant(std::move(tensor).value());
}

ValueId Builder::state(std::string_view name, Tensor initial) {
  const ValueId id = graph_.add_value({unique_name(name), Type::tensor(initial.dtype(), initial.dims()), {}});
  graph_.states.push_back({std::string(name), id, kNoValue, std::move(initial)});
  return id;
}

void Builder::set_state(std::string_view name, ValueId out) {
  for (State& state : graph_.states) {
    if (state.name == name) {
      state.out = out;
      return;
    }
  }
  fail(internal_error({"no state named '", name, "'"}));
}

Type Builder::type(ValueId id) const { return id == kNoValue ? Type() : graph_.value(id).type; }

const Tensor* Builder::constant_value(ValueId id) const {
  return id != kNoValue && graph_.value(id).is_constant() ? &graph_.value(id).constant : nullptr;
}

Status Builder::append(Node node) {
  MN_TRY(status_);
  if (Status status = check_node(node, registry_); !status.ok()) {
    fail(status.error());
    return status_;
  }
  if (Status status = infer_node(graph_, node, registry_); !status.ok()) {
    fail(status.error());
    return status_;
  }
  graph_.nodes.push_back(std::move(node));
  return {};
}

std::vector<ValueId> Builder::add_many(std::string_view op, std::span<const ValueId> inputs, int outputs,
                                       const Attributes& attributes, std::string_view name,
                                       std::span<const std::string> output_names) {
  std::vector<ValueId> ids(static_cast<size_t>(outputs), kNoValue);
  if (!status_.ok()) return ids;
  Node node{std::string(op), std::string(name), {inputs.begin(), inputs.end()}, {}, attributes};
  for (size_t i = 0; i < ids.size(); ++i) {
    std::string output_name;
    if (i < output_names.size()) {
      if (output_names[i] == "-") {
        node.outputs.push_back(kNoValue);
        continue;
      }
      output_name = output_names[i];
      names_.insert(output_name);
    } else {
      output_name = unique_name(name.empty() ? op : name);
    }
    ids[i] = graph_.add_value({std::move(output_name), {}, {}});
    node.outputs.push_back(ids[i]);
  }
  if (!append(std::move(node)).ok()) ids.assign(ids.size(), kNoValue);
  return ids;
}

ValueId Builder::add(std::string_view op, std::span<const ValueId> inputs, const Attributes& attributes,
                     std::string_view name) {
  return add_many(op, inputs, 1, attributes, name)[0];
}

}  // namespace minnow
