// conv_grad_input (which conv_transpose becomes) in float32, [N,C,H,W]: for some rows of the output gradient at a time,
// the product of the weights with it, then every tap's share added where it belongs.
#include <algorithm>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

struct GradShape {
  int64_t n, m, oh, ow;     // output gradient
  int64_t c, h, w, kh, kw;  // input gradient, weight
  int64_t group, m_group, c_group;
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
  int64_t taps() const { return kh * kw; }
  // Channels and gradient rows of one step: some 64 rows and 256 columns of products, which stay in level 2.
  int64_t channels_at_once() const { return std::clamp<int64_t>(64 / taps(), 1, c_group); }
  int64_t rows_at_once() const { return std::clamp<int64_t>(256 / std::max<int64_t>(ow, 1), 1, oh); }
  int64_t chunks() const { return (c_group + channels_at_once() - 1) / channels_at_once(); }
  int64_t product_floats() const { return (channels_at_once() * taps() * rows_at_once() * ow + 15) / 16 * 16; }
};

GradShape shape_of(const Problem& p) {
  const auto& g = p.input(0).dims;
  const auto& w = p.input(1).dims;
  const auto& x = p.output(0).dims;
  const int64_t group = p.ints[kGroup];
  return {.n = g[0],
          .m = g[1],
          .oh = g[2],
          .ow = g[3],
          .c = x[1],
          .h = x[2],
          .w = x[3],
          .kh = w[2],
          .kw = w[3],
          .group = group,
          .m_group = g[1] / group,
          .c_group = w[1],
          .stride_h = p.ints[kStrideH],
          .stride_w = p.ints[kStrideW],
          .dilation_h = p.ints[kDilationH],
          .dilation_w = p.ints[kDilationW],
          .top = p.ints[kPadTop],
          .left = p.ints[kPadLeft]};
}

bool accepts(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 2 || p.operand_count != 3 || !all_float32(p, 4, 4)) return false;
  return p.ints[kChannelsLast] == 0 && is_convolution(p, p.output(0), p.input(1), p.input(0));
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  return threads * (shape_of(p).product_floats() * static_cast<int64_t>(sizeof(float)) + product_scratch_bytes(1));
}

// Adds one tap's products for gradient row `oy` to a channel's plane.
void add_tap(const KernelCall& call, const GradShape& s, int64_t tap, int64_t oy, const float* products, float* plane) {
  const int64_t iy = oy * s.stride_h + tap / s.kw * s.dilation_h - s.top;
  if (iy < 0 || iy >= s.h) return;
  const int64_t offset = tap % s.kw * s.dilation_w - s.left;
  const int64_t first = offset >= 0 ? 0 : (-offset + s.stride_w - 1) / s.stride_w;
  const int64_t last = offset >= s.w ? 0 : std::min(s.ow, (s.w - 1 - offset) / s.stride_w + 1);
  if (first >= last) return;
  float* out = plane + iy * s.w + first * s.stride_w + offset;
  if (s.stride_w == 1) return call.row->f32->rows->add_to(last - first, products + first, out);
  for (int64_t i = first; i < last; ++i, out += s.stride_w) *out += products[i];
}

struct Chunk {
  const KernelCall* call;
  GradShape s;
  int64_t image, group, channel, channels;  // the channel within its group
  int64_t row, rows;
  float* products;
};

Product product_of(const void* context, int64_t) {
  const Chunk& chunk = *static_cast<const Chunk*>(context);
  const GradShape& s = chunk.s;
  Product product{.m = chunk.channels * s.taps(), .n = chunk.rows * s.ow, .k = s.m_group};
  product.a = chunk.call->input(1) + (chunk.group * s.m_group * s.c_group + chunk.channel) * s.taps();
  product.a_row = 1;
  product.a_col = s.c_group * s.taps();
  product.b = chunk.call->input(0) + ((chunk.image * s.m + chunk.group * s.m_group) * s.oh + chunk.row) * s.ow;
  product.b_row = s.oh * s.ow;
  product.c = chunk.products;
  product.c_row = product.n;
  return product;
}

KernelStatus run(const KernelCall& call) {
  const GradShape s = shape_of(*call.problem);
  const int64_t chunks = s.chunks(), bytes = scratch_bytes(*call.row, *call.problem, 1, 0);
  return for_each_item(call, s.n * s.group * chunks, [&](int64_t item, int thread) {
    Chunk chunk{.call = &call, .s = s};
    chunk.image = item / chunks / s.group;
    chunk.group = item / chunks % s.group;
    chunk.channel = item % chunks * s.channels_at_once();
    chunk.channels = std::min(s.channels_at_once(), s.c_group - chunk.channel);
    chunk.products = reinterpret_cast<float*>(static_cast<char*>(call.scratch) + thread * bytes);
    KernelCall inner = call;
    inner.threads = nullptr;
    inner.scratch = chunk.products + s.product_floats();
    float* planes = call.output(0) + (chunk.image * s.c + chunk.group * s.c_group + chunk.channel) * s.h * s.w;
    std::fill(planes, planes + chunk.channels * s.h * s.w, 0.0f);
    for (chunk.row = 0; chunk.row < s.oh; chunk.row += s.rows_at_once()) {
      chunk.rows = std::min(s.rows_at_once(), s.oh - chunk.row);
      if (run_products(inner, 1, product_of, &chunk) == kStopped) return;
      for (int64_t i = 0; i < chunk.channels * s.taps() * chunk.rows; ++i) {
        const int64_t row = i % chunk.rows, tap = i / chunk.rows % s.taps(), channel = i / chunk.rows / s.taps();
        add_tap(call, s, tap, chunk.row + row, chunk.products + i * s.ow, planes + channel * s.h * s.w);
      }
    }
  });
}

}  // namespace

const std::array<KernelRow, 1> kConvGradRows = {{
    {.op = "conv_grad_input", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run},
}};

}  // namespace minnow::kernels
