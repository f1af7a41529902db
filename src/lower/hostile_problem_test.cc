// Problems that nobody checked, as a plan from a file may hold them: made from the operators' cases by changing sizes,
// strides, attributes and epilogues. What a row takes must run inside exactly sized operands, scratch and packs. Bytes
// around them show writes outside in every build; AddressSanitizer shows reads, too.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "lower/provider.h"
#include "ops/cases.h"

namespace minnow {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kGuard = 0;  // the sanitizer guards the ends itself
#elif defined(__has_feature)
constexpr size_t kGuard = __has_feature(address_sanitizer) ? 0 : 256;
#else
constexpr size_t kGuard = 256;
#endif
constexpr int64_t kMostBytes = 1 << 20;
constexpr int kMutants = 80;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  // In [0, below).
  int64_t next(int64_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>((state_ >> 33) % static_cast<uint64_t>(below));
  }

 private:
  uint64_t state_;
};

// Exactly `bytes` bytes at a multiple of 64.
class Buffer {
 public:
  Buffer(int64_t bytes, Random& random) : bytes_(static_cast<size_t>(bytes)) {
    auto whole = Tensor::allocate(DType::uint8, {bytes + 2 * static_cast<int64_t>(kGuard)});
    memory_ = std::move(whole).value();
    std::memset(memory_.mutable_data<std::byte>(), 0x5A, bytes_ + 2 * kGuard);
    for (size_t i = 0; i < bytes_; ++i) data()[i] = static_cast<std::byte>(random.next(256));
  }
  std::byte* data() { return memory_.mutable_data<std::byte>() + kGuard; }
  bool intact() {
    const std::byte* all = memory_.mutable_data<std::byte>();
    for (size_t i = 0; i < kGuard; ++i) {
      if (all[i] != std::byte{0x5A} || all[kGuard + bytes_ + i] != std::byte{0x5A}) return false;
    }
    return true;
  }

 private:
  size_t bytes_;
  Tensor memory_;
};

int64_t changed(int64_t value, Random& random) {
  constexpr int64_t kValues[] = {-1, 0, 1, 2, 3, 16, 17, 255, 65536, 2147483647, 2147483648, int64_t{1} << 62};
  switch (random.next(5)) {
    case 0: return value - 1;
    case 1: return value + 1;
    case 2: return static_cast<int64_t>(static_cast<uint64_t>(value) * 2);
    case 3: return value / 2;
    default: return kValues[random.next(std::size(kValues))];
  }
}

void make_dense(Operand& x) {
  int64_t stride = 1;
  for (int32_t d = std::min(x.rank, kMaxRank) - 1; d >= 0; --d) {
    const auto at = static_cast<size_t>(d);
    x.strides[at] = x.dims[at] == 1 && x.strides[at] == 0 ? 0 : stride;
    if (__builtin_mul_overflow(stride, x.dims[at], &stride)) stride = 0;
  }
}

void mutate(Problem& p, Random& random) {
  const auto operand = [&]() -> Operand& { return p.operands[static_cast<size_t>(random.next(p.operand_count))]; };
  switch (random.next(8)) {
    case 0:
    case 1:
    case 2: {
      Operand& x = operand();
      if (x.rank < 1 || x.rank > kMaxRank) return;
      int64_t& size = x.dims[static_cast<size_t>(random.next(x.rank))];
      size = changed(size, random);
      return make_dense(x);
    }
    case 3: {
      int64_t& stride = operand().strides[static_cast<size_t>(random.next(4))];
      stride = changed(stride, random);
      return;
    }
    case 4: {
      Operand& x = operand();
      x.rank = static_cast<int32_t>(random.next(6));
      return make_dense(x);
    }
    case 5: p.epilogue.activation = static_cast<Activation>(random.next(13)); return;
    case 6: operand() = operand(); return;
    default: {
      int64_t& value = p.ints[static_cast<size_t>(random.next(random.next(2) == 0 ? 4 : kMaxProblemInts))];
      value = changed(value, random);
    }
  }
}

void add_residual(Problem& p) {
  if (p.operand_count != p.input_count + 1 || p.operand_count >= kMaxOperands) return;
  p.operands[static_cast<size_t>(p.operand_count)] = p.output(0);
  ++p.input_count;
  ++p.operand_count;
  p.epilogue.residual = true;
}

int64_t bytes_of(const Operand& x) { return x.elements() * static_cast<int64_t>(element_bytes(x.dtype)); }

// Runs a problem that the row takes, each operand in memory of its own; false where it asks for much memory.
bool run_alone(const KernelRow& row, const Problem& p, bool pack, ThreadPool& threads, Random& random) {
  int64_t total = 0;
  for (int32_t i = 0; i < p.operand_count; ++i) {
    total += bytes_of(p.operands[static_cast<size_t>(i)]);
    if (total > kMostBytes) return false;
  }
  std::vector<Buffer> operands, packs;
  std::array<const void*, kMaxOperands> inputs{}, packed{};
  std::array<void*, kMaxOperands> outputs{};
  for (int32_t i = 0; i < p.operand_count; ++i)
    operands.emplace_back(bytes_of(p.operands[static_cast<size_t>(i)]), random);
  uint32_t packed_bits = 0;
  for (int32_t i = 0; i < p.input_count; ++i) {
    const auto at = static_cast<size_t>(i);
    if (p.input(i).dtype == DType::undefined) continue;
    inputs[at] = operands[at].data();
    const int64_t bytes = pack && row.pack_bytes != nullptr ? row.pack_bytes(row, p, i) : 0;
    if (bytes <= 0) continue;
    if (bytes > 16 * kMostBytes) return false;
    packs.emplace_back(bytes, random);
    if (random.next(2) == 0) row.pack(row, p, i, inputs[at], packs.back().data());  // else anything, as in a file
    packed[at] = packs.back().data();
    inputs[at] = nullptr;
    packed_bits |= 1u << i;
  }
  for (int32_t i = p.input_count; i < p.operand_count; ++i)
    outputs[static_cast<size_t>(i - p.input_count)] = operands[static_cast<size_t>(i)].data();
  const int thread_count = packed_bits != 0 || !pack ? threads.thread_count() : 1;
  const int64_t scratch_bytes = row.scratch_bytes != nullptr ? row.scratch_bytes(row, p, thread_count, packed_bits) : 0;
  EXPECT_GE(scratch_bytes, 0);
  if (scratch_bytes < 0 || scratch_bytes > 16 * kMostBytes) return false;
  Buffer scratch(scratch_bytes, random);
  KernelCall call;
  call.row = &row;
  call.problem = &p;
  call.inputs = inputs.data();
  call.packed = packed.data();
  call.outputs = outputs.data();
  call.scratch = scratch.data();
  call.threads = thread_count > 1 ? &threads : nullptr;
  row.run(call);
  bool intact = scratch.intact();
  for (std::vector<Buffer>* buffers : {&operands, &packs}) {
    for (Buffer& buffer : *buffers) intact = intact && buffer.intact();
  }
  EXPECT_TRUE(intact) << row.op << " on " << to_string(row.isa) << " wrote outside its operands";
  return true;
}

std::vector<Problem> problems_of(const OpDef& op) {
  std::vector<Problem> problems;
  for (const Case& one : op.cases()) {
    const Result<std::vector<Datum>> results = evaluate(op.name, one.inputs, one.attributes, one.outputs);
    if (!results.ok()) continue;
    std::vector<Type> inputs, outputs;
    std::vector<const Tensor*> values;
    Node node{std::string(op.name), "", {}, {0}, one.attributes};
    for (const Datum& input : one.inputs) {
      node.inputs.push_back(static_cast<ValueId>(node.inputs.size()));
      inputs.push_back(input.present() ? Type::of(input) : Type{});
      values.push_back(input.present() && input.kind == Datum::Kind::tensor ? &input.tensor : nullptr);
    }
    for (const Datum& output : *results) outputs.push_back(Type::of(output));
    if (const auto problem = make_problem(op, node, inputs, values, outputs)) problems.push_back(*problem);
  }
  return problems;
}

TEST(HostileProblems, StayInsideTheirOperandsOrAreNotTaken) {
  ThreadPool threads(2);
  int64_t run = 0, refused = 0;
  for (const KernelRow& row : kernel_rows()) {
    const OpDef* op = Registry::builtin().find(row.op);
    if (!isa_available(row.isa) || op == nullptr || op->cases == nullptr) continue;
    Random random(static_cast<uint64_t>(row.op.size()) + row.op[0]);
    for (const Problem& problem : problems_of(*op)) {
      if (!takes(row, problem)) continue;
      for (int mutant = 0; mutant < kMutants; ++mutant) {
        Problem p = problem;
        if (random.next(4) == 0) add_residual(p);
        for (int64_t changes = random.next(4); changes > 0; --changes) mutate(p, random);
        if (!takes(row, p)) {
          ++refused;
        } else {
          run += run_alone(row, p, random.next(2) == 0, threads, random) ? 1 : 0;
        }
        if (HasFailure()) {
          for (int32_t i = 0; i < p.operand_count; ++i) {
            const Operand& x = p.operands[static_cast<size_t>(i)];
            ADD_FAILURE() << "operand " << i << ": "
                          << to_string(Dims(x.dims.begin(), x.dims.begin() + std::min(x.rank, kMaxRank)));
          }
          return;
        }
      }
    }
  }
  EXPECT_GT(run, 1000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace minnow
