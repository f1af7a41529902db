// Reductions over neighbouring dimensions, softmax and layer normalization along the last ones, float32.
#include <algorithm>

#include "kernels/families.h"

namespace minnow::kernels {
namespace {

struct Extents {
  int64_t outer, count, inner;
};

Extents extents_of(const Problem& p) { return {p.ints[kOuter], p.ints[kCount], p.ints[kInner]}; }

bool positive(const Extents& e) { return e.outer > 0 && e.count > 0 && e.inner > 0; }

bool one_input(const Problem& p) {
  return p.epilogue.none() && p.input_count == 1 && p.operand_count == 2 && all_float32(p, 0, kMaxRank);
}

// outer * count * inner elements, without overflow: each factor divides what is left.
bool covers(const Extents& e, int64_t elements) {
  if (!positive(e) || elements % e.outer != 0) return false;
  const int64_t rest = elements / e.outer;
  return rest % e.count == 0 && rest / e.count == e.inner;
}

bool accepts_reduce(const Problem& p) {
  const Extents e = extents_of(p);
  return one_input(p) && covers(e, p.input(0).elements()) && covers({e.outer, 1, e.inner}, p.output(0).elements());
}

bool accepts_softmax(const Problem& p) {
  const Extents e = extents_of(p);
  return one_input(p) && covers(e, p.input(0).elements()) && p.output(0).elements() == p.input(0).elements();
}

bool accepts_layer_normalization(const Problem& p) {
  const Extents e = extents_of(p);
  if (!p.epilogue.none() || p.input_count < 2 || p.input_count > 3 || p.operand_count != p.input_count + 1 ||
      !all_float32(p, 0, kMaxRank) || e.inner != 1 || !covers(e, p.input(0).elements()))
    return false;
  for (int i = 1; i < p.input_count; ++i) {
    if (p.input(i).elements() != e.count) return false;
  }
  return p.output(0).elements() == p.input(0).elements();
}

// Rows are split among threads where there is work for more than one.
template <class Body>
KernelStatus for_each_row(const KernelCall& call, int64_t rows, int64_t elements, Body&& body) {
  constexpr int64_t kElementsWorthThreads = 16384;
  KernelCall inner = call;
  if (elements < kElementsWorthThreads) inner.threads = nullptr;
  return for_each_item(inner, rows, [&](int64_t row, int) { body(row); });
}

enum Reduction { kMean, kSum, kMax, kMin };

template <Reduction reduction>
KernelStatus run_reduce(const KernelCall& call) {
  const Extents e = extents_of(*call.problem);
  const simd::RowTable& rows = *call.row->f32->rows;
  const float factor = 1.0f / static_cast<float>(e.count);
  const auto whole = reduction == kMax ? rows.max : reduction == kMin ? rows.min : rows.sum;
  const auto combine = reduction == kMax ? rows.max_to : reduction == kMin ? rows.min_to : rows.add_to;
  return for_each_row(call, e.outer, e.outer * e.count * e.inner, [&](int64_t row) {
    const float* in = call.input(0) + row * e.count * e.inner;
    float* out = call.output(0) + row * e.inner;
    if (e.inner == 1) {
      *out = whole(e.count, in) * (reduction == kMean ? factor : 1.0f);
      return;
    }
    std::copy(in, in + e.inner, out);
    for (int64_t i = 1; i < e.count; ++i) combine(e.inner, in + i * e.inner, out);
    if (reduction == kMean) rows.scale(e.inner, out, factor, out);
  });
}

KernelStatus run_softmax(const KernelCall& call) {
  const Extents e = extents_of(*call.problem);
  const int64_t elements = e.outer * e.count * e.inner;
  if (e.inner > 1) {
    return for_each_row(call, e.outer, elements, [&](int64_t block) {
      const int64_t at = block * e.count * e.inner;
      call.row->f32->rows->softmax_columns(e.count, e.inner, call.input(0) + at, call.output(0) + at);
    });
  }
  return for_each_row(call, e.outer, elements, [&](int64_t row) {
    call.row->f32->rows->softmax(e.count, call.input(0) + row * e.count, call.output(0) + row * e.count);
  });
}

KernelStatus run_layer_normalization(const KernelCall& call) {
  const Problem& p = *call.problem;
  const Extents e = extents_of(p);
  const float* bias = p.input_count > 2 ? call.input(2) : nullptr;
  return for_each_row(call, e.outer, e.outer * e.count, [&](int64_t row) {
    call.row->f32->rows->normalize(e.count, call.input(0) + row * e.count, call.input(1), bias, p.floats[0],
                                   call.output(0) + row * e.count);
  });
}

}  // namespace

const std::array<KernelRow, 8> kReduceRows = {{
    {.op = "softmax", .accepts = accepts_softmax, .run = run_softmax, .in_place = true},
    {.op = "layer_normalization",
     .accepts = accepts_layer_normalization,
     .run = run_layer_normalization,
     .in_place = true},
    {.op = "reduce_mean", .accepts = accepts_reduce, .run = run_reduce<kMean>},
    {.op = "reduce_sum", .accepts = accepts_reduce, .run = run_reduce<kSum>},
    {.op = "reduce_max", .accepts = accepts_reduce, .run = run_reduce<kMax>},
    {.op = "reduce_min", .accepts = accepts_reduce, .run = run_reduce<kMin>},
    {.op = "global_average_pool", .accepts = accepts_reduce, .run = run_reduce<kMean>},
    {.op = "global_max_pool", .accepts = accepts_reduce, .run = run_reduce<kMax>},
}};

}  // namespace minnow::kernels
