// What is wrong, suspicious or wasteful in a model file, all at once.
#pragma once

#include <string>
#include <vector>

#include "api/model.h"

namespace minnow {

struct Finding {
  enum class Severity : uint8_t { error, warning, note };
  Severity severity = Severity::note;
  std::string rule;   // stable, for machines: "weight-not-finite"
  std::string where;  // node or value, printable; empty: the file
  std::string message;
};
std::string_view to_string(Finding::Severity severity);

// The findings about a checked graph as it stands in the file (before passes).
std::vector<Finding> lint_graph(const Graph& graph, const Registry& registry);

}  // namespace minnow
