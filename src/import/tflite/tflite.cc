#include "import/tflite/tflite.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "import/guarded_import.h"
#include "import/tflite/graph_importer.h"

namespace minnow {
namespace tflite {
namespace {

constexpr size_t kMaxListed = 100;
constexpr size_t kMaxMetadataBytes = 4096;

struct Unknown {
  OperatorName name;
  int64_t count = 0;
  std::string first;
};

// Builtins that the importer itself turns into states.
bool is_variable_operator(std::string_view name) {
  return name == "CALL_ONCE" || name == "VAR_HANDLE" || name == "READ_VARIABLE" || name == "ASSIGN_VARIABLE";
}

std::string hint(const Unknown& entry, const Registry& registry) {
  if (starts_with(entry.name.name, "Flex")) {
    return "; an operator of TensorFlow itself: convert the model without SELECT_TF_OPS";
  }
  const std::vector<std::string_view> names = registry.import_names(entry.name.domain);
  if (std::find(names.begin(), names.end(), entry.name.name) != names.end()) return "; known, but not in this version";
  const std::string_view nearest = nearest_name(entry.name.name, names);
  return nearest.empty() ? std::string() : concat({"; did you mean '", nearest, "'?"});
}

void add_metadata(const ModelFile& file, Graph& graph) {
  const auto add = [&](std::string key, std::string_view value) {
    if (!value.empty()) graph.metadata.emplace_back(std::move(key), printable(value, kMaxMetadataBytes));
  };
  add("description", text_of(file.model->description()));
  const auto* metadata = file.model->metadata();
  for (uint32_t i = 0; i < size_of(metadata); ++i) {
    // Those of the converter are short text, padded with zeros; the rest is binary and only named.
    std::string_view text = file.buffer(metadata->Get(i)->buffer()).text();
    text = text.substr(0, std::min(text.find('\0'), text.size()));
    const bool readable = text.size() <= kMaxMetadataBytes && is_utf8(text);
    add(printable(text_of(metadata->Get(i)->name())), readable && !text.empty() ? text : "(binary)");
  }
  const auto* signatures = file.model->signature_defs();
  for (uint32_t i = 0; i < size_of(signatures); ++i) {
    const schema::SignatureDef& signature = *signatures->Get(i);
    const std::string key = concat({"signature.", printable(text_of(signature.signature_key()))});
    add(concat({key, ".subgraph"}), concat({signature.subgraph_index()}));
    const auto* tensors = file.subgraph(signature.subgraph_index()).tensors();
    const auto add_maps = [&](std::string_view side, const auto* maps) {
      for (uint32_t k = 0; k < size_of(maps); ++k) {
        const schema::TensorMap& map = *maps->Get(k);
        add(concat({key, ".", side, ".", printable(text_of(map.name()))}),
            text_of(tensors->Get(map.tensor_index())->name()));
      }
    };
    add_maps("input", signature.inputs());
    add_maps("output", signature.outputs());
  }
}

Result<Graph> import_model(const Bytes& bytes, const ImportOptions& options) {
  MN_ASSIGN(const ModelFile file, ModelFile::open(bytes, options.limits));
  MN_TRY(check_operators(file, *options.registry));
  MN_ASSIGN(Graph graph, ModelImporter(file, options).build_main());
  add_metadata(file, graph);
  MN_TRY(verify_graph(graph, options.limits));
  return graph;
}

}  // namespace

Status check_operators(const ModelFile& file, const Registry& registry) {
  std::map<std::string, Unknown> unknown;
  for (uint32_t g = 0; g < size_of(file.model->subgraphs()); ++g) {
    const auto* operators = file.subgraph(g).operators();
    for (uint32_t i = 0; i < size_of(operators); ++i) {
      const schema::Operator& op = *operators->Get(i);
      const OperatorName name = operator_name(*file.model->operator_codes()->Get(op.opcode_index()));
      if (is_variable_operator(name.name) || registry.find_import(name.domain, name.name, name.version)) continue;
      Unknown& entry = unknown[concat({name.domain, ".", name.name})];
      if (entry.count++ == 0) entry = {name, 1, describe(file, op, i)};
    }
  }
  if (unknown.empty()) return {};
  std::string text;
  size_t listed = 0;
  for (const auto& [key, entry] : unknown) {
    if (++listed > kMaxListed) break;
    text +=
        concat({listed > 1 ? "; " : "", "'", printable(entry.name.name), "' version ", entry.name.version, " (",
                entry.count, entry.count == 1 ? " node, " : " nodes, first ", entry.first, hint(entry, registry), ")"});
  }
  if (unknown.size() > kMaxListed) text += concat({"; and ", unknown.size() - kMaxListed, " more"});
  return unsupported(
      {unknown.size(), unknown.size() == 1 ? " operator is" : " operators are", " not supported: ", text});
}

ModelImporter::ModelImporter(const ModelFile& file, const ImportOptions& options)
    : file_(file), options_(options), budget_(std::make_shared<Budget>(options.limits)) {}

Result<Graph> ModelImporter::build_main() {
  Graph graph;
  const schema::SubGraph& main = file_.subgraph(0);
  graph.name = text_of(main.name()).empty() ? "main" : printable(text_of(main.name()));
  Builder builder(graph, *options_.registry);
  open_.push_back(0);
  MN_CHECK(size_of(main.outputs()) > 0, "the graph has no outputs");
  MN_TRY(SubgraphImporter(*this, main, builder, true).build());
  MN_TRY(builder.status());
  return graph;
}

Result<GraphRef> ModelImporter::build_subgraph(const SubgraphOption& option) {
  const auto count = static_cast<int64_t>(size_of(file_.model->subgraphs()));
  MN_CHECK(option.index >= 0 && option.index < count, "option '", option.attribute, "': subgraph ", option.index,
           " of ", count, " does not exist");
  if (const auto found = built_.find(option.index); found != built_.end()) return found->second;
  MN_CHECK(std::find(open_.begin(), open_.end(), option.index) == open_.end(), "option '", option.attribute,
           "': subgraph ", option.index, " would contain itself");
  if (static_cast<int64_t>(open_.size()) > options_.limits.depth) {
    return over_limit({"subgraphs are nested more than ", options_.limits.depth, " deep (raise it with Limits.depth)"});
  }
  auto graph = std::make_shared<Graph>();
  const schema::SubGraph& subgraph = file_.subgraph(option.index);
  graph->name = printable(text_of(subgraph.name()));
  Builder builder(*graph, *options_.registry);
  open_.push_back(option.index);
  Status status = SubgraphImporter(*this, subgraph, builder, false).build();
  if (!status.ok()) return std::move(status.error()).in(concat({"subgraph ", option.index}));
  MN_TRY(builder.status());
  open_.pop_back();
  built_[option.index] = graph;
  return GraphRef(graph);
}

}  // namespace tflite

Result<Graph> import_tflite(const Bytes& file, std::string_view name, const ImportOptions& options) {
  return guarded_import(file, name, [&] { return tflite::import_model(file, options); });
}

}  // namespace minnow
