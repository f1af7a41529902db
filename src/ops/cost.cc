#include "ops/cost.h"

namespace minnow {

int64_t own_multiply_adds(const OpDef& op, const Node& node, std::span<const Type> inputs,
                          std::span<const Tensor* const> values, std::span<const Type> outputs) {
  if (op.cost == nullptr) return 0;
  InferContext context(op, node, inputs, values);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].kind != Type::Kind::unknown) context.set_output(static_cast<int>(i), outputs[i]);
  }
  return op.cost(context).multiply_adds;
}

}  // namespace minnow
