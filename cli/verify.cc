// minnow verify MODEL --data DIR: runs ONNX's test folders and compares.
#include "api/compare.h"
#include "api/test_data.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/terminal.h"

namespace minnow::cli {
namespace {

class Verify : public Verb {
 public:
  const char* summary() const override {
    return "Run a model on test data (input_*.pb, output_*.pb) and compare; exit 1 where they differ";
  }
  const char* example() const override { return "minnow verify model.onnx --data . --rtol 1e-3 --atol 1e-5"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    arguments.option("--data", "DIR", &data_,
                     "Folder with test_data_set_N folders, or one of them (default: the model's)");
    arguments.option("--rtol", "R", &closeness_.relative, "Relative tolerance (default 0.001)");
    arguments.option("--atol", "A", &closeness_.absolute, "Absolute tolerance (default 1e-7)");
  }

  Result<int> run() override {
    MN_CHECK(closeness_.relative >= 0 && closeness_.absolute >= 0, "--rtol and --atol: expected 0 or more");
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common));
    MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(common, model));
    MN_ASSIGN(const std::vector<std::string> sets, list_data_sets(data_.empty() ? folder_of(model_.path) : data_));
    const Interruptible interruptible(*session);
    Progress progress(common, "verify", static_cast<int64_t>(sets.size()));
    for (size_t i = 0; i < sets.size(); ++i) {
      MN_TRY(verify_set(*session, sets[i]));
      progress.update(static_cast<int64_t>(i) + 1);
    }
    MN_CHECK(compared_ > 0, "no output_*.pb for any output of the model in ", printable(sets[0]));
    result_["passed"] = passed_;
    result_["failed"] = failed_;
    text_ += concat({passed_, " outputs agree, ", failed_, failed_ == 1 ? " differs\n" : " differ\n"});
    MN_TRY(emit(common, result_, text_));
    return failed_ == 0 ? kExitOk : kExitGateFailed;
  }

 private:
  Status verify_set(Session& session, const std::string& folder) {
    const Graph& graph = session.model().graph();
    MN_ASSIGN(const DataSet data, read_data_set(folder, graph, common.limits));
    MN_ASSIGN(const std::vector<Datum> outputs, session.run(data.inputs));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!data.outputs[i].present() && graph.value(graph.outputs[i]).type.kind != Type::Kind::optional) continue;
      const Difference difference = compare_values(outputs[i], data.outputs[i], closeness_);
      ++compared_;
      ++(difference.close ? passed_ : failed_);
      const std::string name = graph.value(graph.outputs[i]).name;
      Json entry{{"data_set", folder},
                 {"output", name},
                 {"ok", difference.close},
                 {"max_abs", number_json(difference.max_absolute)},
                 {"max_rel", number_json(difference.max_relative)},
                 {"mismatches", difference.mismatches},
                 {"elements", difference.elements}};
      if (!difference.close) {
        entry["reason"] = difference.reason;
        entry["worst_index"] = dims_json(difference.worst_index);
        text_ += concat({"FAIL ", printable(folder), " output '", printable(name), "': ", difference.reason, "\n"});
      } else if (common.verbose) {
        text_ += concat(
            {"ok   ", printable(folder), " output '", printable(name), "': max error ", difference.max_absolute, "\n"});
      }
      result_["outputs"].push_back(std::move(entry));
    }
    return {};
  }

  ModelFlags model_;
  std::string data_;
  Closeness closeness_;
  Json result_;
  std::string text_;
  int64_t compared_ = 0, passed_ = 0, failed_ = 0;
};

}  // namespace

std::unique_ptr<Verb> make_verify() { return std::make_unique<Verify>(); }

}  // namespace minnow::cli
