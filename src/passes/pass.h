// A pass is a pure function from graph to graph that knows no machine: it changes how results are computed, never what
// they are. pipeline.cc holds the list; this header names what it can hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace minnow {

// What a pass that looks for a pattern found, or what looked like one and why it is none.
struct PassNote {
  std::string_view pattern;  // "attention"
  std::string node;
  std::string why_not;  // empty: it matched
};

struct PassContext {
  const Registry& registry = Registry::builtin();
  Limits limits;
  // Names of the main graph's outputs are an interface: they survive every pass. Subgraphs return by position.
  bool in_subgraph = false;
  // Constant folding may make a constant of up to this many bytes where it takes more than the constants it replaces.
  int64_t max_folded_bytes = int64_t{16} << 20;
  std::vector<PassNote>* notes = nullptr;  // null: nobody asks
  // Constant folding makes real numbers of quantized constants: for lowering, when no pass looks for codes any more.
  bool fold_dequantized = false;
};

void add_note(const PassContext& context, const Graph& graph, std::string_view pattern, const Node& node,
              std::string why_not = "");

struct Pass {
  std::string_view name;
  std::string_view doc;
  Status (*run)(Graph&, const PassContext&);
};

namespace passes {

// Removes nodes and values that no output or state depends on.
Status remove_dead_code(Graph& graph, const PassContext& context);
// Computes what depends on constants and known shapes only.
Status fold_constants(Graph& graph, const PassContext& context);
// Makes equal constants and equal nodes one.
Status share_subexpressions(Graph& graph, const PassContext& context);
// Takes batch normalization, a scale or an offset after a convolution into the convolution's weights.
Status fold_batch_normalization(Graph& graph, const PassContext& context);
// Takes zero padding before a convolution into the convolution's pads.
Status fold_padding(Graph& graph, const PassContext& context);
// Makes one operator of activations that are spelled out: gelu, swish, hard_swish.
Status fuse_activations(Graph& graph, const PassContext& context);
// Makes one operator of layer normalization that is spelled out.
Status fuse_layer_normalization(Graph& graph, const PassContext& context);
// Makes one operator of attention that is spelled out: softmax(scale Q K^T + masks) V over heads.
Status fuse_attention(Graph& graph, const PassContext& context);
// Lets matrix products read tensors of higher rank instead of their flattened form.
Status fold_flattening(Graph& graph, const PassContext& context);
// Moves quantize_linear up and dequantize_linear down past operators that move or choose elements.
Status move_quantization(Graph& graph, const PassContext& context);
// Makes a table of 256 entries of elementwise operators that compute codes from the codes of one tensor.
Status fuse_lookups(Graph& graph, const PassContext& context);
// Makes one operator of arithmetic between two dequantize_linear and a quantize_linear.
Status fuse_quantized_arithmetic(Graph& graph, const PassContext& context);
// Makes products of integers of convolutions and matrix products on quantized values.
Status fuse_quantized_products(Graph& graph, const PassContext& context);
// Removes nodes that return their input.
Status remove_identities(Graph& graph, const PassContext& context);

}  // namespace passes
}  // namespace minnow
