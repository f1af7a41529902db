#include "api/planned_run.h"

#include <cstring>

namespace minnow {
namespace {

class Calls : public OperatorCalls {
 public:
  Calls(const Lowered& lowered, const RunOptions& options) : lowered_(lowered), options_(options) {}

  Status call(const PlanStep& step, void* const* operands) override {
    const Node& node = lowered_.graph.nodes[static_cast<size_t>(step.node)];
    std::vector<Datum> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) {
        inputs.emplace_back();
        continue;
      }
      const Value& value = lowered_.graph.value(node.inputs[i]);
      if (value.is_constant()) {
        inputs.emplace_back(value.constant);
        continue;
      }
      const std::span<const std::byte> bytes(static_cast<const std::byte*>(operands[i]),
                                             static_cast<size_t>(step.bytes[i]));
      MN_ASSIGN(Tensor tensor, Tensor::view(value.type.dtype, value.type.shape.to_dims(), Bytes::borrow(bytes)));
      inputs.emplace_back(std::move(tensor));
    }
    std::vector<Datum> outputs(node.outputs.size());
    MN_TRY(lowered_.calls->run_node(static_cast<size_t>(step.node), inputs, outputs, options_));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const size_t operand = node.inputs.size() + i;
      const Tensor& tensor = outputs[i].tensor;
      const Type& expected = lowered_.graph.value(node.outputs[i]).type;
      if (!(Type::of(outputs[i]) == expected))
        return internal_error(
            {"output ", i, " was planned as ", to_string(expected), " and came as ", to_string(Type::of(outputs[i]))});
      if (tensor.bytes() > 0) std::memcpy(operands[operand], tensor.raw().data(), tensor.raw().size());
    }
    return {};
  }

 private:
  const Lowered& lowered_;
  const RunOptions& options_;
};

// A run writes into its states, so nobody else may hold their bytes.
Status own(Tensor& state, const std::shared_ptr<Budget>& budget) {
  if (state.unique()) return {};
  MN_ASSIGN(Tensor copy, Tensor::allocate(state.dtype(), state.dims(), budget));
  if (state.bytes() > 0) std::memcpy(copy.mutable_data<std::byte>(), state.raw().data(), state.raw().size());
  state = std::move(copy);
  return {};
}

}  // namespace

Result<std::vector<Datum>> PlannedRun::run(const Lowered& lowered, std::span<const Datum> inputs,
                                           std::vector<Tensor>& states, const RunOptions& options,
                                           StepObserver* observer) {
  const Plan& plan = lowered.plan;
  if (arena_bytes() < plan.arena_bytes) {
    arena_ = Tensor();
    MN_ASSIGN(arena_, Tensor::allocate(DType::uint8, {plan.arena_bytes}, options.budget));
  }
  std::vector<const void*> input_data;
  for (const Datum& input : inputs) input_data.push_back(input.tensor.raw().data());
  std::vector<Datum> outputs;
  std::vector<void*> output_data, state_data;
  for (const PlanValue& value : plan.outputs) {
    MN_ASSIGN(Tensor tensor, Tensor::allocate(value.dtype, value.dims, options.budget));
    output_data.push_back(tensor.mutable_data<std::byte>());
    outputs.emplace_back(std::move(tensor));
  }
  for (Tensor& state : states) {
    MN_TRY(own(state, options.budget));
    state_data.push_back(state.mutable_data<std::byte>());
  }
  Calls calls(lowered, options);
  PlanRun run;
  run.budget = options.budget.get();
  run.threads = options.threads;
  run.calls = &calls;
  run.observer = observer;
  run.trace = options.trace;
  const PlanBuffers buffers{arena_.valid() ? arena_.mutable_data<std::byte>() : nullptr, input_data, output_data,
                            state_data};
  MN_TRY(run_plan(plan, buffers, run));
  return outputs;
}

}  // namespace minnow
