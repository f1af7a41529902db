// Compiled once for each instruction set (simd/codes.h), without fused multiply-adds: each operator rounds by itself.
#include "kernels/simd/codes.h"

#include <string.h>

#include "kernels/simd/tables.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {
namespace {

typedef uint8_t Bytes __attribute__((vector_size(MN_WIDTH), aligned(1), may_alias));

#if MN_WIDTH >= 8
#if MN_WIDTH == 16
typedef __m512i Block;
MN_INLINE Block load_block(const uint8_t* from) { return _mm512_loadu_si512(from); }
MN_INLINE void store_block(uint8_t* to, Block x) { _mm512_storeu_si512(to, x); }
MN_INLINE Block splat_block(uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
MN_INLINE Block repeat_16(const uint8_t* from) {
  return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
MN_INLINE Block shuffle(Block table, Block at) { return _mm512_shuffle_epi8(table, at); }
MN_INLINE Block minus(Block a, Block b) { return _mm512_subs_epi8(a, b); }
MN_INLINE Block exclusive_or(Block a, Block b) { return _mm512_xor_si512(a, b); }
#else
typedef __m256i Block;
MN_INLINE Block load_block(const uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const Block*>(from)); }
MN_INLINE void store_block(uint8_t* to, Block x) { _mm256_storeu_si256(reinterpret_cast<Block*>(to), x); }
MN_INLINE Block splat_block(uint8_t x) { return _mm256_set1_epi8(static_cast<char>(x)); }
MN_INLINE Block repeat_16(const uint8_t* from) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
MN_INLINE Block shuffle(Block table, Block at) { return _mm256_shuffle_epi8(table, at); }
MN_INLINE Block minus(Block a, Block b) { return _mm256_subs_epi8(a, b); }
MN_INLINE Block exclusive_or(Block a, Block b) { return _mm256_xor_si256(a, b); }
#endif

// A shuffle finds an entry among 16 by the low half of an index, and gives 0 where the index is negative. Taking 16
// off the index again and again, each piece of the table holds what turns the piece before it into itself: the
// differences up to the right piece leave that piece's entry. Signed saturation keeps what is negative negative; so the
// table's lower half sees indices, its upper half indices with the highest bit flipped.
int64_t lookup_blocks(int64_t count, const uint8_t* in, uint8_t flip, const uint8_t* table, uint8_t* out) {
  Block pieces[16];
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 8; ++i) {
      const int k = 8 * half + i;
      pieces[k] = repeat_16(table + 16 * k);
      if (i > 0) pieces[k] = exclusive_or(pieces[k], repeat_16(table + 16 * (k - 1)));
    }
  }
  const Block sixteen = splat_block(16), flips = splat_block(flip), top = splat_block(128);
  constexpr int64_t kBlock = static_cast<int64_t>(sizeof(Block));
  int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    Block low = exclusive_or(load_block(in + i), flips), high = exclusive_or(low, top);
    Block found = exclusive_or(shuffle(pieces[0], low), shuffle(pieces[8], high));
    for (int k = 1; k < 8; ++k) {
      low = minus(low, sixteen);
      high = minus(high, sixteen);
      found = exclusive_or(found, exclusive_or(shuffle(pieces[k], low), shuffle(pieces[8 + k], high)));
    }
    store_block(out + i, found);
  }
  return i;
}
#else
int64_t lookup_blocks(int64_t, const uint8_t*, uint8_t, const uint8_t*, uint8_t*) { return 0; }
#endif

void lookup(int64_t count, const uint8_t* in, uint8_t flip, const uint8_t* table, uint8_t* out) {
  // Making the pieces costs as much as 64 elements one by one.
  int64_t i = count >= 128 ? lookup_blocks(count, in, flip, table, out) : 0;
  for (; i < count; ++i) out[i] = table[in[i] ^ flip];
}

MN_INLINE Vector real_of(const uint8_t* codes, uint8_t flip, int32_t zero, float scale) {
  const Bytes bytes = *reinterpret_cast<const Bytes*>(codes) ^ flip;
#if MN_WIDTH == 16
  const IntVector wide = (IntVector)_mm512_maskz_cvtepu8_epi32(0xFFFF, (__m128i)bytes);
#elif MN_WIDTH == 8
  const IntVector wide = (IntVector)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)bytes));
#else
  const IntVector wide = __builtin_convertvector(bytes, IntVector);
#endif
  return __builtin_convertvector(wide - zero, Vector) * scale;
}

// Adding 1.5 * 2^23 to a number of at most 22 bits leaves it rounded, ties to even, in the low bits.
MN_INLINE Bytes codes_of(Vector x, const CodeOutput& output) {
  constexpr float kRound = 12582912.0f;
  constexpr int32_t kRoundBits = 0x4B400000;
  const Vector limited = at_most(at_least(x / output.scale, splat(output.low)), splat(output.high));
  const IntVector code = (IntVector)(limited + kRound) - (kRoundBits - output.zero);
#if MN_WIDTH == 16
  const Bytes bytes = (Bytes)_mm512_maskz_cvtepi32_epi8(0xFFFF, (__m512i)code);
#elif MN_WIDTH == 8
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128((__m256i)code), _mm256_extracti128_si256((__m256i)code, 1));
  const Bytes bytes = (Bytes)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
#else
  const Bytes bytes = __builtin_convertvector(code, Bytes);
#endif
  return bytes ^ output.flip;
}

struct Add {
  static Vector of(Vector a, Vector b) { return a + b; }
};
struct Sub {
  static Vector of(Vector a, Vector b) { return a - b; }
};
struct Mul {
  static Vector of(Vector a, Vector b) { return a * b; }
};

template <class Apply>
void binary(int64_t count, const CodeInput* a, const CodeInput* b, const CodeOutput* output, uint8_t* out) {
  const CodeInput inputs[2] = {*a, *b};
  const CodeOutput target = *output;
  Vector fixed[2] = {};
  for (int k = 0; k < 2; ++k) {
    uint8_t all[MN_WIDTH];
    memset(all, inputs[k].codes[0], sizeof(all));
    fixed[k] = real_of(all, inputs[k].flip, inputs[k].zero, inputs[k].scale);
  }
  const auto value = [&](int k, const uint8_t* codes) __attribute__((always_inline)) {
    return inputs[k].step == 0 ? fixed[k] : real_of(codes, inputs[k].flip, inputs[k].zero, inputs[k].scale);
  };
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    const Vector x = Apply::of(value(0, inputs[0].codes + i), value(1, inputs[1].codes + i));
    *reinterpret_cast<Bytes*>(out + i) = codes_of(x, target);
  }
  if (i == count) return;
  uint8_t rest[3][MN_WIDTH] = {};
  const auto size = static_cast<size_t>(count - i);
  for (int k = 0; k < 2; ++k) {
    if (inputs[k].step != 0) memcpy(rest[k], inputs[k].codes + i, size);
  }
  *reinterpret_cast<Bytes*>(rest[2]) = codes_of(Apply::of(value(0, rest[0]), value(1, rest[1])), target);
  memcpy(out + i, rest[2], size);
}

}  // namespace

const CodeTable kCodeTable = {lookup, {binary<Add>, binary<Sub>, binary<Mul>}};

}  // namespace minnow::simd::MN_ISA
