// minnow convert MODEL -o OUT: ONNX and .mng, both ways, verified against the source.
#include "api/compare.h"
#include "base/bytes.h"
#include "base/text.h"
#include "cli/support/inputs.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"
#include "export/onnx.h"
#include "graph/text.h"

namespace minnow::cli {
namespace {

class Convert : public Verb {
 public:
  const char* summary() const override {
    return "Convert between ONNX and .mng; exit 1 where the result computes differently";
  }
  const char* example() const override { return "minnow convert model.onnx -o model.mng"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    inputs_.declare(arguments);
    arguments.flag("--optimize", &optimize_, "Write the graph as the passes leave it, not as it was imported");
    arguments.option("--opset", "N", &opset_,
                     "ONNX: operator set to write (default: the lowest that fits, at least 13)");
    arguments.flag("--no-verify", &no_verify_, "Do not run both models and compare");
    arguments.option("--rtol", "R", &closeness_.relative, "Relative tolerance of the comparison (default 1e-5)");
    arguments.option("--atol", "A", &closeness_.absolute, "Absolute tolerance of the comparison (default 1e-6)");
  }

  Result<int> run() override {
    const std::string target = common.output;
    const bool to_onnx = ends_with(target, ".onnx");
    MN_CHECK(to_onnx || ends_with(target, ".mng"), "-o FILE: the ending says the format, .onnx or .mng; got '",
             printable(target), "'");
    common.output.clear();  // the report goes to standard output
    ModelFlags flags = model_;
    flags.no_passes = flags.no_passes || !optimize_;
    MN_ASSIGN(const std::shared_ptr<const Model> source, flags.open(common));
    MN_ASSIGN(const std::string bytes,
              to_onnx ? to_onnx_bytes(source->graph()) : Result<std::string>(print_graph(source->graph())));
    Json json{{"source", model_.path},
              {"target", target},
              {"bytes", static_cast<int64_t>(bytes.size())},
              {"verified", !no_verify_}};
    std::string text = concat({printable(target), ": ", human_bytes(static_cast<int64_t>(bytes.size()))});
    if (!no_verify_) {
      flags.no_passes = true;  // the passes are part of what is verified
      MN_ASSIGN(const std::shared_ptr<const Model> plain, flags.open(common));
      MN_ASSIGN(const Difference difference, verify(plain, bytes, target));
      json["equal"] = difference.close;
      json["max_abs"] = number_json(difference.max_absolute);
      if (!difference.close) {
        json["reason"] = difference.reason;
        MN_TRY(emit(common, json,
                    concat({printable(target), ": not written: the result differs: ", difference.reason, "\n"})));
        return kExitGateFailed;
      }
      text += concat({", computes the same (max difference ", difference.max_absolute, ")"});
    }
    MN_TRY(write_file_atomically(target, bytes));
    MN_TRY(emit(common, json, text + "\n"));
    return kExitOk;
  }

 private:
  Result<std::string> to_onnx_bytes(const Graph& graph) const {
    ExportOptions options;
    options.opset = static_cast<int>(opset_);
    options.limits = common.limits;
    return export_onnx(graph, options);
  }

  // The same inputs (given or random) through the source and through what was made of it.
  Result<Difference> verify(const std::shared_ptr<const Model>& source, const std::string& bytes,
                            const std::string& target) {
    OpenOptions open;
    open.limits = common.limits;
    open.optimize = false;
    MN_ASSIGN(const std::shared_ptr<const Model> result, Model::open_bytes(Bytes::own(bytes), target, open));
    InputFlags flags = inputs_;
    flags.random = true;
    MN_ASSIGN(const std::vector<Datum> inputs, flags.read(source->graph(), common, contract_of_file(model_.path)));
    MN_ASSIGN(const std::vector<Datum> expected, run_model(source, inputs));
    MN_ASSIGN(const std::vector<Datum> actual, run_model(result, inputs));
    Difference all;
    MN_CHECK(actual.size() == expected.size(), "the result has ", actual.size(), " outputs, the source ",
             expected.size());
    for (size_t i = 0; i < actual.size() && all.close; ++i) {
      const double worst = all.max_absolute;
      all = compare_values(actual[i], expected[i], closeness_);
      all.max_absolute = std::max(all.max_absolute, worst);
      if (!all.close) all.reason = concat({"output ", i, ": ", all.reason});
    }
    return all;
  }

  Result<std::vector<Datum>> run_model(const std::shared_ptr<const Model>& model, const std::vector<Datum>& inputs) {
    MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(common, model));
    const Interruptible interruptible(*session);
    return session->run(inputs);
  }

  ModelFlags model_;
  InputFlags inputs_;
  bool optimize_ = false, no_verify_ = false;
  int64_t opset_ = 0;
  Closeness closeness_{1e-5, 1e-6};
};

}  // namespace

std::unique_ptr<Verb> make_convert() { return std::make_unique<Convert>(); }

}  // namespace minnow::cli
