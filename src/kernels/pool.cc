// max_pool and average_pool in float32, [N,C,H,W]: row by row, tap by tap.
#include <algorithm>
#include <limits>

#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

struct PoolShape {
  int64_t planes, h, w, oh, ow, kh, kw;
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
};

PoolShape shape_of(const Problem& p) {
  const auto& x = p.input(0).dims;
  const auto& y = p.output(0).dims;
  return {x[0] * x[1],
          x[2],
          x[3],
          y[2],
          y[3],
          p.ints[kKernelH],
          p.ints[kKernelW],
          p.ints[kStrideH],
          p.ints[kStrideW],
          p.ints[kDilationH],
          p.ints[kDilationW],
          p.ints[kPadTop],
          p.ints[kPadLeft]};
}

bool accepts(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 1 || p.operand_count != 2 || !all_float32(p, 4, 4)) return false;
  return is_pool(p, p.input(0), p.output(0), false);
}

// Outputs [first, last) whose input position o * stride + offset lies in [0, size).
struct Span {
  int64_t first, last;
};
Span valid_outputs(int64_t offset, int64_t stride, int64_t size, int64_t outputs) {
  const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t last = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
  return {std::min(first, outputs), std::clamp<int64_t>(last, std::min(first, outputs), outputs)};
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  return threads * ((p.output(0).dims[3] + 15) / 16 * 16) * static_cast<int64_t>(sizeof(float));
}

// Combines the taps of one output row; returns how many rows of taps lie inside.
int64_t combine_row(const KernelCall& call, const PoolShape& s, bool max, const float* plane, int64_t oy, float* buffer,
                    float* out) {
  const simd::F32Table& f32 = *call.row->f32;
  const auto combine = max ? f32.rows->max_to : f32.rows->add_to;
  int64_t rows = 0;
  std::fill(out, out + s.ow, max ? -std::numeric_limits<float>::infinity() : 0.0f);
  for (int64_t ky = 0; ky < s.kh; ++ky) {
    const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.top;
    if (iy < 0 || iy >= s.h) continue;
    ++rows;
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      const int64_t offset = kx * s.dilation_w - s.left;
      const Span valid = valid_outputs(offset, s.stride_w, s.w, s.ow);
      const int64_t count = valid.last - valid.first;
      if (count <= 0) continue;
      const float* in = plane + iy * s.w + valid.first * s.stride_w + offset;
      if (s.stride_w > 1) {
        f32.depthwise->every(count, s.stride_w, in, buffer);
        in = buffer;
      }
      combine(count, in, out + valid.first);
    }
  }
  return rows;
}

// Sums to means over the taps inside, or over all.
void divide_row(const PoolShape& s, bool count_padding, int64_t rows, float* out) {
  for (int64_t ox = 0; ox < s.ow; ++ox) {
    int64_t columns = 0;
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      const int64_t ix = ox * s.stride_w + kx * s.dilation_w - s.left;
      columns += ix >= 0 && ix < s.w ? 1 : 0;
    }
    out[ox] /= static_cast<float>(count_padding ? s.kh * s.kw : rows * columns);
  }
}

template <bool max>
KernelStatus run(const KernelCall& call) {
  const PoolShape s = shape_of(*call.problem);
  const int64_t floats = scratch_bytes(*call.row, *call.problem, 1, 0) / static_cast<int64_t>(sizeof(float));
  return for_each_item(call, s.planes, [&](int64_t plane, int thread) {
    float* buffer = static_cast<float*>(call.scratch) + thread * floats;
    for (int64_t oy = 0; oy < s.oh; ++oy) {
      float* out = call.output(0) + (plane * s.oh + oy) * s.ow;
      const int64_t rows = combine_row(call, s, max, call.input(0) + plane * s.h * s.w, oy, buffer, out);
      if (!max) divide_row(s, call.problem->ints[kCountPadding] != 0, rows, out);
    }
  });
}

}  // namespace

const std::array<KernelRow, 2> kPoolRows = {{
    {.op = "max_pool", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run<true>},
    {.op = "average_pool", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run<false>},
}};

}  // namespace minnow::kernels
