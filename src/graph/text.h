// The text form of a graph (.mng): printed for people and diffs, parsed back without loss. Grammar in docs/formats.md.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "graph/graph.h"

namespace minnow {

struct TextOptions {
  // Of constants with more elements than this only the type is printed, then "...", which cannot be parsed back; -1:
  // all data, so that parse_graph(print_graph(g)) is g (value ids aside). Few elements print as numbers, many as
  // base64.
  int64_t max_constant_elements = -1;
  // Where it is given, tensors too long to print as numbers are added here, and the text says "external INDEX".
  std::vector<Tensor>* externals = nullptr;
};

std::string print_graph(const Graph& graph, const TextOptions& options = {});
// `name` stands for the file in messages. Structure is verified (verify_graph); operators are the caller's to check.
// `externals`: the tensors that the text refers to.
Result<Graph> parse_graph(std::string_view text, std::string_view name, const Limits& limits = {},
                          std::span<const Tensor> externals = {});

}  // namespace minnow
