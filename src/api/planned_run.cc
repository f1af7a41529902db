#include "api/planned_run.h"

#include <cstring>

namespace minnow {
namespace {

class Calls : public OperatorCalls {
 public:
  Calls(const Lowered& lowered, const RunOptions& options) : lowered_(lowered), options_(options) {}

  Status call(const PlanStep& step, void* const* operands) override {
    const Node& node = lowered_.graph.nodes[static_cast<size_t>(step.node)];
    // Operands as they lie in the plan's memory: the operator writes its outputs there, too, where it can.
    const auto view = [&](ValueId id, size_t operand) {
      const Type& type = lowered_.graph.value(id).type;
      const std::span<const std::byte> bytes(static_cast<const std::byte*>(operands[operand]),
                                             static_cast<size_t>(step.bytes[operand]));
      return Tensor::view(type.dtype, type.shape.to_dims(), Bytes::borrow(bytes));
    };
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
      MN_ASSIGN(Tensor tensor, view(node.inputs[i], i));
      inputs.emplace_back(std::move(tensor));
    }
    std::vector<Datum> outputs(node.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      MN_ASSIGN(Tensor tensor, view(node.outputs[i], node.inputs.size() + i));
      outputs[i] = Datum(std::move(tensor));
    }
    MN_TRY(lowered_.calls->run_node(static_cast<size_t>(step.node), inputs, outputs, options_));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const size_t operand = node.inputs.size() + i;
      const Tensor& tensor = outputs[i].tensor;
      const Type& expected = lowered_.graph.value(node.outputs[i]).type;
      if (!(Type::of(outputs[i]) == expected))
        return internal_error(
            {"output ", i, " was planned as ", to_string(expected), " and came as ", to_string(Type::of(outputs[i]))});
      if (tensor.bytes() > 0 && tensor.raw().data() != operands[operand])
        std::memcpy(operands[operand], tensor.raw().data(), tensor.raw().size());
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

// Tells a NodeObserver about steps.
class StepsAsNodes : public StepObserver {
 public:
  StepsAsNodes(const Lowered& lowered, const RunOptions& options) : lowered_(lowered), options_(options) {}
  Status on_step(const PlanStep& step, int64_t, int64_t duration_ns) override {
    return options_.observer->on_node(lowered_.graph, lowered_.graph.nodes[static_cast<size_t>(step.node)], {},
                                      options_.depth, duration_ns);
  }

 private:
  const Lowered& lowered_;
  const RunOptions& options_;
};

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const auto a_start = reinterpret_cast<uintptr_t>(a), b_start = reinterpret_cast<uintptr_t>(b);
  return a_start < b_start + b_bytes && b_start < a_start + a_bytes;
}

// Whether steps may write this output where the caller wants it: nothing that they still read lies there.
bool is_apart(size_t output, std::span<const OutputBuffer> buffers, std::span<const Datum> inputs) {
  const OutputBuffer& buffer = buffers[output];
  for (const Datum& input : inputs) {
    const auto raw = input.tensor.raw();
    if (overlap(buffer.data, buffer.bytes, raw.data(), raw.size())) return false;
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (i != output && overlap(buffer.data, buffer.bytes, buffers[i].data, buffers[i].bytes)) return false;
  }
  return true;
}

}  // namespace

Status PlannedRun::place_outputs(const Plan& plan, std::span<const Datum> inputs, std::span<const OutputBuffer> buffers,
                                 const std::shared_ptr<Budget>& budget, std::vector<Datum>& outputs) {
  outputs.resize(plan.outputs.size());
  output_data_.resize(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const PlanValue& value = plan.outputs[i];
    Tensor& tensor = outputs[i].tensor;
    const bool same =
        outputs[i].kind == Datum::Kind::tensor && tensor.dtype() == value.dtype && tensor.dims() == value.dims;
    void* data = i < buffers.size() ? buffers[i].data : nullptr;
    const bool aligned = reinterpret_cast<uintptr_t>(data) % element_bytes(value.dtype) == 0;
    if (data != nullptr && aligned && is_apart(i, buffers, inputs)) {
      if (!same || tensor.raw().data() != data) {
        MN_ASSIGN(Tensor view, Tensor::view(value.dtype, value.dims,
                                            Bytes::borrow({static_cast<const std::byte*>(data), buffers[i].bytes})));
        outputs[i] = Datum(std::move(view));
      }
    } else if (!same || !tensor.unique()) {
      outputs[i] = Datum();
      MN_ASSIGN(Tensor own, Tensor::allocate(value.dtype, value.dims, budget));
      outputs[i] = Datum(std::move(own));
    }
    output_data_[i] = outputs[i].tensor.mutable_data<std::byte>();
  }
  return {};
}

Status PlannedRun::run(const Lowered& lowered, std::span<const Datum> inputs, std::vector<Tensor>& states,
                       const RunOptions& options, std::span<const OutputBuffer> buffers, std::vector<Datum>& outputs) {
  const Plan& plan = lowered.plan;
  if (arena_bytes() < plan.arena_bytes) {
    arena_ = Tensor();
    MN_ASSIGN(arena_, Tensor::allocate(DType::uint8, {plan.arena_bytes}, options.budget));
  }
  input_data_.clear();
  for (const Datum& input : inputs) input_data_.push_back(input.tensor.raw().data());
  MN_TRY(place_outputs(plan, inputs, buffers, options.budget, outputs));
  state_data_.clear();
  for (Tensor& state : states) {
    MN_TRY(own(state, options.budget));
    state_data_.push_back(state.mutable_data<std::byte>());
  }
  Calls calls(lowered, options);
  StepsAsNodes steps(lowered, options);
  PlanRun run;
  run.budget = options.budget.get();
  run.threads = options.threads;
  run.calls = &calls;
  run.observer = options.observer != nullptr ? &steps : nullptr;
  run.trace = options.trace;
  run.depth = options.depth;
  const PlanBuffers places{arena_.valid() ? arena_.mutable_data<std::byte>() : nullptr, input_data_, output_data_,
                           state_data_};
  MN_TRY(run_plan(plan, places, run));
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].data != nullptr && buffers[i].data != output_data_[i] && buffers[i].bytes > 0)
      std::memcpy(buffers[i].data, output_data_[i], buffers[i].bytes);
  }
  return {};
}

}  // namespace minnow
