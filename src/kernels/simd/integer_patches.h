// Rows of A from images, for the sources of simd/ that multiply integers.
#pragma once

#include "kernels/simd/integer.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {

template <class Code, class Element>
MN_INLINE void widen_some(int64_t count, const uint8_t* in, int32_t zero, Element* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<Element>(static_cast<Code>(in[i]) - zero);
}

// 16 at once: the compiler cannot know that `out` is not `in`.
template <class Code, class Element>
MN_INLINE void widen_block(const uint8_t* in, int32_t zero, Element* out) {
  typedef Code From __attribute__((vector_size(16), aligned(1), may_alias));
  typedef Element To __attribute__((vector_size(16 * sizeof(Element)), aligned(sizeof(Element)), may_alias));
  const From codes = *reinterpret_cast<const From*>(in);
  if constexpr (sizeof(Element) == 1) {
    typedef uint8_t Raw __attribute__((vector_size(16)));
    *reinterpret_cast<To*>(out) = (To)((Raw)codes - static_cast<uint8_t>(zero));  // wraps
  } else {
    *reinterpret_cast<To*>(out) = __builtin_convertvector(codes, To) - static_cast<Element>(zero);
  }
}

template <class Code, class Element>
MN_INLINE void widen_codes(int64_t count, const uint8_t* in, int32_t zero, Element* out) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) widen_block<Code>(in + i, zero, out + i);
  widen_some<Code>(count - i, in + i, zero, out + i);
}

// Codes as 16 at a time while both sides allow it; writes up to 15 too many.
template <class Code, class Element>
MN_INLINE void widen_run(int64_t count, const uint8_t* in, const uint8_t* end, int32_t zero, Element* out) {
  int64_t i = 0;
  for (; i < count && end - (in + i) >= 16; i += 16) widen_block<Code>(in + i, zero, out + i);
  if (i < count) widen_some<Code>(count - i, in + i, zero, out + i);
}

// `zero` is taken off the codes; `padding` stands for those outside the image.
template <class Code, class Element>
MN_INLINE void patches_of(const IntegerPatches& p, int32_t zero, Element padding, int64_t first, int64_t count,
                          int64_t row, Element* out) {
  const int64_t run_taps = p.dilation_w == 1 && p.pixel_bytes == p.channels ? p.kw : 1;
  int64_t ox = first % p.ow, oy = first / p.ow % p.oh, image = first / p.ow / p.oh;
  for (int64_t i = 0; i < count; ++i, out += row) {
    const int64_t top = oy * p.stride_h - p.top, left = ox * p.stride_w - p.left;
    Element* to = out;
    for (int64_t ky = 0; ky < p.kh; ++ky) {
      const int64_t iy = top + ky * p.dilation_h;
      const bool inside = iy >= 0 && iy < p.h;
      const uint8_t* line = p.x + (image * p.h + iy) * p.w * p.pixel_bytes;
      for (int64_t kx = 0; kx < p.kw; kx += run_taps) {
        const int64_t ix = left + kx * p.dilation_w;
        // Taps [begin, end) of the run lie in the image.
        int64_t begin = ix < 0 ? -ix : 0, end = p.w - ix;
        begin = begin < run_taps ? begin : run_taps;
        end = end < begin || !inside ? begin : end < run_taps ? end : run_taps;
        for (int64_t k = 0; k < begin * p.channels; ++k) to[k] = padding;
        if (end > begin)
          widen_run<Code>((end - begin) * p.channels, line + (ix + begin) * p.pixel_bytes, p.end, zero,
                          to + begin * p.channels);
        for (int64_t k = end * p.channels; k < run_taps * p.channels; ++k) to[k] = padding;
        to += run_taps * p.channels;
      }
    }
    for (int64_t k = to - out; k < row; ++k) out[k] = 0;
    if (++ox < p.ow) continue;
    ox = 0;
    if (++oy < p.oh) continue;
    oy = 0;
    ++image;
  }
}

}  // namespace minnow::simd::MN_ISA
