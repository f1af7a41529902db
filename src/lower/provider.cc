#include "lower/provider.h"

#include <array>
#include <optional>
#include <vector>

namespace minnow {
namespace {

class Provider : public KernelProvider {
 public:
  explicit Provider(Isa best) : best_(best) {}

  Result<bool> run(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::span<Datum> outputs,
                   const std::shared_ptr<Budget>& budget, ThreadPool* threads) override {
    std::vector<Type> types, output_types;
    std::vector<const Tensor*> values;
    for (const Datum& input : inputs) {
      types.push_back(input.present() ? Type::of(input) : Type{});
      values.push_back(input.present() && input.kind == Datum::Kind::tensor ? &input.tensor : nullptr);
    }
    for (const Datum& output : outputs) output_types.push_back(output.present() ? Type::of(output) : Type{});
    const std::optional<Problem> problem = make_problem(op, node, types, values, output_types);
    const KernelRow* row = problem.has_value() ? find_kernel(*problem, best_) : nullptr;
    if (row == nullptr) return false;
    last_kernel_ = to_string(row->isa);
    std::array<const void*, kMaxOperands> in{};
    for (int i = 0; i < problem->input_count; ++i)
      in[static_cast<size_t>(i)] = inputs[static_cast<size_t>(i)].tensor.raw().data();
    std::array<void*, kMaxOperands> out{};
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].present()) out[i] = outputs[i].tensor.mutable_data<std::byte>();
    }
    KernelCall call;
    call.row = row;
    call.problem = &*problem;
    call.inputs = in.data();
    call.outputs = out.data();
    call.threads = threads;
    call.stop = [](void* context) { return !static_cast<Budget*>(context)->step(0).ok(); };
    call.stop_context = budget.get();
    Tensor scratch;
    if (row->scratch_bytes != nullptr) {
      MN_ASSIGN(scratch,
                Tensor::allocate(DType::uint8, {row->scratch_bytes(*row, *problem, call.thread_count(), 0)}, budget));
      call.scratch = scratch.mutable_data<uint8_t>();
    }
    const KernelStatus status = row->run(call);
    if (status == kStopped) MN_TRY(budget->step(0));
    return status != kBadIndex;  // the reference will say which one
  }

  std::string_view last_kernel() const override { return last_kernel_; }

 private:
  Isa best_;
  std::string_view last_kernel_;
};

}  // namespace

std::unique_ptr<KernelProvider> make_kernel_provider(Isa best) { return std::make_unique<Provider>(best); }

}  // namespace minnow
