// TensorFlow Lite model files: import.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "graph/graph.h"
#include "import/options.h"

namespace minnow {

// A model as a graph of our operators, checked and inferred: channels last as in the file, values named as its tensors,
// quantized operators as dequantize_linear, operator, quantize_linear. Weights are views of `file` where they are
// aligned for their type. `name` stands for the file in messages.
Result<Graph> import_tflite(const Bytes& file, std::string_view name, const ImportOptions& options = {});

}  // namespace minnow
