// What the control-flow operators share: types of branches and bodies, and growing outputs. A node's last `captures`
// inputs are values from outside that its closed subgraphs take as their last inputs.
#pragma once

#include "ops/contexts.h"

namespace minnow {

// The element of a sequence or optional; unknown when not known.
Type element_type(const Type& type);

// The subgraph attribute, checked to be there with this many inputs and at least this many outputs.
Result<const Graph*> checked_subgraph(const NodeView& node, std::string_view attribute, int64_t inputs,
                                      int64_t outputs);
// The `captures` attribute, checked against the inputs.
Result<int> capture_count(const NodeView& node, int input_count);
// The value of an input that must be one boolean, or one int64.
Result<bool> single_condition(const Datum& datum);
Result<int64_t> single_count(const Datum& datum, std::string_view what);
// Runs it, with a step of the budget spent even when it has no nodes.
Result<std::vector<Datum>> run_body(EvalContext& c, const Graph& body, std::span<const Datum> inputs);

// Tensors of one dtype and one shape stacked along a new first axis. Capacity doubles, so that n appends cost O(n).
class TensorStack {
 public:
  explicit TensorStack(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}
  Status append(const Tensor& element);
  int64_t count() const { return count_; }
  // [count, ...], or the stacked axis at `axis` (of the result's rank), the last element first when `reverse`. For an
  // empty stack the result has `type`'s element dims, 0 where unknown.
  Result<Tensor> finish(const Type& type, int64_t axis = 0, bool reverse = false);

 private:
  std::shared_ptr<Budget> budget_;
  Tensor storage_;  // [capacity, ...]
  DType dtype_ = DType::undefined;
  Dims dims_;
  int64_t count_ = 0;
};

}  // namespace minnow
