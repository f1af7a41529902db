#include "lower/provider.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "kernels/families.h"
#include "ops/convolution.h"

namespace minnow {
namespace {

using kernels::ConvInt;

// What a preparation sees of the node.
struct Step {
  NodeView node;
  std::span<const Type> inputs;
  std::span<const Tensor* const> values;
  std::span<const Type> outputs;
  Dims input_dims(size_t i) const { return inputs[i].shape.to_dims(); }
};

Operand operand_of(const Type& type) {
  Operand operand;
  operand.dtype = type.dtype;
  operand.rank = static_cast<int32_t>(type.shape.rank());
  int64_t stride = 1;
  for (size_t d = type.shape.dims.size(); d-- > 0;) {
    operand.dims[d] = type.shape.dims[d].value;
    operand.strides[d] = stride;
    stride *= type.shape.dims[d].value;
  }
  return operand;
}

void insert_dim(Operand& operand, int32_t at) {
  for (int32_t d = operand.rank; d > at; --d) {
    operand.dims[static_cast<size_t>(d)] = operand.dims[static_cast<size_t>(d - 1)];
    operand.strides[static_cast<size_t>(d)] = operand.strides[static_cast<size_t>(d - 1)];
  }
  operand.dims[static_cast<size_t>(at)] = 1;
  operand.strides[static_cast<size_t>(at)] =
      at < operand.rank ? operand.dims[static_cast<size_t>(at + 1)] * operand.strides[static_cast<size_t>(at + 1)] : 1;
  ++operand.rank;
}

// Vectors become matrices; the output gets the dimension back that NumPy's rule drops.
bool prepare_matmul(const Step&, Problem& p) {
  Operand &a = p.operands[0], &b = p.operands[1], &out = p.operands[2];
  const bool a_vector = a.rank == 1, b_vector = b.rank == 1;
  if (out.rank + a_vector + b_vector > kMaxRank) return false;
  if (a_vector) insert_dim(a, 0);
  if (b_vector) insert_dim(b, 1);
  if (a_vector) insert_dim(out, std::max(out.rank - (b_vector ? 0 : 1), 0));
  if (b_vector) insert_dim(out, out.rank);
  return true;
}

bool prepare_gemm(const Step& step, Problem& p) {
  p.ints[0] = step.node.int_attribute("transA");
  p.ints[1] = step.node.int_attribute("transB");
  p.floats[0] = step.node.float_attribute("alpha");
  p.floats[1] = step.node.float_attribute("beta");
  return true;
}

bool prepare_conv(const Step& step, Problem& p) {
  const int32_t rank = p.operands[0].rank;
  if ((rank != 3 && rank != 4) || step.node.string_attribute("data_layout") != "NCHW") return false;
  const auto conv =
      concrete_convolution(step.node, step.input_dims(0), step.input_dims(1), step.outputs[0].shape.to_dims());
  if (!conv.ok()) return false;
  const WindowAxis &height = conv->window[1], &width = conv->window[2];
  if (rank == 3) {  // one row of height 1
    insert_dim(p.operands[0], 2);
    insert_dim(p.operands[1], 2);
    insert_dim(p.operands[static_cast<size_t>(p.input_count)], 2);
  }
  p.ints[kernels::kStrideH] = height.stride;
  p.ints[kernels::kStrideW] = width.stride;
  p.ints[kernels::kDilationH] = height.dilation;
  p.ints[kernels::kDilationW] = width.dilation;
  p.ints[kernels::kPadTop] = height.pad_begin;
  p.ints[kernels::kPadLeft] = width.pad_begin;
  p.ints[kernels::kGroup] = conv->group;
  return true;
}

// Aligns the inputs with the output at the right; broadcast dimensions get stride 0.
bool prepare_binary(const Step&, Problem& p) {
  const Operand& out = p.operands[2];
  for (size_t i = 0; i < 2; ++i) {
    const Operand in = p.operands[i];
    Operand& aligned = p.operands[i];
    aligned.rank = out.rank;
    for (int32_t d = out.rank - 1, e = in.rank - 1; d >= 0; --d, --e) {
      const bool given = e >= 0;
      aligned.dims[static_cast<size_t>(d)] = given ? in.dims[static_cast<size_t>(e)] : 1;
      aligned.strides[static_cast<size_t>(d)] =
          given && in.dims[static_cast<size_t>(e)] != 1 ? in.strides[static_cast<size_t>(e)] : 0;
    }
  }
  return true;
}

struct Preparation {
  std::string_view op;
  bool (*prepare)(const Step&, Problem&);
};

constexpr Preparation kPreparations[] = {
    {"matmul", prepare_matmul}, {"gemm", prepare_gemm},  {"conv", prepare_conv},  {"add", prepare_binary},
    {"sub", prepare_binary},    {"mul", prepare_binary}, {"div", prepare_binary}, {"relu", nullptr},
    {"neg", nullptr},           {"abs", nullptr},        {"sqrt", nullptr},
};

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
    for (const Datum& output : outputs) output_types.push_back(Type::of(output));
    const std::optional<Problem> problem = make_problem(op, node, types, values, output_types);
    const KernelRow* row = problem.has_value() ? find_kernel(*problem, best_) : nullptr;
    if (row == nullptr) return false;
    std::array<const void*, kMaxOperands> in{};
    for (int i = 0; i < problem->input_count; ++i)
      in[static_cast<size_t>(i)] = inputs[static_cast<size_t>(i)].tensor.raw().data();
    std::array<void*, kMaxOperands> out{};
    for (size_t i = 0; i < outputs.size(); ++i) out[i] = outputs[i].tensor.mutable_data<std::byte>();
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
    if (row->run(call) == kStopped) MN_TRY(budget->step(0));
    return true;
  }

 private:
  Isa best_;
};

}  // namespace

std::optional<Problem> make_problem(const OpDef& op, const Node& node, std::span<const Type> inputs,
                                    std::span<const Tensor* const> values, std::span<const Type> outputs) {
  const auto* preparation = std::find_if(std::begin(kPreparations), std::end(kPreparations),
                                         [&](const Preparation& p) { return p.op == op.name; });
  if (preparation == std::end(kPreparations) || outputs.empty()) return std::nullopt;
  while (!inputs.empty() && inputs.back().kind == Type::Kind::unknown) inputs = inputs.first(inputs.size() - 1);
  Problem problem;
  problem.op = op.name;
  problem.input_count = static_cast<int32_t>(inputs.size());
  if (inputs.empty() || inputs.size() + outputs.size() > static_cast<size_t>(kMaxOperands)) return std::nullopt;
  problem.operand_count = static_cast<int32_t>(inputs.size() + outputs.size());
  for (size_t i = 0; i < inputs.size() + outputs.size(); ++i) {
    const Type& type = i < inputs.size() ? inputs[i] : outputs[i - inputs.size()];
    if (!type.is_tensor() || !type.shape.static_dims() || type.shape.rank() > kMaxRank) return std::nullopt;
    problem.operands[i] = operand_of(type);
  }
  if (problem.output(0).elements() == 0) return std::nullopt;
  const Step step{NodeView(op, node), inputs, values, outputs};
  if (preparation->prepare != nullptr && !preparation->prepare(step, problem)) return std::nullopt;
  return problem;
}

std::unique_ptr<KernelProvider> make_kernel_provider(Isa best) { return std::make_unique<Provider>(best); }

}  // namespace minnow
