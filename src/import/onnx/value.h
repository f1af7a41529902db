// Single values in .pb files, as ONNX's test data has them: TensorProto, SequenceProto, OptionalProto.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/limits.h"
#include "graph/graph.h"

namespace minnow {

// The file does not say which message it is: `type` does (the type of the model's input or output). Unknown: a tensor.
Result<Datum> read_onnx_value(const Bytes& file, std::string_view name, const Type& type, const Limits& limits = {});
// The message for a value of that type; an absent value needs an optional type.
Result<std::string> write_onnx_value(const Datum& value, std::string_view name, const Type& type);

}  // namespace minnow
