// The problems of operators on sequences: attention, recurrences, gather.
#include <algorithm>
#include <cmath>

#include "kernels/families.h"
#include "lower/preparation.h"
#include "ops/recurrent.h"

namespace minnow {

// The part without cache, windows, cap and visible scores.
bool prepare_attention(const Step& step, Problem& p) {
  const NodeView& node = step.node;
  if (step.inputs.size() > 4 || step.outputs.size() != 1 || (p.input(0).rank != 3 && p.input(0).rank != 4))
    return false;
  if (node.float_attribute("softcap") != 0 || node.int_attribute("left_window_size") >= 0 ||
      node.int_attribute("right_window_size") >= 0 ||
      (node.has_attribute("softmax_precision") && node.dtype_attribute("softmax_precision") != DType::float32))
    return false;
  const bool apart = p.input(0).rank == 4;
  p.ints[kernels::kHeads] = apart ? p.input(0).dims[1] : node.int_attribute("q_num_heads");
  p.ints[kernels::kKeyHeads] = apart ? p.input(1).dims[1] : node.int_attribute("kv_num_heads");
  p.ints[kernels::kCausal] = node.int_attribute("is_causal") != 0;
  const int64_t size = apart ? p.input(0).dims[3] : p.input(0).dims[2] / std::max<int64_t>(p.ints[kernels::kHeads], 1);
  p.floats[0] = node.has_attribute("scale") ? node.float_attribute("scale")
                                            : static_cast<float>(1 / std::sqrt(static_cast<double>(size)));
  return true;
}

// With the usual activations, nothing clipped and no gates coupled.
bool prepare_recurrent(const Step& step, Problem& p) {
  const NodeView& node = step.node;
  const bool lstm = p.op == "lstm";
  using ops::CellActivation;
  const ops::Cell cell = lstm ? ops::Cell::lstm : ops::Cell::gru;
  const auto functions = ops::cell_functions(node, cell);
  if (!functions.ok()) return false;
  for (size_t i = 0; i < functions->size(); ++i) {
    const bool first = static_cast<int64_t>(i) % ops::activation_count(cell) == 0;
    if ((*functions)[i].kind != (first ? CellActivation::sigmoid : CellActivation::tanh)) return false;
  }
  if ((node.has_attribute("clip") && node.float_attribute("clip") > 0) ||
      (lstm && node.int_attribute("input_forget") != 0))
    return false;
  p.ints[kernels::kReverse] = node.string_attribute("direction") == "reverse";
  p.ints[kernels::kBatchFirst] = node.int_attribute("layout") == 1;
  p.ints[kernels::kResetLast] = !lstm && node.int_attribute("linear_before_reset") != 0;
  return true;
}

bool prepare_gather(const Step& step, Problem& p) {
  const auto axis = normalize_axis(step.node.int_attribute("axis"), p.input(0).rank);
  if (axis.ok()) p.ints[0] = *axis;
  return axis.ok();
}

}  // namespace minnow
