// Binary operators with broadcasting and unary ones, float32.
#include <algorithm>

#include "kernels/broadcast_rows.h"
#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

// Results go through memory that stays in level 1 where an epilogue follows: it may read a residual that lies where the
// output is to be.
constexpr int64_t kChunk = 1024;

// compute(begin, count, out) for the row's elements, then the epilogue. `at`: where the row begins in the output.
template <class Compute>
void compute_row(const KernelCall& call, const simd::Finish& finish, int64_t at, int64_t run, Compute&& compute) {
  float* out = call.output(0) + at;
  const float* residual = residual_of(call);
  if (residual == nullptr && finish.kind == simd::kActNone) return compute(0, run, out);
  float chunk[kChunk];
  for (int64_t i = 0; i < run; i += kChunk) {
    const int64_t count = std::min(kChunk, run - i);
    compute(i, count, chunk);
    call.row->f32->activations[finish.kind](count, chunk, residual != nullptr ? residual + at + i : nullptr, finish.a,
                                            finish.b, out + i);
  }
}

bool accepts_binary(const Problem& p) {
  if (p.own_input_count() != 2 || p.operand_count != p.input_count + 1 || !all_float32(p, 0, kMaxRank)) return false;
  return broadcasts_to(p.input(0), p.output(0)) && broadcasts_to(p.input(1), p.output(0));
}

template <simd::BinaryOp op>
KernelStatus run_binary(const KernelCall& call) {
  const Problem& p = *call.problem;
  if (p.output(0).elements() == 0) return kDone;
  const BroadcastRows rows = broadcast_rows(p);
  const auto apply = call.row->f32->binary[op];
  const Operand& out = p.output(0);
  const simd::Finish finish = finish_of(p.epilogue);
  if (rows.count == 1) {
    split_elements(call, rows.run, rows.run, [&](int64_t begin, int64_t end) {
      compute_row(call, finish, begin, end - begin, [&](int64_t i, int64_t count, float* to) {
        apply(count, call.input(0) + (begin + i) * rows.step[0], rows.step[0],
              call.input(1) + (begin + i) * rows.step[1], rows.step[1], to);
      });
    });
    return kDone;
  }
  split_elements(call, rows.count * rows.run, rows.count, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* a = call.input(0) + row_offset(row, out, p.input(0), rows.outer_rank);
      const float* b = call.input(1) + row_offset(row, out, p.input(1), rows.outer_rank);
      compute_row(call, finish, row * rows.run, rows.run, [&](int64_t i, int64_t count, float* to) {
        apply(count, a + i * rows.step[0], rows.step[0], b + i * rows.step[1], rows.step[1], to);
      });
    }
  });
  return kDone;
}

bool accepts_unary(const Problem& p) {
  return p.own_input_count() == 1 && p.operand_count == p.input_count + 1 && all_float32(p, 0, kMaxRank) &&
         p.input(0).elements() == p.output(0).elements();
}

template <class Apply>
KernelStatus run_elements(const KernelCall& call, Apply&& apply) {
  const int64_t count = call.problem->output(0).elements();
  const simd::Finish finish = finish_of(call.problem->epilogue);
  split_elements(call, count, count, [&](int64_t begin, int64_t end) {
    compute_row(call, finish, begin, end - begin,
                [&](int64_t i, int64_t some, float* to) { apply(some, call.input(0) + begin + i, to); });
  });
  return kDone;
}

template <simd::UnaryOp op>
KernelStatus run_unary(const KernelCall& call) {
  return run_elements(call, call.row->f32->unary[op]);
}

// The operators that epilogues know, alone.
template <Activation activation>
KernelStatus run_activation(const KernelCall& call) {
  const Problem& p = *call.problem;
  const simd::Finish own = finish_of({activation, false, {p.floats[0], p.floats[1]}});
  const auto apply = call.row->f32->activations[own.kind];
  return run_elements(
      call, [&](int64_t count, const float* in, float* out) { apply(count, in, nullptr, own.a, own.b, out); });
}

KernelStatus run_gelu(const KernelCall& call) {
  return call.problem->ints[0] != 0 ? run_activation<Activation::gelu_tanh>(call)
                                    : run_activation<Activation::gelu>(call);
}

}  // namespace

const std::array<KernelRow, 23> kElementwiseRows = {{
    {.op = "add", .accepts = accepts_binary, .run = run_binary<simd::kAdd>, .in_place = true},
    {.op = "sub", .accepts = accepts_binary, .run = run_binary<simd::kSub>, .in_place = true},
    {.op = "mul", .accepts = accepts_binary, .run = run_binary<simd::kMul>, .in_place = true},
    {.op = "div", .accepts = accepts_binary, .run = run_binary<simd::kDiv>, .in_place = true},
    {.op = "pow", .accepts = accepts_binary, .run = run_binary<simd::kPow>, .in_place = true},
    {.op = "max", .accepts = accepts_binary, .run = run_binary<simd::kMax>, .in_place = true},
    {.op = "min", .accepts = accepts_binary, .run = run_binary<simd::kMin>, .in_place = true},
    {.op = "prelu", .accepts = accepts_binary, .run = run_binary<simd::kPrelu>, .in_place = true},
    {.op = "neg", .accepts = accepts_unary, .run = run_unary<simd::kNeg>, .in_place = true},
    {.op = "abs", .accepts = accepts_unary, .run = run_unary<simd::kAbs>, .in_place = true},
    {.op = "sqrt", .accepts = accepts_unary, .run = run_unary<simd::kSqrt>, .in_place = true},
    {.op = "reciprocal", .accepts = accepts_unary, .run = run_unary<simd::kReciprocal>, .in_place = true},
    {.op = "exp", .accepts = accepts_unary, .run = run_unary<simd::kExp>, .in_place = true},
    {.op = "erf", .accepts = accepts_unary, .run = run_unary<simd::kErf>, .in_place = true},
    {.op = "relu", .accepts = accepts_unary, .run = run_activation<Activation::relu>, .in_place = true},
    {.op = "clip", .accepts = accepts_unary, .run = run_activation<Activation::clip>, .in_place = true},
    {.op = "leaky_relu", .accepts = accepts_unary, .run = run_activation<Activation::leaky_relu>, .in_place = true},
    {.op = "sigmoid", .accepts = accepts_unary, .run = run_activation<Activation::sigmoid>, .in_place = true},
    {.op = "swish", .accepts = accepts_unary, .run = run_activation<Activation::silu>, .in_place = true},
    {.op = "hard_swish", .accepts = accepts_unary, .run = run_activation<Activation::hard_swish>, .in_place = true},
    {.op = "hard_sigmoid", .accepts = accepts_unary, .run = run_activation<Activation::hard_sigmoid>, .in_place = true},
    {.op = "tanh", .accepts = accepts_unary, .run = run_activation<Activation::tanh>, .in_place = true},
    {.op = "gelu", .accepts = accepts_unary, .run = run_gelu, .in_place = true},
}};

}  // namespace minnow::kernels
