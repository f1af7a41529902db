// Compiled once for each instruction set (simd/integer.h).
#include "kernels/simd/integer_finish.h"
#include "kernels/simd/tables.h"

namespace minnow::simd::MN_ISA {
namespace {

template <class Code>
constexpr bool kIsSigned = static_cast<Code>(-1) < 0;

// a[0], b[0], a[1], b[1], … of V times kWidth channels, as 16-bit words.
#if defined(__SSE2__)
template <class Code>
MN_INLINE Words widened_low(__m128i bytes) {
#if MN_WIDTH == 8
  return kIsSigned<Code> ? (Words)_mm256_cvtepi8_epi16(bytes) : (Words)_mm256_cvtepu8_epi16(bytes);
#elif MN_WIDTH == 4
  return kIsSigned<Code> ? (Words)_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8)
                         : (Words)_mm_unpacklo_epi8(bytes, _mm_setzero_si128());
#else
  return Words{};
#endif
}

template <class Code, int V>
MN_INLINE void interleave(const uint8_t* a, const uint8_t* b, Words (&out)[V]) {
#if MN_WIDTH == 16
  for (int v = 0; v < V; ++v) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + v * kWidth));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + v * kWidth));
    const __m256i both =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(x, y)), _mm_unpackhi_epi8(x, y), 1);
    out[v] = kIsSigned<Code> ? (Words)_mm512_cvtepi8_epi16(both) : (Words)_mm512_cvtepu8_epi16(both);
  }
#else
  __m128i x = _mm_setzero_si128(), y = x;
  __builtin_memcpy(&x, a, V * kWidth);
  __builtin_memcpy(&y, b, V * kWidth);
  const __m128i low = _mm_unpacklo_epi8(x, y);
  out[0] = widened_low<Code>(low);
  if constexpr (V == 2)
    out[1] = widened_low<Code>(MN_WIDTH == 8 ? _mm_unpackhi_epi8(x, y) : _mm_unpackhi_epi64(low, low));
#endif
}
#else
template <class Code, int V>
MN_INLINE void interleave(const uint8_t* a, const uint8_t* b, Words (&out)[V]) {
  typedef Code Twice __attribute__((vector_size(MN_WIDTH * 2)));
  for (int v = 0; v < V; ++v) {
    const Bytes x = *reinterpret_cast<const Bytes*>(a + v * kWidth),
                y = *reinterpret_cast<const Bytes*>(b + v * kWidth);
    out[v] = __builtin_convertvector((Twice)__builtin_shufflevector(x, y, 0, 4, 1, 5, 2, 6, 3, 7), Words);
  }
}
#endif

// V registers of channels; P pairs of taps, or as many as there are where it is 0.
template <class Code, int V, int P>
void row_of(const IntegerDepthwise& d) {
  constexpr int64_t kBlock = V * kWidth;
  const int64_t pairs = P > 0 ? P : d.pairs;
  const IntegerFinish finish = *d.finish;  // no store reaches a copy
  const int16_t* weights = d.weights;
  for (int64_t block = 0; block < d.channels; block += kBlock, weights += 2 * pairs * kBlock) {
    const int64_t c = block + kBlock <= d.channels ? block : d.channels - kBlock;
    Sums first[V];
    for (int v = 0; v < V; ++v) first[v] = load_sums(finish.offsets + c + v * kWidth);
    const uint8_t* const* in = d.taps;
    for (int64_t x = 0; x < d.cols; ++x, in += 2 * pairs) {
      Sums sums[V];
      for (int v = 0; v < V; ++v) sums[v] = first[v];
#pragma GCC unroll 5
      for (int64_t t = 0; t < pairs; ++t) {
        Words both[V];
        interleave<Code, V>(in[2 * t] + c, in[2 * t + 1] + c, both);
        for (int v = 0; v < V; ++v)
          sums[v] =
              add_pairs(sums[v], both[v], *reinterpret_cast<const Words*>(weights + 2 * t * kBlock + v * 2 * kWidth));
      }
      finish_sums<V>(finish, sums, c, d.out, x * d.channels + c);
    }
  }
}

// A window of 3 x 3 has 5 pairs.
template <class Code>
void any_block(const IntegerDepthwise& d) {
  if (d.block != 2 * kWidth) return row_of<Code, 1, 0>(d);
  if (d.pairs == 5) return row_of<Code, 2, 5>(d);
  row_of<Code, 2, 0>(d);
}

}  // namespace

void depthwise(const IntegerDepthwise* row) {
  if (row->is_signed) return any_block<int8_t>(*row);
  any_block<uint8_t>(*row);
}

}  // namespace minnow::simd::MN_ISA
