#include "import/onnx/onnx.h"

#include "base/text.h"
#include "import/guarded_import.h"
#include "import/onnx/graph_importer.h"

namespace minnow {
namespace onnx {
namespace {

// ONNX 1.23 writes 14; a newer file may mean something that this reader would miss.
constexpr int64_t kNewestIrVersion = 14;
// Before it, files stated no operator set and meant the first one.
constexpr int64_t kFirstIrVersionWithOpsets = 3;

Result<Opsets> model_opsets(const ModelProto& model) {
  MN_ASSIGN(Opsets opsets, Opsets::from(model.opset_import));
  if (opsets.empty()) {
    MN_CHECK(model.ir_version < kFirstIrVersionWithOpsets,
             "no opset_import: the versions of the operators are not known");
    opsets.set_default(1);
  }
  return opsets;
}

void add_metadata(const ModelProto& model, const Opsets& opsets, Graph& graph) {
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) graph.metadata.emplace_back(std::string(key), std::string(value));
  };
  add("producer_name", model.producer_name);
  add("producer_version", model.producer_version);
  add("onnx_domain", model.domain);
  if (model.model_version != 0) add("model_version", concat({model.model_version}));
  add("onnx_opsets", opsets.text());
  for (const auto& [key, value] : model.metadata_props) add(key, value);
}

Result<Graph> import_model(const Bytes& file, const ImportOptions& options) {
  MN_CHECK(file.size() != 0, "the file is empty");
  const Source source{file.text(), options.limits.nodes};
  MN_ASSIGN(const ModelProto model, parse_model(source));
  MN_CHECK(model.has_graph, "there is no graph in it: not an ONNX model");
  if (model.ir_version > kNewestIrVersion) {
    return unsupported({"IR version ", model.ir_version, " is newer than the newest known one, ", kNewestIrVersion,
                        ": export for IR version ", kNewestIrVersion, " or older"});
  }
  MN_ASSIGN(const Opsets opsets, model_opsets(model));
  MN_ASSIGN(const Functions functions, Functions::from(model.functions));
  MN_TRY(check_expanded_size(model.graph, functions, options.limits));
  MN_TRY(check_operators(source, model.graph, opsets, functions, *options.registry));

  const TensorSource tensors{source, file, options.folder, options.map_external,
                             std::make_shared<Budget>(options.limits)};
  ImportState state{tensors, functions, *options.registry, options.limits};
  Graph graph;
  graph.name = std::string(model.graph.name);
  Builder builder(graph, *options.registry);
  Scope scope(state, builder, opsets, nullptr, nullptr, 0);
  MN_TRY(scope.build_main(model.graph));
  add_metadata(model, opsets, graph);
  MN_TRY(verify_graph(graph, options.limits));
  return graph;
}

}  // namespace
}  // namespace onnx

Result<Graph> import_onnx(const Bytes& file, std::string_view name, const ImportOptions& options) {
  return guarded_import(file, name, [&] { return onnx::import_model(file, options); });
}

}  // namespace minnow
