// minnow ops: the operators and what each has.
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"
#include "ops/registry.h"

namespace minnow::cli {
namespace {

std::string versions(const ImportRow& row) {
  constexpr int kOpen = 1 << 20;
  if (row.last >= kOpen) return concat({row.domain, ".", row.name, " ", row.first, "+"});
  if (row.first == row.last) return concat({row.domain, ".", row.name, " ", row.first});
  return concat({row.domain, ".", row.name, " ", row.first, "-", row.last});
}

class Ops : public Verb {
 public:
  const char* summary() const override { return "List the operators; with --table, what each one has"; }
  const char* example() const override { return "minnow ops --table > docs/ops.md"; }

  void declare(Arguments& arguments) override {
    arguments.positional("NAME", &names_, "Only operators whose name contains NAME", false);
    arguments.flag("--table", &table_,
                   "Markdown: infer, reference, gradient, decompose, cost, imports, exports of each");
  }

  Result<int> run() override {
    Json json = Json::array();
    std::vector<std::vector<std::string>> full{{"operator", "infer", "reference", "gradient", "decompose", "cost",
                                                "cases", "imports", "exports", "what it does"}};
    std::vector<std::vector<std::string>> brief;
    for (const OpDef* op : Registry::builtin().all()) {
      if (!wanted(op->name)) continue;
      std::vector<std::string> imports, exports;
      for (const ImportRow& row : op->imports) imports.push_back(versions(row));
      for (const ExportRow& row : op->exports)
        exports.push_back(concat({row.domain, ".", row.name, " ", row.first, "+"}));
      const bool computes = op->reference != nullptr;
      full.push_back({std::string(op->name), mark(op->infer != nullptr), mark(computes), mark(op->gradient != nullptr),
                      mark(op->decompose != nullptr), mark(op->cost != nullptr),
                      concat({op->cases != nullptr ? op->cases().size() : 0}), join(imports, ", "), join(exports, ", "),
                      std::string(op->doc)});
      brief.push_back({std::string(op->name), std::string(op->doc)});
      json.push_back({{"name", op->name},
                      {"doc", op->doc},
                      {"infer", op->infer != nullptr},
                      {"reference", computes},
                      {"gradient", op->gradient != nullptr},
                      {"decompose", op->decompose != nullptr},
                      {"cost", op->cost != nullptr},
                      {"imports", imports},
                      {"exports", exports}});
    }
    MN_CHECK(!brief.empty(), "no operator's name contains ", join(names_, " or "));
    MN_TRY(emit(common, json, table_ ? markdown_table(full) : table(brief)));
    return kExitOk;
  }

 private:
  static std::string mark(bool has) { return has ? "yes" : "-"; }
  bool wanted(std::string_view name) const {
    if (names_.empty()) return true;
    for (const std::string& part : names_) {
      if (name.find(part) != std::string_view::npos) return true;
    }
    return false;
  }

  std::vector<std::string> names_;
  bool table_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_ops() { return std::make_unique<Ops>(); }

}  // namespace minnow::cli
