#include "import/onnx/opsets.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/text.h"
#include "import/onnx/order.h"

namespace minnow::onnx {
namespace {

// The newest versions of ONNX 1.23: meanings may change after them.
struct KnownDomain {
  std::string_view domain;
  int64_t newest;
};
constexpr KnownDomain kKnownDomains[] = {
    {"ai.onnx", 28}, {"ai.onnx.ml", 5}, {"ai.onnx.preview", 1}, {"ai.onnx.preview.training", 1}};

std::string function_key(TextView domain, TextView name, TextView overload) {
  return concat({canonical_domain(domain), "\n", name, "\n", overload});
}

struct Unknown {
  std::string domain, op;
  int64_t version = 0;
  int64_t count = 0;
  std::string first;
};

class OperatorCheck {
 public:
  OperatorCheck(const Source& source, const Functions& functions, const Registry& registry)
      : source_(source), functions_(functions), registry_(registry) {}

  Status walk(std::span<const NodeProto> nodes, const Opsets& opsets) {
    for (const NodeProto& node : nodes) {
      if (const Function* function = functions_.find(node)) {
        if (reached_.insert(function).second) pending_.push_back(function);
      } else {
        MN_TRY(check(node, opsets));
      }
      if (!node.has_graphs) continue;
      MN_ASSIGN(const std::vector<GraphProto> subgraphs, subgraphs_of(source_, node));
      for (const GraphProto& subgraph : subgraphs) MN_TRY(walk(subgraph.node, opsets));
    }
    return {};
  }

  Status walk_functions() {
    while (!pending_.empty()) {
      const Function* function = pending_.back();
      pending_.pop_back();
      if (Status status = walk(function->proto->node, function->opsets); !status.ok()) {
        return std::move(status.error()).in(concat({"function '", printable(function->proto->name), "'"}));
      }
    }
    return {};
  }

  Status status() const {
    if (unknown_.empty()) return {};
    std::string text;
    size_t listed = 0;
    for (const auto& [key, entry] : unknown_) {
      if (++listed > kMaxListed) break;
      text += concat({listed > 1 ? "; " : "", "'", printable(entry.op), "' of ", printable(entry.domain), " ",
                      entry.version, " (", entry.count, entry.count == 1 ? " node, '" : " nodes, first '",
                      printable(entry.first), "'", hint(entry), ")"});
    }
    if (unknown_.size() > kMaxListed) text += concat({"; and ", unknown_.size() - kMaxListed, " more"});
    return unsupported(
        {unknown_.size(), unknown_.size() == 1 ? " operator is" : " operators are", " not supported: ", text});
  }

 private:
  static constexpr size_t kMaxListed = 100;

  Status check(const NodeProto& node, const Opsets& opsets) {
    const std::string_view domain = canonical_domain(node.domain);
    const std::optional<int64_t> version = opsets.find(domain);
    MN_CHECK(version.has_value(), describe(node), ": the model has no opset_import for domain '", printable(domain),
             "'");
    if (registry_.find_import(domain, node.op_type, *version)) return {};
    Unknown& entry = unknown_[concat({domain, ".", node.op_type})];
    if (entry.count++ == 0) {
      entry.domain = std::string(domain);
      entry.op = std::string(node.op_type);
      entry.version = *version;
      entry.first = std::string(name_of(node));
    }
    return {};
  }

  std::string hint(const Unknown& entry) const {
    const std::vector<std::string_view> names = registry_.import_names(entry.domain);
    if (names.empty()) return "; no operator of this domain is known";
    if (std::find(names.begin(), names.end(), entry.op) != names.end()) return "; known, but not in this version";
    const std::string_view nearest = nearest_name(entry.op, names);
    return nearest.empty() ? std::string() : concat({"; did you mean '", nearest, "'?"});
  }

  const Source& source_;
  const Functions& functions_;
  const Registry& registry_;
  std::map<std::string, Unknown> unknown_;
  std::set<const Function*> reached_;
  std::vector<const Function*> pending_;
};

}  // namespace

Result<Opsets> Opsets::from(const std::vector<OperatorSet>& imports) {
  Opsets opsets;
  for (const OperatorSet& import : imports) {
    const std::string_view domain = canonical_domain(import.domain);
    MN_CHECK(import.version > 0, "opset_import: version ", import.version, " of domain '", printable(domain), "'");
    for (const KnownDomain& known : kKnownDomains) {
      if (known.domain == domain && import.version > known.newest) {
        return unsupported({"opset ", import.version, " of ", domain, " is newer than the newest known one, ",
                            known.newest, ": export with opset ", known.newest, " or older"});
      }
    }
    if (const std::optional<int64_t> other = opsets.find(domain)) {
      MN_CHECK(*other == import.version, "opset_import: domain '", printable(domain), "' is imported in versions ",
               *other, " and ", import.version);
      continue;
    }
    opsets.versions_.emplace_back(std::string(domain), import.version);
  }
  return opsets;
}

std::optional<int64_t> Opsets::find(TextView domain) const {
  const std::string_view wanted = canonical_domain(domain);
  for (const auto& [name, version] : versions_) {
    if (name == wanted) return version;
  }
  return std::nullopt;
}

std::string Opsets::text() const {
  std::string text;
  for (const auto& [name, version] : versions_) text += concat({text.empty() ? "" : ", ", name, " ", version});
  return text;
}

Result<Functions> Functions::from(const std::vector<FunctionProto>& protos) {
  Functions functions;
  for (const FunctionProto& proto : protos) {
    Result<Opsets> opsets = Opsets::from(proto.opset_import);
    if (!opsets.ok()) return std::move(opsets.error()).in(concat({"function '", printable(proto.name), "'"}));
    const bool is_new =
        functions.by_key_
            .emplace(function_key(proto.domain, proto.name, proto.overload), Function{&proto, std::move(*opsets)})
            .second;
    MN_CHECK(is_new, "function '", printable(proto.name), "' of domain '", printable(proto.domain),
             "' is defined twice");
  }
  return functions;
}

const Function* Functions::find(const NodeProto& node) const {
  if (by_key_.empty()) return nullptr;
  const auto found = by_key_.find(function_key(node.domain, node.op_type, node.overload));
  return found == by_key_.end() ? nullptr : &found->second;
}

Status check_operators(const Source& source, const GraphProto& graph, const Opsets& opsets, const Functions& functions,
                       const Registry& registry) {
  OperatorCheck check(source, functions, registry);
  MN_TRY(check.walk(graph.node, opsets));
  MN_TRY(check.walk_functions());
  return check.status();
}

}  // namespace minnow::onnx
