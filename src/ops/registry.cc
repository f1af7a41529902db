#include "ops/registry.h"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/text.h"

namespace minnow {

// The list is generated from the files of src/ops/*/ (src/CMakeLists.txt) and expanded twice: declarations, then the
// table.
namespace ops {
#define MN_OP(name) std::vector<OpDef> name();
#include "op_list.inc"
#undef MN_OP
}  // namespace ops

AttributeSpec::AttributeSpec(std::string n, Attribute value)
    : name(std::move(n)), kind(value.kind()), fallback(std::move(value)) {}
AttributeSpec::AttributeSpec(std::string n, AttributeKind k, bool is_required)
    : name(std::move(n)), kind(k), required(is_required) {}
AttributeSpec::AttributeSpec(const AttributeSpec&) = default;
AttributeSpec::AttributeSpec(AttributeSpec&&) noexcept = default;
AttributeSpec& AttributeSpec::operator=(const AttributeSpec&) = default;
AttributeSpec::~AttributeSpec() = default;
AttributeSpec required(std::string name, AttributeKind kind) { return {std::move(name), kind, true}; }

struct Registry::Tables {
  std::deque<OpDef> ops;  // a deque: pointers stay valid while operators are added
  std::unordered_map<std::string, const OpDef*> by_name;
  std::unordered_map<std::string, std::vector<Match>> by_import;  // "domain.Name"
};

Registry::Registry(const Registry* parent) : tables_(std::make_unique<Tables>()), parent_(parent) {}
Registry::~Registry() = default;

const Registry& Registry::builtin() {
  static const Registry registry = [] {
    Registry all;
    const auto add_family = [&](std::vector<OpDef> family) {
      for (OpDef& op : family) {
        [[maybe_unused]] const Status status = all.add(std::move(op));
        assert(status.ok());
      }
    };
#define MN_OP(name) add_family(ops::name());
#include "op_list.inc"
#undef MN_OP
    return all;
  }();
  return registry;
}

Registry::Registry(Registry&&) noexcept = default;

Status Registry::add(OpDef op) {
  MN_CHECK(!op.name.empty(), "an operator needs a name");
  MN_CHECK(find(op.name) == nullptr, "operator '", op.name, "' is registered already");
  MN_CHECK(op.reference != nullptr || op.decompose != nullptr || op.custom != nullptr, "operator '", op.name,
           "' has neither reference nor decompose");
  const OpDef& stored = tables_->ops.emplace_back(std::move(op));
  tables_->by_name.emplace(std::string(stored.name), &stored);
  for (const ImportRow& row : stored.imports) {
    tables_->by_import[concat({row.domain, ".", row.name})].push_back({&stored, &row});
  }
  return {};
}

const OpDef* Registry::find(std::string_view name) const {
  const auto found = tables_->by_name.find(std::string(name));
  if (found != tables_->by_name.end()) return found->second;
  return parent_ != nullptr ? parent_->find(name) : nullptr;
}

Registry::Match Registry::find_import(std::string_view domain, std::string_view name, int64_t version) const {
  const auto found = tables_->by_import.find(concat({domain, ".", name}));
  if (found != tables_->by_import.end()) {
    for (const Match& match : found->second) {
      if (version >= match.row->first && version <= match.row->last) return match;
    }
  }
  return parent_ != nullptr ? parent_->find_import(domain, name, version) : Match{};
}

std::vector<const OpDef*> Registry::all() const {
  std::vector<const OpDef*> list = parent_ != nullptr ? parent_->all() : std::vector<const OpDef*>();
  for (const OpDef& op : tables_->ops) list.push_back(&op);
  std::sort(list.begin(), list.end(), [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
  return list;
}

std::vector<std::string_view> Registry::import_names(std::string_view domain) const {
  std::vector<std::string_view> names =
      parent_ != nullptr ? parent_->import_names(domain) : std::vector<std::string_view>();
  for (const OpDef& op : tables_->ops) {
    for (const ImportRow& row : op.imports) {
      if (row.domain == domain) names.push_back(row.name);
    }
  }
  return names;
}

std::string_view title(const OpDef& op) { return op.imports.empty() ? op.name : op.imports.front().name; }

std::string describe(const Node& node, const OpDef& op) {
  return concat({"node '", printable(node.name.empty() ? std::string_view("unnamed") : std::string_view(node.name)),
                 "' (", title(op), ")"});
}

}  // namespace minnow
