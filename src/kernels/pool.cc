// max_pool and average_pool in float32: [N,C,H,W] row by row and tap by tap, [N,H,W,C] pixel by pixel.
#include <algorithm>
#include <limits>

#include "kernels/pool_shape.h"
#include "kernels/relations.h"

namespace minnow::kernels {

PoolShape pool_shape_of(const Problem& p) {
  const auto& x = p.input(0).dims;
  const auto& y = p.output(0).dims;
  const auto& ints = p.ints;
  const bool last = ints[kChannelsLast] != 0;
  const size_t at = last ? 1 : 2;
  return {x[0],
          x[last ? 3 : 1],
          {x[at], y[at], ints[kKernelH], ints[kStrideH], ints[kDilationH], ints[kPadTop], ints[kPadBottom]},
          {x[at + 1], y[at + 1], ints[kKernelW], ints[kStrideW], ints[kDilationW], ints[kPadLeft], ints[kPadRight]},
          last,
          ints[kCountPadding] != 0};
}

namespace {

bool accepts(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 1 || p.operand_count != 2 || !all_float32(p, 4, 4)) return false;
  const PoolShape s = pool_shape_of(p);
  return is_pool(p, p.input(0), p.output(0), s.channels_last) && s.h.kernel <= kMaxTaps / s.w.kernel;
}

int64_t thread_bytes(const PoolShape& s) {
  const int64_t bytes = s.channels_last ? s.h.kernel * s.w.kernel * static_cast<int64_t>(sizeof(float*))
                                        : s.w.out * static_cast<int64_t>(sizeof(float));
  return (bytes + 63) / 64 * 64;
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  return threads * thread_bytes(pool_shape_of(p));
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

// Combines the taps of one output row.
void combine_row(const KernelCall& call, const PoolShape& s, bool max, const float* plane, int64_t oy, float* buffer,
                 float* out) {
  const simd::F32Table& f32 = *call.row->f32;
  const auto combine = max ? f32.rows->max_to : f32.rows->add_to;
  std::fill(out, out + s.w.out, max ? -std::numeric_limits<float>::infinity() : 0.0f);
  const int64_t last = s.h.last_tap(oy);
  for (int64_t ky = s.h.first_tap(oy); ky < last; ++ky) {
    const int64_t iy = s.h.position(oy, ky);
    for (int64_t kx = 0; kx < s.w.kernel; ++kx) {
      const int64_t offset = s.w.position(0, kx);
      const Span valid = valid_outputs(offset, s.w.stride, s.w.in, s.w.out);
      const int64_t count = valid.last - valid.first;
      if (count <= 0) continue;
      const float* in = plane + iy * s.w.in + valid.first * s.w.stride + offset;
      if (s.w.stride > 1) {
        f32.depthwise->every(count, s.w.stride, in, buffer);
        in = buffer;
      }
      combine(count, in, out + valid.first);
    }
  }
}

template <bool max>
KernelStatus run_planes(const KernelCall& call, const PoolShape& s) {
  return for_each_item(call, s.n * s.c, [&](int64_t plane, int thread) {
    float* buffer = reinterpret_cast<float*>(static_cast<char*>(call.scratch) + thread * thread_bytes(s));
    for (int64_t oy = 0; oy < s.h.out; ++oy) {
      float* out = call.output(0) + (plane * s.h.out + oy) * s.w.out;
      combine_row(call, s, max, call.input(0) + plane * s.h.in * s.w.in, oy, buffer, out);
      for (int64_t ox = 0; !max && ox < s.w.out; ++ox) out[ox] /= s.divisor(oy, ox);
    }
  });
}

template <bool max>
KernelStatus run_pixels(const KernelCall& call, const PoolShape& s) {
  const simd::PoolTable& pool = *call.row->f32->pool;
  return for_each_item(call, s.n * s.h.out, [&](int64_t row, int thread) {
    const float** taps = reinterpret_cast<const float**>(static_cast<char*>(call.scratch) + thread * thread_bytes(s));
    const int64_t oy = row % s.h.out, first_y = s.h.first_tap(oy), last_y = s.h.last_tap(oy);
    const float* image = call.input(0) + row / s.h.out * s.h.in * s.w.in * s.c;
    float* out = call.output(0) + row * s.w.out * s.c;
    for (int64_t ox = 0; ox < s.w.out; ++ox, out += s.c) {
      const int64_t first_x = s.w.first_tap(ox), last_x = s.w.last_tap(ox);
      int64_t count = 0;
      for (int64_t ky = first_y; ky < last_y; ++ky) {
        const float* line = image + s.h.position(oy, ky) * s.w.in * s.c;
        for (int64_t kx = first_x; kx < last_x; ++kx) taps[count++] = line + s.w.position(ox, kx) * s.c;
      }
      if (max) {
        pool.max(s.c, count, taps, out);
      } else {
        pool.mean(s.c, count, taps, s.divisor(oy, ox), out);
      }
    }
  });
}

template <bool max>
KernelStatus run(const KernelCall& call) {
  const PoolShape s = pool_shape_of(*call.problem);
  return s.channels_last ? run_pixels<max>(call, s) : run_planes<max>(call, s);
}

}  // namespace

const std::array<KernelRow, 2> kPoolRows = {{
    {.op = "max_pool", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run<true>},
    {.op = "average_pool", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run<false>},
}};

}  // namespace minnow::kernels
