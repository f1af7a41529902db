// conv in float32, [N,C,H,W]: channel by channel where a group has one, directly for larger windows, and as a matrix
// product (with the image's patches) else.
#include <algorithm>
#include <cstring>

#include "kernels/blocked_gemm.h"
#include "kernels/conv_shape.h"
#include "kernels/relations.h"

namespace minnow::kernels {

ConvShape conv_shape(const Problem& p) {
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

Span valid_columns(int64_t offset, int64_t stride, int64_t width, int64_t out_width) {
  const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t last = offset >= width ? 0 : (width - 1 - offset) / stride + 1;
  return {std::min(first, out_width), std::clamp<int64_t>(last, std::min(first, out_width), out_width)};
}

namespace {

bool accepts(const Problem& p) {
  if (p.ints[kChannelsLast] != 0) return false;
  if (p.own_input_count() < 2 || p.own_input_count() > 3 || p.operand_count != p.input_count + 1 ||
      !all_float32(p, 1, 4))
    return false;
  return is_convolution(p, p.input(0), p.input(1), p.output(0)) &&
         (p.own_input_count() == 2 || is_vector(p.input(2), p.input(1).dims[0]));
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
      for (int64_t i = 0; i < first - ox; ++i) out[i] = 0.0f;
      const float* in = plane + iy * s.w + first * s.stride_w + offset;
      if (s.stride_w == 1) {
        copy_run(in, last - first, out + (first - ox));
      } else {
        for (int64_t i = 0; i < last - first; ++i) out[first - ox + i] = in[i * s.stride_w];
      }
      for (int64_t i = last - ox; i < run; ++i) out[i] = 0.0f;
    }
    out += run;
    begin += run;
    count -= run;
  }
}

// One image for many filters is better as a matrix product.
bool is_depthwise(const ConvShape& s) { return s.c_group == 1 && (s.group > 1 || s.m < 4); }

// Rows shorter than this leave most of a tile empty: patches of several rows fill it better.
bool is_direct(const ConvShape& s) { return s.kh * s.kw > 1 && s.ow >= 12; }

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
  if (c.call->problem->own_input_count() >= 3) product.row_bias = c.call->input(2) + group % s.group * product.m;
  product.residual = residual_of(*c.call);
  if (product.residual != nullptr) product.residual += group * product.m * product.n;
  product.finish = finish_of(c.call->problem->epilogue);
  return product;
}

int64_t patches_bytes(const ConvShape& s) {
  return (s.n * s.group * static_cast<int64_t>(sizeof(Patches)) + 63) / 64 * 64;
}

int64_t scratch_bytes(const KernelRow&, const Problem& p, int threads, uint32_t) {
  const ConvShape s = conv_shape(p);
  if (is_depthwise(s)) return depthwise_scratch_bytes(s, threads);
  if (is_direct(s)) return direct_scratch_bytes(s, threads);
  return patches_bytes(s) + product_scratch_bytes(threads);
}

KernelStatus run(const KernelCall& call) {
  const ConvShape s = conv_shape(*call.problem);
  if (is_depthwise(s)) return run_depthwise(call, s);
  if (is_direct(s)) return run_direct(call, s);
  const bool plain = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.top == 0 && s.left == 0 &&
                     s.oh == s.h && s.ow == s.w;
  Patches* patches = static_cast<Patches*>(call.scratch);
  for (int64_t i = 0; i < s.n * s.group; ++i) patches[i] = {s, call.input(0) + i * s.c_group * s.h * s.w};
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
