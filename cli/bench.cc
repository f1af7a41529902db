// minnow bench MODEL: how long a run takes.
#include <sys/resource.h>

#include <algorithm>

#include "api/inspect.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/text.h"
#include "cli/support/inputs.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"
#include "kernels/kernel_row.h"

namespace minnow::cli {
namespace {

int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;  // Linux counts kilobytes
}

// Time by operator over all timed runs.
class OperatorTimes : public NodeObserver {
 public:
  Status on_node(const Graph&, const Node& node, std::span<const Datum>, int depth, int64_t duration_ns) override {
    if (depth > 0) return {};  // inside its If or Loop
    auto found = std::find_if(times.begin(), times.end(), [&](const auto& entry) { return entry.first == node.op; });
    if (found == times.end()) found = times.insert(times.end(), {node.op, 0});
    found->second += duration_ns;
    return {};
  }
  std::vector<std::pair<std::string, int64_t>> times;
};

class Bench : public Verb {
 public:
  const char* summary() const override {
    return "Time a model: median, minimum, 90th percentile, load, first run, memory";
  }
  const char* example() const override { return "minnow bench model.onnx --shape x=1,3,224,224 --threads 2 --runs 20"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    inputs_.declare(arguments);
    arguments.option("--runs", "N", &runs_, "Timed runs after one that is not counted (default 10)");
    arguments.flag("--profile", &profile_, "Also time each operator");
  }

  Result<int> run() override {
    MN_CHECK(runs_ > 0 && runs_ <= 1'000'000, "--runs: expected 1 to 1000000, got ", runs_);
    Stopwatch watch;
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common));
    MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(common, model));
    const double load_ms = watch.elapsed_ms();
    InputFlags flags = inputs_;
    flags.random = true;
    MN_ASSIGN(const std::vector<Datum> inputs, flags.read(model->graph(), common, contract_of_file(model_.path)));
    const Interruptible interruptible(*session);
    watch.restart();
    MN_TRY(run_once(*session, inputs, nullptr));
    const double first_ms = watch.elapsed_ms();
    std::vector<double> times;
    OperatorTimes operators;
    Progress progress(common, "bench", runs_);
    for (int64_t i = 0; i < runs_; ++i) {
      watch.restart();
      MN_TRY(run_once(*session, inputs, profile_ ? &operators : nullptr));
      times.push_back(watch.elapsed_ms());
      progress.update(i + 1);
    }
    MN_ASSIGN(const int64_t macs, multiply_adds(*model, inputs));
    return report(*session, std::move(times), load_ms, first_ms, macs, operators);
  }

 private:
  static Status run_once(Session& session, const std::vector<Datum>& inputs, NodeObserver* observer) {
    const auto outputs = session.run(inputs, observer);
    if (!outputs.ok()) return outputs.error();
    return {};
  }

  Result<int64_t> multiply_adds(const Model& model, const std::vector<Datum>& inputs) const {
    Graph graph = model.graph();
    std::vector<Dims> dims;
    for (const Datum& input : inputs) dims.push_back(input.tensor.dims());
    MN_TRY(bind_input_dims(graph, dims, model.registry(), common.limits));
    return measure_cost(graph, model.registry()).multiply_adds;
  }

  Result<int> report(const Session& session, std::vector<double> times, double load_ms, double first_ms, int64_t macs,
                     OperatorTimes& operators) {
    std::sort(times.begin(), times.end());
    const size_t count = times.size();
    const double median = count % 2 == 1 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
    const double p90 = times[std::min(count - 1, (count * 9 + 9) / 10 - 1)];
    const std::string isa = model_.reference ? "reference" : std::string(to_string(best_isa()));
    Json json{{"model", session.model().name()},
              {"median_ms", median},
              {"min_ms", times[0]},
              {"p90_ms", p90},
              {"load_ms", load_ms},
              {"first_run_ms", first_ms},
              {"peak_rss_bytes", peak_rss_bytes()},
              {"peak_tensor_bytes", session.budget().peak_bytes()},
              {"macs", macs},
              {"threads", session.threads()},
              {"isa", isa},
              {"runs", static_cast<int64_t>(count)},
              {"cpu", cpu_brand()}};
    const double gmacs = median > 0 ? static_cast<double>(macs) / median * 1e-6 : 0;
    std::string text = markdown_table(
        {{"model", "median ms", "min ms", "p90 ms", "first ms", "load ms", "GMAC/s", "peak RSS", "threads", "isa"},
         {printable(session.model().name()), fixed(median, 3), fixed(times[0], 3), fixed(p90, 3), fixed(first_ms, 3),
          fixed(load_ms, 1), fixed(gmacs, 2), human_bytes(peak_rss_bytes()), concat({session.threads()}), isa}});
    if (profile_) {
      std::sort(operators.times.begin(), operators.times.end(),
                [](const auto& a, const auto& b) { return a.second > b.second; });
      std::vector<std::vector<std::string>> rows{{"operator", "ms a run", "share"}};
      int64_t total = 0;
      for (const auto& [name, time] : operators.times) total += time;
      for (const auto& [name, time] : operators.times) {
        const double ms = static_cast<double>(time) * 1e-6 / static_cast<double>(count);
        rows.push_back(
            {name, fixed(ms, 3),
             fixed(100.0 * static_cast<double>(time) / static_cast<double>(std::max<int64_t>(total, 1)), 1) + " %"});
        json["operators"].push_back({{"name", name}, {"ms", ms}});
      }
      text += "\n" + markdown_table(rows);
    }
    MN_TRY(emit(common, json, text));
    return kExitOk;
  }

  ModelFlags model_;
  InputFlags inputs_;
  int64_t runs_ = 10;
  bool profile_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bench() { return std::make_unique<Bench>(); }

}  // namespace minnow::cli
