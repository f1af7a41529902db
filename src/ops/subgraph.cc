#include "ops/subgraph.h"

#include <algorithm>

#include "base/checked.h"
#include "ops/indexing.h"

namespace minnow {

Type element_type(const Type& type) {
  const bool holds = type.kind == Type::Kind::sequence || type.kind == Type::Kind::optional;
  return holds && type.element ? *type.element : Type();
}

Result<const Graph*> checked_subgraph(const NodeView& node, std::string_view attribute, int64_t inputs,
                                      int64_t outputs) {
  const Graph* graph = node.graph_attribute(attribute).get();
  MN_CHECK(graph != nullptr, "subgraph '", attribute, "' is missing");
  MN_CHECK(static_cast<int64_t>(graph->inputs.size()) == inputs, "subgraph '", attribute, "' takes ",
           graph->inputs.size(), " inputs, but the node gives it ", inputs);
  MN_CHECK(static_cast<int64_t>(graph->outputs.size()) >= outputs, "subgraph '", attribute, "' has ",
           graph->outputs.size(), " outputs, but the node needs ", outputs);
  return graph;
}

Result<int> capture_count(const NodeView& node, int input_count) {
  const int64_t captures = node.int_attribute("captures");
  MN_CHECK(captures >= 0 && captures <= input_count, "captures is ", captures, ", but the node has ", input_count,
           " inputs");
  return static_cast<int>(captures);
}

Result<bool> single_condition(const Datum& datum) {
  const Tensor& tensor = datum.tensor;
  MN_CHECK(datum.kind == Datum::Kind::tensor && tensor.dtype() == DType::boolean && tensor.size() == 1,
           "the condition must be one boolean, got ", to_string(Type::of(datum)));
  return tensor.values<bool>()[0];
}

Result<int64_t> single_count(const Datum& datum, std::string_view what) {
  const Tensor& tensor = datum.tensor;
  MN_CHECK(datum.kind == Datum::Kind::tensor && is_integer(tensor.dtype()) && tensor.size() == 1, what,
           " must be one integer, got ", to_string(Type::of(datum)));
  return to_ints(tensor)[0];
}

Result<std::vector<Datum>> run_body(EvalContext& c, const Graph& body, std::span<const Datum> inputs) {
  MN_TRY(c.budget()->step());
  if (c.subgraphs == nullptr) return unsupported({"subgraphs cannot run here"});
  return c.subgraphs->run_subgraph(body, inputs);
}

Status TensorStack::append(const Tensor& element) {
  MN_CHECK(element.valid(), "expected a tensor to stack, got a sequence or nothing");
  if (count_ == 0) {
    dtype_ = element.dtype();
    dims_ = element.dims();
  }
  MN_CHECK(element.dtype() == dtype_ && element.dims() == dims_, "elements to stack differ: ", to_string(dtype_),
           to_string(dims_), " and ", to_string(element.dtype()), to_string(element.dims()));
  const int64_t capacity = storage_.valid() ? storage_.dim(0) : 0;
  if (count_ == capacity) {
    constexpr int64_t kFirstCapacity = 4;
    Dims grown = {std::max(kFirstCapacity, 2 * capacity)};
    grown.insert(grown.end(), dims_.begin(), dims_.end());
    MN_ASSIGN(Tensor larger, Tensor::allocate(dtype_, grown, budget_));
    if (capacity != 0) {
      Tensor front = larger.rows(0, capacity);
      copy_elements(storage_, front);
    }
    storage_ = std::move(larger);
  }
  Tensor row = storage_.rows(count_, 1);
  copy_elements(element, row);
  ++count_;
  return {};
}

Result<Tensor> TensorStack::finish(const Type& type, int64_t axis, bool reverse) {
  if (count_ == 0) {
    MN_CHECK(type.is_tensor() && type.dtype != DType::undefined,
             "nothing was stacked and the element type is not known");
    dtype_ = type.dtype;
    for (const Dim& dim : type.shape.dims) dims_.push_back(std::max<int64_t>(dim.value, 0));
  }
  MN_ASSIGN(const int64_t at, normalize_axis(axis, static_cast<int64_t>(dims_.size()) + 1));
  Dims dims = dims_;
  dims.insert(dims.begin() + at, count_);
  MN_ASSIGN(Tensor out, Tensor::allocate(dtype_, dims, budget_));
  if (out.size() == 0) return out;
  Dims strides = row_major_strides(dims_);
  const int64_t element = element_count(dims_);
  strides.insert(strides.begin() + at, reverse ? -element : element);
  MN_TRY(copy_from_strides(storage_, reverse ? (count_ - 1) * element : 0, strides, out, *budget_));
  return out;
}

}  // namespace minnow
