// ONNX model files: export.
#pragma once

#include <string>

#include "base/limits.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

struct ExportOptions {
  int opset = 0;  // of the default domain; 0: the smallest from 13 on that has all operators
  std::string producer = "minnow";
  Limits limits;  // nodes and bytes while operators without an ONNX form are spelled out
  const Registry* registry = &Registry::builtin();
};

// The bytes of a ModelProto. Operators that ONNX does not have are spelled in simpler ones where they can be; the error
// lists all that cannot. Captured values of subgraphs are outer names again. States cannot be expressed: an error.
Result<std::string> export_onnx(const Graph& graph, const ExportOptions& options = {});

}  // namespace minnow
