// What the makers of problems share: one preparation for each operator that has kernels.
#pragma once

#include <span>
#include <vector>

#include "base/problem.h"
#include "graph/graph.h"
#include "ops/contexts.h"

namespace minnow {

// What a preparation sees of the node.
struct Step {
  NodeView node;
  std::span<const Type> inputs;
  std::span<const Tensor* const> values;
  std::span<const Type> outputs;
  Dims input_dims(size_t i) const { return inputs[i].shape.to_dims(); }
  const Tensor* value(size_t i) const { return i < values.size() && i < inputs.size() ? values[i] : nullptr; }
  // Every input from `first` on is absent or of known value.
  bool known_from(size_t first) const {
    for (size_t i = first; i < inputs.size(); ++i) {
      if (inputs[i].kind != Type::Kind::unknown && values[i] == nullptr) return false;
    }
    return true;
  }
};

// Fills in the ints, floats and operands of a problem that has the node's inputs and outputs; false where no kernel
// family knows the operator in this form.
using Prepare = bool (*)(const Step&, Problem&);

// A dimension of 1 before dimension `at`.
void insert_dim(Operand& operand, int32_t at);
// The first `count` inputs alone: the others have become ints or floats.
void keep_inputs(Problem& p, int32_t count);
// The dimensions [first, last) of x as the middle one of three.
void set_extents(Problem& p, int64_t first, int64_t last);
// The elements of an integer tensor. What is too large for a dimension stays too large.
std::vector<int64_t> ints_of(const Tensor& tensor);

// Pools, resize and pad.
bool prepare_pool(const Step& step, Problem& p);
bool prepare_global_pool(const Step& step, Problem& p);
bool prepare_resize(const Step& step, Problem& p);
bool prepare_pad(const Step& step, Problem& p);

// On sequences.
bool prepare_attention(const Step& step, Problem& p);
bool prepare_gather(const Step& step, Problem& p);
bool prepare_recurrent(const Step& step, Problem& p);

}  // namespace minnow
