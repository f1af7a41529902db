#include "passes/pipeline.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "graph/text.h"
#include "passes/rewrite.h"

namespace minnow {
namespace {

constexpr Pass kStandardPasses[] = {
    {"fold_constants", "computes what depends on constants and known shapes only", passes::fold_constants},
    {"remove_identities", "removes nodes that return their input", passes::remove_identities},
    {"share_subexpressions", "makes equal constants and equal nodes one", passes::share_subexpressions},
    {"fold_batch_normalization", "takes batch normalization, scales and offsets into the convolution before them",
     passes::fold_batch_normalization},
    {"fold_padding", "takes zero padding into the convolution after it", passes::fold_padding},
    {"fuse_activations", "makes one operator of gelu, swish and hard_swish that are spelled out",
     passes::fuse_activations},
    {"fuse_layer_normalization", "makes one operator of layer normalization that is spelled out",
     passes::fuse_layer_normalization},
    {"fold_flattening", "lets matrix products read tensors of higher rank instead of their flattened form",
     passes::fold_flattening},
    {"fuse_attention", "makes one operator of attention that is spelled out", passes::fuse_attention},
    {"move_quantization", "moves elements as codes, between dequantize_linear and quantize_linear",
     passes::move_quantization},
    {"fuse_lookups", "makes a table of elementwise operators on the codes of one tensor", passes::fuse_lookups},
    {"fuse_quantized_arithmetic", "makes one operator of dequantize_linear, arithmetic, quantize_linear",
     passes::fuse_quantized_arithmetic},
    {"fuse_quantized_products", "makes products of integers of convolutions and matrix products on quantized values",
     passes::fuse_quantized_products},
    {"remove_dead_code", "removes what no output depends on", passes::remove_dead_code},
};

// Each round ends in a smaller graph or in the same one, mostly the second; a cycle between two passes would be our bug
// and must not hang a caller.
constexpr int kMaxRounds = 4;

Status check_names(const PipelineOptions& options, std::span<const Pass> list) {
  std::vector<std::string_view> names;
  for (const Pass& pass : list) names.push_back(pass.name);
  for (const std::string& name : options.disabled) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string_view nearest = nearest_name(name, names);
    return bad_input({"no pass is named '", printable(name), "'", nearest.empty() ? "" : "; did you mean '", nearest,
                      nearest.empty() ? "" : "'?"});
  }
  return {};
}

// Writes NN_name.mng; NN counts the dumps of one pipeline.
class Dumper {
 public:
  explicit Dumper(const PipelineOptions& options) : options_(options) {}
  Status write(const Graph& graph, std::string_view name) {
    if (options_.dump_folder.empty()) return {};
    TextOptions text;
    text.max_constant_elements = options_.dump_constant_elements;
    const std::string file = concat({options_.dump_folder, "/", count_ < 10 ? "0" : "", count_, "_", name, ".mng"});
    ++count_;
    return write_file_atomically(file, print_graph(graph, text));
  }

 private:
  const PipelineOptions& options_;
  int count_ = 0;
};

// `before` is a copy of the graph, which shares its tensors and subgraphs, and is one again afterwards. Most passes
// find nothing: a copy for each of them took a tenth of the time of opening a small model.
Result<PassReport> run_one(Graph& graph, Graph& before, const Pass& pass, const PassContext& context) {
  PassReport report{pass.name, 0, false, node_count(graph), 0, 0};
  const Stopwatch watch;
  Status status = pass.run(graph, context);
  report.duration_us = watch.elapsed_ns() / 1000;
  if (!status.ok()) return std::move(status.error()).in(concat({"pass ", pass.name}));
  report.nodes_after = node_count(graph);
  report.changed = !identical(before, graph);
  if (!report.changed) return report;
  if (Status valid = verify_graph(graph, context.limits); !valid.ok()) {
    return internal_error({"pass ", pass.name, " broke the graph: ", valid.error().message});
  }
  before = graph;
  return report;
}

}  // namespace

std::span<const Pass> standard_passes() { return kStandardPasses; }

Result<std::vector<PassReport>> run_pipeline(Graph& graph, const PipelineOptions& options, std::span<const Pass> list) {
  MN_TRY(check_names(options, list));
  PassContext context{options.registry != nullptr ? *options.registry : Registry::builtin(), options.limits};
  Graph work = graph, before = graph;
  std::vector<PassNote> notes;
  if (options.notes != nullptr) context.notes = &notes;
  Dumper dumper(options);
  MN_TRY(dumper.write(work, "start"));
  std::vector<PassReport> reports;
  bool changed = true;
  for (int round = 1; changed && round <= kMaxRounds; ++round) {
    changed = false;
    // What was refused before may have become a match.
    notes.erase(std::remove_if(notes.begin(), notes.end(), [](const PassNote& note) { return !note.why_not.empty(); }),
                notes.end());
    for (const Pass& pass : list) {
      if (std::find(options.disabled.begin(), options.disabled.end(), pass.name) != options.disabled.end()) continue;
      MN_ASSIGN(PassReport report, run_one(work, before, pass, context));
      report.round = round;
      changed = changed || report.changed;
      if (report.changed) MN_TRY(dumper.write(work, pass.name));
      reports.push_back(report);
    }
  }
  if (options.notes != nullptr) *options.notes = std::move(notes);
  graph = std::move(work);
  return reports;
}

}  // namespace minnow
