// conv in float32, [N,H,W,C]: a pointwise one is a matrix product as it stands, a depthwise one goes channel by channel
// within each pixel, and the others multiply patches of some pixels at a time.
#include <algorithm>

#include "kernels/blocked_gemm.h"
#include "kernels/conv_shape.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

// Pixels whose patches are multiplied at once.
constexpr int64_t kPixels = 96;

ConvShape shape_of(const Problem& p) {
  const auto& x = p.input(0).dims;
  const auto& w = p.input(1).dims;
  const auto& out = p.output(0).dims;
  const int64_t group = p.ints[kGroup];
  ConvShape s{};
  s.n = x[0];
  s.h = x[1];
  s.w = x[2];
  s.c = x[3];
  s.m = w[0];
  s.kh = w[1];
  s.kw = w[2];
  s.c_group = w[3];
  s.oh = out[1];
  s.ow = out[2];
  s.group = group;
  s.m_group = w[0] / group;
  s.stride_h = p.ints[kStrideH];
  s.stride_w = p.ints[kStrideW];
  s.dilation_h = p.ints[kDilationH];
  s.dilation_w = p.ints[kDilationW];
  s.top = p.ints[kPadTop];
  s.left = p.ints[kPadLeft];
  return s;
}

bool is_depthwise(const ConvShape& s) { return s.group > 1 && s.c_group == 1 && s.m_group == 1; }

bool is_pointwise(const ConvShape& s) {
  return s.kh * s.kw == 1 && s.stride_h * s.stride_w == 1 && s.top == 0 && s.left == 0 && s.oh == s.h && s.ow == s.w;
}

bool accepts(const Problem& p) {
  if (p.ints[kChannelsLast] == 0 || p.own_input_count() < 2 || p.own_input_count() > 3 ||
      p.operand_count != p.input_count + 1 || !all_float32(p, 1, 4))
    return false;
  if (!is_convolution(p, p.input(0), p.input(1), p.output(0)) ||
      (p.own_input_count() == 3 && !is_vector(p.input(2), p.input(1).dims[0])))
    return false;
  const ConvShape s = shape_of(p);
  return s.group == 1 || is_depthwise(s);
}

int64_t depth_of(const ConvShape& s) { return s.c_group * s.kh * s.kw; }

int64_t floats_to_lines(int64_t floats) { return (floats + 15) / 16 * 16; }

// Without a pack: a depthwise filter in the pack's form.
int64_t shared_floats(const ConvShape& s, uint32_t packed) {
  return is_depthwise(s) && (packed & 2) == 0 ? floats_to_lines(s.m * s.kh * s.kw) : 0;
}
int64_t thread_floats(const ConvShape& s) {
  return floats_to_lines(is_depthwise(s) || is_pointwise(s) ? 0 : kPixels * depth_of(s));
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t packed) {
  const ConvShape s = shape_of(p);
  const int64_t products = is_depthwise(s) ? 0 : product_scratch_bytes(threads);
  return (shared_floats(s, packed) + threads * thread_floats(s)) * static_cast<int64_t>(sizeof(float)) + products;
}

int64_t pack_bytes(const KernelRow& row, const Problem& p, int operand) {
  const ConvShape s = shape_of(p);
  if (operand != 1) return 0;
  if (is_depthwise(s)) return s.m * s.kh * s.kw * static_cast<int64_t>(sizeof(float));
  return panel_bytes(row, depth_of(s), s.m);
}

// Weights [M,kH,kW,C] are the transposed right side of the product; a depthwise filter becomes [kH,kW,M].
void pack(const KernelRow& row, const Problem& p, int, const void* source, void* destination) {
  const ConvShape s = shape_of(p);
  const float* from = static_cast<const float*>(source);
  float* to = static_cast<float*>(destination);
  if (is_depthwise(s)) return row.f32->rows->transpose(s.m, s.kh * s.kw, from, s.kh * s.kw, to, s.m);
  pack_panels(row, depth_of(s), s.m, from, 1, depth_of(s), to);
}

// Taps [first, last) of an axis that lie inside the input.
struct Taps {
  int64_t first, last;
};
Taps taps_inside(int64_t start, int64_t size, int64_t dilation, int64_t kernel) {
  const int64_t first = start >= 0 ? 0 : std::min((-start + dilation - 1) / dilation, kernel);
  const int64_t left = size - start;
  return {first, left <= 0 ? first : std::clamp((left + dilation - 1) / dilation, first, kernel)};
}

// Output pixels [first, last) of one row, which have the same taps inside.
void depthwise_pixels(const KernelCall& call, const ConvShape& s, const float* weights, int64_t row, int64_t first,
                      int64_t last) {
  const int64_t top = row % s.oh * s.stride_h - s.top, left = first * s.stride_w - s.left;
  const Taps y = taps_inside(top, s.h, s.dilation_h, s.kh), x = taps_inside(left, s.w, s.dilation_w, s.kw);
  simd::DepthwisePixels d{};
  d.pixels = last - first;
  d.channels = s.c;
  d.in_step = s.stride_w * s.c;
  d.row_step = s.dilation_h * s.w * s.c;
  d.col_step = s.dilation_w * s.c;
  d.tap_rows = y.last - y.first;
  d.tap_cols = x.last - x.first;
  d.weights = weights;
  d.in = call.input(0);
  if (d.tap_rows > 0 && d.tap_cols > 0) {
    d.in += ((row / s.oh * s.h + top + y.first * s.dilation_h) * s.w + left + x.first * s.dilation_w) * s.c;
    d.weights += (y.first * s.kw + x.first) * s.c;
  }
  d.weight_row = s.kw * s.c;
  d.bias = call.problem->own_input_count() >= 3 ? call.input(2) : nullptr;
  const int64_t at = (row * s.ow + first) * s.c;
  d.residual = residual_of(call) != nullptr ? residual_of(call) + at : nullptr;
  d.out = call.output(0) + at;
  call.row->f32->depthwise->pixels(&d);
}

KernelStatus run_depthwise_pixels(const KernelCall& call, const ConvShape& s) {
  const float* weights = static_cast<const float*>(call.packed_input(1));
  if (weights == nullptr) {
    float* memory = static_cast<float*>(call.scratch);
    pack(*call.row, *call.problem, 1, call.inputs[1], memory);
    weights = memory;
  }
  const simd::Finish finish = finish_of(call.problem->epilogue);
  // Pixels whose columns all lie inside.
  const int64_t reach = (s.kw - 1) * s.dilation_w - s.left;
  const int64_t begin = std::clamp<int64_t>((s.left + s.stride_w - 1) / s.stride_w, 0, s.ow);
  const int64_t end = s.w <= reach ? begin : std::clamp((s.w - 1 - reach) / s.stride_w + 1, begin, s.ow);
  return for_each_item(call, s.n * s.oh, [&](int64_t row, int) {
    for (int64_t ox = 0; ox < begin; ++ox) depthwise_pixels(call, s, weights, row, ox, ox + 1);
    if (begin < end) depthwise_pixels(call, s, weights, row, begin, end);
    for (int64_t ox = end; ox < s.ow; ++ox) depthwise_pixels(call, s, weights, row, ox, ox + 1);
    float* out = call.output(0) + row * s.ow * s.c;
    if (finish.kind != simd::kActNone)
      call.row->f32->activations[finish.kind](s.ow * s.c, out, nullptr, finish.a, finish.b, out);
  });
}

// One pixel's patch [kH,kW,C], zeros where it leaves the image.
void patch_of(const KernelCall& call, const ConvShape& s, int64_t pixel, float* out) {
  const int64_t top = pixel / s.ow % s.oh * s.stride_h - s.top, left = pixel % s.ow * s.stride_w - s.left;
  const Taps y = taps_inside(top, s.h, s.dilation_h, s.kh), x = taps_inside(left, s.w, s.dilation_w, s.kw);
  const float* image = call.input(0) + pixel / s.ow / s.oh * s.h * s.w * s.c;
  const int64_t row = s.kw * s.c;
  std::fill(out, out + y.first * row, 0.0f);
  for (int64_t ky = y.first; ky < y.last; ++ky) {
    float* to = out + ky * row;
    const float* line = image + (top + ky * s.dilation_h) * s.w * s.c;
    std::fill(to, to + x.first * s.c, 0.0f);
    if (s.dilation_w == 1) {
      copy_run(line + (left + x.first) * s.c, (x.last - x.first) * s.c, to + x.first * s.c);
    } else {
      for (int64_t kx = x.first; kx < x.last; ++kx)
        copy_run(line + (left + kx * s.dilation_w) * s.c, s.c, to + kx * s.c);
    }
    std::fill(to + x.last * s.c, to + row, 0.0f);
  }
  std::fill(out + y.last * row, out + s.kh * row, 0.0f);
}

struct Pixels {
  const KernelCall* call;
  ConvShape s;
  const float* rows;
  int64_t first, count;
};

Product product_of(const void* context, int64_t) {
  const Pixels& pixels = *static_cast<const Pixels*>(context);
  const KernelCall& call = *pixels.call;
  const int64_t depth = depth_of(pixels.s), m = pixels.s.m;
  Product product{.m = pixels.count, .n = m, .k = depth};
  product.a = pixels.rows;
  product.a_row = depth;
  if (call.packed_input(1) != nullptr) {
    product.b_panels = static_cast<const float*>(call.packed_input(1));
  } else {
    product.b = call.input(1);
  }
  product.b_row = 1;
  product.b_col = depth;
  product.c = call.output(0) + pixels.first * m;
  product.c_row = m;
  if (call.problem->own_input_count() >= 3) product.col_bias = call.input(2);
  product.residual = residual_of(call);
  if (product.residual != nullptr) product.residual += pixels.first * m;
  product.finish = finish_of(call.problem->epilogue);
  return product;
}

KernelStatus run(const KernelCall& call) {
  const ConvShape s = shape_of(*call.problem);
  if (is_depthwise(s)) return run_depthwise_pixels(call, s);
  const int64_t pixels = s.n * s.oh * s.ow, floats = thread_floats(s);
  if (is_pointwise(s)) {
    const Pixels all{&call, s, call.input(0), 0, pixels};
    return run_products(call, 1, product_of, &all);
  }
  const int64_t product_bytes = product_scratch_bytes(1);
  return for_each_item(call, (pixels + kPixels - 1) / kPixels, [&](int64_t item, int thread) {
    char* memory =
        static_cast<char*>(call.scratch) + thread * (floats * static_cast<int64_t>(sizeof(float)) + product_bytes);
    float* rows = reinterpret_cast<float*>(memory + product_bytes);
    const Pixels some{&call, s, rows, item * kPixels, std::min(kPixels, pixels - item * kPixels)};
    for (int64_t i = 0; i < some.count; ++i) patch_of(call, s, some.first + i, rows + i * depth_of(s));
    KernelCall inner = call;
    inner.threads = nullptr;
    inner.scratch = memory;
    run_products(inner, 1, product_of, &some);
  });
}

}  // namespace

const std::array<KernelRow, 1> kConvNhwcRows = {{
    {.op = "conv",
     .accepts = accepts,
     .scratch_bytes = scratch_bytes,
     .pack_bytes = pack_bytes,
     .pack = pack,
     .run = run},
}};

}  // namespace minnow::kernels
