#include "api/model.h"

#include "api/guard.h"
#include "base/text.h"
#include "graph/text.h"
#include "import/onnx/onnx.h"
#include "ops/check.h"

namespace minnow {
namespace {

Result<Graph> import_graph(const Bytes& bytes, std::string_view name, std::string_view format, const OpenOptions& options, const Registry& registry) {
  if (format == "mng") return parse_graph(bytes.text(), name, options.limits);
  ImportOptions import;
  import.limits = options.limits;
  import.registry = &registry;
  import.folder = options.folder;
  import.map_external = options.map;
  return import_onnx(bytes, name, import);
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
    return open_bytes(std::move(bytes), path, local);
  });
}

Result<std::shared_ptr<const Model>> Model::open_bytes(Bytes bytes, std::string_view name, const OpenOptions& options) {
  return guarded([&]() -> Result<std::shared_ptr<const Model>> {
    std::shared_ptr<Model> model(new Model());
    model->registry_ = options.registry;
    model->name_ = file_name_of(std::string(name));
    model->file_bytes_ = static_cast<int64_t>(bytes.size());
    model->format_ = starts_with(bytes.text(), "minnow graph") ? "mng" : "onnx";
    MN_ASSIGN(model->graph_, import_graph(bytes, name, model->format_, options, model->registry()));
    return finish(std::move(model), options);
  });
}

Result<std::shared_ptr<const Model>> Model::from_graph(Graph graph, std::string_view name, const OpenOptions& options) {
  return guarded([&]() -> Result<std::shared_ptr<const Model>> {
    std::shared_ptr<Model> model(new Model());
    model->registry_ = options.registry;
    model->name_ = name;
    model->format_ = "graph";
    model->graph_ = std::move(graph);
    return finish(std::move(model), options);
  });
}

Result<std::shared_ptr<const Model>> Model::finish(std::shared_ptr<Model> model, const OpenOptions& options) {
  model->limits_ = options.limits;
  if (Status status = check_graph(model->graph_, model->registry(), options.limits); !status.ok()) {
    return std::move(status.error()).in(printable(model->name_));
  }
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace minnow
