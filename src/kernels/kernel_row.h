// A kernel is data: which problems it takes, what it needs, how it runs (design, contract 5). Kernels trust the shapes
// they accept, allocate nothing and throw nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/problem.h"
#include "base/threads.h"
#include "kernels/simd/f32.h"

namespace minnow {

// In the order of each architecture's sets: what has one has those before it, except that AVX-512 may lack AVX-VNNI.
enum class Isa : uint8_t { generic, avx2, avx_vnni, avx512, avx512vnni, neon, dotprod, i8mm };
inline constexpr Isa kIsas[] = {Isa::generic,    Isa::avx2, Isa::avx_vnni, Isa::avx512,
                                Isa::avx512vnni, Isa::neon, Isa::dotprod,  Isa::i8mm};
inline constexpr Isa kLastIsa = Isa::i8mm;
std::string_view to_string(Isa isa);

struct KernelRow;

// What was wrong with kBadIndex; extent -1: unknown.
struct BadIndex {
  int64_t index = 0, extent = -1;
};

struct KernelCall {
  const KernelRow* row = nullptr;
  const Problem* problem = nullptr;
  const void* const* inputs = nullptr;
  // For each input what pack() made of it, or null: the kernel then reads the plain operand. Null: nothing is packed.
  // An input that is packed may be null in `inputs`.
  const void* const* packed = nullptr;
  void* const* outputs = nullptr;
  void* scratch = nullptr;        // scratch_bytes(row, problem, threads, packed), 64-byte aligned
  ThreadPool* threads = nullptr;  // null: the caller's thread alone
  // Asked now and then: true ends the kernel early with kStopped. May be called by several threads.
  bool (*stop)(void* context) = nullptr;
  void* stop_context = nullptr;
  BadIndex* bad_index = nullptr;  // where a kernel may leave the reason of kBadIndex

  bool stopped() const { return stop != nullptr && stop(stop_context); }
  int thread_count() const { return threads != nullptr ? threads->thread_count() : 1; }
  const float* input(int i) const { return static_cast<const float*>(inputs[i]); }
  const void* packed_input(int i) const { return packed != nullptr ? packed[i] : nullptr; }
  float* output(int i) const { return static_cast<float*>(outputs[i]); }
};

// kBadIndex: an index or a length among the input values is out of range; the outputs are as good as unwritten.
enum KernelStatus { kDone = 0, kStopped = 1, kBadIndex = 2 };

struct KernelRow {
  std::string_view op;  // the operator's name
  Isa isa = Isa::generic;
  const simd::F32Table* f32 = nullptr;  // the loops of that instruction set
  // Of well-formed problems (takes()), those that it runs without leaving its operands: dtypes, ranks, and how their
  // sizes and the attributes relate. A plan from a file has no other guard.
  bool (*accepts)(const Problem&) = nullptr;
  // Bit i of `packed`: input i comes packed. Null: none.
  int64_t (*scratch_bytes)(const KernelRow&, const Problem&, int threads, uint32_t packed) = nullptr;
  // The form of input `operand` that this row likes best, made once for a constant: its bytes (0: none, read as it is),
  // and the making of it into 64-byte aligned memory. It depends on the row, the operand and the attributes alone, so
  // it serves every problem that differs in batch, height, width or length only. Null: the row packs nothing.
  int64_t (*pack_bytes)(const KernelRow&, const Problem&, int operand) = nullptr;
  void (*pack)(const KernelRow&, const Problem&, int operand, const void* source, void* destination) = nullptr;
  KernelStatus (*run)(const KernelCall&) = nullptr;
  // The first output may be the memory of an input that has its dtype, dims and strides (a residual always may).
  bool in_place = false;
};

// The rows of the families, each repeated for every instruction set that this build has, the best set first. Which of
// them may run here is the caller's to ask: isa_available.
std::span<const KernelRow> kernel_rows();
bool isa_built(Isa isa);      // this build has its rows
bool isa_available(Isa isa);  // and this processor runs them
Isa best_isa();               // that is available
// The best available row for the problem, or null. `best` lowers the choice.
const KernelRow* find_kernel(const Problem& problem, Isa best = kLastIsa);
// Whether the row stays inside its operands when it runs the problem, whoever made it: what holds for every problem
// (kernels/relations.h), then what the row accepts.
bool takes(const KernelRow& row, const Problem& problem);

}  // namespace minnow
