// Pools of 8-bit codes: max_pool, and integer_average_pool, whose means are rounded to nearest, halves away from zero.
#include "kernels/pool_shape.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

// Below this many taps float32 sums of codes are exact, and so is where their means lie between two codes.
constexpr int64_t kMaxMeanTaps = 1 << 14;

bool accepts(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 1 || p.operand_count != 2) return false;
  const Operand &x = p.input(0), &y = p.output(0);
  if ((x.dtype != DType::uint8 && x.dtype != DType::int8) || x.dtype != y.dtype || x.rank != 4 || y.rank != 4)
    return false;
  const PoolShape s = pool_shape_of(p);
  return is_pool(p, x, y, s.channels_last) && s.h.kernel <= kMaxMeanTaps / s.w.kernel;
}

bool accepts_mean(const Problem& p) { return accepts(p) && pool_shape_of(p).channels_last; }

// Pointers to a window's codes, or to its rows and the largest of each column.
int64_t thread_bytes(const PoolShape& s) {
  const auto pointer = static_cast<int64_t>(sizeof(const uint8_t*));
  const int64_t bytes = s.channels_last ? s.h.kernel * s.w.kernel * pointer : s.h.kernel * pointer + s.w.in;
  return (bytes + 63) / 64 * 64;
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  return threads * thread_bytes(pool_shape_of(p));
}

struct Codes {
  const uint8_t* in;
  uint8_t* out;
  uint8_t flip;  // 128 where they are signed
};

Codes codes_of(const KernelCall& call) {
  return {static_cast<const uint8_t*>(call.inputs[0]), static_cast<uint8_t*>(call.outputs[0]),
          static_cast<uint8_t>(call.problem->input(0).dtype == DType::int8 ? 128 : 0)};
}

template <bool max>
KernelStatus run_pixels(const KernelCall& call, const PoolShape& s) {
  const Codes codes = codes_of(call);
  const simd::CodeTable& table = *call.row->f32->codes;
  return for_each_item(call, s.n * s.h.out, [&](int64_t row, int thread) {
    auto** taps = reinterpret_cast<const uint8_t**>(static_cast<char*>(call.scratch) + thread * thread_bytes(s));
    const int64_t oy = row % s.h.out, first_y = s.h.first_tap(oy), last_y = s.h.last_tap(oy);
    const uint8_t* image = codes.in + row / s.h.out * s.h.in * s.w.in * s.c;
    uint8_t* out = codes.out + row * s.w.out * s.c;
    for (int64_t ox = 0; ox < s.w.out; ++ox, out += s.c) {
      const int64_t first_x = s.w.first_tap(ox), last_x = s.w.last_tap(ox);
      int64_t count = 0;
      for (int64_t ky = first_y; ky < last_y; ++ky) {
        const uint8_t* line = image + s.h.position(oy, ky) * s.w.in * s.c;
        for (int64_t kx = first_x; kx < last_x; ++kx) taps[count++] = line + s.w.position(ox, kx) * s.c;
      }
      if (max) {
        table.max(s.c, count, taps, codes.flip, out);
      } else {
        table.mean(s.c, count, taps, codes.flip, s.divisor(oy, ox), out);
      }
    }
  });
}

// The largest of each column of a window's rows first: it serves all windows that the column is in.
KernelStatus run_planes(const KernelCall& call, const PoolShape& s) {
  const Codes codes = codes_of(call);
  return for_each_item(call, s.n * s.c, [&](int64_t plane, int thread) {
    auto** rows = reinterpret_cast<const uint8_t**>(static_cast<char*>(call.scratch) + thread * thread_bytes(s));
    auto* columns = reinterpret_cast<uint8_t*>(rows + s.h.kernel);
    const uint8_t* image = codes.in + plane * s.h.in * s.w.in;
    uint8_t* out = codes.out + plane * s.h.out * s.w.out;
    for (int64_t oy = 0; oy < s.h.out; ++oy, out += s.w.out) {
      int64_t count = 0;
      for (int64_t ky = s.h.first_tap(oy); ky < s.h.last_tap(oy); ++ky)
        rows[count++] = image + s.h.position(oy, ky) * s.w.in;
      call.row->f32->codes->max(s.w.in, count, rows, codes.flip, columns);
      for (int64_t ox = 0; ox < s.w.out; ++ox) {
        uint8_t best = 0;
        for (int64_t kx = s.w.first_tap(ox); kx < s.w.last_tap(ox); ++kx)
          best = std::max(best, static_cast<uint8_t>(columns[s.w.position(ox, kx)] ^ codes.flip));
        out[ox] = best ^ codes.flip;
      }
    }
  });
}

KernelStatus run_max(const KernelCall& call) {
  const PoolShape s = pool_shape_of(*call.problem);
  return s.channels_last ? run_pixels<true>(call, s) : run_planes(call, s);
}
KernelStatus run_mean(const KernelCall& call) { return run_pixels<false>(call, pool_shape_of(*call.problem)); }

}  // namespace

const std::array<KernelRow, 2> kCodePoolRows = {{
    {.op = "max_pool", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run_max},
    {.op = "integer_average_pool", .accepts = accepts_mean, .scratch_bytes = scratch_bytes, .run = run_mean},
}};

}  // namespace minnow::kernels
