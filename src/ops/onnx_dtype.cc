#include "ops/onnx_dtype.h"

#include <iterator>

namespace minnow {
namespace {

// Index: the code in onnx.proto3.
constexpr DType kByCode[] = {
    DType::undefined,      DType::float32,  DType::uint8,        DType::int8,           DType::uint16,
    DType::int16,          DType::int32,    DType::int64,        DType::string,         DType::boolean,
    DType::float16,        DType::float64,  DType::uint32,       DType::uint64,         DType::complex64,
    DType::complex128,     DType::bfloat16, DType::float8e4m3fn, DType::float8e4m3fnuz, DType::float8e5m2,
    DType::float8e5m2fnuz, DType::uint4,    DType::int4,         DType::float4e2m1,     DType::float8e8m0,
    DType::uint2,          DType::int2,
};

}  // namespace

DType onnx_dtype(int64_t code) {
  return code >= 0 && code < static_cast<int64_t>(std::size(kByCode)) ? kByCode[code] : DType::undefined;
}

int64_t onnx_dtype_code(DType dtype) {
  for (size_t code = 0; code < std::size(kByCode); ++code) {
    if (kByCode[code] == dtype) return static_cast<int64_t>(code);
  }
  return 0;
}

}  // namespace minnow
