// minnow bench MODEL: how long a run takes.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "api/inspect.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/text.h"
#include "cli/support/inputs.h"
#include "cli/support/json.h"
#include "cli/support/profiling.h"
#include "insight/integer_speedup.h"
#include "kernels/kernel_row.h"

namespace minnow::cli {
namespace {

// Enough for the shares of layers; the times of the table come from runs without a trace.
constexpr int64_t kProfiledRuns = 5;

// Of this program: what getrusage tells may be the peak of the one that started it.
int64_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (starts_with(line, "VmHWM:")) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;  // Linux counts kilobytes
}

// The value that this share of the runs stays at or below (nearest rank). `times` is sorted.
double percentile(const std::vector<double>& times, double share) {
  const double rank = std::ceil(share * static_cast<double>(times.size()));
  return times[static_cast<size_t>(std::clamp(rank, 1.0, static_cast<double>(times.size()))) - 1];
}

double median(const std::vector<double>& times) {
  const size_t half = times.size() / 2;
  return times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2;
}

struct Scaling {
  int threads = 0;
  double median_ms = 0;
};

class Bench : public Verb {
 public:
  const char* summary() const override {
    return "Time a model: median and percentiles, load, first run, memory; how it scales over threads";
  }
  const char* example() const override { return "minnow bench model.onnx --shape x=1,3,224,224 --threads 2 --runs 20"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    inputs_.declare(arguments);
    arguments.option("--runs", "N", &runs_, "Timed runs after one that is not counted (default 10)");
    arguments.flag("--profile", &profile_, "Also time each operator");
    arguments.flag("--scaling", &scaling_,
                   "Also time 1, 2, 4 … threads, up to --threads or, without it, to the machine's");
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
    MN_ASSIGN(const std::vector<double> first, time_runs(*session, inputs, 1, nullptr));
    Progress progress(common, "bench", runs_);
    MN_ASSIGN(const std::vector<double> times, time_runs(*session, inputs, runs_, &progress));
    peak_bytes_ = peak_rss_bytes();  // before the trace's ring is made
    // After the timed runs, so that they run as users' do.
    MN_ASSIGN(const Profile profile, profile_session(common, *session, inputs, std::min(runs_, kProfiledRuns)));
    std::vector<Scaling> scaling;
    if (scaling_) {
      MN_ASSIGN(scaling, measure_scaling(model, inputs));
    }
    MN_ASSIGN(const int64_t macs, multiply_adds(*model, inputs));
    std::vector<std::string> advice = profile_findings(profile);
    if (!model_.reference) {
      MN_ASSIGN(const double speedup, measure_integer_speedup(session->threads()));
      if (std::string finding = integer_finding(profile, speedup); !finding.empty()) advice.push_back(finding);
    }
    return report(*session, times, load_ms, first[0], macs, profile, std::move(advice), scaling);
  }

 private:
  // Milliseconds of each run, sorted.
  static Result<std::vector<double>> time_runs(Session& session, const std::vector<Datum>& inputs, int64_t runs,
                                               Progress* progress) {
    const Interruptible interruptible(session);
    std::vector<double> times;
    for (int64_t i = 0; i < runs; ++i) {
      const Stopwatch watch;
      const auto outputs = session.run(inputs);
      times.push_back(watch.elapsed_ms());
      if (!outputs.ok()) return outputs.error();
      if (progress != nullptr) progress->update(i + 1);
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  Result<std::vector<Scaling>> measure_scaling(const std::shared_ptr<const Model>& model,
                                               const std::vector<Datum>& inputs) const {
    const int most = common.threads > 1 ? static_cast<int>(common.threads) : hardware_threads();
    std::vector<Scaling> scaling;
    for (int threads = 1;; threads = std::min(2 * threads, most)) {
      CommonFlags flags = common;
      flags.threads = threads;
      MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(flags, model));
      MN_TRY(time_runs(*session, inputs, 1, nullptr));
      MN_ASSIGN(const std::vector<double> times, time_runs(*session, inputs, runs_, nullptr));
      scaling.push_back({threads, median(times)});
      if (threads == most) return scaling;
    }
  }

  Result<int64_t> multiply_adds(const Model& model, const std::vector<Datum>& inputs) const {
    Graph graph = model.graph();
    std::vector<Dims> dims;
    for (const Datum& input : inputs) dims.push_back(input.tensor.dims());
    MN_TRY(bind_input_dims(graph, dims, model.registry(), common.limits));
    return measure_cost(graph, model.registry()).multiply_adds;
  }

  Result<int> report(const Session& session, const std::vector<double>& times, double load_ms, double first_ms,
                     int64_t macs, const Profile& profile, std::vector<std::string> advice,
                     const std::vector<Scaling>& scaling) {
    const double middle = median(times), p90 = percentile(times, 0.9), p99 = percentile(times, 0.99);
    const std::string isa = model_.reference ? "reference" : std::string(to_string(best_isa()));
    Json json{{"model", session.model().name()},
              {"median_ms", middle},
              {"min_ms", times[0]},
              {"p50_ms", percentile(times, 0.5)},
              {"p90_ms", p90},
              {"p99_ms", p99},
              {"load_ms", load_ms},
              {"first_run_ms", first_ms},
              {"peak_rss_bytes", peak_bytes_},
              {"peak_tensor_bytes", session.budget().peak_bytes()},
              {"macs", macs},
              {"threads", session.threads()},
              {"isa", isa},
              {"runs", static_cast<int64_t>(times.size())},
              {"cpu", cpu_brand()}};
    const double gmacs = middle > 0 ? static_cast<double>(macs) / middle * 1e-6 : 0;
    std::string text = markdown_table({{"model", "median ms", "min ms", "p90 ms", "p99 ms", "first ms", "load ms",
                                        "GMAC/s", "peak RSS", "threads", "isa"},
                                       {printable(session.model().name()), fixed(middle, 3), fixed(times[0], 3),
                                        fixed(p90, 3), fixed(p99, 3), fixed(first_ms, 3), fixed(load_ms, 1),
                                        fixed(gmacs, 2), human_bytes(peak_bytes_), concat({session.threads()}), isa}});
    if (profile_) add_operators(profile, json, text);
    if (!scaling.empty()) add_scaling(scaling, json, text);
    if (!advice.empty()) advice.push_back("See minnow profile " + printable(model_.path));
    json["advice"] = advice;
    for (size_t i = 0; i < advice.size(); ++i) text += (i == 0 ? "\n" : "") + advice[i] + "\n";
    MN_TRY(emit(common, json, text));
    return kExitOk;
  }

  static void add_operators(const Profile& profile, Json& json, std::string& text) {
    std::vector<std::vector<std::string>> rows{{"operator", "ms a run", "share"}};
    double total = 0;
    for (const ProfileRow& row : profile.operators) total += row.amounts.time_ns;
    for (const ProfileRow& row : profile.operators) {
      const double ms = row.amounts.time_ns * 1e-6;
      rows.push_back({row.name, fixed(ms, 3), fixed(100 * row.amounts.time_ns / std::max(total, 1.0), 1) + " %"});
      json["operators"].push_back({{"name", row.name}, {"ms", ms}});
    }
    text += "\n" + markdown_table(rows);
  }

  static void add_scaling(const std::vector<Scaling>& scaling, Json& json, std::string& text) {
    std::vector<std::vector<std::string>> rows{{"threads", "median ms", "speed-up", "efficiency"}};
    for (const Scaling& entry : scaling) {
      const double speedup = entry.median_ms > 0 ? scaling[0].median_ms / entry.median_ms : 0;
      const double efficiency = speedup / entry.threads;
      rows.push_back(
          {concat({entry.threads}), fixed(entry.median_ms, 3), fixed(speedup, 2), fixed(100 * efficiency, 0) + " %"});
      json["scaling"].push_back({{"threads", entry.threads},
                                 {"median_ms", entry.median_ms},
                                 {"speedup", speedup},
                                 {"efficiency", efficiency}});
    }
    text += "\n" + markdown_table(rows);
  }

  ModelFlags model_;
  InputFlags inputs_;
  int64_t runs_ = 10;
  int64_t peak_bytes_ = 0;
  bool profile_ = false, scaling_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bench() { return std::make_unique<Bench>(); }

}  // namespace minnow::cli
