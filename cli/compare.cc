// minnow compare A B: the same inputs through two models, or a model against a folder of recorded outputs.
#include <filesystem>
#include <map>

#include "api/compare.h"
#include "base/bytes.h"
#include "base/text.h"
#include "cli/support/inputs.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"
#include "import/npy.h"

namespace minnow::cli {
namespace {

namespace fs = std::filesystem;

// Keeps every tensor that the main graph's nodes produce, by name.
class Recorder : public NodeObserver {
 public:
  Status on_node(const Graph& graph, const Node& node, std::span<const Datum> outputs, int depth, int64_t) override {
    for (size_t i = 0; depth == 0 && i < outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue || outputs[i].kind != Datum::Kind::tensor) continue;
      const std::string& name = graph.value(node.outputs[i]).name;
      order.push_back(name);
      values.emplace(name, outputs[i].tensor);
    }
    return {};
  }
  std::vector<std::string> order;
  std::map<std::string, Tensor> values;
};

class Compare : public Verb {
 public:
  const char* summary() const override {
    return "Compare two models, or a model with a folder of .npy outputs; exit 1 where they differ";
  }
  const char* example() const override { return "minnow compare model.onnx model.mng --layers"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments, "Model A");
    arguments.positional("B", &other_, "Model B, or a folder with 0.npy, 1.npy, … of A's outputs");
    inputs_.declare(arguments);
    arguments.flag("--layers", &layers_, "Also compare every value that both models name");
    arguments.option("--rtol", "R", &closeness_.relative, "Relative tolerance (default 0.001)");
    arguments.option("--atol", "A", &closeness_.absolute, "Absolute tolerance (default 1e-5)");
  }

  Result<int> run() override {
    MN_ASSIGN(const std::shared_ptr<const Model> a, model_.open(common));
    InputFlags flags = inputs_;
    flags.random = true;
    MN_ASSIGN(const std::vector<Datum> inputs, flags.read(a->graph(), common, contract_of_file(model_.path)));
    Recorder layers_a, layers_b;
    MN_ASSIGN(const std::vector<Datum> outputs, run_model(a, inputs, layers_a));
    std::vector<Datum> expected;
    std::error_code error;
    if (fs::is_directory(other_, error)) {
      MN_CHECK(!layers_, "--layers needs two models");
      MN_ASSIGN(expected, read_folder(outputs.size()));
    } else {
      MN_ASSIGN(const std::shared_ptr<const Model> b, model_.open(common, other_));
      MN_CHECK(b->graph().inputs.size() == inputs.size() && b->graph().outputs.size() == outputs.size(),
               "the models differ in their inputs or outputs: ", a->graph().inputs.size(), " and ", outputs.size(),
               " against ", b->graph().inputs.size(), " and ", b->graph().outputs.size());
      MN_ASSIGN(expected, run_model(b, inputs, layers_b));
    }
    rows_ = {{"output", "max abs", "relative", "SNR dB", ""}};
    for (size_t i = 0; i < outputs.size(); ++i) {
      compare_one("outputs", a->graph().value(a->graph().outputs[i]).name, outputs[i], expected[i]);
    }
    const bool same = differing_ == 0;
    if (layers_) {
      rows_.push_back({"layer", "", "", "", ""});
      for (const std::string& name : layers_a.order) {
        const auto found = layers_b.values.find(name);
        if (found != layers_b.values.end())
          compare_one("layers", name, Datum(layers_a.values[name]), Datum(found->second));
      }
    }
    result_["equal"] = same;
    MN_TRY(emit(common, result_, table(rows_, {false, true, true, true, false})));
    return same ? kExitOk : kExitGateFailed;
  }

 private:
  Result<std::vector<Datum>> run_model(const std::shared_ptr<const Model>& model, const std::vector<Datum>& inputs,
                                       Recorder& recorder) {
    MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(common, model));
    const Interruptible interruptible(*session);
    return session->run(inputs, layers_ ? &recorder : nullptr);
  }

  Result<std::vector<Datum>> read_folder(size_t count) const {
    std::vector<Datum> values;
    for (size_t i = 0; i < count; ++i) {
      const std::string path = (fs::path(other_) / concat({i, ".npy"})).string();
      MN_ASSIGN(const Bytes bytes, read_file(path, common.limits.bytes));
      MN_ASSIGN(Tensor tensor, read_npy(bytes, path, common.limits));
      values.emplace_back(std::move(tensor));
    }
    return values;
  }

  void compare_one(const char* list, const std::string& name, const Datum& actual, const Datum& expected) {
    const Difference difference = compare_values(actual, expected, closeness_);
    if (!difference.close) ++differing_;
    Json entry{{"name", name}, {"ok", difference.close}};
    std::vector<std::string> row{printable(name), "", "", "", difference.close ? "ok" : difference.reason};
    const bool tensors = actual.kind == Datum::Kind::tensor && expected.kind == Datum::Kind::tensor;
    if (const auto measure =
            tensors ? measure_error(actual.tensor, expected.tensor) : Result<ErrorMeasure>(bad_input({"no tensors"}));
        measure.ok()) {
      entry["max_abs"] = number_json(measure->max_absolute);
      entry["relative"] = number_json(measure->relative);
      entry["snr_db"] = number_json(measure->snr_db);
      row[1] = concat({measure->max_absolute});
      row[2] = concat({measure->relative});
      row[3] = fixed(measure->snr_db, 1);
    }
    if (!difference.close) entry["reason"] = difference.reason;
    result_[list].push_back(std::move(entry));
    rows_.push_back(std::move(row));
  }

  ModelFlags model_;
  std::string other_;
  InputFlags inputs_;
  bool layers_ = false;
  Closeness closeness_{1e-3, 1e-5};
  Json result_;
  std::vector<std::vector<std::string>> rows_;
  int64_t differing_ = 0;
};

}  // namespace

std::unique_ptr<Verb> make_compare() { return std::make_unique<Compare>(); }

}  // namespace minnow::cli
