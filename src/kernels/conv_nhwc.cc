// conv in float32, [N,H,W,C]: a pointwise one is a matrix product as it stands, a depthwise one goes channel by channel
// within each pixel, and the others multiply patches of some pixels at a time.
#include <algorithm>
#include <cstring>

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
  if (is_depthwise(s)) return floats_to_lines(2 * s.kh * s.kw);
  return floats_to_lines(is_pointwise(s) ? 0 : kPixels * depth_of(s));
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

// Input position of a tap, or null in the padding.
const float* tap_of(const KernelCall& call, const ConvShape& s, int64_t pixel, int64_t tap) {
  const int64_t ox = pixel % s.ow, oy = pixel / s.ow % s.oh, image = pixel / s.ow / s.oh;
  const int64_t iy = oy * s.stride_h + tap / s.kw * s.dilation_h - s.top;
  const int64_t ix = ox * s.stride_w + tap % s.kw * s.dilation_w - s.left;
  if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) return nullptr;
  return call.input(0) + ((image * s.h + iy) * s.w + ix) * s.c;
}

KernelStatus run_depthwise_pixels(const KernelCall& call, const ConvShape& s) {
  const simd::Finish finish = finish_of(call.problem->epilogue);
  const float* bias = call.problem->own_input_count() >= 3 ? call.input(2) : nullptr;
  const float* residual = residual_of(call);
  const int64_t taps = s.kh * s.kw;
  float* memory = static_cast<float*>(call.scratch);
  const float* weights = static_cast<const float*>(call.packed_input(1));
  if (weights == nullptr) {
    pack(*call.row, *call.problem, 1, call.inputs[1], memory);
    weights = memory;
    memory += shared_floats(s, 0);
  }
  return for_each_item(call, s.n * s.oh, [&](int64_t row, int thread) {
    const float** in = reinterpret_cast<const float**>(memory + thread * thread_floats(s));
    for (int64_t pixel = row * s.ow; pixel < (row + 1) * s.ow; ++pixel) {
      for (int64_t t = 0; t < taps; ++t) in[t] = tap_of(call, s, pixel, t);
      call.row->f32->depthwise->pixel(s.c, taps, in, weights, bias, &finish,
                                      residual != nullptr ? residual + pixel * s.c : nullptr,
                                      call.output(0) + pixel * s.c);
    }
  });
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
  const int64_t pixels = s.n * s.oh * s.ow, taps = s.kh * s.kw, floats = thread_floats(s);
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
    for (int64_t i = 0; i < some.count * taps; ++i) {
      const float* from = tap_of(call, s, some.first + i / taps, i % taps);
      float* to = rows + i * s.c;
      if (from != nullptr) std::memcpy(to, from, static_cast<size_t>(s.c) * sizeof(float));
      if (from == nullptr) std::fill(to, to + s.c, 0.0f);
    }
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
