// conv_grad_input (which conv_transpose becomes) in float32, [N,H,W,C]: for some pixels of the output gradient at a
// time, their product with the weights, then every tap's share added where it belongs. One filter a channel: tap by
// tap.
#include <algorithm>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

struct GradShape {
  int64_t n, oh, ow, m;     // output gradient
  int64_t h, w, c, kh, kw;  // input gradient, weight
  int64_t group, c_group;   // c_group: of the input gradient
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
  int64_t taps() const { return kh * kw; }
  int64_t m_group() const { return m / group; }
  bool depthwise() const { return c_group == 1 && m == group; }
  // Columns of a group's product.
  int64_t width() const { return taps() * c_group; }
  // Products of some 64 KiB stay in level 2 until they are added up.
  int64_t pixels_at_once() const { return std::clamp<int64_t>(16384 / width(), 1, ow); }
  int64_t product_floats() const { return (pixels_at_once() * width() + 15) / 16 * 16; }
};

GradShape shape_of(const Problem& p) {
  const auto& g = p.input(0).dims;
  const auto& w = p.input(1).dims;
  const auto& x = p.output(0).dims;
  return {.n = g[0],
          .oh = g[1],
          .ow = g[2],
          .m = g[3],
          .h = x[1],
          .w = x[2],
          .c = x[3],
          .kh = w[1],
          .kw = w[2],
          .group = p.ints[kGroup],
          .c_group = w[3],
          .stride_h = p.ints[kStrideH],
          .stride_w = p.ints[kStrideW],
          .dilation_h = p.ints[kDilationH],
          .dilation_w = p.ints[kDilationW],
          .top = p.ints[kPadTop],
          .left = p.ints[kPadLeft]};
}

bool accepts(const Problem& p) {
  return p.ints[kChannelsLast] != 0 && p.epilogue.none() && p.input_count == 2 && p.operand_count == 3 &&
         all_float32(p, 4, 4) && is_convolution(p, p.output(0), p.input(1), p.input(0));
}

// A depthwise filter [M,kH,kW,1] becomes [kH,kW,M].
int64_t shared_floats(const GradShape& s, uint32_t packed) {
  return s.depthwise() && (packed & 2) == 0 ? (s.m * s.taps() + 15) / 16 * 16 : 0;
}

int64_t thread_bytes(const GradShape& s) {
  return s.depthwise() ? 0 : s.product_floats() * static_cast<int64_t>(sizeof(float)) + product_scratch_bytes(1);
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t packed) {
  const GradShape s = shape_of(p);
  return shared_floats(s, packed) * static_cast<int64_t>(sizeof(float)) + threads * thread_bytes(s);
}

int64_t pack_bytes(const KernelRow& row, const Problem& p, int operand) {
  const GradShape s = shape_of(p);
  if (operand != 1) return 0;
  if (s.depthwise()) return s.m * s.taps() * static_cast<int64_t>(sizeof(float));
  return s.group == 1 ? panel_bytes(row, s.m, s.width()) : 0;
}

void pack(const KernelRow& row, const Problem& p, int, const void* source, void* destination) {
  const GradShape s = shape_of(p);
  const float* from = static_cast<const float*>(source);
  float* to = static_cast<float*>(destination);
  if (s.depthwise()) return row.f32->rows->transpose(s.m, s.taps(), from, s.taps(), to, s.m);
  pack_panels(row, s.m, s.width(), from, s.width(), 1, to);
}

// Where gradient pixel (oy, ox) adds its tap, or null outside.
float* target_of(const GradShape& s, float* image, int64_t oy, int64_t ox, int64_t tap) {
  const int64_t iy = oy * s.stride_h + tap / s.kw * s.dilation_h - s.top;
  const int64_t ix = ox * s.stride_w + tap % s.kw * s.dilation_w - s.left;
  return iy < 0 || iy >= s.h || ix < 0 || ix >= s.w ? nullptr : image + (iy * s.w + ix) * s.c;
}

struct Pixels {
  const KernelCall* call;
  GradShape s;
  int64_t first, count, group;
  float* products;
};

Product product_of(const void* context, int64_t) {
  const Pixels& pixels = *static_cast<const Pixels*>(context);
  const GradShape& s = pixels.s;
  Product product{.m = pixels.count, .n = s.width(), .k = s.m_group()};
  product.a = pixels.call->input(0) + pixels.first * s.m + pixels.group * s.m_group();
  product.a_row = s.m;
  if (pixels.call->packed_input(1) != nullptr) {
    product.b_panels = static_cast<const float*>(pixels.call->packed_input(1));
  } else {
    product.b = pixels.call->input(1) + pixels.group * s.m_group() * s.width();
  }
  product.b_row = s.width();
  product.c = pixels.products;
  product.c_row = s.width();
  return product;
}

// The image is one thread's: gradient rows overlap where they add.
KernelStatus run_products_of_images(const KernelCall& call, const GradShape& s) {
  return for_each_item(call, s.n, [&](int64_t image, int thread) {
    Pixels pixels{.call = &call, .s = s};
    pixels.products = reinterpret_cast<float*>(static_cast<char*>(call.scratch) + thread * thread_bytes(s));
    KernelCall inner = call;
    inner.threads = nullptr;
    inner.scratch = pixels.products + s.product_floats();
    float* out = call.output(0) + image * s.h * s.w * s.c;
    std::fill(out, out + s.h * s.w * s.c, 0.0f);
    const auto add_to = call.row->f32->rows->add_to;
    for (int64_t row = 0; row < s.oh * s.group; ++row) {
      const int64_t oy = row / s.group;
      pixels.group = row % s.group;
      for (int64_t ox = 0; ox < s.ow; ox += s.pixels_at_once()) {
        pixels.first = (image * s.oh + oy) * s.ow + ox;
        pixels.count = std::min(s.pixels_at_once(), s.ow - ox);
        if (run_products(inner, 1, product_of, &pixels) == kStopped) return;
        for (int64_t i = 0; i < pixels.count * s.taps(); ++i) {
          float* to = target_of(s, out, oy, ox + i / s.taps(), i % s.taps());
          if (to != nullptr) add_to(s.c_group, pixels.products + i * s.c_group, to + pixels.group * s.c_group);
        }
      }
    }
  });
}

KernelStatus run_depthwise_images(const KernelCall& call, const GradShape& s) {
  const float* weights = static_cast<const float*>(call.packed_input(1));
  if (weights == nullptr) {
    float* memory = static_cast<float*>(call.scratch);
    pack(*call.row, *call.problem, 1, call.inputs[1], memory);
    weights = memory;
  }
  return for_each_item(call, s.n, [&](int64_t image, int) {
    float* out = call.output(0) + image * s.h * s.w * s.c;
    std::fill(out, out + s.h * s.w * s.c, 0.0f);
    for (int64_t pixel = 0; pixel < s.oh * s.ow; ++pixel) {
      const float* in = call.input(0) + (image * s.oh * s.ow + pixel) * s.m;
      for (int64_t tap = 0; tap < s.taps(); ++tap) {
        float* to = target_of(s, out, pixel / s.ow, pixel % s.ow, tap);
        if (to != nullptr) call.row->f32->add_products(s.c, in, weights + tap * s.m, to);
      }
    }
  });
}

KernelStatus run(const KernelCall& call) {
  const GradShape s = shape_of(*call.problem);
  return s.depthwise() ? run_depthwise_images(call, s) : run_products_of_images(call, s);
}

}  // namespace

const std::array<KernelRow, 1> kConvGradNhwcRows = {{
    {.op = "conv_grad_input",
     .accepts = accepts,
     .scratch_bytes = scratch_bytes,
     .pack_bytes = pack_bytes,
     .pack = pack,
     .run = run},
}};

}  // namespace minnow::kernels
