#include "lower/provider.h"

#include <array>
#include <optional>
#include <vector>

#include "lower/problem.h"

namespace minnow {
namespace {

// False when one of them is no tensor.
bool add_arguments(std::span<const Datum> data, std::vector<Argument>& arguments) {
  for (const Datum& datum : data) {
    if (datum.kind == Datum::Kind::sequence) return false;
    arguments.push_back({datum.tensor.dtype(), datum.tensor.dims()});
  }
  return true;
}

class Provider : public KernelProvider {
 public:
  explicit Provider(Isa best) : best_(best) {}

  Result<bool> run(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::span<Datum> outputs,
                   const std::shared_ptr<Budget>& budget, ThreadPool* threads) override {
    std::vector<Argument> in_arguments, out_arguments;
    if (!add_arguments(inputs, in_arguments) || !add_arguments(outputs, out_arguments)) return false;
    const std::optional<Problem> problem = make_problem(op, node, in_arguments, out_arguments);
    const KernelRow* row = problem.has_value() ? find_kernel(*problem, best_) : nullptr;
    if (row == nullptr) return false;
    std::array<const void*, kMaxOperands> in{};
    for (int i = 0; i < problem->input_count; ++i)
      in[static_cast<size_t>(i)] = inputs[static_cast<size_t>(i)].tensor.raw().data();
    void* out[1] = {outputs[0].tensor.mutable_data<std::byte>()};
    KernelCall call;
    call.row = row;
    call.problem = &*problem;
    call.inputs = in.data();
    call.outputs = out;
    call.threads = threads;
    call.stop = [](void* context) { return !static_cast<Budget*>(context)->step(0).ok(); };
    call.stop_context = budget.get();
    Tensor scratch;
    if (row->scratch_bytes != nullptr) {
      MN_ASSIGN(scratch,
                Tensor::allocate(DType::uint8, {row->scratch_bytes(*row, *problem, call.thread_count())}, budget));
      call.scratch = scratch.mutable_data<uint8_t>();
    }
    if (row->run(call) == kStopped) MN_TRY(budget->step(0));
    return true;
  }

 private:
  Isa best_;
};

}  // namespace

std::unique_ptr<KernelProvider> make_kernel_provider(Isa best) { return std::make_unique<Provider>(best); }

}  // namespace minnow
