#include "ops/contexts.h"

#include "ops/builder.h"
#include "ops/op.h"

namespace minnow {
namespace {

const Attribute kNoAttribute;
const std::string kEmptyText;
const Ints kEmptyInts;
const Floats kEmptyFloats;
const Strings kEmptyStrings;
const Tensor kNoTensor;
const GraphRef kNoGraph;
const Type kUnknownType;

template <class T>
const T& value_or(const Attribute& attribute, const T& fallback) {
  const T* value = attribute.get<T>();
  return value != nullptr ? *value : fallback;
}

}  // namespace

const Attribute& NodeView::find(std::string_view name) const {
  if (const Attribute* own = node_->attributes.find(name)) return *own;
  for (const AttributeSpec& spec : op_->attributes) {
    if (spec.name == name) return spec.fallback;
  }
  return kNoAttribute;
}

int64_t NodeView::int_attribute(std::string_view name) const { return value_or<int64_t>(find(name), 0); }
float NodeView::float_attribute(std::string_view name) const { return value_or<float>(find(name), 0.0f); }
const std::string& NodeView::string_attribute(std::string_view name) const { return value_or(find(name), kEmptyText); }
const Ints& NodeView::ints_attribute(std::string_view name) const { return value_or(find(name), kEmptyInts); }
const Floats& NodeView::floats_attribute(std::string_view name) const { return value_or(find(name), kEmptyFloats); }
const Strings& NodeView::strings_attribute(std::string_view name) const { return value_or(find(name), kEmptyStrings); }
const Tensor& NodeView::tensor_attribute(std::string_view name) const { return value_or(find(name), kNoTensor); }
const GraphRef& NodeView::graph_attribute(std::string_view name) const { return value_or(find(name), kNoGraph); }
DType NodeView::dtype_attribute(std::string_view name) const { return dtype_from_name(string_attribute(name)); }

bool InferContext::has_input(int i) const {
  return i < input_count() && node_->inputs[static_cast<size_t>(i)] != kNoValue;
}

const Type& InferContext::type(int i) const {
  return i < input_count() ? inputs_[static_cast<size_t>(i)] : kUnknownType;
}

const Tensor* InferContext::value(int i) const { return has_input(i) ? values_[static_cast<size_t>(i)] : nullptr; }

std::optional<std::vector<int64_t>> InferContext::ints(int i) const {
  const Tensor* tensor = value(i);
  if (tensor == nullptr || !(is_integer(tensor->dtype()) || tensor->dtype() == DType::boolean)) return std::nullopt;
  return to_ints(*tensor);
}

std::optional<double> InferContext::scalar(int i) const {
  const Tensor* tensor = value(i);
  if (tensor == nullptr || tensor->size() != 1 || tensor->dtype() == DType::string || is_complex(tensor->dtype()))
    return std::nullopt;
  return to_doubles(*tensor)[0];
}

bool InferContext::wants_output(int i) const {
  return i < output_count() && node_->outputs[static_cast<size_t>(i)] != kNoValue;
}

void InferContext::set_output(int i, Type type) {
  if (i < output_count()) outputs_[static_cast<size_t>(i)] = std::move(type);
}

Status InferContext::expect_rank(int i, int64_t rank, std::string_view what) const {
  if (!shape(i).ranked) return {};
  MN_CHECK(shape(i).rank() == rank, "expected a ", rank, "-D ", what, ", got ", shape(i).rank(), "-D ",
           to_string(shape(i)));
  return {};
}

Status InferContext::expect_same_dtype(int i, int j) const {
  if (dtype(i) == DType::undefined || dtype(j) == DType::undefined || !has_input(i) || !has_input(j)) return {};
  MN_CHECK(dtype(i) == dtype(j), "inputs ", i, " and ", j, " must have one element type, got ", to_string(dtype(i)),
           " and ", to_string(dtype(j)));
  return {};
}

bool EvalContext::wants_output(int i) const {
  return i < output_count() && node_->outputs[static_cast<size_t>(i)] != kNoValue;
}

Result<Tensor*> EvalContext::allocate_output(int i, Dims dims, DType dtype) {
  if (dtype == DType::undefined) dtype = output_types_[static_cast<size_t>(i)].dtype;
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, std::move(dims), budget_));
  Datum& out = outputs_[static_cast<size_t>(i)];
  out = Datum(std::move(tensor));
  return &out.tensor;
}

Type RewriteContext::type(ValueId id) const { return b.type(id); }

namespace {

template <class T>
Result<T> imported(const ImportedNode& node, std::string_view name, T fallback, AttributeKind expected) {
  const Attribute* attribute = node.attributes.find(name);
  if (attribute == nullptr) return fallback;
  const T* value = attribute->get<T>();
  MN_CHECK(value != nullptr, "attribute '", name, "': expected ", to_string(expected), ", got ",
           to_string(attribute->kind()));
  return *value;
}

}  // namespace

Result<int64_t> ImportContext::int_attribute(std::string_view name, int64_t fallback) const {
  return imported<int64_t>(node, name, fallback, AttributeKind::integer);
}

Result<float> ImportContext::float_attribute(std::string_view name, float fallback) const {
  return imported<float>(node, name, fallback, AttributeKind::real);
}

Result<std::string> ImportContext::string_attribute(std::string_view name, std::string_view fallback) const {
  return imported<std::string>(node, name, std::string(fallback), AttributeKind::text);
}

Result<Ints> ImportContext::ints_attribute(std::string_view name) const {
  return imported<Ints>(node, name, {}, AttributeKind::integers);
}

Status ImportContext::take_over(std::vector<ValueId> inputs, const Attributes& attributes) {
  Attributes known;
  for (const AttributeSpec& spec : op.attributes) {
    const Attribute* value = attributes.find(spec.name);
    if (value == nullptr) value = node.attributes.find(spec.name);
    if (value != nullptr && value->present()) known.set(spec.name, *value);
    if (spec.name == "captures" && node.captures != 0) known.set("captures", int64_t{node.captures});
  }
  std::vector<std::string> names = node.outputs;
  for (std::string& name : names) {
    if (name.empty()) name = "-";
  }
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  const std::vector<ValueId> outputs = b.add_many(op.name, inputs, output_count(), known, node.name, names);
  for (int i = 0; i < output_count(); ++i) set_output(i, outputs[static_cast<size_t>(i)]);
  return b.status();
}

}  // namespace minnow
