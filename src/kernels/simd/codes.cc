// Compiled once for each instruction set (simd/codes.h), without fused multiply-adds: each operator rounds by itself.
#include "kernels/simd/codes.h"

#include <string.h>

#include "kernels/simd/tables.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {
namespace {

typedef uint8_t Bytes __attribute__((vector_size(MN_WIDTH), aligned(1), may_alias));      // as many as floats
typedef uint8_t Codes __attribute__((vector_size(MN_WIDTH * 4), aligned(1), may_alias));  // a register of them

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

MN_INLINE IntVector widened(const uint8_t* codes, uint8_t flip) {
  const Bytes bytes = *reinterpret_cast<const Bytes*>(codes) ^ flip;
#if MN_WIDTH == 16
  return (IntVector)_mm512_maskz_cvtepu8_epi32(0xFFFF, (__m128i)bytes);
#elif MN_WIDTH == 8
  return (IntVector)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)bytes));
#else
  return __builtin_convertvector(bytes, IntVector);
#endif
}

MN_INLINE Vector real_of(const uint8_t* codes, uint8_t flip, int32_t zero, float scale) {
  return __builtin_convertvector(widened(codes, flip) - zero, Vector) * scale;
}

// The lowest byte of each lane; lanes lie in [-128, 255].
MN_INLINE Bytes narrowed(IntVector code) {
#if MN_WIDTH == 16
  return (Bytes)_mm512_maskz_cvtepi32_epi8(0xFFFF, (__m512i)code);
#elif MN_WIDTH == 8
  const __m256i low = _mm256_and_si256((__m256i)code, _mm256_set1_epi32(255));
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  return (Bytes)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
#else
  return __builtin_convertvector(code, Bytes);
#endif
}

// Rounded to nearest, halves away from zero.
MN_INLINE IntVector rounded_away(Vector x) {
  const Vector half = x < 0.0f ? splat(-0.5f) : splat(0.5f);
  return __builtin_convertvector(x + half, IntVector);
}

// Adding 1.5 * 2^23 to a number of at most 22 bits leaves it rounded, ties to even, in the low bits.
MN_INLINE Bytes codes_of(Vector x, const CodeOutput& output) {
  constexpr float kRound = 12582912.0f;
  constexpr int32_t kRoundBits = 0x4B400000;
  const Vector limited = at_most(at_least(x / output.scale, splat(output.low)), splat(output.high));
  const IntVector code = (IntVector)(limited + kRound) - (kRoundBits - output.zero);
  return narrowed(code) ^ output.flip;
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

// body(first) for registers of elements that cover [0, count), the last one perhaps overlapping the one before it;
// where one register is too many, single(i) for each element.
template <class Body, class Single>
MN_INLINE void cover(int64_t count, Body&& body, Single&& single) {
  if (count < kWidth) {
    for (int64_t i = 0; i < count; ++i) single(i);
    return;
  }
  for (int64_t i = 0; i + kWidth <= count; i += kWidth) body(i);
  if (count % kWidth != 0) body(count - kWidth);
}

uint8_t rounded_code(float x) { return static_cast<uint8_t>(static_cast<int32_t>(x + (x < 0.0f ? -0.5f : 0.5f))); }

void max(int64_t channels, int64_t taps, const uint8_t* const* in, uint8_t flip, uint8_t* out) {
  const auto single = [&](int64_t i) {
    uint8_t best = 0;
    for (int64_t t = 0; t < taps; ++t) best = (in[t][i] ^ flip) > best ? static_cast<uint8_t>(in[t][i] ^ flip) : best;
    out[i] = best ^ flip;
  };
  const auto body = [&](int64_t i) {
    Codes best = {};
    for (int64_t t = 0; t < taps; ++t) {
      const Codes x = *reinterpret_cast<const Codes*>(in[t] + i) ^ flip;
      best = x > best ? x : best;
    }
    *reinterpret_cast<Codes*>(out + i) = best ^ flip;
  };
  constexpr int64_t kCodes = sizeof(Codes);
  if (channels < kCodes) {
    for (int64_t i = 0; i < channels; ++i) single(i);
    return;
  }
  for (int64_t i = 0; i + kCodes <= channels; i += kCodes) body(i);
  if (channels % kCodes != 0) body(channels - kCodes);
}

void mean(int64_t channels, int64_t taps, const uint8_t* const* in, uint8_t flip, float divisor, uint8_t* out) {
  const auto offset = static_cast<int32_t>(flip * taps);
  cover(
      channels,
      [&](int64_t i) {
        IntVector sum = {};
        for (int64_t t = 0; t < taps; ++t) sum += widened(in[t] + i, flip);
        const Vector x = __builtin_convertvector(sum - offset, Vector) / divisor;
        *reinterpret_cast<Bytes*>(out + i) = narrowed(rounded_away(x));
      },
      [&](int64_t i) {
        int32_t sum = -offset;
        for (int64_t t = 0; t < taps; ++t) sum += in[t][i] ^ flip;
        out[i] = rounded_code(static_cast<float>(sum) / divisor);
      });
}

void blend(int64_t count, const uint8_t* a, float wa, const uint8_t* b, float wb, uint8_t flip, float* out) {
  cover(
      count, [&](int64_t i) { store(out + i, real_of(a + i, flip, flip, wa) + real_of(b + i, flip, flip, wb)); },
      [&](int64_t i) {
        out[i] = static_cast<float>((a[i] ^ flip) - flip) * wa + static_cast<float>((b[i] ^ flip) - flip) * wb;
      });
}

void columns(const CodeColumns* given, const float* in, uint8_t* out) {
  const CodeColumns c = *given;
  for (int64_t x = 0; x < c.count; ++x, out += c.inner) {
    const float *a = in + c.a[x] * c.inner, *b = in + c.b[x] * c.inner;
    const float wa = c.wa[x], wb = c.wb[x];
    cover(
        c.inner,
        [&](int64_t i) {
          *reinterpret_cast<Bytes*>(out + i) = narrowed(rounded_away(load(a + i) * wa + load(b + i) * wb));
        },
        [&](int64_t i) { out[i] = rounded_code(a[i] * wa + b[i] * wb); });
  }
}

}  // namespace

const CodeTable kCodeTable = {lookup, {binary<Add>, binary<Sub>, binary<Mul>}, max, mean, blend, columns};

}  // namespace minnow::simd::MN_ISA
