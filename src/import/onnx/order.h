// The order in which a file's nodes can be built.
#pragma once

#include <span>

#include "import/onnx/onnx_proto.h"

namespace minnow::onnx {

// Indices of `nodes` such that every node comes after those whose outputs it reads, its subgraphs' captured values
// included. ONNX demands that order of files; unsorted ones are sorted. Errors: a cycle, an output that two nodes
// produce.
Result<std::vector<int32_t>> order_nodes(const Source& source, std::span<const NodeProto> nodes);
// Graphs among a node's attributes, parsed.
Result<std::vector<GraphProto>> subgraphs_of(const Source& source, const NodeProto& node);
// "node 'conv_3' (Conv)": by its name, else by its first output.
std::string describe(const NodeProto& node);
std::string_view name_of(const NodeProto& node);

}  // namespace minnow::onnx
