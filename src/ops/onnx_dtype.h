// ONNX's integer codes of element types (TensorProto.DataType), for import and export adapters.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace minnow {

// undefined for codes that ONNX does not define.
DType onnx_dtype(int64_t code);
// 0 (UNDEFINED) for DType::undefined.
int64_t onnx_dtype_code(DType dtype);

}  // namespace minnow
