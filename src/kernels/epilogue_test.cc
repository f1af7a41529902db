// Epilogues and packs: every form of a product or convolution gives the activation of its plain form's result, which
// lower/provider_test.cc holds against the operators' references.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/families.h"

namespace minnow {
namespace {

using Floats = std::vector<float>;

double activate(const Epilogue& e, double x) {
  const double a = static_cast<double>(e.parameters[0]), b = static_cast<double>(e.parameters[1]);
  switch (e.activation) {
    case Activation::none: return x;
    case Activation::relu: return std::max(x, 0.0);
    case Activation::clip: return std::min(std::max(x, a), b);
    case Activation::leaky_relu: return x < 0 ? a * x : x;
    case Activation::sigmoid: return 1 / (1 + std::exp(-x));
    case Activation::silu: return x / (1 + std::exp(-x));
    case Activation::hard_swish: return x * std::max(0.0, std::min(1.0, x / 6 + 0.5));
    case Activation::hard_sigmoid: return std::max(0.0, std::min(1.0, a * x + b));
    case Activation::tanh: return std::tanh(x);
    case Activation::gelu: return x * (1 + std::erf(x / std::sqrt(2.0))) / 2;
    case Activation::gelu_tanh:
      return x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))) / 2;
  }
  return x;
}

const Epilogue kEpilogues[] = {{Activation::none},
                               {Activation::relu},
                               {Activation::clip, false, {-0.25f, 0.5f}},
                               {Activation::leaky_relu, false, {0.1f, 0}},
                               {Activation::sigmoid},
                               {Activation::silu},
                               {Activation::hard_swish},
                               {Activation::hard_sigmoid, false, {0.2f, 0.5f}},
                               {Activation::tanh},
                               {Activation::gelu},
                               {Activation::gelu_tanh}};

Operand operand(std::initializer_list<int64_t> dims) {
  Operand x;
  x.dtype = DType::float32;
  x.rank = static_cast<int32_t>(dims.size());
  std::copy(dims.begin(), dims.end(), x.dims.begin());
  int64_t stride = 1;
  for (int32_t d = x.rank - 1; d >= 0; --d) {
    x.strides[static_cast<size_t>(d)] = stride;
    stride *= x.dims[static_cast<size_t>(d)];
  }
  return x;
}

Problem problem(std::string_view op, std::initializer_list<Operand> inputs, const Operand& output) {
  Problem p;
  p.op = op;
  for (const Operand& input : inputs) p.operands[static_cast<size_t>(p.input_count++)] = input;
  p.operands[static_cast<size_t>(p.input_count)] = output;
  p.operand_count = p.input_count + 1;
  return p;
}

Problem with_epilogue(Problem p, const Epilogue& epilogue) {
  p.epilogue = epilogue;
  if (!epilogue.residual) return p;
  const Operand output = p.output(0);
  p.operands[static_cast<size_t>(++p.input_count)] = output;
  p.operand_count = p.input_count + 1;
  return p;
}

struct Aligned {
  std::vector<float> memory;
  float* data = nullptr;
  explicit Aligned(int64_t bytes) : memory(static_cast<size_t>(bytes / 4 + 32), 0.0f) {
    data = memory.data();
    while (reinterpret_cast<uintptr_t>(data) % 64 != 0) ++data;
  }
};

// `output` holds the residual already where it is to be summed in place.
void run(const KernelRow& row, const Problem& p, const std::vector<Floats>& inputs, bool packed, ThreadPool* threads,
         const float* residual, Floats& output) {
  std::vector<const void*> in, packs(inputs.size() + 1, nullptr);
  std::vector<Aligned> memory;
  uint32_t mask = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    in.push_back(inputs[i].data());
    const int64_t bytes = packed && row.pack_bytes != nullptr ? row.pack_bytes(row, p, static_cast<int>(i)) : 0;
    if (bytes == 0) continue;
    memory.emplace_back(bytes);
    row.pack(row, p, static_cast<int>(i), inputs[i].data(), memory.back().data);
    packs[i] = memory.back().data;
    in.back() = nullptr;
    mask |= 1u << i;
  }
  if (residual != nullptr) in.push_back(residual);
  KernelCall call;
  call.row = &row;
  call.problem = &p;
  call.inputs = in.data();
  call.packed = packs.data();
  void* out[] = {output.data()};
  call.outputs = out;
  call.threads = threads;
  Aligned scratch(row.scratch_bytes != nullptr ? row.scratch_bytes(row, p, call.thread_count(), mask) : 0);
  call.scratch = scratch.data;
  ASSERT_EQ(row.run(call), kDone);
}

Floats random_floats(int64_t count, uint64_t seed) {
  Random random(seed);
  Floats values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform() * 2 - 1);
  return values;
}

// `depth`: products in a sum. Two orders of summation may differ by its roundings, depth * 2^-24 amply.
void check(const Problem& plain, int64_t depth, std::string_view note) {
  std::vector<Floats> inputs;
  for (int i = 0; i < plain.input_count; ++i)
    inputs.push_back(random_floats(plain.input(i).elements(), static_cast<uint64_t>(i + 1)));
  const auto count = static_cast<size_t>(plain.output(0).elements());
  const Floats residual = random_floats(plain.output(0).elements(), 99);
  ThreadPool two(2);
  int checked = 0;
  for (const KernelRow& row : kernel_rows()) {
    if (row.op != plain.op || !isa_available(row.isa) || !row.accepts(plain)) continue;
    ++checked;
    Floats result(count);
    run(row, plain, inputs, false, nullptr, nullptr, result);
    for (Epilogue epilogue : kEpilogues) {
      for (int form = 0; form < 6; ++form) {  // bit 0: packed; form / 2: no residual, one, one in place
        epilogue.residual = form >= 2;
        const Problem p = with_epilogue(plain, epilogue);
        ASSERT_TRUE(row.accepts(p)) << note;
        Floats one(count, std::numeric_limits<float>::quiet_NaN()), other = one;
        if (form >= 4) one = other = residual;
        run(row, p, inputs, form % 2 != 0, nullptr,
            form >= 4   ? one.data()
            : form >= 2 ? residual.data()
                        : nullptr,
            one);
        run(row, p, inputs, form % 2 != 0, &two,
            form >= 4   ? other.data()
            : form >= 2 ? residual.data()
                        : nullptr,
            other);
        EXPECT_EQ(std::memcmp(one.data(), other.data(), count * sizeof(float)), 0) << note << ": threads";
        for (size_t i = 0; i < count; ++i) {
          const double sum = static_cast<double>(result[i]) + (form >= 2 ? static_cast<double>(residual[i]) : 0.0);
          ASSERT_NEAR(one[i], activate(epilogue, sum),
                      (4e-6 + static_cast<double>(depth) * 0x1p-24) * (1 + std::abs(sum)))
              << note << " on " << to_string(row.isa) << ", activation " << static_cast<int>(epilogue.activation)
              << ", form " << form << ", element " << i;
        }
      }
    }
  }
  EXPECT_GT(checked, 0) << note;
}

TEST(Epilogue, Matmul) {
  check(problem("matmul", {operand({7, 19}), operand({19, 37})}, operand({7, 37})), 19, "7x19x37");
  check(problem("matmul", {operand({1, 19}), operand({19, 37}), operand({37})}, operand({1, 37})), 19, "one row, bias");
  check(problem("matmul", {operand({70, 600}), operand({600, 33}), operand({33})}, operand({70, 33})), 600, "slices");
  check(problem("matmul", {operand({2, 3, 9, 5}), operand({3, 5, 17}), operand({17})}, operand({2, 3, 9, 17})), 5,
        "batch");
  check(problem("matmul", {operand({2, 9, 5}), operand({5, 1})}, operand({2, 9, 1})), 5, "one column");
}

TEST(Epilogue, MatmulOfTransposedOperands) {
  Problem p = problem("matmul", {operand({2, 19, 7}), operand({37, 19})}, operand({2, 7, 37}));
  p.ints = {1, 1};
  check(p, 19, "both");
  p = problem("matmul", {operand({2, 7, 300}), operand({2, 37, 300})}, operand({2, 7, 37}));
  p.ints = {0, 1};
  check(p, 300, "B, a batch of it");
}

TEST(Epilogue, Gemm) {
  for (int64_t transposed : {0, 1}) {
    Problem p =
        problem("gemm", {operand({7, 300}), transposed != 0 ? operand({37, 300}) : operand({300, 37}), operand({37})},
                operand({7, 37}));
    p.ints = {0, transposed};
    p.floats = {1, 1};
    check(p, 300, "gemm");
  }
}

struct ConvCase {
  int64_t channels, filters, size, kernel, stride, dilation, pad, group;
};

TEST(Epilogue, Conv) {
  for (const ConvCase& c :
       {ConvCase{5, 7, 9, 1, 1, 1, 0, 1}, ConvCase{3, 20, 11, 3, 2, 1, 1, 1}, ConvCase{30, 14, 9, 3, 1, 2, 2, 2},
        ConvCase{30, 14, 21, 3, 1, 2, 2, 1}, ConvCase{6, 6, 37, 3, 1, 1, 1, 6}, ConvCase{3, 6, 30, 5, 2, 1, 2, 3},
        ConvCase{2, 2, 9, 3, 3, 2, 2, 2}}) {
    const int64_t out = (c.size + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
    Problem p = problem("conv",
                        {operand({2, c.channels, c.size, c.size}),
                         operand({c.filters, c.channels / c.group, c.kernel, c.kernel}), operand({c.filters})},
                        operand({2, c.filters, out, out}));
    p.ints = {c.stride, c.stride, c.dilation, c.dilation, c.pad, c.pad, c.group};
    check(p, 270, "conv");
  }
}

TEST(Epilogue, ConvWithChannelsLast) {
  for (const ConvCase& c :
       {ConvCase{5, 20, 9, 1, 1, 1, 0, 1}, ConvCase{9, 20, 11, 3, 2, 1, 1, 1}, ConvCase{37, 37, 9, 3, 1, 1, 1, 37}}) {
    const int64_t out = (c.size + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
    Problem p = problem("conv",
                        {operand({2, c.size, c.size, c.channels}),
                         operand({c.filters, c.kernel, c.kernel, c.channels / c.group}), operand({c.filters})},
                        operand({2, out, out, c.filters}));
    p.ints = {c.stride, c.stride, c.dilation, c.dilation, c.pad, c.pad, c.group};
    p.ints[kernels::kChannelsLast] = 1;
    check(p, 81, "conv, channels last");
  }
}

}  // namespace
}  // namespace minnow
