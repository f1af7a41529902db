// conv in float32, [N,C,H,W]: as a matrix product with the image's patches, or tap by tap where a group has one
// channel.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"

namespace minnow::kernels {
namespace {

struct ConvShape {
  int64_t n, c, h, w;         // input
  int64_t m, kh, kw, oh, ow;  // output
  int64_t group, c_group, m_group;
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
};

ConvShape shape_of(const Problem& p) {
  const auto& x = p.input(0).dims;
  const auto& w = p.input(1).dims;
  const auto& out = p.output(0).dims;
  const int64_t group = p.ints[kGroup];
  return {x[0],
          x[1],
          x[2],
          x[3],
          w[0],
          w[2],
          w[3],
          out[2],
          out[3],
          group,
          w[1],
          w[0] / group,
          p.ints[kStrideH],
          p.ints[kStrideW],
          p.ints[kDilationH],
          p.ints[kDilationW],
          p.ints[kPadTop],
          p.ints[kPadLeft]};
}

bool accepts(const Problem& p) {
  if (p.input_count < 2 || p.operand_count != p.input_count + 1 || !all_float32(p, 1, 4)) return false;
  if (p.input(0).rank != 4 || p.input(1).rank != 4 || p.output(0).rank != 4) return false;
  const int64_t group = p.ints[kGroup];
  if (group < 1 || p.input(1).dims[0] % group != 0 || p.input(1).dims[1] * group != p.input(0).dims[1]) return false;
  return p.ints[kStrideH] > 0 && p.ints[kStrideW] > 0 && p.ints[kDilationH] > 0 && p.ints[kDilationW] > 0;
}

// Output columns [first, last) whose input column ox * stride + offset lies in [0, width).
struct Span {
  int64_t first, last;
};
Span valid_columns(int64_t offset, int64_t stride, int64_t width, int64_t out_width) {
  const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t last = offset >= width ? 0 : (width - 1 - offset) / stride + 1;
  return {std::min(first, out_width), std::clamp<int64_t>(last, std::min(first, out_width), out_width)};
}

struct Patches {
  ConvShape s;
  const float* x;  // of one image and group
};

// Row (channel, ky, kx) of the patch matrix, output pixels [begin, begin + count): zeros where the kernel leaves the
// image.
void patch_row(const void* context, int64_t row, int64_t begin, int64_t count, float* out) {
  const Patches& patches = *static_cast<const Patches*>(context);
  const ConvShape& s = patches.s;
  const int64_t kx = row % s.kw, ky = row / s.kw % s.kh, channel = row / (s.kw * s.kh);
  const float* plane = patches.x + channel * s.h * s.w;
  const int64_t offset = kx * s.dilation_w - s.left;
  const Span valid = valid_columns(offset, s.stride_w, s.w, s.ow);
  while (count > 0) {
    const int64_t oy = begin / s.ow, ox = begin % s.ow, run = std::min(count, s.ow - ox);
    const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.top;
    const int64_t first = std::clamp(valid.first, ox, ox + run), last = std::clamp(valid.last, first, ox + run);
    if (iy < 0 || iy >= s.h || first == last) {
      std::memset(out, 0, static_cast<size_t>(run) * sizeof(float));
    } else {
      std::memset(out, 0, static_cast<size_t>(first - ox) * sizeof(float));
      const float* in = plane + iy * s.w + first * s.stride_w + offset;
      if (s.stride_w == 1) {
        std::memcpy(out + (first - ox), in, static_cast<size_t>(last - first) * sizeof(float));
      } else {
        for (int64_t i = 0; i < last - first; ++i) out[first - ox + i] = in[i * s.stride_w];
      }
      std::memset(out + (last - ox), 0, static_cast<size_t>(ox + run - last) * sizeof(float));
    }
    out += run;
    begin += run;
    count -= run;
  }
}

void fill_bias(const KernelCall& call, const ConvShape& s) {
  if (call.problem->input_count < 3) return;
  for (int64_t plane = 0; plane < s.n * s.m; ++plane) {
    float* out = call.output(0) + plane * s.oh * s.ow;
    std::fill(out, out + s.oh * s.ow, call.input(2)[plane % s.m]);
  }
}

KernelStatus run_depthwise(const KernelCall& call, const ConvShape& s) {
  std::atomic<bool> stopped{false};
  const bool has_bias = call.problem->input_count >= 3;
  auto body = [&](int64_t begin, int64_t end, int) {
    for (int64_t plane = begin; plane < end; ++plane) {
      if (call.stopped()) stopped.store(true, std::memory_order_relaxed);
      if (stopped.load(std::memory_order_relaxed)) return;
      const int64_t image = plane / s.m, filter = plane % s.m;
      const float* in = call.input(0) + (image * s.c + filter / s.m_group) * s.h * s.w;
      const float* taps = call.input(1) + filter * s.kh * s.kw;
      float* out = call.output(0) + plane * s.oh * s.ow;
      const float start = has_bias ? call.input(2)[filter] : 0.0f;
      for (int64_t oy = 0; oy < s.oh; ++oy, out += s.ow) {
        std::fill(out, out + s.ow, start);
        for (int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
          const int64_t iy = oy * s.stride_h + tap / s.kw * s.dilation_h - s.top;
          if (iy < 0 || iy >= s.h) continue;
          const int64_t offset = tap % s.kw * s.dilation_w - s.left;
          const Span valid = valid_columns(offset, s.stride_w, s.w, s.ow);
          if (valid.first == valid.last) continue;
          call.row->f32->add_scaled(valid.last - valid.first, taps[tap],
                                    in + iy * s.w + valid.first * s.stride_w + offset, s.stride_w, out + valid.first);
        }
      }
    }
  };
  if (call.threads != nullptr) {
    call.threads->for_each(s.n * s.m, body);
  } else {
    body(0, s.n * s.m, 0);
  }
  return stopped.load() ? kStopped : kDone;
}

struct ConvProducts {
  const KernelCall* call;
  ConvShape s;
  bool plain;        // 1 x 1, stride 1, no padding: the image is the patch matrix
  Patches* patches;  // of this image and group
};

Product conv_product(const void* context, int64_t group) {
  const ConvProducts& c = *static_cast<const ConvProducts*>(context);
  const ConvShape& s = c.s;
  Product product{.m = s.m_group, .n = s.oh * s.ow, .k = s.c_group * s.kh * s.kw};
  product.a = c.call->input(1) + group % s.group * product.m * product.k;
  product.a_row = product.k;
  if (c.plain) {
    product.b = c.call->input(0) + group * s.c_group * s.h * s.w;
    product.b_row = product.n;
  } else {
    product.source = patch_row;
    product.source_context = c.patches + group;
  }
  product.c = c.call->output(0) + group * product.m * product.n;
  product.c_row = product.n;
  product.accumulate = c.call->problem->input_count >= 3;
  return product;
}

int64_t patches_bytes(const ConvShape& s) {
  return (s.n * s.group * static_cast<int64_t>(sizeof(Patches)) + 63) / 64 * 64;
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  return patches_bytes(shape_of(p)) + product_scratch_bytes(threads);
}

KernelStatus run(const KernelCall& call) {
  const ConvShape s = shape_of(*call.problem);
  if (s.c_group == 1) return run_depthwise(call, s);
  const bool plain = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.top == 0 && s.left == 0 &&
                     s.oh == s.h && s.ow == s.w;
  Patches* patches = static_cast<Patches*>(call.scratch);
  for (int64_t i = 0; i < s.n * s.group; ++i) patches[i] = {s, call.input(0) + i * s.c_group * s.h * s.w};
  fill_bias(call, s);
  const ConvProducts products{&call, s, plain, patches};
  KernelCall inner = call;
  inner.scratch = static_cast<char*>(call.scratch) + patches_bytes(s);
  return run_products(inner, s.n * s.group, conv_product, &products);
}

}  // namespace

const std::array<KernelRow, 1> kConvRows = {{
    {.op = "conv", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run},
}};

}  // namespace minnow::kernels
