// minnow run MODEL: inputs in, outputs out.
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/support/answer.h"
#include "cli/support/inputs.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"
#include "import/npy.h"

namespace minnow::cli {
namespace {

namespace fs = std::filesystem;

// Counts the nodes of the main graph for the progress bar.
class NodeProgress : public NodeObserver {
 public:
  explicit NodeProgress(const CommonFlags& common) : common_(common) {}
  bool wants_values() const override { return false; }
  void on_start(int64_t nodes) override { progress_.emplace(common_, "run", nodes); }
  Status on_node(const Graph&, const Node&, std::span<const Datum>, int depth, int64_t) override {
    if (depth == 0) progress_->update(++done_);
    return {};
  }

 private:
  const CommonFlags& common_;
  std::optional<Progress> progress_;
  int64_t done_ = 0;
};

struct Range {
  double low = 0, high = 0, mean = 0;
};

Range range_of(const std::vector<double>& values) {
  Range range;
  bool any = false;
  for (double value : values) {
    range.mean += value / static_cast<double>(values.size());
    if (std::isnan(value)) continue;
    range.low = any ? std::min(range.low, value) : value;
    range.high = any ? std::max(range.high, value) : value;
    any = true;
  }
  return range;
}

bool is_real(const Tensor& tensor) { return tensor.dtype() != DType::string && !is_complex(tensor.dtype()); }

std::string short_number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.5g", value);
  return buffer;
}

// The first values, and for long tensors their range.
std::string preview(const Tensor& tensor) {
  constexpr size_t kShown = 6;
  std::vector<std::string> shown;
  if (tensor.dtype() == DType::string) {
    for (const std::string& text : tensor.strings()) {
      if (shown.size() < kShown) shown.push_back("\"" + printable(text) + "\"");
    }
  } else if (is_real(tensor)) {
    const std::vector<double> values = to_doubles(tensor);
    for (size_t i = 0; i < std::min(kShown, values.size()); ++i) shown.push_back(short_number(values[i]));
    if (values.size() > kShown) {
      const Range range = range_of(values);
      return concat({join(shown, " "), " …  in [", short_number(range.low), ", ", short_number(range.high), "], mean ",
                     short_number(range.mean)});
    }
  }
  return join(shown, " ") + (static_cast<size_t>(tensor.size()) > shown.size() ? " …" : "");
}

class Run : public Verb {
 public:
  const char* summary() const override { return "Run a model on files, pictures, values or random inputs"; }
  const char* example() const override { return "minnow run model.onnx --in image=photo.jpg --out results"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    inputs_.declare(arguments);
    arguments.option("--out", "DIR", &out_, "Write the outputs as 0.npy, 1.npy, … and outputs.json to DIR");
  }

  Result<int> run() override {
    Stopwatch watch;
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common));
    MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(common, model));
    const Graph& graph = model->graph();
    const CatalogueModel* known = catalogue_model_of(model_.path);
    MN_ASSIGN(const std::vector<Datum> inputs,
              inputs_.read(graph, common, known != nullptr ? known->input : InputContract{}));
    const double load_ms = watch.elapsed_ms();
    watch.restart();
    std::vector<Datum> outputs;
    {
      const Interruptible interruptible(*session);
      NodeProgress progress(common);
      MN_ASSIGN(outputs, session->run(inputs, &progress));
    }
    const double run_ms = watch.elapsed_ms();
    Json result{{"model", model->name()},
                {"load_ms", load_ms},
                {"run_ms", run_ms},
                {"peak_bytes", session->budget().peak_bytes()}};
    result["outputs"] = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (size_t i = 0; i < outputs.size(); ++i) {
      MN_TRY(report(graph.value(graph.outputs[i]).name, outputs[i], concat({i}), result["outputs"], rows));
    }
    if (!out_.empty()) {
      MN_TRY(write_file_atomically((fs::path(out_) / "outputs.json").string(),
                                   result["outputs"].dump(2, ' ', false, Json::error_handler_t::replace) + "\n"));
    }
    std::string text = table(rows);
    if (known != nullptr && !outputs.empty() && outputs[0].kind == Datum::Kind::tensor) {
      MN_ASSIGN(const std::string answer, answer_in_words(known->output, graph, outputs[0].tensor));
      if (!answer.empty()) {
        result["answer"] = answer;
        text += concat({"answer: ", printable(answer, 4096), "\n"});
      }
    }
    if (common.verbose)
      text += concat({"load ", fixed(load_ms, 1), " ms, run ", fixed(run_ms, 1), " ms, peak ",
                      human_bytes(session->budget().peak_bytes()), "\n"});
    MN_TRY(emit(common, result, text));
    return kExitOk;
  }

 private:
  // Describes one output, its elements for a sequence, and writes it when --out is given. `file` has no ending.
  Status report(const std::string& name, const Datum& datum, const std::string& file, Json& list,
                std::vector<std::vector<std::string>>& rows) {
    Json entry{{"name", name}};
    if (datum.kind == Datum::Kind::none) {
      entry["kind"] = "none";
      rows.push_back({printable(name), "nothing", ""});
    } else if (datum.kind == Datum::Kind::sequence) {
      entry["kind"] = "sequence";
      entry["elements"] = Json::array();
      rows.push_back({printable(name), concat({"sequence of ", datum.sequence->size()}), ""});
      for (size_t i = 0; i < datum.sequence->size(); ++i) {
        MN_TRY(
            report(concat({name, "[", i, "]"}), (*datum.sequence)[i], concat({file, "_", i}), entry["elements"], rows));
      }
    } else {
      const Tensor& tensor = datum.tensor;
      entry["kind"] = "tensor";
      entry["dtype"] = std::string(to_string(tensor.dtype()));
      entry["shape"] = dims_json(tensor.dims());
      MN_TRY(describe_values(tensor, entry));
      if (!out_.empty()) MN_TRY(write(tensor, file, entry));
      rows.push_back({printable(name), to_string(Type::of(datum)), preview(tensor)});
    }
    list.push_back(std::move(entry));
    return {};
  }

  static Status describe_values(const Tensor& tensor, Json& entry) {
    constexpr int64_t kMaxInline = 32;
    if (tensor.dtype() == DType::string) {
      entry["values"] = Json::array();
      for (const std::string& text : tensor.strings()) entry["values"].push_back(text);
    } else if (is_real(tensor) && tensor.size() > 0) {
      const std::vector<double> values = to_doubles(tensor);
      const Range range = range_of(values);
      entry["min"] = number_json(range.low);
      entry["max"] = number_json(range.high);
      entry["mean"] = number_json(range.mean);
      if (tensor.size() <= kMaxInline) {
        entry["values"] = Json::array();
        for (double value : values) entry["values"].push_back(number_json(value));
      }
    }
    return {};
  }

  // Strings have no .npy form without pickling: they are in outputs.json. Types that NumPy lacks are stored as float32
  // or int8.
  Status write(const Tensor& tensor, const std::string& file, Json& entry) {
    std::error_code error;
    fs::create_directories(out_, error);
    if (error) return make_error(ErrorCode::io, {printable(out_), ": ", error.message()});
    if (tensor.dtype() == DType::string) return {};
    Tensor stored = tensor;
    if (is_narrow_float(tensor.dtype()) && tensor.dtype() != DType::float16) {
      MN_ASSIGN(stored, convert_dtype(tensor, DType::float32));
    } else if (file_bits(tensor.dtype()) < 8 && is_integer(tensor.dtype())) {
      MN_ASSIGN(stored, convert_dtype(tensor, is_signed_integer(tensor.dtype()) ? DType::int8 : DType::uint8));
    }
    entry["file"] = file + ".npy";
    if (stored.dtype() != tensor.dtype()) entry["stored_as"] = std::string(to_string(stored.dtype()));
    return write_npy((fs::path(out_) / (file + ".npy")).string(), stored);
  }

  ModelFlags model_;
  InputFlags inputs_;
  std::string out_;
};

}  // namespace

std::unique_ptr<Verb> make_run() { return std::make_unique<Run>(); }

}  // namespace minnow::cli
