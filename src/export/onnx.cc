#include "export/onnx.h"

#include <algorithm>
#include <map>
#include <new>
#include <set>

#include "base/text.h"
#include "export/onnx_graph.h"
#include "ops/expand.h"

namespace minnow {
namespace onnx {
namespace {

// Axes became inputs and most operators took bfloat16 in 13: forms from there on need no history.
constexpr int64_t kOldestOpset = 13;
constexpr int64_t kNewestOpset = 28;
// Protocol buffers address with 31 bits.
constexpr int64_t kMaxMessageBytes = (int64_t{1} << 31) - 1;

// IR version that belongs to an operator set: the newest row whose opset is not above it.
struct IrVersion {
  int64_t opset;
  int64_t version;
};
constexpr IrVersion kIrVersions[] = {{13, 7}, {15, 8}, {19, 9}, {21, 10}, {23, 11}, {24, 12}, {25, 13}, {28, 14}};

// First operator set whose operators may carry the type.
int64_t first_opset(DType dtype) {
  switch (dtype) {
    case DType::float8e4m3fn:
    case DType::float8e4m3fnuz:
    case DType::float8e5m2:
    case DType::float8e5m2fnuz: return 19;
    case DType::int4:
    case DType::uint4: return 21;
    case DType::float4e2m1: return 23;
    case DType::float8e8m0: return 24;
    case DType::int2:
    case DType::uint2: return 25;
    default: return kOldestOpset;
  }
}

struct Needs {
  int64_t opset = kOldestOpset;
  std::string why = "export";                                      // what needs that opset
  std::set<int64_t> later;                                         // opsets at which an operator has another form
  std::map<std::string, std::pair<int64_t, std::string>> missing;  // operator: count, first node
};

void raise(Needs& needs, int64_t opset, std::string_view why) {
  if (opset <= needs.opset) return;
  needs.opset = opset;
  needs.why = std::string(why);
}

void collect_needs(const Graph& graph, const Registry& registry, Needs& needs) {
  for (const Value& value : graph.values) raise(needs, first_opset(value.type.dtype), to_string(value.type.dtype));
  for (const Node& node : graph.nodes) {
    const OpDef* op = registry.find(node.op);
    if (op == nullptr || op->exports.empty()) {
      auto& entry = needs.missing[node.op];
      if (entry.first++ == 0) entry.second = node.name;
      continue;
    }
    int64_t first = kNewestOpset;
    for (const ExportRow& row : op->exports) {
      const int64_t from = row.domain == "ai.onnx" ? row.first : kOldestOpset;
      first = std::min(first, from);
      needs.later.insert(from);
    }
    raise(needs, first, title(*op));
    for (const auto& [name, value] : node.attributes) {
      if (const auto* inner = value.get<GraphRef>()) collect_needs(**inner, registry, needs);
    }
  }
}

Error missing_error(const Needs& needs) {
  std::string text;
  for (const auto& [op, entry] : needs.missing) {
    text += concat({text.empty() ? "" : "; ", "'", printable(op), "' (", entry.first,
                    entry.first == 1 ? " node, '" : " nodes, first '", printable(entry.second), "')"});
  }
  return unsupported(
      {needs.missing.size(), needs.missing.size() == 1 ? " operator has" : " operators have", " no ONNX form: ", text});
}

Message opset_message(std::string_view domain, int64_t version) {
  Message m;
  m.bytes(1, domain == "ai.onnx" ? std::string_view() : domain).integer(2, version);
  return m;
}

Status check_ends(const Graph& graph) {
  if (!graph.states.empty()) {
    return unsupported({"ONNX has no states, and the graph has ", graph.states.size(), ", first '",
                        printable(graph.states[0].name),
                        "': turn them into constants, or into inputs and outputs, before export"});
  }
  MN_CHECK(!graph.outputs.empty(), "the graph has no outputs");
  for (const ValueId id : graph.inputs) {
    const Type& type = graph.value(id).type;
    const bool known = type.kind != Type::Kind::unknown && !(type.is_tensor() && type.dtype == DType::undefined);
    MN_CHECK(known, "the type of input '", printable(graph.value(id).name), "' is not known, and ONNX needs it");
  }
  return {};
}

// What the importer took from fields that export sets itself.
bool is_own_metadata(std::string_view key) {
  return key == "producer_name" || key == "producer_version" || key == "onnx_domain" || key == "model_version" ||
         key == "onnx_opsets";
}

// The default domain's version that the graph was imported with; 0 when it was not. Element types that an operator
// takes grew over the versions, so that an older one could refuse what the model's own accepts.
int64_t imported_opset(const Graph& graph) {
  constexpr std::string_view kDefaultDomain = "ai.onnx ";
  for (const auto& [key, value] : graph.metadata) {
    if (key != "onnx_opsets") continue;
    for (const std::string_view entry : split(value, ',')) {
      const std::string_view text = trim(entry);
      if (starts_with(text, kDefaultDomain)) return parse_int(text.substr(kDefaultDomain.size())).value_or(0);
    }
  }
  return 0;
}

Result<std::string> write_model(const Graph& graph, const ExportOptions& options, int64_t opset) {
  ModelWriter writer(*options.registry, opset);
  MN_ASSIGN(const Message body, write_graph(writer, graph, {}));
  int64_t ir_version = 0;
  for (const IrVersion& row : kIrVersions) {
    if (row.opset <= opset) ir_version = row.version;
  }
  Message model;
  model.integer(1, ir_version).bytes(2, options.producer).message(8, opset_message("", opset));
  for (const auto& [domain, version] : writer.domains()) model.message(8, opset_message(domain, version));
  for (const auto& [key, value] : graph.metadata) {
    if (is_own_metadata(key)) continue;
    Message entry;
    model.message(14, entry.bytes(1, key).bytes(2, value));
  }
  model.message(7, body);
  return model.take();
}

Result<std::string> export_model(const Graph& source, const ExportOptions& options) {
  MN_TRY(verify_graph(source, options.limits));
  MN_TRY(check_ends(source));
  MN_ASSIGN(const Graph graph, expand(source, *options.registry, options.limits,
                                      [](const Graph&, const Node&, const OpDef& op) { return op.exports.empty(); }));
  Needs needs;
  collect_needs(graph, *options.registry, needs);
  if (!needs.missing.empty()) return missing_error(needs);
  if (options.opset == 0) raise(needs, std::min(imported_opset(source), kNewestOpset), "the model");
  const int64_t opset = options.opset != 0 ? options.opset : needs.opset;
  MN_CHECK(opset >= kOldestOpset && opset <= kNewestOpset, "opset ", opset, ", expected ", kOldestOpset, " to ",
           kNewestOpset);
  MN_CHECK(opset >= needs.opset, "opset ", opset, " is too old: ", needs.why, " needs ", needs.opset);
  MN_CHECK(constant_bytes(graph) < kMaxMessageBytes, "the weights take ", constant_bytes(graph),
           " bytes; an ONNX file holds less than ", kMaxMessageBytes);
  Result<std::string> file = write_model(graph, options, opset);
  if (options.opset != 0) return file;
  // What an operator's older form cannot say, a newer one may.
  for (auto later = needs.later.upper_bound(opset); later != needs.later.end(); ++later) {
    if (file.ok() || file.error().code != ErrorCode::unsupported) break;
    if (Result<std::string> newer = write_model(graph, options, *later); newer.ok()) return newer;
  }
  return file;
}

}  // namespace
}  // namespace onnx

Result<std::string> export_onnx(const Graph& graph, const ExportOptions& options) {
  try {
    return onnx::export_model(graph, options);
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::out_of_memory, {"out of memory while exporting to ONNX"});
  }
}

}  // namespace minnow
