// What a graph costs and consists of, without running it.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

struct OperatorCost {
  std::string name;
  int64_t count = 0;  // nodes, subgraphs included
  int64_t multiply_adds = 0;
};

struct GraphCost {
  int64_t nodes = 0;
  int64_t parameters = 0;
  int64_t parameter_bytes = 0;
  int64_t multiply_adds = 0;
  int64_t activation_bytes = 0;         // of all values that nodes produce, as if all were alive at once
  int64_t unknown_nodes = 0;            // nodes without concrete shapes, and those of subgraphs: not in multiply_adds
  std::vector<OperatorCost> operators;  // by descending multiply_adds, then count
};

GraphCost measure_cost(const Graph& graph, const Registry& registry);
// Gives the inputs these dims and infers everything again. The graph must be checked.
Status bind_input_dims(Graph& graph, const std::vector<Dims>& dims, const Registry& registry, const Limits& limits);

}  // namespace minnow
