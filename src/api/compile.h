// From a model to a compiled file (.mnw), and back to a graph.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/model.h"

namespace minnow {

struct CompileOptions {
  std::vector<Isa> isas;  // plans for these, the best first
  int threads = 1;
  bool graph = true;  // false: only what the runtime needs
};

struct Compiled {
  std::string bytes;        // of the file
  int64_t arena_bytes = 0;  // of the first plan
  size_t steps = 0;
};

// Plans for inputs of these types (concrete dims, in order).
Result<Compiled> compile_model(const Model& model, std::span<const Type> inputs, const CompileOptions& options);

// The graph in a compiled file. Its weights are views of `bytes`.
Result<Graph> graph_of_compiled(const Bytes& bytes, std::string_view name, const Limits& limits);

}  // namespace minnow
