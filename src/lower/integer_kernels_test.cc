// Kernels on 8-bit codes against the operators' meaning, bit by bit: cases, random shapes, tails, both signs, zero
// points, every form of result, weights packed and not, on every instruction set of this machine, with one thread and
// with three.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "graph/tensor_equal.h"
#include "lower/provider.h"
#include "ops/cases.h"

namespace minnow {
namespace {

struct Prepared {
  const OpDef* op;
  Node node;
  std::vector<Datum> inputs;
  Tensor expected;
};

std::optional<Prepared> prepare(std::string_view name, std::vector<Datum> inputs, const Attributes& attributes) {
  Prepared p{Registry::builtin().find(name), {std::string(name), "", {}, {0}, attributes}, std::move(inputs), {}};
  for (size_t i = 0; i < p.inputs.size(); ++i)
    p.node.inputs.push_back(p.inputs[i].present() ? static_cast<ValueId>(i) : kNoValue);
  auto results = evaluate(name, p.inputs, attributes);
  EXPECT_TRUE(results.ok()) << name << ": " << results.error().message;
  if (!results.ok()) return std::nullopt;
  p.expected = (*results)[0].tensor;
  return p;
}

Problem problem_of(const Prepared& p) {
  std::vector<Type> types;
  std::vector<const Tensor*> values;
  for (const Datum& input : p.inputs) {
    types.push_back(input.present() ? Type::of(input) : Type{});
    values.push_back(input.present() ? &input.tensor : nullptr);
  }
  const Type out = Type::of(Datum(p.expected));
  const auto problem = make_problem(*p.op, p.node, types, values, {&out, 1});
  EXPECT_TRUE(problem.has_value()) << p.op->name;
  return problem.value_or(Problem{});
}

// Guard bytes behind the scratch and around the output show what is written out of bounds.
struct Guarded {
  explicit Guarded(int64_t bytes) : size(bytes), memory(static_cast<size_t>(bytes) + 128 + 64, std::byte{0xA5}) {}
  std::byte* data() {
    auto address = reinterpret_cast<uintptr_t>(memory.data()) + 64;
    return reinterpret_cast<std::byte*>((address + 63) / 64 * 64);
  }
  bool whole() {
    for (int i = 1; i <= 32; ++i) {
      if (data()[-i] != std::byte{0xA5} || data()[size + i - 1] != std::byte{0xA5}) return false;
    }
    return true;
  }
  int64_t size;
  std::vector<std::byte> memory;
};

void run_row(const KernelRow& row, const Prepared& p, const Problem& problem, const Tensor& expected, bool packed,
             ThreadPool* threads, const std::string& note) {
  const void* inputs[kMaxOperands] = {};
  const void* packs[kMaxOperands] = {};
  for (int32_t i = 0; i < problem.input_count; ++i) {
    const Datum& input = p.inputs[static_cast<size_t>(i)];
    inputs[i] = input.present() ? input.tensor.raw().data() : nullptr;
  }
  const int64_t bytes = packed && row.pack_bytes != nullptr ? row.pack_bytes(row, problem, 1) : 0;
  if (packed && bytes == 0) return;
  Guarded pack(bytes), output(expected.bytes());
  if (packed) {
    row.pack(row, problem, 1, inputs[1], pack.data());
    packs[1] = pack.data();
    inputs[1] = nullptr;
  }
  const int count = threads != nullptr ? threads->thread_count() : 1;
  Guarded scratch(row.scratch_bytes != nullptr ? row.scratch_bytes(row, problem, count, packed ? 2 : 0) : 0);
  void* outputs[1] = {output.data()};
  const KernelCall call{.row = &row,
                        .problem = &problem,
                        .inputs = inputs,
                        .packed = packs,
                        .outputs = outputs,
                        .scratch = scratch.data(),
                        .threads = threads};
  ASSERT_EQ(row.run(call), kDone);
  Tensor got = *Tensor::allocate(expected.dtype(), expected.dims());
  std::copy_n(output.data(), expected.bytes(), got.mutable_data<std::byte>());
  ASSERT_TRUE(same_bits(got, expected)) << note;
  ASSERT_TRUE(output.whole() && scratch.whole() && pack.whole()) << note << ": written out of bounds";
}

// `limits`: of the epilogue, on codes.
void check(std::string_view name, std::vector<Datum> inputs, const Attributes& attributes, const std::string& note,
           std::optional<std::pair<double, double>> limits = std::nullopt) {
  const auto p = prepare(name, std::move(inputs), attributes);
  if (!p) return;
  Problem problem = problem_of(*p);
  Tensor expected = p->expected;
  if (limits) {
    problem.epilogue = {
        Activation::clip, false, {static_cast<float>(limits->first), static_cast<float>(limits->second)}};
    std::vector<Datum> clip{Datum(expected)};
    for (double limit : {limits->first, limits->second})
      clip.emplace_back(*convert_dtype(Tensor::scalar(limit), expected.dtype()));
    expected = (*evaluate("clip", clip, {}))[0].tensor;
  }
  ThreadPool three(3);
  int rows = 0;
  for (const KernelRow& row : kernel_rows()) {
    if (row.op != name || !isa_available(row.isa) || !row.accepts(problem)) continue;
    ++rows;
    for (bool packed : {false, true}) {
      for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &three}) {
        const std::string where = concat({name, " ", note, " on ", to_string(row.isa), packed ? " packed" : ""});
        run_row(row, *p, problem, expected, packed, threads, where);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(rows, 0) << name << " " << note << ": no kernel";
}

Datum codes(bool is_signed, Dims dims, uint64_t seed) {
  return Datum(is_signed ? random_tensor(DType::int8, std::move(dims), seed, -128, 128)
                         : random_tensor(DType::uint8, std::move(dims), seed, 0, 256));
}
Datum floats(Dims dims, uint64_t seed, double low, double high) {
  return Datum(random_tensor(DType::float32, std::move(dims), seed, low, high));
}

// What follows x and w; `form` picks among zero points, biases, scales and results. Scales spread the codes of sums of
// `depth` products over a few times their range.
std::vector<Datum> operands(Datum x, Datum w, int64_t channels, int64_t depth, uint64_t form) {
  const bool x_signed = x.tensor.dtype() == DType::int8, w_signed = w.tensor.dtype() == DType::int8;
  const uint64_t seed = form * 100 + static_cast<uint64_t>(channels);
  const double step = 1.0 / (40 * std::sqrt(static_cast<double>(depth) + 1));
  std::vector<Datum> all{std::move(x), std::move(w), codes(x_signed, {}, seed + 1)};
  if (form % 4 == 0) all[2] = Datum();
  all.push_back(form % 3 == 0 ? Datum() : codes(w_signed, form % 3 == 1 ? Dims{} : Dims{channels}, seed + 2));
  const Datum whole(random_tensor(DType::int32, {channels}, seed + 3, -3000, 3000));
  if (form % 5 == 0) {  // sums
    if (form % 2 == 0) all.push_back(whole);
    return all;
  }
  all.push_back(form % 2 == 0 ? whole : form % 7 == 1 ? Datum() : floats({channels}, seed + 4, -50, 50));
  all.push_back(floats(form % 3 == 0 ? Dims{} : Dims{channels}, seed + 5, step / 2, step));
  if (form % 5 == 1) return all;  // real numbers
  all.push_back(codes(form % 2 == 0, {}, seed + 6));
  return all;
}

TEST(IntegerKernels, MatmulTailsAndForms) {
  uint64_t form = 0;
  for (int64_t m : {1, 2, 5, 6, 7, 11, 13, 30, 101}) {
    for (int64_t n : {1, 7, 8, 16, 17, 33, 63}) {
      for (int64_t k : {1, 2, 5, 16, 37}) {
        ++form;
        const bool turned = form % 2 == 0;
        check("matmul_integer",
              operands(codes(form % 4 < 2, {m, k}, form),
                       codes(form % 8 < 4, turned ? Dims{n, k} : Dims{k, n}, form + 1), n, k, form),
              {{"transB", int64_t{turned}}}, concat({m, "x", k, "x", n, " form ", form}));
      }
    }
  }
}

TEST(IntegerKernels, MatmulBatchesAndDepth) {
  uint64_t form = 50;
  for (int i = 0; i < 15; ++i, ++form) {
    check("matmul_integer",
          operands(codes(i % 2 == 0, {2, 3, 7, 33}, form), codes(true, {33, 20}, form + 1), 20, 33, form), {},
          concat({"a batch of rows, form ", form}));
    check("matmul_integer",
          operands(codes(i % 2 == 0, {2, 3, 7, 33}, form), codes(i % 3 == 0, {2, 3, 33, 20}, form + 1), 20, 33, form),
          {}, concat({"batches, form ", form}));
  }
  check("matmul_integer", operands(codes(false, {20, 5000}, 1), codes(true, {5000, 40}, 2), 40, 5000, 2), {}, "deep");
}

// 2^31 / 255^2 = 33025 products of the largest codes wrap.
TEST(IntegerKernels, SumsWrap) {
  const int64_t depth = 40000;
  const Datum x(Tensor::of<uint8_t>(std::vector<uint8_t>(static_cast<size_t>(depth), 255), {1, depth}));
  const Datum w(Tensor::of<uint8_t>(std::vector<uint8_t>(static_cast<size_t>(depth), 255), {depth, 1}));
  check("matmul_integer", {x, w}, {}, "wrapping");
  check("matmul_integer",
        {x, w, Datum(), Datum(), Datum(), Datum(Tensor::scalar(1e-8f)), Datum(Tensor::scalar<int8_t>(3))}, {},
        "wrapping");
}

struct ConvForm {
  int64_t n, c, h, w, m, kh, kw, group;
  Ints strides, pads, dilations;
};

const ConvForm kConvForms[] = {
    {2, 40, 9, 7, 33, 1, 1, 1, {1, 1}, {0, 0, 0, 0}, {1, 1}},
    {1, 40, 9, 8, 7, 1, 1, 1, {2, 2}, {0, 0, 0, 0}, {1, 1}},
    {1, 3, 20, 31, 8, 3, 3, 1, {2, 2}, {0, 0, 1, 1}, {1, 1}},
    {2, 5, 11, 13, 20, 3, 5, 1, {2, 1}, {1, 1, 0, 2}, {1, 1}},
    {1, 30, 11, 13, 70, 3, 3, 1, {1, 1}, {2, 2, 2, 2}, {2, 2}},
    {1, 12, 9, 9, 18, 3, 3, 3, {1, 1}, {1, 1, 1, 1}, {1, 1}},
    {1, 8, 9, 17, 16, 3, 3, 8, {1, 1}, {1, 1, 1, 1}, {1, 1}},
    {2, 37, 11, 13, 37, 3, 3, 37, {1, 1}, {1, 1, 1, 1}, {1, 1}},
    {1, 70, 14, 15, 70, 5, 5, 70, {2, 2}, {2, 2, 2, 2}, {1, 1}},
    {1, 16, 5, 6, 16, 3, 3, 16, {2, 1}, {0, 1, 1, 0}, {2, 1}},
    {1, 9, 8, 8, 9, 2, 3, 9, {1, 2}, {0, 0, 1, 1}, {1, 1}},
    {1, 3, 8, 8, 3, 3, 3, 3, {1, 1}, {1, 1, 1, 1}, {1, 1}},
    {1, 4, 8, 8, 6, 2, 2, 1, {1, 1}, {-1, 0, 0, -2}, {1, 1}},
    {1, 2, 3, 3, 2, 3, 3, 1, {1, 1}, {5, 5, 5, 5}, {1, 1}},
};

TEST(IntegerKernels, ConvForms) {
  uint64_t form = 0;
  for (const ConvForm& f : kConvForms) {
    for (int i = 0; i < 8; ++i) {
      ++form;
      const int64_t depth = f.c / f.group;
      const bool last = i % 2 == 0;
      const Dims x = last ? Dims{f.n, f.h, f.w, f.c} : Dims{f.n, f.c, f.h, f.w};
      const Dims w = last ? Dims{f.m, f.kh, f.kw, depth} : Dims{f.m, depth, f.kh, f.kw};
      const Attributes attributes{{"strides", f.strides},
                                  {"pads", f.pads},
                                  {"dilations", f.dilations},
                                  {"group", f.group},
                                  {"data_layout", last ? "NHWC" : "NCHW"}};
      check("conv_integer",
            operands(codes(i % 4 < 2, x, form), codes(i < 5, w, form + 1), f.m, depth * f.kh * f.kw, form), attributes,
            concat({to_string(x), " with ", to_string(w), " form ", form}));
    }
  }
}

TEST(IntegerKernels, LimitsOfCodes) {
  for (uint64_t form : {2, 3, 4, 7, 8}) {
    auto all = operands(codes(false, {7, 33}, form), codes(true, {33, 21}, form + 1), 21, 33, form);
    const bool is_signed = all[6].tensor.dtype() == DType::int8;
    check("matmul_integer", all, {}, concat({"limits, form ", form}),
          is_signed ? std::pair(-50.0, 60.0) : std::pair(30.0, 140.0));
    check("conv_integer", operands(codes(true, {1, 5, 5, 40}, form), codes(true, {40, 3, 3, 1}, form), 40, 9, form),
          {{"data_layout", "NHWC"}, {"group", 40}}, concat({"limits, form ", form}),
          is_signed ? std::pair(-50.0, 60.0) : std::pair(30.0, 140.0));
  }
}

TEST(IntegerKernels, CasesOfTheOperators) {
  for (const char* name : {"matmul_integer", "conv_integer", "quantize_linear", "dequantize_linear"}) {
    int checked = 0;
    for (const Case& test_case : Registry::builtin().find(name)->cases()) {
      const auto p = prepare(name, test_case.inputs, test_case.attributes);
      if (!p || p->expected.size() == 0) continue;
      std::vector<Type> types;
      std::vector<const Tensor*> values;
      for (const Datum& input : p->inputs) {
        types.push_back(input.present() ? Type::of(input) : Type{});
        values.push_back(nullptr);
      }
      const Type out = Type::of(Datum(p->expected));
      const auto problem = make_problem(*p->op, p->node, types, values, {&out, 1});
      if (!problem || find_kernel(*problem) == nullptr) continue;
      check(name, test_case.inputs, test_case.attributes, std::string(test_case.note));
      ++checked;
    }
    EXPECT_GT(checked, 0) << name;
  }
}

TEST(IntegerKernels, QuantizeAndBack) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (int64_t count : {1, 3, 8, 31, 40000}) {
    for (bool is_signed : {false, true}) {
      const auto seed = static_cast<uint64_t>(count);
      const Datum zero = codes(is_signed, {}, seed), scale(Tensor::scalar(0.037f));
      check("quantize_linear", {floats({count}, seed, -12, 12), scale, zero}, {}, concat({count}));
      check("dequantize_linear", {codes(is_signed, {count}, seed), scale, zero}, {}, concat({count}));
    }
  }
  const Datum halves(
      Tensor::of<float>({0.5f, 1.5f, -0.5f, -1.5f, 2.5f, 1e30f, -1e30f, infinity, -infinity, nan}, {10}));
  check("quantize_linear", {halves, Datum(Tensor::scalar(1.0f)), Datum(Tensor::scalar<int8_t>(-7))}, {}, "halves");
  check("quantize_linear", {halves, Datum(Tensor::scalar(0.0f)), Datum(Tensor::scalar<uint8_t>(7))}, {}, "scale 0");
}

}  // namespace
}  // namespace minnow
