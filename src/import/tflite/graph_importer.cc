#include "import/tflite/graph_importer.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "base/text.h"
#include "import/tflite/tensors.h"

namespace minnow::tflite {
namespace {

// Longer names are cut: a value's name is for people.
constexpr size_t kMaxNameBytes = 500;

// The element type must be the declared one. Shapes are inferred: what files declare is stale where a converter or a
// user resized an input.
Status settle_type(Value& value, const Type& declared) {
  if (value.is_constant() || declared.dtype == DType::undefined) return {};
  if (value.type.kind == Type::Kind::unknown) value.type = Type::tensor(DType::undefined);
  MN_CHECK(value.type.is_tensor() && (value.type.dtype == DType::undefined || value.type.dtype == declared.dtype),
           "the file declares ", to_string(declared), ", the operator gives ", to_string(value.type));
  value.type.dtype = declared.dtype;
  return {};
}

}  // namespace

SubgraphImporter::SubgraphImporter(ModelImporter& model, const schema::SubGraph& subgraph, Builder& builder,
                                   bool is_main)
    : model_(model), subgraph_(subgraph), builder_(builder), is_main_(is_main) {}

Status SubgraphImporter::build() {
  MN_TRY(add_inputs());
  MN_TRY(run_initializers());
  reserve_names();
  const auto* operators = subgraph_.operators();
  for (uint32_t i = 0; i < size_of(operators); ++i) {
    const schema::Operator& op = *operators->Get(i);
    Status status = build_operator(op);
    if (status.ok()) continue;
    // Operators have no names in this format: the first output stands for one.
    const std::span<const int32_t> outputs = ints_of(op.outputs());
    const std::string name = outputs.empty() || outputs[0] < 0 ? std::string() : base_name(outputs[0]);
    const std::string where = concat({"node '", name, "'"});
    if (starts_with(status.error().message, where)) return status;
    return std::move(status.error()).in(concat({describe(model_.file(), op, i), " '", name, "'"}));
  }
  return add_outputs();
}

std::string SubgraphImporter::base_name(int32_t i) const {
  const std::string_view name = text_of(tensor(i).name());
  return name.empty() ? concat({"tensor_", int{i}}) : printable(name, kMaxNameBytes);
}

std::string SubgraphImporter::describe_tensor(int32_t i) const {
  return concat({"tensor ", int{i}, " ('", base_name(i), "')"});
}

Status SubgraphImporter::add_inputs() {
  for (const int32_t i : ints_of(subgraph_.inputs())) {
    const Type type = declared_type(tensor(i));
    if (type.dtype == DType::undefined) {
      return unsupported({"graph input: ", describe_tensor(i), " of type ",
                          schema::EnumNameTensorType(tensor(i).type()), " is not supported"});
    }
    MN_CHECK(ids_.count(i) == 0, "graph input: ", describe_tensor(i), " is listed twice");
    ids_[i] = builder_.input(base_name(i), type);
  }
  return {};
}

// Names of the file come first: those that operators make up must not take them.
void SubgraphImporter::reserve_names() {
  const auto* operators = subgraph_.operators();
  for (uint32_t k = 0; k < size_of(operators); ++k) {
    for (const int32_t i : ints_of(operators->Get(k)->outputs())) {
      if (i >= 0 && names_.count(i) == 0) names_[i] = builder_.unique_name(base_name(i));
    }
  }
}

Result<ValueId> SubgraphImporter::find(int32_t i) {
  if (i < 0) return kNoValue;
  if (const auto found = ids_.find(i); found != ids_.end()) return found->second;
  const schema::Tensor& source = tensor(i);
  const Type type = declared_type(source);
  bool is_empty = false;
  if (type.shape.static_dims()) {
    const Result<int64_t> count = checked_element_count(type.shape.to_dims());
    if (!count.ok()) return bad_input({describe_tensor(i), ": ", count.error().message});
    is_empty = *count == 0;
  }
  ValueId id = kNoValue;
  if (is_constant(model_.file(), source) || (is_empty && !source.is_variable() && type.dtype != DType::undefined)) {
    Result<Tensor> value = read_constant(model_.file(), source, model_.budget());
    if (!value.ok()) return std::move(value.error()).in(describe_tensor(i));
    id = builder_.constant(std::move(value).value(), base_name(i));
  } else if (source.is_variable()) {
    if (!is_main_) return unsupported({describe_tensor(i), ": variables inside subgraphs are not supported"});
    MN_CHECK(type.dtype != DType::undefined && type.shape.static_dims(), describe_tensor(i),
             ": a variable needs a type and a shape");
    MN_ASSIGN(Tensor zeros, Tensor::allocate(type.dtype, type.shape.to_dims(), model_.budget()));
    MN_CHECK(type.dtype != DType::string, describe_tensor(i), ": variables of text are not supported");
    std::memset(zeros.mutable_data<std::byte>(), 0, static_cast<size_t>(zeros.bytes()));
    id = builder_.state(base_name(i), std::move(zeros));
    // Operators name the state by the name of its value.
    State& state = builder_.graph().states.back();
    state.name = builder_.graph().value(id).name;
    state.out = id;
  } else {
    return bad_input({describe_tensor(i), " is read before an operator makes it"});
  }
  ids_[i] = id;
  return id;
}

Result<ImportedNode> SubgraphImporter::imported_node(const schema::Operator& op, const OperatorName& name,
                                                     Options options) {
  ImportedNode node;
  node.domain = std::string(name.domain);
  node.op = std::string(name.name);
  node.version = name.version;
  for (const int32_t i : ints_of(op.inputs())) {
    MN_ASSIGN(const ValueId id, find(i));
    node.inputs.push_back(id);
    node.input_quantization.emplace_back();
    if (i < 0) continue;
    Result<Quantization> quantization = read_quantization(tensor(i));
    if (!quantization.ok()) return std::move(quantization.error()).in(describe_tensor(i));
    node.input_quantization.back() = std::move(quantization).value();
  }
  for (const int32_t i : ints_of(op.outputs())) {
    node.outputs.push_back(i < 0 ? std::string() : names_[i]);
    node.output_quantization.emplace_back();
    node.output_types.push_back(i < 0 ? Type() : declared_type(tensor(i)));
    if (i < 0) continue;
    Result<Quantization> quantization = read_quantization(tensor(i));
    if (!quantization.ok()) return std::move(quantization.error()).in(describe_tensor(i));
    node.output_quantization.back() = std::move(quantization).value();
  }
  MN_CHECK(!node.outputs.empty(), "an operator without outputs");
  node.name = node.outputs[0];
  node.attributes = std::move(options.attributes);
  for (const SubgraphOption& option : options.subgraphs) {
    MN_ASSIGN(GraphRef graph, model_.build_subgraph(option));
    node.attributes.set(option.attribute, Attribute(std::move(graph)));
  }
  return node;
}

Status SubgraphImporter::build_operator(const schema::Operator& op) {
  const OperatorName name = operator_name(*model_.file().model->operator_codes()->Get(op.opcode_index()));
  MN_ASSIGN(Options options, read_options(model_.file(), op));
  MN_ASSIGN(const bool done, build_variable_operator(op, name.name, options));
  if (done) return {};
  MN_ASSIGN(const ImportedNode node, imported_node(op, name, std::move(options)));
  return import_node(node, op);
}

Status SubgraphImporter::import_node(const ImportedNode& node, const schema::Operator& op) {
  const Registry::Match match = model_.options().registry->find_import(node.domain, node.op, node.version);
  if (!match) return unsupported({"version ", node.version, " is not supported"});
  const auto first_new = static_cast<ValueId>(builder_.graph().values.size());
  const size_t first_node = builder_.graph().nodes.size();
  ImportContext context(*match.op, node, builder_);
  MN_TRY(match.row->adapter != nullptr ? match.row->adapter(context) : context.take_over(node.inputs));
  MN_TRY(builder_.status());
  for (size_t i = first_node; i < builder_.graph().nodes.size(); ++i) builder_.graph().nodes[i].name = node.name;
  return bind_outputs(node, op, context.outputs(), first_new);
}

Status SubgraphImporter::bind_outputs(const ImportedNode& node, const schema::Operator& op,
                                      std::span<const ValueId> ids, ValueId first_new) {
  std::unordered_set<ValueId> renamed;
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    const int32_t i = ints_of(op.outputs())[k];
    if (i < 0) continue;
    // Outputs that the operator leaves out (second outputs of pools and the like) fail where they are read.
    if (ids[k] == kNoValue) continue;
    MN_CHECK(ids_.count(i) == 0, describe_tensor(i), " is made twice");
    Value& value = builder_.graph().value(ids[k]);
    if (ids[k] >= first_new && renamed.insert(ids[k]).second) value.name = node.outputs[k];
    Status status = settle_type(value, node.output_types[k]);
    if (!status.ok()) return std::move(status.error()).in(concat({"output '", node.outputs[k], "'"}));
    ids_[i] = ids[k];
  }
  return {};
}

// An output is what users address it by: where its value goes by another name, an identity carries the name.
Status SubgraphImporter::add_outputs() {
  std::unordered_set<ValueId> listed;
  for (const int32_t i : ints_of(subgraph_.outputs())) {
    Result<ValueId> found = find(i);
    if (!found.ok()) return std::move(found.error()).in("graph output");
    ValueId id = *found;
    const auto reserved = names_.find(i);
    const bool renamed = reserved != names_.end() && builder_.graph().value(id).name != reserved->second;
    if (is_main_ && (renamed || !listed.insert(id).second)) {
      const std::string name = renamed && listed.count(id) == 0 ? reserved->second : builder_.unique_name(base_name(i));
      id = builder_.add_many("identity", {&id, 1}, 1, {}, name, {{name}})[0];
      MN_TRY(builder_.status());
    }
    builder_.output(id);
  }
  return {};
}

}  // namespace minnow::tflite
