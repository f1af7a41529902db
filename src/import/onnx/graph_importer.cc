#include "import/onnx/graph_importer.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "import/onnx/order.h"
#include "import/onnx/types.h"
#include "ops/check.h"

namespace minnow::onnx {

Status Scope::build_main(const GraphProto& graph) {
  declare_types(graph.value_info);
  declare_types(graph.output);
  MN_TRY(add_inputs(graph, true));
  MN_TRY(add_initializers(graph, true));
  MN_TRY(build_nodes(graph.node));
  return add_main_outputs(graph);
}

Status Scope::build_subgraph(const GraphProto& graph) {
  if (depth_ > state_.limits.depth) {
    return over_limit({"subgraphs are nested more than ", state_.limits.depth, " deep (raise it with Limits.depth)"});
  }
  declare_types(graph.value_info);
  declare_types(graph.output);
  MN_TRY(add_inputs(graph, false));
  MN_TRY(add_initializers(graph, false));
  MN_TRY(build_nodes(graph.node));
  for (const ValueInfoProto& output : graph.output) {
    Result<ValueId> id = find(output.name);
    if (!id.ok()) return std::move(id.error()).in(concat({"subgraph output '", printable(output.name), "'"}));
    MN_CHECK(*id != kNoValue, "subgraph output '", printable(output.name), "' is a function input that is not given");
    builder_.output(*id);
  }
  return {};
}

void Scope::declare_types(const std::vector<ValueInfoProto>& infos) {
  for (const ValueInfoProto& info : infos) {
    if (info.has_type) declared_.emplace(info.name, info.type);
  }
}

Status Scope::add_inputs(const GraphProto& graph, bool is_main) {
  std::unordered_set<TextView> initialized;
  if (is_main) {
    for (const NamedTensor& tensor : graph.initializer) initialized.insert(tensor.name);
    for (const NamedTensor& tensor : graph.sparse_initializer) initialized.insert(tensor.name);
  }
  for (const ValueInfoProto& input : graph.input) {
    MN_CHECK(!input.name.empty(), "a graph input has no name");
    // An input with an initializer is a default that callers could override; here it is a constant.
    if (initialized.count(input.name) != 0) continue;
    Type type;
    if (input.has_type) {
      Result<Type> parsed = parse_type(state_.source(), input.type);
      if (!parsed.ok()) return std::move(parsed.error()).in(concat({"graph input '", printable(input.name), "'"}));
      type = std::move(parsed).value();
    }
    const ValueId id = builder_.input(input.name, std::move(type));
    MN_CHECK(ids_.emplace(input.name, id).second, "two graph inputs are named '", printable(input.name), "'");
  }
  return {};
}

Status Scope::add_initializers(const GraphProto& graph, bool is_main) {
  std::unordered_set<TextView> names;
  const auto add = [&](const NamedTensor& named, auto read) -> Status {
    MN_CHECK(!named.name.empty(), "an initializer has no name");
    MN_CHECK(names.insert(named.name).second, "two initializers are named '", printable(named.name), "'");
    // A loop body's input keeps its position, and its default is always overridden.
    if (!is_main && ids_.count(named.name) != 0) return {};
    Result<Tensor> tensor = read(state_.tensors, named.tensor);
    if (!tensor.ok()) return std::move(tensor.error()).in("initializer");
    ids_.emplace(named.name, builder_.constant(std::move(tensor).value(), named.name));
    return {};
  };
  for (const NamedTensor& named : graph.initializer) MN_TRY(add(named, read_tensor));
  for (const NamedTensor& named : graph.sparse_initializer) {
    Status status = add(named, read_sparse_tensor);
    if (!status.ok()) return std::move(status.error()).in(concat({"sparse tensor '", printable(named.name), "'"}));
  }
  return {};
}

// An output is what users address it by: where its value goes by another name (or is an input, or given out twice), an
// identity carries the name.
Status Scope::add_main_outputs(const GraphProto& graph) {
  MN_CHECK(!graph.output.empty(), "the graph has no outputs");
  std::unordered_set<TextView> names;
  for (const ValueInfoProto& output : graph.output) {
    Result<ValueId> id = find(output.name);
    if (!id.ok()) return std::move(id.error()).in(concat({"graph output '", printable(output.name), "'"}));
    MN_CHECK(names.insert(output.name).second, "two graph outputs are named '", printable(output.name), "'");
    if (builder_.graph().value(*id).name != output.name) {
      *id = builder_.add_many("identity", {&*id, 1}, 1, {}, output.name, {{std::string(output.name)}})[0];
      MN_TRY(builder_.status());
    }
    builder_.output(*id);
  }
  return {};
}

Status Scope::build_nodes(const std::vector<NodeProto>& nodes) {
  // Names of the file come first: generated ones must not take them. Function bodies are expanded many times and get
  // names of their own.
  for (const NodeProto& node : nodes) {
    for (TextView name : node.output) {
      if (name.empty()) continue;
      MN_CHECK(ids_.count(name) == 0, "value '", printable(name), "' is an input or initializer and produced by ",
               describe(node), " as well");
      if (!is_call_body()) builder_.unique_name(name);
    }
  }
  MN_ASSIGN(const std::vector<int32_t> order, order_nodes(state_.source(), nodes));
  for (int32_t index : order) {
    const NodeProto& node = nodes[static_cast<size_t>(index)];
    Status status = build_node(node);
    if (status.ok()) continue;
    // Operators name the node they are added for; what comes before that does not.
    const std::string where = concat({"node '", printable(node_name(node)), "'"});
    if (starts_with(status.error().message, where)) return status;
    return std::move(status.error()).in(concat({where, " (", printable(node.op_type), ")"}));
  }
  return {};
}

Status Scope::build_node(const NodeProto& node) {
  if (++state_.node_count > state_.limits.nodes) return over_node_limit(state_.limits);
  ImportedNode imported;
  imported.name = node_name(node);
  for (TextView name : node.input) {
    MN_ASSIGN(const ValueId id, name.empty() ? Result<ValueId>(kNoValue) : find(name));
    imported.inputs.push_back(id);
  }
  for (TextView name : node.output) imported.outputs.push_back(name.empty() ? std::string() : value_name(name));
  while (!imported.outputs.empty() && imported.outputs.back().empty()) imported.outputs.pop_back();
  std::vector<Subgraph> subgraphs;
  MN_TRY(read_attributes(node, imported, subgraphs));
  if (const Function* function = state_.functions.find(node)) {
    if (!subgraphs.empty()) return unsupported({"a subgraph as attribute of a function call is not supported"});
    return expand_call(node, *function, imported);
  }
  close_subgraphs(subgraphs, imported);
  return import_node(node, std::move(imported));
}

namespace {

// An attribute that the operator does not have would change what the node means in a way that nobody here knows.
Status check_attribute_names(const OpDef& op, const ImportedNode& imported) {
  for (const auto& [name, value] : imported.attributes) {
    const auto known = [&name = name](const AttributeSpec& spec) { return spec.name == name; };
    if (std::any_of(op.attributes.begin(), op.attributes.end(), known)) continue;
    // Hints of the first versions: broadcasting is always allowed now, and consumed inputs were never a promise.
    if (imported.version < 7 && (name == "broadcast" || name == "consumed_inputs")) continue;
    return unsupported({"attribute '", printable(name), "' is not known"});
  }
  return {};
}

}  // namespace

Status Scope::import_node(const NodeProto& node, ImportedNode imported) {
  imported.domain = std::string(canonical_domain(node.domain));
  imported.op = std::string(node.op_type);
  imported.version = opsets_.find(node.domain).value_or(0);
  const Registry::Match match = state_.registry.find_import(imported.domain, imported.op, imported.version);
  if (!match)
    return unsupported({"operator '", printable(imported.op), "' of ", printable(imported.domain), " ",
                        imported.version, " is not supported"});
  if (match.row->adapter == nullptr) MN_TRY(check_attribute_names(*match.op, imported));
  const auto first_new = static_cast<ValueId>(builder_.graph().values.size());
  const size_t first_node = builder_.graph().nodes.size();
  ImportContext context(*match.op, imported, builder_);
  MN_TRY(match.row->adapter != nullptr ? match.row->adapter(context) : context.take_over(imported.inputs));
  MN_TRY(builder_.status());
  // Messages about any of the nodes that stand for this one name it.
  for (size_t i = first_node; i < builder_.graph().nodes.size(); ++i) {
    if (std::string& name = builder_.graph().nodes[i].name; name.empty()) name = imported.name;
  }
  return bind_outputs(node, imported, context.outputs(), first_new);
}

Status Scope::bind_outputs(const NodeProto& node, const ImportedNode& imported, std::span<const ValueId> ids,
                           ValueId first_new) {
  std::unordered_set<ValueId> renamed;
  for (size_t i = 0; i < imported.outputs.size(); ++i) {
    if (imported.outputs[i].empty()) continue;
    const TextView name = node.output[i];
    MN_CHECK(ids[i] != kNoValue, "output ", i, " ('", printable(name),
             "') is not produced in this form of the operator");
    Value& value = builder_.graph().value(ids[i]);
    if (ids[i] >= first_new && renamed.insert(ids[i]).second) value.name = imported.outputs[i];
    MN_ASSIGN(const Type declared, declared_type(name));
    Result<Type> merged = merge_types(declared, value.type);
    if (!merged.ok()) return std::move(merged.error()).in(concat({"output '", printable(name), "'"}));
    if (!value.is_constant()) value.type = std::move(merged).value();
    ids_[name] = ids[i];
  }
  return {};
}

Result<ValueId> Scope::find(TextView name) {
  ValueId id = kNoValue;
  MN_CHECK(find_quietly(name, &id), "value '", printable(name),
           "' is not defined: no node, initializer or graph input makes it");
  return id;
}

bool Scope::find_quietly(TextView name, ValueId* id) {
  const auto found = ids_.find(name);
  if (found != ids_.end()) {
    *id = found->second;
    return true;
  }
  ValueId outside = kNoValue;
  if (outer_ == nullptr || !outer_->find_quietly(name, &outside)) return false;
  *id = kNoValue;
  if (outside != kNoValue) {
    const Value& value = outer_->builder_.graph().value(outside);
    if (value.is_constant()) {
      // A constant is known inside as well: a copy shares its bytes, and shapes that depend on it can be inferred.
      *id = builder_.constant(value.constant, value.name);
    } else {
      *id = builder_.graph().add_value({builder_.unique_name(value.name), value.type, {}});
      captures_.push_back({name, outside, *id, value.type});
    }
  }
  ids_.emplace(name, *id);
  return true;
}

Result<Type> Scope::declared_type(TextView name) const {
  const auto found = declared_.find(name);
  if (found == declared_.end()) return Type();
  Result<Type> type = parse_type(state_.source(), found->second);
  // What cannot be stated here may still be computed: the operator decides.
  if (!type.ok() && type.error().code == ErrorCode::unsupported) return Type();
  return type;
}

std::string Scope::value_name(TextView name) {
  if (!is_call_body()) return std::string(name);
  return builder_.unique_name(concat({call_->prefix, "/", name}));
}

std::string Scope::node_name(const NodeProto& node) const {
  const std::string_view name = name_of(node);
  return call_ == nullptr ? std::string(name) : concat({call_->prefix, "/", name});
}

}  // namespace minnow::onnx
