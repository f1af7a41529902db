// Which nodes one kernel runs together: an operator, the addition after it, the activation after that.
#pragma once

#include <optional>
#include <vector>

#include "base/problem.h"
#include "graph/graph.h"
#include "kernels/kernel_row.h"
#include "ops/registry.h"

namespace minnow {

// Nodes that become one step. Without a row: one node that no kernel takes.
struct Group {
  std::vector<int32_t> nodes;  // in order; the step stands where the last of them stood
  const KernelRow* row = nullptr;
  Problem problem;
  std::vector<ValueId> inputs, outputs;
};

struct FusionOptions {
  Isa best = kLastIsa;
  bool fuse = true;
  friend bool operator==(const FusionOptions&, const FusionOptions&) = default;
};

// The graph's nodes as groups, in the order of their last nodes. The graph was specialized: types are concrete where
// they can be.
std::vector<Group> group_nodes(const Graph& graph, const Registry& registry, const FusionOptions& options);

}  // namespace minnow
