#include "api/model.h"

#include "api/compile.h"
#include "base/guard.h"
#include "base/pages.h"
#include "base/text.h"
#include "graph/text.h"
#include "import/format.h"
#include "import/onnx/onnx.h"
#include "import/tflite/tflite.h"
#include "ops/check.h"

namespace minnow {
namespace {

// Formats that other doors of minnow open, or none yet, and those that no door does.
Error refuse(FileFormat format, std::string_view name) {
  const std::string file = printable(name);
  switch (format) {
    case FileFormat::safetensors:
      return unsupported(
          {file, ": safetensors holds weights without a network: export the model as ONNX, or build it in code"});
    case FileFormat::npy:
      return bad_input({file, ": an array, not a model: give it as an input (minnow run MODEL --in NAME=FILE.npy)"});
    default: return refuse_format(format, name);
  }
}

Result<Graph> import_graph(const Bytes& bytes, std::string_view name, FileFormat format, const OpenOptions& options,
                           const Registry& registry) {
  if (format == FileFormat::graph_text) return parse_graph(bytes.text(), name, options.limits);
  if (format == FileFormat::compiled) return graph_of_compiled(bytes, name, options.limits);
  if (format != FileFormat::onnx && format != FileFormat::tflite) return refuse(format, name);
  ImportOptions import;
  import.limits = options.limits;
  import.registry = &registry;
  import.folder = options.folder;
  import.map_external = options.map;
  return format == FileFormat::tflite ? import_tflite(bytes, name, import) : import_onnx(bytes, name, import);
}

}  // namespace

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_name_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

Result<std::shared_ptr<const Model>> Model::open_file(const std::string& path, const OpenOptions& options) {
  return guarded([&]() -> Result<std::shared_ptr<const Model>> {
    MN_ASSIGN(Bytes bytes, options.map ? map_file(path) : read_file(path, options.limits.bytes));
    OpenOptions local = options;
    local.folder = folder_of(path);
    auto model = open_bytes(bytes, path, local);
    // Much of the file may have become other tensors by now, or may be packed before it is read again.
    if (options.map) page_out(bytes.view());
    return model;
  });
}

Result<std::shared_ptr<const Model>> Model::open_bytes(Bytes bytes, std::string_view name, const OpenOptions& options) {
  return guarded([&]() -> Result<std::shared_ptr<const Model>> {
    std::shared_ptr<Model> model(new Model());
    model->registry_ = options.registry;
    model->name_ = file_name_of(std::string(name));
    model->file_bytes_ = static_cast<int64_t>(bytes.size());
    const FileFormat format = detect_format(bytes, name);
    model->format_ = to_string(format);
    MN_ASSIGN(model->graph_, import_graph(bytes, name, format, options, model->registry()));
    // The importers check as they go.
    if (format != FileFormat::onnx && format != FileFormat::tflite) MN_TRY(check(*model, options));
    if (format != FileFormat::compiled) return finish(std::move(model), options);
    OpenOptions as_it_is = options;  // the passes ran when it was compiled
    as_it_is.optimize = false;
    return finish(std::move(model), as_it_is);
  });
}

Result<std::shared_ptr<const Model>> Model::from_graph(Graph graph, std::string_view name, const OpenOptions& options) {
  return guarded([&]() -> Result<std::shared_ptr<const Model>> {
    std::shared_ptr<Model> model(new Model());
    model->registry_ = options.registry;
    model->name_ = name;
    model->format_ = "graph";
    model->graph_ = std::move(graph);
    MN_TRY(check(*model, options));
    return finish(std::move(model), options);
  });
}

Status Model::check(Model& model, const OpenOptions& options) {
  Status status = check_graph(model.graph_, model.registry(), options.limits);
  if (!status.ok()) return std::move(status.error()).in(printable(model.name_));
  return {};
}

Result<std::shared_ptr<const Model>> Model::finish(std::shared_ptr<Model> model, const OpenOptions& options) {
  model->limits_ = options.limits;
  if (options.optimize) MN_TRY(optimize(*model, options));
  model->lowering_ = std::make_unique<Lowering>(model->graph_, model->registry(), options.limits);
  return std::shared_ptr<const Model>(std::move(model));
}

Status Model::optimize(Model& model, const OpenOptions& options) {
  PipelineOptions pipeline;
  pipeline.disabled = options.disabled_passes;
  pipeline.dump_folder = options.dump_passes_folder;
  pipeline.limits = options.limits;
  pipeline.notes = options.pass_notes;
  pipeline.registry = &model.registry();
  auto report = run_pipeline(model.graph_, pipeline);
  if (!report.ok()) return std::move(report.error()).in(printable(model.name_));
  model.passes_ = std::move(report).value();
  return {};
}

}  // namespace minnow
