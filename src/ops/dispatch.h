// Turns a run-time dtype into a C++ type: dispatch<FloatTypes>(dtype, [&]<class T>() { ... }).
#pragma once

#include <string>

#include "base/dtype.h"
#include "base/result.h"

namespace minnow {

template <class... Ts>
struct TypeList {};

using FloatTypes = TypeList<float, double>;
using SignedTypes = TypeList<float, double, int8_t, int16_t, int32_t, int64_t>;
using IntegerTypes = TypeList<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
using NumericTypes = TypeList<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;

namespace detail {
template <class F, class... Ts>
Status dispatch(DType dtype, F& body, TypeList<Ts...>) {
  Status status;
  const bool found = ((dtype == dtype_of<Ts>() ? (status = body.template operator()<Ts>(), true) : false) || ...);
  if (!found) return unsupported({"element type ", to_string(dtype), " is not supported here"});
  return status;
}
}  // namespace detail

// `body` is a template lambda that returns Status.
template <class List, class F>
Status dispatch(DType dtype, F&& body) {
  return detail::dispatch(dtype, body, List{});
}

// For operators that only move elements: one instantiation a size. std::string for strings.
struct Bytes16 {
  uint64_t low, high;
};
template <class F>
Status dispatch_by_size(DType dtype, F&& body) {
  if (dtype == DType::string) return body.template operator()<std::string>();
  switch (element_bytes(dtype)) {
    case 1: return body.template operator()<uint8_t>();
    case 2: return body.template operator()<uint16_t>();
    case 4: return body.template operator()<uint32_t>();
    case 8: return body.template operator()<uint64_t>();
    case 16: return body.template operator()<Bytes16>();
    default: return unsupported({"element type ", to_string(dtype), " is not supported here"});
  }
}

}  // namespace minnow
