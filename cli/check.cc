// minnow check MODEL: everything that is wrong, suspicious or wasteful in a file.
#include <algorithm>

#include "api/lint.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/terminal.h"
#include "import/format.h"
#include "plan/mnw.h"

namespace minnow::cli {
namespace {

class Check : public Verb {
 public:
  const char* summary() const override { return "Look for errors, suspicious values and waste in a model file"; }
  const char* example() const override { return "minnow check model.onnx --strict"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    arguments.flag("--strict", &strict_, "Exit 1 for warnings, too");
  }

  Result<int> run() override {
    ModelFlags plain = model_;
    plain.no_passes = true;  // findings are about the file, not about what the passes make of it
    const auto model = plain.open(common);
    std::vector<Finding> findings;
    if (model.ok()) {
      findings = lint_graph((*model)->graph(), (*model)->registry());
      if (const Status weights = check_weights(**model); !weights.ok())
        findings.push_back({Finding::Severity::error, "damaged-weights", "", weights.error().message});
    } else {
      findings.push_back(
          {Finding::Severity::error, std::string(to_string(model.error().code)), "", model.error().message});
    }
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    int64_t counts[3] = {};
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const Finding& finding : findings) {
      ++counts[static_cast<int>(finding.severity)];
      list.push_back({{"severity", to_string(finding.severity)},
                      {"rule", finding.rule},
                      {"where", finding.where},
                      {"message", finding.message}});
      rows.push_back({std::string(to_string(finding.severity)), finding.rule,
                      finding.where.empty() ? finding.message : finding.where + ": " + finding.message});
    }
    const Json json{{"model", model_.path},
                    {"errors", counts[0]},
                    {"warnings", counts[1]},
                    {"notes", counts[2]},
                    {"findings", list}};
    MN_TRY(emit(common, json,
                table(rows) + concat({counts[0], " errors, ", counts[1], " warnings, ", counts[2], " notes\n"})));
    if (!model.ok()) return exit_code(model.error().code);
    if (counts[0] > 0) return kExitBadInput;
    return strict_ && counts[1] > 0 ? kExitGateFailed : kExitOk;
  }

 private:
  // Opening a compiled model leaves its weights unread.
  Status check_weights(const Model& model) const {
    if (model.format() != to_string(FileFormat::compiled)) return {};
    MN_ASSIGN(const Bytes bytes, read_file(model_.path, common.limits.bytes));
    return verify_weights(bytes, model.name());
  }

  ModelFlags model_;
  bool strict_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_check() { return std::make_unique<Check>(); }

}  // namespace minnow::cli
