#include "cli/support/model_flags.h"

#include <algorithm>

#include "base/text.h"
#include "graph/graph.h"

namespace minnow::cli {

void ModelFlags::declare(Arguments& arguments, const char* help) {
  arguments.positional("MODEL", &path, help);
  declare_open(arguments);
}

void ModelFlags::declare_open(Arguments& arguments) {
  arguments.flag("--mmap", &map, "Map the file instead of reading it (it must not shrink meanwhile)");
  arguments.flag("--no-passes", &no_passes, "Run the graph as it was imported");
  arguments.option("--without-pass", "NAME", &without_passes, "Switch one pass off (repeatable)");
  arguments.option("--dump-passes", "DIR", &dump_passes, "Write the graph after each pass that changed it to DIR");
  arguments.flag("--reference", &reference, "Use the operators' references only, no kernels");
}

Result<std::shared_ptr<const Model>> ModelFlags::open(const CommonFlags& common, const std::string& file,
                                                      std::vector<PassNote>* notes) const {
  OpenOptions options;
  options.limits = common.limits;
  options.map = map;
  options.optimize = !no_passes;
  options.disabled_passes = without_passes;
  options.dump_passes_folder = dump_passes;
  options.pass_notes = notes;
  return Model::open_file(file, options);
}

Result<std::unique_ptr<Session>> ModelFlags::session(const CommonFlags& common,
                                                     std::shared_ptr<const Model> model) const {
  SessionOptions options;
  options.limits = common.limits;
  options.threads = static_cast<int>(common.threads);
  options.seed = common.seed;
  options.kernels = !reference;
  return Session::create(std::move(model), options);
}

namespace {

Result<Dims> parse_dims(std::string_view text, std::string_view whole) {
  Dims dims;
  if (trim(text).empty()) return dims;  // a scalar
  for (std::string_view part : split(text, ',')) {
    const auto value = parse_int(trim(part));
    MN_CHECK(value.has_value() && *value >= 0, "--shape ", printable(whole), ": expected NAME=1,3,224,224, got '",
             printable(part), "'");
    dims.push_back(*value);
  }
  return dims;
}

std::string input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (ValueId id : graph.inputs) names.push_back(printable(graph.value(id).name));
  return names.empty() ? "none" : join(names, ", ");
}

}  // namespace

Result<std::vector<NamedShape>> parse_shapes(const std::vector<std::string>& texts, const Graph& graph) {
  std::vector<NamedShape> shapes;
  for (const std::string& text : texts) {
    const size_t equals = text.rfind('=');
    NamedShape shape;
    if (equals != std::string::npos) shape.name = text.substr(0, equals);
    MN_ASSIGN(shape.dims,
              parse_dims(std::string_view(text).substr(equals == std::string::npos ? 0 : equals + 1), text));
    if (equals == std::string::npos) {
      MN_CHECK(graph.inputs.size() == 1, "--shape ", printable(text), ": say which input: NAME=…; the model has ",
               input_names(graph));
      shape.name = graph.value(graph.inputs[0]).name;
    }
    const bool known = std::any_of(graph.inputs.begin(), graph.inputs.end(),
                                   [&](ValueId id) { return graph.value(id).name == shape.name; });
    MN_CHECK(known, "--shape: no input '", printable(shape.name), "'; the model has ", input_names(graph));
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

Result<std::vector<Dims>> input_dims(const Graph& graph, const std::vector<NamedShape>& shapes) {
  // A named dimension has one size everywhere: what --shape says about it in one input holds in the others.
  std::vector<std::pair<std::string, int64_t>> symbols;
  for (const NamedShape& shape : shapes) {
    const Type& type = graph.value(graph.find_value(shape.name)).type;
    for (size_t d = 0; type.shape.ranked && d < std::min(shape.dims.size(), type.shape.dims.size()); ++d) {
      if (!type.shape.dims[d].symbol.empty()) symbols.emplace_back(type.shape.dims[d].symbol, shape.dims[d]);
    }
  }
  std::vector<Dims> all;
  for (ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    Dims dims;
    for (const Dim& dim : value.type.shape.dims) {
      const auto known = std::find_if(symbols.begin(), symbols.end(), [&](const auto& entry) {
        return !dim.symbol.empty() && entry.first == dim.symbol;
      });
      dims.push_back(dim.known() ? dim.value : known != symbols.end() ? known->second : 1);
    }
    for (const NamedShape& shape : shapes) {
      if (shape.name == value.name) dims = shape.dims;
    }
    all.push_back(std::move(dims));
  }
  return all;
}

Result<std::vector<Type>> concrete_inputs(const Graph& graph, const std::vector<std::string>& shapes) {
  MN_ASSIGN(const std::vector<NamedShape> named, parse_shapes(shapes, graph));
  MN_ASSIGN(const std::vector<Dims> dims, input_dims(graph, named));
  std::vector<Type> types;
  for (size_t i = 0; i < dims.size(); ++i)
    types.push_back(Type::tensor(graph.value(graph.inputs[i]).type.dtype, Shape(dims[i])));
  return types;
}

}  // namespace minnow::cli
