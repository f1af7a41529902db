// Stacks merged into a tree: the frames of a flame graph, with what each of them and everything above it counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/folded.h"

namespace minnow {

struct FlameNode {
  int32_t name = -1;  // index into Folded::names(); -1: the root
  int32_t parent = -1;
  int32_t depth = 0;  // of the root: 0
  double self = 0;    // of stacks that end here
  double total = 0;   // with everything inside
  double other = 0;   // the second number, with everything inside
};

// In depth-first order, a parent before what it holds, siblings by name; node 0 is the root.
std::vector<FlameNode> build_flame_tree(const Folded& folded);

}  // namespace minnow
