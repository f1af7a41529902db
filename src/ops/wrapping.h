// Arithmetic that cannot overflow into undefined behaviour: integers wrap as two's complement, floats are floats.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace minnow {

template <class T>
T wrapping_add(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else return a + b;
}
template <class T>
T wrapping_sub(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  else return a - b;
}
template <class T>
T wrapping_mul(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else return a * b;
}

// Towards zero; integers must not have b = 0.
template <class T>
T truncating_div(T a, T b) {
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    if (b == T(-1)) return wrapping_sub(T(0), a);
  }
  return static_cast<T>(a / b);
}

// The remainder with the sign of a (C's %, fmod).
template <class T>
T truncating_mod(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::fmod(a, b);
  else if constexpr (std::is_signed_v<T>) return b == T(-1) ? T(0) : static_cast<T>(a % b);
  else return static_cast<T>(a % b);
}

// The remainder with the sign of b (Python's %).
template <class T>
T flooring_mod(T a, T b) {
  const T r = truncating_mod(a, b);
  if constexpr (std::is_floating_point_v<T>) {
    if (r == T(0)) return std::copysign(T(0), b);
    return (r < T(0)) != (b < T(0)) ? r + b : r;
  } else if constexpr (std::is_signed_v<T>) {
    return r != T(0) && (r < T(0)) != (b < T(0)) ? static_cast<T>(r + b) : r;
  } else {
    return r;
  }
}

// base^exponent for integers, by squaring; a negative exponent truncates 1 / base^-exponent.
inline int64_t integer_pow(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor) {
    if (exponent & 1) result *= factor;
  }
  return static_cast<int64_t>(result);
}

// Towards zero, saturating, NaN to 0: the conversion that convert_dtype makes.
template <class T>
T saturating_from_double(double x) {
  if (x != x) return T(0);
  constexpr double low = static_cast<double>(std::numeric_limits<T>::min()),
                   high = static_cast<double>(std::numeric_limits<T>::max());
  if (x <= low) return std::numeric_limits<T>::min();
  if (x >= high) return std::numeric_limits<T>::max();
  return static_cast<T>(x);
}

}  // namespace minnow
