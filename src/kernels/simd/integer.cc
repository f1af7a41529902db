// Compiled once for each instruction set (simd/integer.h).
#include "kernels/simd/integer.h"

#include <string.h>

#include "kernels/simd/integer_finish.h"
#include "kernels/simd/integer_patches.h"
#include "kernels/simd/tables.h"
#if defined(MN_NEON)
#include "kernels/simd/arm/integer_neon.h"
#endif

namespace minnow::simd::MN_ISA {
namespace {

// A tile is kRows x 2 registers of sums. 16 registers hold 6 x 2 sums, two of B and one of A; 32 hold 12 x 2, or 8 x 2
// and eight of A, whose lanes are the factors.
#if defined(MN_NEON)
constexpr int kRows = 8;
#else
constexpr int kRows = MN_WIDTH == 16 ? 12 : 6;
#endif
constexpr int kCols = 2 * kWidth;

MN_INLINE Words widened(const int8_t* from) {
#if MN_WIDTH == 16
  return (Words)_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif MN_WIDTH == 8
  return (Words)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif defined(__SSE2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return (Words)_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
#else
  typedef int8_t Twice __attribute__((vector_size(MN_WIDTH * 2), aligned(1), may_alias));
  return __builtin_convertvector(*reinterpret_cast<const Twice*>(from), Words);
#endif
}

typedef int32_t Pair __attribute__((may_alias, aligned(2)));
MN_INLINE Words splat_pair(const int16_t* from) {
  const IntVector all = *reinterpret_cast<const Pair*>(from) - IntVector{};
  return (Words)all;
}

template <int R>
void whole_tile(const IntegerTile& t) {
  Sums sums[R][2];
  const Sums first[2] = {load_sums(t.finish->offsets), load_sums(t.finish->offsets + kWidth)};
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < 2; ++v) sums[r][v] = first[v];
  }
  const int16_t* rows[R];
  for (int r = 0; r < R; ++r) rows[r] = static_cast<const int16_t*>(t.a) + r * t.a_row;
  const int8_t* b = t.b;
#if defined(MN_NEON)
  multiply_pairs<R>(t.groups, rows, b, sums);
#else
  for (int64_t k = 0; k < t.groups; ++k, b += 2 * kCols) {
    const Words left = widened(b), right = widened(b + kCols);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Words a = splat_pair(rows[r] + 2 * k);
      sums[r][0] = add_pairs(sums[r][0], a, left);
      sums[r][1] = add_pairs(sums[r][1], a, right);
    }
  }
#endif
  finish_tile_sums<R>(t, sums);
}

void any_rows(int rows, const IntegerTile& t) {
  switch (rows) {
    case 1: return whole_tile<1>(t);
    case 2: return whole_tile<2>(t);
    case 3: return whole_tile<3>(t);
    case 4: return whole_tile<4>(t);
    case 5: return whole_tile<5>(t);
    case 6: return whole_tile<6>(t);
#if MN_WIDTH == 16 || defined(MN_NEON)
    case 7: return whole_tile<7>(t);
    case 8: return whole_tile<8>(t);
#endif
#if MN_WIDTH == 16
    case 9: return whole_tile<9>(t);
    case 10: return whole_tile<10>(t);
    case 11: return whole_tile<11>(t);
    case 12: return whole_tile<12>(t);
#endif
    default: return;
  }
}

void tile(int rows, int cols, const IntegerTile* given) {
  if (cols == kCols) return any_rows(rows, *given);
  part_of_tile<kRows, kCols>(rows, cols, *given, any_rows);
}

void widen(int64_t count, const uint8_t* in, bool is_signed, int32_t zero, void* out) {
  if (is_signed) return widen_codes<int8_t>(count, in, zero, static_cast<int16_t*>(out));
  widen_codes<uint8_t>(count, in, zero, static_cast<int16_t*>(out));
}

int32_t sum(int64_t count, const void* in) {
  int32_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += static_cast<const int16_t*>(in)[i];
  return total;
}

void patches(const IntegerPatches* p, int64_t first, int64_t count, int64_t row, void* out) {
  auto* to = static_cast<int16_t*>(out);
  if (p->is_signed) return patches_of<int8_t, int16_t>(*p, p->zero, 0, first, count, row, to);
  patches_of<uint8_t, int16_t>(*p, p->zero, 0, first, count, row, to);
}

#if defined(__SSE2__)
// 16 x 16 bytes: four rounds, each of which interleaves rows 8 apart.
MN_INLINE void transpose_block(const uint8_t* in, int64_t in_row, uint8_t* out, int64_t out_row) {
  __m128i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i * in_row));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 8; ++i) {
      b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 8]);
      b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 8]);
    }
    for (int i = 0; i < 8; ++i) {
      a[2 * i] = _mm_unpacklo_epi8(b[i], b[i + 8]);
      a[2 * i + 1] = _mm_unpackhi_epi8(b[i], b[i + 8]);
    }
  }
  for (int i = 0; i < 16; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * out_row), a[i]);
}
#else
MN_INLINE void transpose_block(const uint8_t* in, int64_t in_row, uint8_t* out, int64_t out_row) {
  for (int64_t j = 0; j < 16; ++j) {
    for (int64_t i = 0; i < 16; ++i) out[j * out_row + i] = in[i * in_row + j];
  }
}
#endif

void transpose_bytes(int64_t rows, int64_t cols, const uint8_t* in, int64_t in_row, uint8_t* out, int64_t out_row) {
  const int64_t whole_rows = rows / 16 * 16, whole_cols = cols / 16 * 16;
  for (int64_t i = 0; i < whole_rows; i += 16) {
    for (int64_t j = 0; j < whole_cols; j += 16)
      transpose_block(in + i * in_row + j, in_row, out + j * out_row + i, out_row);
  }
  for (int64_t j = 0; j < cols; ++j) {
    for (int64_t i = j < whole_cols ? whole_rows : 0; i < rows; ++i) out[j * out_row + i] = in[i * in_row + j];
  }
}

void quantize(int64_t count, const float* in, float scale, float low, float high, int32_t zero, uint8_t* out) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth)
    store_bytes(out + i, rounded(limited(load(in + i) / splat(scale), splat(low), splat(high)), zero));
  if (i == count) return;
  const Vector last = load_part(in + i, count - i) / splat(scale);
  uint8_t bytes[kWidth];
  store_bytes(bytes, rounded(limited(last, splat(low), splat(high)), zero));
  memcpy(out + i, bytes, static_cast<size_t>(count - i));
}

template <class Code>
MN_INLINE void dequantize_codes(int64_t count, const uint8_t* in, int32_t zero, float scale, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(static_cast<Code>(in[i]) - zero) * scale;
}

void dequantize(int64_t count, const uint8_t* in, bool is_signed, int32_t zero, float scale, float* out) {
  if (is_signed) return dequantize_codes<int8_t>(count, in, zero, scale, out);
  dequantize_codes<uint8_t>(count, in, zero, scale, out);
}

}  // namespace

const IntegerTable kIntegerTable = {{2, sizeof(int16_t), 0, tile, kRows, kCols, widen, sum, patches},
                                    depthwise,
                                    kChannelBlock,
                                    transpose_bytes,
                                    quantize,
                                    dequantize};

}  // namespace minnow::simd::MN_ISA
