// resize of two neighbouring axes, x [outer, h, w, inner]: to the nearest element of any fixed-size type, or linear in
// float32. Both blend (or take) whole rows first: a row of the input serves several of the output, or is skipped.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/resampling.h"
#include "kernels/families.h"

namespace minnow::kernels {

double scale_of(const Problem& p, int at) {
  const auto half = [&](int i) { return static_cast<uint64_t>(static_cast<uint32_t>(p.ints[static_cast<size_t>(i)])); };
  return std::bit_cast<double>(half(at) << 32 | half(at + 1));
}

void set_scale(Problem& p, int at, double scale) {
  const auto bits = std::bit_cast<uint64_t>(scale);
  p.ints[static_cast<size_t>(at)] = static_cast<int32_t>(bits >> 32);
  p.ints[static_cast<size_t>(at + 1)] = static_cast<int32_t>(static_cast<uint32_t>(bits));
}

namespace {

struct ResizeShape {
  int64_t outer, inner;
  ResampledAxis h, w;
  Interpolation::Coordinates coordinates;
  Interpolation::Nearest nearest;
  bool linear;
  int64_t bytes;  // of an element
};

ResizeShape shape_of(const Problem& p) {
  const auto& i = p.ints;
  ResizeShape s;
  s.outer = i[kResizeOuter];
  s.inner = i[kResizeInner];
  s.h = {i[kInH], i[kOutH], scale_of(p, kScaleH)};
  s.w = {i[kInW], i[kOutW], scale_of(p, kScaleW)};
  s.coordinates = static_cast<Interpolation::Coordinates>(i[kCoordinates]);
  s.nearest = static_cast<Interpolation::Nearest>(i[kNearest]);
  s.linear = i[kResizeMode] == static_cast<int64_t>(Interpolation::Mode::linear);
  s.bytes = static_cast<int64_t>(element_bytes(p.input(0).dtype));
  return s;
}

bool covers(const ResizeShape& s, int64_t h, int64_t w, int64_t elements) {
  int64_t left = elements;
  for (int64_t factor : {s.outer, h, w, s.inner}) {
    if (factor < 1 || left % factor != 0) return false;
    left /= factor;
  }
  return left == 1;
}

// integer_resize is linear on 8-bit codes.
template <bool codes>
bool accepts(const Problem& p) {
  if (p.input_count != 1 || p.operand_count != 2 || !p.epilogue.none()) return false;
  const DType dtype = p.input(0).dtype;
  if (dtype != p.output(0).dtype || dtype == DType::string || dtype == DType::undefined) return false;
  const auto& i = p.ints;
  using I = Interpolation;
  if (i[kCoordinates] < 0 || i[kCoordinates] >= static_cast<int64_t>(I::Coordinates::tf_crop_and_resize) ||
      i[kNearest] < 0 || i[kNearest] > static_cast<int64_t>(I::Nearest::ceil) || i[kResizeMode] < 0 ||
      i[kResizeMode] > static_cast<int64_t>(I::Mode::linear))
    return false;
  const ResizeShape s = shape_of(p);
  const bool type_fits =
      codes ? s.linear && (dtype == DType::uint8 || dtype == DType::int8) : !s.linear || dtype == DType::float32;
  const auto sane = [](const ResampledAxis& a) {
    return a.in > 0 && a.out > 0 && std::isfinite(a.scale) && a.scale > 0;
  };
  return sane(s.h) && sane(s.w) && type_fits && covers(s, s.h.in, s.w.in, p.input(0).elements()) &&
         covers(s, s.h.out, s.w.out, p.output(0).elements());
}

// The elements that output element `o` lies between, and their weights.
struct Between {
  int32_t a, b;
  float wa, wb;
};
Between between(const ResizeShape& s, const ResampledAxis& axis, int64_t o) {
  if (axis.in == axis.out && axis.scale == 1) return {static_cast<int32_t>(o), static_cast<int32_t>(o), 1, 0};
  // Positions far outside read the end elements; the bound keeps their conversion to integers defined.
  const double bound = 4e15, last = static_cast<double>(axis.in - 1);
  double x = source_position(static_cast<double>(o), axis, s.coordinates);
  x = std::isnan(x) ? 0 : std::clamp(x, -bound, bound);
  const auto at = [&](double position) { return static_cast<int32_t>(std::clamp(position, 0.0, last)); };
  if (!s.linear) {
    const int32_t i = at(nearest_position(x, s.nearest));
    return {i, i, 1, 0};
  }
  const double low = std::floor(x), part = x - low;
  const int32_t a = at(low), b = at(low + 1);
  // One element alone where there is nothing between: an infinite neighbour must not count.
  if (a == b || part == 0) return {a, a, 1, 0};
  return {a, b, static_cast<float>(1 - part), static_cast<float>(part)};
}

// The columns of all rows: sources a and b, then their weights.
int64_t column_bytes(const ResizeShape& s) { return (s.w.out * 4 + 63) / 64 * 64; }
int64_t row_bytes(const ResizeShape& s) { return s.linear ? (s.w.in * s.inner * 4 + 63) / 64 * 64 : 0; }
int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  const ResizeShape s = shape_of(p);
  return 4 * column_bytes(s) + threads * row_bytes(s);
}

struct Columns {
  int32_t *a, *b;
  float *wa, *wb;
};

Columns columns_of(const ResizeShape& s, void* scratch) {
  char* memory = static_cast<char*>(scratch);
  const auto part = [&](int i) { return memory + i * column_bytes(s); };
  const Columns c{reinterpret_cast<int32_t*>(part(0)), reinterpret_cast<int32_t*>(part(1)),
                  reinterpret_cast<float*>(part(2)), reinterpret_cast<float*>(part(3))};
  for (int64_t o = 0; o < s.w.out; ++o) {
    const Between at = between(s, s.w, o);
    c.a[o] = at.a, c.b[o] = at.b, c.wa[o] = at.wa, c.wb[o] = at.wb;
  }
  return c;
}

// One output row from one (blended) input row.
void linear_row(const KernelCall& call, const ResizeShape& s, const Columns& columns, const float* in, float* out) {
  const simd::ResizeTable& resize = *call.row->f32->resize;
  if (s.inner == 1) return resize.pick(s.w.out, in, columns.a, columns.wa, columns.b, columns.wb, out);
  for (int64_t x = 0; x < s.w.out; ++x, out += s.inner) {
    const float* a = in + columns.a[x] * s.inner;
    if (columns.wb[x] == 0) {
      std::memcpy(out, a, static_cast<size_t>(s.inner) * sizeof(float));
    } else {
      resize.blend(s.inner, a, columns.wa[x], in + columns.b[x] * s.inner, columns.wb[x], out);
    }
  }
}

void run_linear_row(const KernelCall& call, const ResizeShape& s, const Columns& columns, int64_t row, float* blended) {
  const int64_t in_row = s.w.in * s.inner, oy = row % s.h.out;
  const float* image = call.input(0) + row / s.h.out * s.h.in * in_row;
  const Between y = between(s, s.h, oy);
  const float* in = image + y.a * in_row;
  if (y.wb != 0) {
    call.row->f32->resize->blend(in_row, in, y.wa, image + y.b * in_row, y.wb, blended);
    in = blended;
  }
  linear_row(call, s, columns, in, call.output(0) + row * s.w.out * s.inner);
}

KernelStatus run_codes(const KernelCall& call) {
  const ResizeShape s = shape_of(*call.problem);
  const Columns columns = columns_of(s, call.scratch);
  const simd::CodeColumns given{s.w.out, s.inner, columns.a, columns.b, columns.wa, columns.wb};
  const simd::CodeTable& table = *call.row->f32->codes;
  const auto flip = static_cast<uint8_t>(call.problem->input(0).dtype == DType::int8 ? 128 : 0);
  const int64_t in_row = s.w.in * s.inner, out_row = s.w.out * s.inner;
  char* rows = static_cast<char*>(call.scratch) + 4 * column_bytes(s);
  return for_each_item(call, s.outer * s.h.out, [&](int64_t row, int thread) {
    auto* blended = reinterpret_cast<float*>(rows + thread * row_bytes(s));
    const auto* image = static_cast<const uint8_t*>(call.inputs[0]) + row / s.h.out * s.h.in * in_row;
    const Between y = between(s, s.h, row % s.h.out);
    table.blend(in_row, image + y.a * in_row, y.wa, image + y.b * in_row, y.wb, flip, blended);
    table.columns(&given, blended, static_cast<uint8_t*>(call.outputs[0]) + row * out_row);
  });
}

template <class T>
void take(int64_t count, const int32_t* from, const char* in, char* out) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(out + i * sizeof(T), in + from[i] * sizeof(T), sizeof(T));
}

void nearest_row(const ResizeShape& s, const Columns& columns, const char* in, char* out) {
  const int64_t bytes = s.bytes * s.inner;
  switch (bytes) {
    case 1: return take<uint8_t>(s.w.out, columns.a, in, out);
    case 2: return take<uint16_t>(s.w.out, columns.a, in, out);
    case 4: return take<uint32_t>(s.w.out, columns.a, in, out);
    case 8: return take<uint64_t>(s.w.out, columns.a, in, out);
    default:
      for (int64_t x = 0; x < s.w.out; ++x)
        std::memcpy(out + x * bytes, in + columns.a[x] * bytes, static_cast<size_t>(bytes));
  }
}

KernelStatus run(const KernelCall& call) {
  const ResizeShape s = shape_of(*call.problem);
  const Columns columns = columns_of(s, call.scratch);
  if (s.linear) {
    char* rows = static_cast<char*>(call.scratch) + 4 * column_bytes(s);
    return for_each_item(call, s.outer * s.h.out, [&](int64_t row, int thread) {
      run_linear_row(call, s, columns, row, reinterpret_cast<float*>(rows + thread * row_bytes(s)));
    });
  }
  const int64_t in_row = s.w.in * s.inner * s.bytes, out_row = s.w.out * s.inner * s.bytes;
  return for_each_item(call, s.outer, [&](int64_t plane, int) {
    const char* in = static_cast<const char*>(call.inputs[0]) + plane * s.h.in * in_row;
    char* out = static_cast<char*>(call.outputs[0]) + plane * s.h.out * out_row;
    int32_t last = -1;
    for (int64_t y = 0; y < s.h.out; ++y, out += out_row) {
      const int32_t source = between(s, s.h, y).a;
      if (source == last) {
        std::memcpy(out, out - out_row, static_cast<size_t>(out_row));
      } else {
        nearest_row(s, columns, in + source * in_row, out);
      }
      last = source;
    }
  });
}

}  // namespace

const std::array<KernelRow, 2> kResizeRows = {{
    {.op = "resize", .accepts = accepts<false>, .scratch_bytes = scratch_bytes, .run = run},
    {.op = "integer_resize", .accepts = accepts<true>, .scratch_bytes = scratch_bytes, .run = run_codes},
}};

}  // namespace minnow::kernels
