// Variables: handles are known when the file is read, so that reading and assigning become a state's values.
#include <cstring>

#include "base/text.h"
#include "import/tflite/graph_importer.h"
#include "import/tflite/tensors.h"

namespace minnow::tflite {
namespace {

std::string variable_name(const Options& options) {
  std::string name;
  for (const char* part : {"container", "shared_name"}) {
    const Attribute* value = options.attributes.find(part);
    const auto* text = value == nullptr ? nullptr : value->get<std::string>();
    if (text == nullptr || text->empty()) continue;
    name += concat({name.empty() ? "" : "/", printable(*text)});
  }
  return name.empty() ? "variable" : name;
}

std::string_view builtin_name(const ModelFile& file, const schema::Operator& op) {
  return operator_name(*file.model->operator_codes()->Get(op.opcode_index())).name;
}

int32_t index_at(const flatbuffers::Vector<int32_t>* list, uint32_t i) { return i < size_of(list) ? list->Get(i) : -1; }

}  // namespace

// CALL_ONCE runs before everything else: its subgraph states what variables begin with.
Status SubgraphImporter::run_initializers() {
  const ModelFile& file = model_.file();
  const auto* operators = subgraph_.operators();
  for (uint32_t i = 0; i < size_of(operators); ++i) {
    const schema::Operator& op = *operators->Get(i);
    if (builtin_name(file, op) != "CALL_ONCE") continue;
    if (!is_main_) return unsupported({"CALL_ONCE inside a subgraph is not supported"});
    MN_ASSIGN(const Options options, read_options(file, op));
    MN_CHECK(options.subgraphs.size() == 1, describe(file, op, i), ": no subgraph is stated");
    const int64_t index = options.subgraphs[0].index;
    MN_CHECK(index > 0 && index < static_cast<int64_t>(size_of(file.model->subgraphs())), describe(file, op, i),
             ": subgraph ", index, " of ", size_of(file.model->subgraphs()), " cannot be an initializer");
    Status status = initialize_variables(file.subgraph(index));
    if (!status.ok()) return std::move(status.error()).in(concat({describe(file, op, i), ": subgraph ", index}));
  }
  return {};
}

Status SubgraphImporter::initialize_variables(const schema::SubGraph& subgraph) {
  const ModelFile& file = model_.file();
  std::unordered_map<int32_t, std::string> handles;
  const auto* operators = subgraph.operators();
  for (uint32_t i = 0; i < size_of(operators); ++i) {
    const schema::Operator& op = *operators->Get(i);
    const std::string_view name = builtin_name(file, op);
    if (name == "VAR_HANDLE") {
      MN_ASSIGN(const Options options, read_options(file, op));
      handles[index_at(op.outputs(), 0)] = variable_name(options);
    } else if (name == "ASSIGN_VARIABLE") {
      const auto handle = handles.find(index_at(op.inputs(), 0));
      const int32_t source = index_at(op.inputs(), 1);
      MN_CHECK(handle != handles.end() && source >= 0, describe(file, op, i), ": its first input is no variable");
      const schema::Tensor& value = *subgraph.tensors()->Get(static_cast<uint32_t>(source));
      if (!is_constant(file, value)) {
        return unsupported({describe(file, op, i), ": variables that begin with computed values are not supported"});
      }
      MN_ASSIGN(initial_[handle->second], read_constant(file, value, model_.budget()));
    } else {
      return unsupported({describe(file, op, i), ": initializers that compute are not supported"});
    }
  }
  return {};
}

// What the variable begins with: stated by an initializer, else zeros of the type that its readers and writers declare.
Status SubgraphImporter::add_variable(const schema::Operator& op, const std::string& variable) {
  if (variables_.count(variable) != 0) return {};
  Tensor initial;
  if (const auto stated = initial_.find(variable); stated != initial_.end()) {
    initial = stated->second;
  } else {
    const int32_t handle = index_at(op.outputs(), 0);
    const auto* operators = subgraph_.operators();
    for (uint32_t i = 0; i < size_of(operators) && !initial.valid(); ++i) {
      const schema::Operator& other = *operators->Get(i);
      if (index_at(other.inputs(), 0) != handle) continue;
      const int32_t value = builtin_name(model_.file(), other) == "READ_VARIABLE" ? index_at(other.outputs(), 0)
                                                                                  : index_at(other.inputs(), 1);
      if (value < 0) continue;
      const Type type = declared_type(tensor(value));
      if (!type.shape.static_dims() || element_bytes(type.dtype) == 0) continue;
      MN_ASSIGN(initial, Tensor::allocate(type.dtype, type.shape.to_dims(), model_.budget()));
      std::memset(initial.mutable_data<std::byte>(), 0, static_cast<size_t>(initial.bytes()));
    }
  }
  MN_CHECK(initial.valid(), "variable '", variable, "' has no initial value and no declared type");
  const ValueId id = builder_.state(variable, std::move(initial));
  builder_.set_state(variable, id);
  variables_[variable] = id;
  return {};
}

Result<bool> SubgraphImporter::build_variable_operator(const schema::Operator& op, std::string_view name,
                                                       const Options& options) {
  const bool handle = name == "VAR_HANDLE", read = name == "READ_VARIABLE", assign = name == "ASSIGN_VARIABLE";
  if (name == "CALL_ONCE") return true;
  if (!handle && !read && !assign) return false;
  if (!is_main_) return unsupported({"variables inside subgraphs are not supported"});
  if (handle) {
    const std::string variable = variable_name(options);
    MN_TRY(add_variable(op, variable));
    handles_[index_at(op.outputs(), 0)] = variable;
    return true;
  }
  const auto known = handles_.find(index_at(op.inputs(), 0));
  MN_CHECK(known != handles_.end(), "its first input is no variable");
  ValueId& current = variables_[known->second];
  if (read) {
    const int32_t out = index_at(op.outputs(), 0);
    MN_CHECK(out >= 0 && ids_.count(out) == 0, "a variable is read into no tensor, or into one that is made twice");
    ids_[out] = current;
    return true;
  }
  MN_ASSIGN(const ValueId value, find(index_at(op.inputs(), 1)));
  MN_CHECK(value != kNoValue, "nothing is assigned");
  const Type before = builder_.type(current), after = builder_.type(value);
  MN_CHECK(after.dtype == before.dtype, "variable '", known->second, "' of ", to_string(before), " is assigned ",
           to_string(after));
  current = value;
  builder_.set_state(known->second, value);
  return true;
}

}  // namespace minnow::tflite
