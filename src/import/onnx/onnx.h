// ONNX model files: import.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/limits.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

struct ImportOptions {
  Limits limits;
  const Registry* registry = &Registry::builtin();
  std::string folder;         // of the model file, where external data may lie; empty: external data is refused
  bool map_external = false;  // map external data instead of reading it (base/bytes.h, map_file)
};

// A model as a graph of our operators, checked and inferred. Weights are views of `file` where they are aligned for
// their type (a file need not align them: the rest is copied). `name` stands for the file in messages.
Result<Graph> import_onnx(const Bytes& file, std::string_view name, const ImportOptions& options = {});

}  // namespace minnow
