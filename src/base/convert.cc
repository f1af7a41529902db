// Values from one dtype to another. Each conversion goes through one of two exact middle forms, double or 64-bit
// integer, a chunk at a time: n readers and n writers in place of n^2 loops.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "base/cpu.h"
#include "base/tensor.h"

namespace minnow {

namespace {

constexpr int64_t kChunk = 512;  // elements; three such arrays stay within the first-level cache

using Reals = std::array<double, kChunk>;
using Integers = std::array<int64_t, kChunk>;

template <class From, class To>
void widen(const Tensor& from, int64_t begin, int64_t count, To* out) {
  const From* in = from.data<From>() + begin;
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<To>(in[i]);
}

// Networks keep weights in float16 more than in any other narrow type, and processors have an instruction for it that
// does what decode_narrow_float() does. Returns how many elements, from the first on, are done.
#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) int64_t widen_float16(const uint16_t* in, int64_t count, float* out) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    __m128i codes;
    std::memcpy(&codes, in + i, sizeof codes);
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(codes));
  }
  return i;
}
bool has_float16_instruction() { return cpu_features().f16c; }
#elif defined(__aarch64__)
int64_t widen_float16(const uint16_t* in, int64_t count, float* out) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in + i))));
  return i;
}
bool has_float16_instruction() { return true; }
#else
int64_t widen_float16(const uint16_t*, int64_t, float*) { return 0; }
bool has_float16_instruction() { return false; }
#endif

void widen_float16(const Tensor& from, Tensor* to) {
  const auto* in = from.data<uint16_t>();
  auto* out = to->mutable_data<float>();
  int64_t i = has_float16_instruction() ? widen_float16(in, from.size(), out) : 0;
  for (; i < from.size(); ++i) out[i] = decode_narrow_float(DType::float16, in[i]);
}

// Integers and booleans, uint64 by its bits.
void read_integers(const Tensor& from, int64_t begin, int64_t count, int64_t* out) {
  switch (from.dtype()) {
    case DType::int8:
    case DType::int4:
    case DType::int2: return widen<int8_t>(from, begin, count, out);
    case DType::int16: return widen<int16_t>(from, begin, count, out);
    case DType::int32: return widen<int32_t>(from, begin, count, out);
    case DType::int64: return widen<int64_t>(from, begin, count, out);
    case DType::uint8:
    case DType::uint4:
    case DType::uint2: return widen<uint8_t>(from, begin, count, out);
    case DType::uint16: return widen<uint16_t>(from, begin, count, out);
    case DType::uint32: return widen<uint32_t>(from, begin, count, out);
    case DType::uint64: return widen<uint64_t>(from, begin, count, out);
    case DType::boolean: {
      // Read as bytes: a bool that holds neither 0 nor 1 is undefined behaviour, and files can hold any byte.
      const uint8_t* in = from.data<uint8_t>() + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = in[i] != 0;
      return;
    }
    default: std::fill_n(out, count, 0);
  }
}

void read_reals(const Tensor& from, int64_t begin, int64_t count, double* out) {
  const DType dtype = from.dtype();
  if (dtype == DType::float32) return widen<float>(from, begin, count, out);
  if (dtype == DType::float64) return widen<double>(from, begin, count, out);
  if (element_bytes(dtype) == 2) {
    const uint16_t* in = from.data<uint16_t>() + begin;
    for (int64_t i = 0; i < count; ++i) out[i] = decode_narrow_float(dtype, in[i]);
  } else {
    const uint8_t* in = from.data<uint8_t>() + begin;
    for (int64_t i = 0; i < count; ++i) out[i] = decode_narrow_float(dtype, in[i]);
  }
}

// Keeps the low bits of each value, with the sign of the narrow type.
template <class To>
void store_wrapped(const int64_t* in, int64_t count, int bits, bool is_signed, To* out) {
  const int unused = 64 - bits;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t high = static_cast<uint64_t>(in[i]) << unused;
    out[i] = static_cast<To>(is_signed ? static_cast<uint64_t>(static_cast<int64_t>(high) >> unused) : high >> unused);
  }
}

void write_integers(const int64_t* in, int64_t begin, int64_t count, Tensor* to) {
  const DType dtype = to->dtype();
  if (dtype == DType::boolean) {
    uint8_t* out = to->mutable_data<uint8_t>() + begin;
    for (int64_t i = 0; i < count; ++i) out[i] = in[i] != 0;
    return;
  }
  const int bits = file_bits(dtype);
  const bool is_signed = is_signed_integer(dtype);
  switch (element_bytes(dtype)) {
    case 1: return store_wrapped(in, count, bits, is_signed, to->mutable_data<uint8_t>() + begin);
    case 2: return store_wrapped(in, count, bits, is_signed, to->mutable_data<uint16_t>() + begin);
    case 4: return store_wrapped(in, count, bits, is_signed, to->mutable_data<uint32_t>() + begin);
    default: return store_wrapped(in, count, bits, is_signed, to->mutable_data<uint64_t>() + begin);
  }
}

struct FloatRules {
  bool saturate;
  RoundMode mode;
};

void write_reals(const double* in, int64_t begin, int64_t count, FloatRules rules, Tensor* to) {
  const DType dtype = to->dtype();
  switch (dtype) {
    case DType::float64: std::copy_n(in, count, to->mutable_data<double>() + begin); return;
    case DType::float32: {
      float* out = to->mutable_data<float>() + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]);
      return;
    }
    case DType::float16:
    case DType::bfloat16: {
      uint16_t* out = to->mutable_data<uint16_t>() + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = encode_narrow_float(dtype, round_to_odd(in[i]));
      return;
    }
    case DType::float8e8m0: {
      uint8_t* out = to->mutable_data<uint8_t>() + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = encode_float8e8m0(round_to_odd(in[i]), rules.saturate, rules.mode);
      return;
    }
    default: {
      uint8_t* out = to->mutable_data<uint8_t>() + begin;
      for (int64_t i = 0; i < count; ++i) {
        out[i] = static_cast<uint8_t>(encode_narrow_float(dtype, round_to_odd(in[i]), rules.saturate));
      }
    }
  }
}

// Truncated towards zero, clamped to the range of `dtype`; uint64 by its bits.
void truncate(const double* in, int64_t count, DType dtype, int64_t* out) {
  if (dtype == DType::boolean) {
    for (int64_t i = 0; i < count; ++i) out[i] = in[i] != 0;
    return;
  }
  const int64_t low = integer_min(dtype);
  const uint64_t high = integer_max(dtype);
  // Both bounds are exact in double: low is 0 or -2^k; high + 1 is a power of two, also where high itself is not exact.
  const double below = static_cast<double>(low);
  const double above = std::ldexp(1.0, file_bits(dtype) - (low < 0 ? 1 : 0));
  for (int64_t i = 0; i < count; ++i) {
    const double value = in[i];
    if (value >= above) out[i] = static_cast<int64_t>(high);
    else if (value <= below) out[i] = low;
    else if (std::isnan(value)) out[i] = 0;
    else out[i] = low < 0 ? static_cast<int64_t>(value) : static_cast<int64_t>(static_cast<uint64_t>(value));
  }
}

// The magnitude as a double that rounds on to any narrower format as the integer would. Above 2^53 the dropped bits are
// or-ed into the last one kept (round to odd), so that a later rounding sees them.
double sticky_double(uint64_t magnitude) {
  constexpr uint64_t kDropped = (uint64_t{1} << 11) - 1;
  if (magnitude >> 53 == 0) return static_cast<double>(magnitude);
  const uint64_t kept = magnitude & ~kDropped;
  return static_cast<double>(kept | ((magnitude & kDropped) != 0 ? kDropped + 1 : 0));
}

void integers_to_reals(const int64_t* in, int64_t count, bool is_unsigned, DType target, double* out) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t value = in[i];
    const bool negative = !is_unsigned && value < 0;
    const uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    const double real = target == DType::float64 ? static_cast<double>(magnitude) : sticky_double(magnitude);
    out[i] = negative ? -real : real;
  }
}

bool is_real_dtype(DType dtype) { return is_float(dtype) || is_integer(dtype) || dtype == DType::boolean; }

}  // namespace

Result<Tensor> convert_dtype(const Tensor& tensor, DType dtype, const std::shared_ptr<Budget>& budget, bool saturate,
                             RoundMode mode) {
  if (!is_real_dtype(tensor.dtype()) || !is_real_dtype(dtype)) {
    return unsupported({"cannot convert ", to_string(tensor.dtype()), " to ", to_string(dtype),
                        ": expected floating-point, integer or boolean types"});
  }
  if (tensor.dtype() == dtype) return tensor;
  MN_ASSIGN(Tensor out, Tensor::allocate(dtype, tensor.dims(), budget));
  if (tensor.dtype() == DType::float16 && dtype == DType::float32) {
    widen_float16(tensor, &out);
    return out;
  }
  Reals reals;
  Integers integers;
  const bool from_float = is_float(tensor.dtype());
  for (int64_t begin = 0; begin < tensor.size(); begin += kChunk) {
    const int64_t count = std::min(kChunk, tensor.size() - begin);
    if (from_float) read_reals(tensor, begin, count, reals.data());
    else read_integers(tensor, begin, count, integers.data());
    if (is_float(dtype)) {
      if (!from_float)
        integers_to_reals(integers.data(), count, !is_signed_integer(tensor.dtype()), dtype, reals.data());
      write_reals(reals.data(), begin, count, {saturate, mode}, &out);
    } else {
      if (from_float) truncate(reals.data(), count, dtype, integers.data());
      write_integers(integers.data(), begin, count, &out);
    }
  }
  return out;
}

std::vector<int64_t> to_ints(const Tensor& tensor) {
  assert(is_real_dtype(tensor.dtype()));
  std::vector<int64_t> out(static_cast<size_t>(tensor.size()));
  if (!is_float(tensor.dtype())) {
    read_integers(tensor, 0, tensor.size(), out.data());
    return out;
  }
  const std::vector<double> reals = to_doubles(tensor);
  truncate(reals.data(), tensor.size(), DType::int64, out.data());
  return out;
}

std::vector<double> to_doubles(const Tensor& tensor) {
  assert(is_real_dtype(tensor.dtype()));
  std::vector<double> out(static_cast<size_t>(tensor.size()));
  if (is_float(tensor.dtype())) {
    read_reals(tensor, 0, tensor.size(), out.data());
    return out;
  }
  std::vector<int64_t> integers(out.size());
  read_integers(tensor, 0, tensor.size(), integers.data());
  integers_to_reals(integers.data(), tensor.size(), !is_signed_integer(tensor.dtype()), DType::float64, out.data());
  return out;
}

}  // namespace minnow
