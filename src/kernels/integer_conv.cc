// conv_integer: channels last as they are, a depthwise one channel by channel within each pixel and the others as
// products of patches; channels first are turned before and after.
#include <algorithm>
#include <cstring>

#include "kernels/conv_shape.h"
#include "kernels/integer_gemm.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

const simd::IntegerTable& table_of(const KernelRow& row) { return *row.f32->integer; }

bool is_last(const Problem& p) { return p.ints[kChannelsLast] != 0; }

// Sizes as if the channels were last in memory: only x, w and y lie differently.
ConvShape shape_of(const Problem& p) {
  const auto &x = p.input(kIntegerX).dims, &w = p.input(kIntegerW).dims, &y = p.output(0).dims;
  const size_t first = is_last(p) ? 1 : 2, channel = is_last(p) ? 3 : 1;
  ConvShape s{};
  s.n = x[0];
  s.c = x[channel];
  s.h = x[first];
  s.w = x[first + 1];
  s.m = w[0];
  s.c_group = w[channel];
  s.kh = w[first];
  s.kw = w[first + 1];
  s.oh = y[first];
  s.ow = y[first + 1];
  s.group = p.ints[kGroup];
  s.m_group = s.group > 0 ? s.m / s.group : 0;
  s.stride_h = p.ints[kStrideH];
  s.stride_w = p.ints[kStrideW];
  s.dilation_h = p.ints[kDilationH];
  s.dilation_w = p.ints[kDilationW];
  s.top = p.ints[kPadTop];
  s.left = p.ints[kPadLeft];
  return s;
}

bool accepts(const Problem& p) {
  if (p.input_count < 2 || p.operand_count <= p.input_count) return false;
  return is_convolution(p, p.input(kIntegerX), p.input(kIntegerW), p.output(0)) &&
         accepts_integer_product(p, p.input(kIntegerW).dims[0]);
}

int64_t taps_of(const ConvShape& s) { return s.kh * s.kw; }
int64_t depth_of(const ConvShape& s) { return taps_of(s) * s.c_group; }
int64_t y_width(const Problem& p) { return is_byte(p.output(0).dtype) ? 1 : 4; }

// Channels that a depthwise kernel takes at a time; 0 where there are too few: then each is a product of its own.
int64_t block_of(const KernelRow& row, const ConvShape& s) {
  if (s.group == 1 || s.c_group != 1 || s.m_group != 1) return 0;
  const int64_t block = table_of(row).channel_block;
  return s.c >= block ? block : s.c >= block / 2 ? block / 2 : 0;
}

int64_t pairs_of(const ConvShape& s) { return (taps_of(s) + 1) / 2; }
int64_t depthwise_elements(const ConvShape& s, int64_t block) {
  return (s.c + block - 1) / block * block * 2 * pairs_of(s);
}

int64_t group_bytes(const KernelRow& row, const ConvShape& s) {
  return whole_lines(integer_panel_bytes(row, depth_of(s), s.m_group));
}

int64_t pack_bytes(const KernelRow& row, const Problem& p, int operand) {
  if (operand != kIntegerW) return 0;
  const ConvShape s = shape_of(p);
  const int64_t block = block_of(row, s);
  return block > 0 ? whole_lines(depthwise_elements(s, block) * 2) : group_bytes(row, s) * s.group;
}

// Taps in pairs, channels in blocks, the last of which ends with the last channel.
void pack_depthwise(const ConvShape& s, int64_t block, bool is_signed, const uint8_t* from, int16_t* to) {
  const int64_t taps = taps_of(s);
  for (int64_t first = 0; first < s.c; first += block) {
    const int64_t c = std::min(first, s.c - block);
    for (int64_t t = 0; t < 2 * pairs_of(s); ++t) {
      for (int64_t i = 0; i < block; ++i) {
        const uint8_t code = t < taps ? from[(c + i) * taps + t] : 0;
        to[(t / 2 * block + i) * 2 + t % 2] = is_signed ? static_cast<int8_t>(code) : static_cast<int16_t>(code);
      }
    }
    to += 2 * pairs_of(s) * block;
  }
}

void pack(const KernelRow& row, const Problem& p, int, const void* source, void* destination) {
  const ConvShape s = shape_of(p);
  const bool is_signed = p.input(kIntegerW).dtype == DType::int8;
  const auto* from = static_cast<const uint8_t*>(source);
  if (const int64_t block = block_of(row, s); block > 0)
    return pack_depthwise(s, block, is_signed, from, static_cast<int16_t*>(destination));
  const IntegerMatrix matrix{.columns = s.m_group,
                             .outer_count = taps_of(s),
                             .inner_count = s.c_group,
                             .outer_step = is_last(p) ? s.c_group : 1,
                             .inner_step = is_last(p) ? 1 : taps_of(s),
                             .column_step = depth_of(s),
                             .is_signed = is_signed};
  for (int64_t g = 0; g < s.group; ++g)
    pack_integer_panels(row, matrix, from + g * s.m_group * depth_of(s),
                        static_cast<int8_t*>(destination) + g * group_bytes(row, s));
}

// The scratch: what all threads share, then each one's.
struct Layout {
  int64_t finish, pack, x, y;     // shared: parameters, packed weights, x and y with channels last
  int64_t weights, zeros, table;  // depthwise: weights less zero points, a pixel of padding, pointers of a thread
  int64_t threads;                // all threads' together
  int64_t total() const { return finish + pack + x + y + weights + zeros + threads; }
};

Layout layout_of(const KernelRow& row, const Problem& p, int threads, bool packed) {
  const ConvShape s = shape_of(p);
  Layout l{};
  l.finish = finish_bytes(row, s.m);
  l.pack = packed ? 0 : pack_bytes(row, p, kIntegerW);
  if (!is_last(p)) {
    l.x = whole_lines(s.n * s.h * s.w * s.c);
    l.y = whole_lines(s.n * s.oh * s.ow * s.m * y_width(p));
  }
  if (const int64_t block = block_of(row, s); block > 0) {
    l.weights = whole_lines(depthwise_elements(s, block) * 2);
    l.zeros = whole_lines(s.c);
    l.table = whole_lines(s.ow * 2 * pairs_of(s) * static_cast<int64_t>(sizeof(void*)));
    l.threads = threads * l.table;
  } else {
    l.threads = integer_product_scratch_bytes(row, s.n * s.oh * s.ow, depth_of(s), threads);
  }
  return l;
}

int64_t scratch_bytes(const KernelRow& row, const Problem& p, int threads, uint32_t packed) {
  return layout_of(row, p, threads, (packed & 2) != 0).total();
}

// [rows, cols] of `width` bytes each, turned, for every image; threads share the columns.
KernelStatus turn(const KernelCall& call, int64_t images, int64_t rows, int64_t cols, int64_t width, const void* from,
                  void* to) {
  constexpr int64_t kPiece = 256;
  const int64_t pieces = (cols + kPiece - 1) / kPiece;
  return for_each_item(call, images * pieces, [&](int64_t item, int) {
    const int64_t image = item / pieces * rows * cols, col = item % pieces * kPiece;
    const int64_t count = std::min(kPiece, cols - col);
    const char* in = static_cast<const char*>(from) + (image + col) * width;
    char* out = static_cast<char*>(to) + (image + col * rows) * width;
    if (width == 1) {
      table_of(*call.row).transpose_bytes(rows, count, reinterpret_cast<const uint8_t*>(in), cols,
                                          reinterpret_cast<uint8_t*>(out), rows);
    } else {
      call.row->f32->rows->transpose(rows, count, reinterpret_cast<const float*>(in), cols,
                                     reinterpret_cast<float*>(out), rows);
    }
  });
}

struct Images {
  const simd::IntegerTable* table;
  simd::IntegerPatches patches;
};

void fill(const void* context, int64_t first, int64_t count, int64_t row, void* out) {
  const Images& images = *static_cast<const Images*>(context);
  images.table->patches(&images.patches, first, count, row, out);
}

struct Work {
  ConvShape s;
  const uint8_t* x;
  const void* pack;
  uint8_t* y;
  simd::IntegerFinish finish;
};

KernelStatus run_products(const KernelCall& call, const Work& work, void* scratch) {
  const Problem& p = *call.problem;
  const ConvShape& s = work.s;
  for (int64_t g = 0; g < s.group; ++g) {
    const Images images{&table_of(*call.row),
                        {.x = work.x + g * s.c_group,
                         .end = work.x + s.n * s.h * s.w * s.c,
                         .is_signed = p.input(kIntegerX).dtype == DType::int8,
                         .zero = zero_of(call, kXZero),
                         .h = s.h,
                         .w = s.w,
                         .pixel_bytes = s.c,
                         .channels = s.c_group,
                         .kh = s.kh,
                         .kw = s.kw,
                         .stride_h = s.stride_h,
                         .stride_w = s.stride_w,
                         .dilation_h = s.dilation_h,
                         .dilation_w = s.dilation_w,
                         .top = s.top,
                         .left = s.left,
                         .oh = s.oh,
                         .ow = s.ow}};
    const IntegerProduct product{.m = s.n * s.oh * s.ow,
                                 .n = s.m_group,
                                 .k = depth_of(s),
                                 .fill = fill,
                                 .context = &images,
                                 .panels = static_cast<const int8_t*>(work.pack) + g * group_bytes(*call.row, s),
                                 .c = work.y + g * s.m_group * y_width(p),
                                 .c_row = s.m,
                                 .finish = from_column(work.finish, g * s.m_group)};
    if (run_integer_product(call, product, scratch) == kStopped) return kStopped;
  }
  return kDone;
}

// Takes zero points off the weights; from the offsets the sum of the weights times x's zero point: the sums are of x's
// codes as they are, and of its zero point in the padding.
const int16_t* center(const KernelCall& call, const Work& work, int64_t block, int16_t* memory) {
  const ConvShape& s = work.s;
  const auto* packed = static_cast<const int16_t*>(work.pack);
  const int64_t taps = taps_of(s), x_zero = zero_of(call, kXZero), block_elements = 2 * pairs_of(s) * block;
  const bool is_signed = call.problem->input(kIntegerW).dtype == DType::int8;
  auto* offsets = const_cast<int32_t*>(work.finish.offsets);
  const int16_t* weights = packed;
  if (work.finish.zero_points != nullptr || !is_signed) {
    std::memcpy(memory, packed, static_cast<size_t>(depthwise_elements(s, block) * 2));
    weights = memory;
  }
  int64_t done = 0;  // channels; blocks may overlap
  for (int64_t first = 0; first < s.c; first += block, packed += block_elements) {
    for (int64_t i = 0; i < block; ++i) {
      const int64_t c = std::min(first, s.c - block) + i;
      // make_finish counts unsigned codes from 128; here they are whole.
      int32_t zero = work.finish.zero_points != nullptr ? work.finish.zero_points[c] : 0;
      if (!is_signed) zero += 128;
      uint32_t sum = 0;
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t at = (t / 2 * block + i) * 2 + t % 2;
        const int32_t weight = packed[at] - zero;
        if (weights == memory)
          memory[(packed - static_cast<const int16_t*>(work.pack)) + at] = static_cast<int16_t>(weight);
        sum += static_cast<uint32_t>(weight);
      }
      if (c < done) continue;
      offsets[c] = static_cast<int32_t>(static_cast<uint32_t>(offsets[c]) - sum * static_cast<uint32_t>(x_zero));
      done = c + 1;
    }
  }
  return weights;
}

KernelStatus run_depthwise_integer(const KernelCall& call, Work work, int64_t block, const Layout& l, char* scratch) {
  const Problem& p = *call.problem;
  const ConvShape& s = work.s;
  const int16_t* weights = center(call, work, block, reinterpret_cast<int16_t*>(scratch));
  work.finish.zero_points = nullptr;
  auto* zeros = reinterpret_cast<uint8_t*>(scratch + l.weights);
  std::memset(zeros, zero_of(call, kXZero) & 255, static_cast<size_t>(s.c));
  const int64_t taps = taps_of(s), all = 2 * pairs_of(s), row_bytes = s.ow * s.m * y_width(p);
  return for_each_item(call, s.n * s.oh, [&](int64_t row, int thread) {
    auto* table = reinterpret_cast<const uint8_t**>(scratch + l.weights + l.zeros + thread * l.table);
    const int64_t top = row % s.oh * s.stride_h - s.top;
    const uint8_t* image = work.x + row / s.oh * s.h * s.w * s.c;
    for (int64_t t = 0; t < all; ++t) {
      const int64_t tap = std::min(t, taps - 1);  // the weights of what completes the last pair are 0
      const int64_t iy = top + tap / s.kw * s.dilation_h, left = tap % s.kw * s.dilation_w - s.left;
      const bool inside = iy >= 0 && iy < s.h;
      for (int64_t ox = 0; ox < s.ow; ++ox) {
        const int64_t ix = ox * s.stride_w + left;
        table[ox * all + t] = inside && ix >= 0 && ix < s.w ? image + (iy * s.w + ix) * s.c : zeros;
      }
    }
    const simd::IntegerDepthwise part{s.ow,
                                      s.c,
                                      pairs_of(s),
                                      block,
                                      p.input(kIntegerX).dtype == DType::int8,
                                      table,
                                      weights,
                                      work.y + row * row_bytes,
                                      &work.finish};
    table_of(*call.row).depthwise(&part);
  });
}

KernelStatus run(const KernelCall& call) {
  const Problem& p = *call.problem;
  const bool packed = call.packed_input(kIntegerW) != nullptr;
  const Layout l = layout_of(*call.row, p, call.thread_count(), packed);
  Work work{shape_of(p),
            static_cast<const uint8_t*>(call.inputs[kIntegerX]),
            call.packed_input(kIntegerW),
            static_cast<uint8_t*>(call.outputs[0]),
            {}};
  const ConvShape& s = work.s;
  char* memory = static_cast<char*>(call.scratch);
  work.finish = make_finish(call, s.m, memory);
  memory += l.finish;
  if (!packed) {
    pack(*call.row, p, kIntegerW, call.inputs[kIntegerW], memory);
    work.pack = memory;
    memory += l.pack;
  }
  if (!is_last(p)) {
    if (turn(call, s.n, s.c, s.h * s.w, 1, work.x, memory) == kStopped) return kStopped;
    work.x = reinterpret_cast<const uint8_t*>(memory);
    work.y = reinterpret_cast<uint8_t*>(memory + l.x);
    memory += l.x + l.y;
  }
  const int64_t block = block_of(*call.row, s);
  const KernelStatus status =
      block > 0 ? run_depthwise_integer(call, work, block, l, memory) : run_products(call, work, memory);
  if (status == kStopped || is_last(p)) return status;
  return turn(call, s.n, s.oh * s.ow, s.m, y_width(p), work.y, call.outputs[0]);
}

}  // namespace

const std::array<KernelRow, 1> kIntegerConvRows = {{
    {.op = "conv_integer",
     .accepts = accepts,
     .scratch_bytes = scratch_bytes,
     .pack_bytes = pack_bytes,
     .pack = pack,
     .run = run},
}};

}  // namespace minnow::kernels
