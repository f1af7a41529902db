// Binary operators with broadcasting and unary ones, float32.
#include <algorithm>

#include "kernels/families.h"

namespace minnow::kernels {
namespace {

// Below this many elements for each thread, waking threads costs more than it saves (some 10 us against 4 us of work).
constexpr int64_t kElementsPerThread = 32768;

template <class Body>
void split(const KernelCall& call, int64_t elements, int64_t pieces, Body&& body) {
  if (call.threads != nullptr && elements >= 2 * kElementsPerThread) {
    call.threads->for_each(pieces, [&](int64_t begin, int64_t end, int) { body(begin, end); });
  } else {
    body(0, pieces);
  }
}

// The operands as rows: the innermost dimensions along which each operand is contiguous or constant are one run.
struct Rows {
  int32_t outer_rank = 0;    // dimensions left outside the run
  int64_t count = 1;         // rows
  int64_t run = 1;           // elements of a row
  int64_t step[2] = {0, 0};  // 0 or 1: how each input advances inside a row
};

Rows rows_of(const Problem& p) {
  Rows rows;
  const Operand& out = p.output(0);
  int32_t d = out.rank - 1;
  const auto fits = [&](int32_t dim, int64_t run) {
    for (int i = 0; i < 2; ++i) {
      const int64_t stride = p.input(i).strides[static_cast<size_t>(dim)];
      if (out.dims[static_cast<size_t>(dim)] == 1) continue;
      if (run == 1) {
        if (stride > 1) return false;
      } else if (stride != run * rows.step[i]) {
        return false;
      }
    }
    return true;
  };
  for (; d >= 0 && fits(d, rows.run); --d) {
    const int64_t size = out.dims[static_cast<size_t>(d)];
    for (int i = 0; rows.run == 1 && size != 1 && i < 2; ++i) rows.step[i] = p.input(i).strides[static_cast<size_t>(d)];
    rows.run *= size;
  }
  rows.outer_rank = d + 1;
  for (int32_t i = 0; i <= d; ++i) rows.count *= out.dims[static_cast<size_t>(i)];
  return rows;
}

int64_t offset_of(int64_t row, const Operand& out, const Operand& x, int32_t outer_rank) {
  int64_t offset = 0;
  for (int32_t d = outer_rank - 1; d >= 0; --d) {
    offset += row % out.dims[static_cast<size_t>(d)] * x.strides[static_cast<size_t>(d)];
    row /= out.dims[static_cast<size_t>(d)];
  }
  return offset;
}

bool accepts_binary(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 2 || p.operand_count != 3 || !all_float32(p, 0, kMaxRank)) return false;
  return p.input(0).rank == p.output(0).rank && p.input(1).rank == p.output(0).rank;
}

template <simd::BinaryOp op>
KernelStatus run_binary(const KernelCall& call) {
  const Problem& p = *call.problem;
  if (p.output(0).elements() == 0) return kDone;
  const Rows rows = rows_of(p);
  const auto apply = call.row->f32->binary[op];
  const Operand& out = p.output(0);
  if (rows.count == 1) {
    split(call, rows.run, rows.run, [&](int64_t begin, int64_t end) {
      apply(end - begin, call.input(0) + begin * rows.step[0], rows.step[0], call.input(1) + begin * rows.step[1],
            rows.step[1], call.output(0) + begin);
    });
    return kDone;
  }
  split(call, rows.count * rows.run, rows.count, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      apply(rows.run, call.input(0) + offset_of(row, out, p.input(0), rows.outer_rank), rows.step[0],
            call.input(1) + offset_of(row, out, p.input(1), rows.outer_rank), rows.step[1],
            call.output(0) + row * rows.run);
    }
  });
  return kDone;
}

bool accepts_unary(const Problem& p) {
  return p.epilogue.none() && p.input_count == 1 && p.operand_count == 2 && all_float32(p, 0, kMaxRank) &&
         p.input(0).elements() == p.output(0).elements();
}

template <simd::UnaryOp op>
KernelStatus run_unary(const KernelCall& call) {
  const auto apply = call.row->f32->unary[op];
  const int64_t count = call.problem->output(0).elements();
  split(call, count, count,
        [&](int64_t begin, int64_t end) { apply(end - begin, call.input(0) + begin, call.output(0) + begin); });
  return kDone;
}

}  // namespace

const std::array<KernelRow, 8> kElementwiseRows = {{
    {.op = "add", .accepts = accepts_binary, .run = run_binary<simd::kAdd>},
    {.op = "sub", .accepts = accepts_binary, .run = run_binary<simd::kSub>},
    {.op = "mul", .accepts = accepts_binary, .run = run_binary<simd::kMul>},
    {.op = "div", .accepts = accepts_binary, .run = run_binary<simd::kDiv>},
    {.op = "relu", .accepts = accepts_unary, .run = run_unary<simd::kRelu>},
    {.op = "neg", .accepts = accepts_unary, .run = run_unary<simd::kNeg>},
    {.op = "abs", .accepts = accepts_unary, .run = run_unary<simd::kAbs>},
    {.op = "sqrt", .accepts = accepts_unary, .run = run_unary<simd::kSqrt>},
}};

}  // namespace minnow::kernels
