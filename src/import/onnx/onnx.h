// ONNX model files: import.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "graph/graph.h"
#include "import/options.h"

namespace minnow {

// A model as a graph of our operators, checked and inferred. Weights are views of `file` where they are aligned for
// their type (a file need not align them: the rest is copied). `name` stands for the file in messages.
Result<Graph> import_onnx(const Bytes& file, std::string_view name, const ImportOptions& options = {});

}  // namespace minnow
