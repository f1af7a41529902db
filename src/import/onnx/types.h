// ONNX's TypeProto as our Type.
#pragma once

#include "graph/graph.h"
#include "import/onnx/onnx_proto.h"

namespace minnow::onnx {

// Highest rank accepted: NumPy's own limit, far above any model's.
inline constexpr size_t kMaxTensorRank = 64;

// Map, sparse and opaque types are `unsupported`. A dimension that is not positive and has no name is unknown.
Result<Type> parse_type(const Source& source, Unparsed type);
// The name that ONNX gives a data type code ("FLOAT6E2M3"), for messages; "data type 999" for unknown codes.
std::string data_type_name(int64_t code);

}  // namespace minnow::onnx
