// Runs passes over a graph, times them, and shows what each one did.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "passes/pass.h"

namespace minnow {

struct PipelineOptions {
  std::vector<std::string> disabled;  // names of passes to leave out
  // Where the graph is written as text (.mng), at the start and after every pass that changed it; empty: nowhere. The
  // folder must exist.
  std::string dump_folder;
  int64_t dump_constant_elements = 32;  // larger constants are left out of the text; -1: none are
  Limits limits;
  const Registry* registry = nullptr;  // null: the built-in operators
  // What passes that look for patterns found, in all rounds, and what they refused in the last; null: nobody asks.
  std::vector<PassNote>* notes = nullptr;
};

struct PassReport {
  std::string_view name;
  int round = 0;  // passes run in rounds until nothing changes
  bool changed = false;
  int64_t nodes_before = 0;  // subgraphs included
  int64_t nodes_after = 0;
  int64_t duration_us = 0;
};

// The passes that every model goes through before lowering, in order.
std::span<const Pass> standard_passes();

// The graph changes only if all passes succeed. A name in `disabled` that no pass has is an error.
Result<std::vector<PassReport>> run_pipeline(Graph& graph, const PipelineOptions& options = {},
                                             std::span<const Pass> list = standard_passes());

}  // namespace minnow
