// minnow profile MODEL: where the time of a run goes.
#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "cli/support/inputs.h"
#include "cli/support/json.h"
#include "cli/support/picture_flags.h"
#include "cli/support/profiling.h"
#include "insight/chrome_trace.h"
#include "report/speedscope.h"

namespace minnow::cli {
namespace {

constexpr int64_t kMaxRuns = 1000;

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

// Bytes of the scopes that all layers are in: they tell nothing apart.
size_t common_scopes(const std::vector<ProfileRow>& layers) {
  if (layers.size() < 2) return 0;
  std::string_view common = layers[0].name;
  for (const ProfileRow& row : layers) {
    const auto differ = std::mismatch(common.begin(), common.end(), row.name.begin(), row.name.end());
    common = common.substr(0, static_cast<size_t>(differ.first - common.begin()));
  }
  const size_t separator = common.rfind('/');
  return separator == std::string_view::npos ? 0 : separator + 1;
}

class ProfileVerb : public Verb {
 public:
  const char* summary() const override {
    return "Time each layer and operator of a model; a flame graph, and how near the machine's peak it comes";
  }
  const char* example() const override { return "minnow profile model.onnx --shape x=1,3,224,224 -o flame.svg"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    inputs_.declare(arguments);
    arguments.option("--runs", "N", &runs_, "Runs after one that is not counted (default 10)");
    arguments.option("--by", "WHAT", &by_, "What the picture shows: time, bytes or macs (default time)");
    arguments.option("--format", "NAME", &format_,
                     "What -o holds: svg, folded, speedscope, or chrome (the last run's time line); default: by the "
                     "ending of its name");
    arguments.option("--top", "N", &top_, "Layers in the table; 0: all (default 20)");
    picture_.declare(arguments);
  }

  Result<int> run() override {
    MN_CHECK(runs_ > 0 && runs_ <= kMaxRuns, "--runs: expected 1 to ", kMaxRuns, ", got ", runs_);
    MN_CHECK(top_ >= 0, "--top: expected 0 or more, got ", top_);
    MN_ASSIGN(const ProfileBy by, what());
    MN_ASSIGN(const std::string format, format_of_output());
    FlameOptions options;
    MN_TRY(picture_.apply(options));
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common));
    MN_ASSIGN(const std::unique_ptr<Session> session, model_.session(common, model));
    InputFlags flags = inputs_;
    flags.random = true;
    MN_ASSIGN(const std::vector<Datum> inputs, flags.read(model->graph(), common, contract_of_file(model_.path)));
    std::vector<TraceEvent> events;
    MN_ASSIGN(const Profile profile, profile_session(common, *session, inputs, runs_, &events));
    const Machine machine = measure_machine(session->threads());
    if (!common.output.empty()) {
      MN_ASSIGN(const std::string picture, output(profile, machine, events, by, format, options));
      MN_TRY(write_file_atomically(common.output, picture));
    }
    Json json = to_json(profile, machine);
    json["threads"] = session->threads();
    MN_TRY(emit(to_standard_output(common), json, to_text(profile, machine, session->threads())));
    return kExitOk;
  }

 private:
  Result<ProfileBy> what() const {
    if (by_ == "time") return ProfileBy::time;
    if (by_ == "bytes") return ProfileBy::bytes;
    if (by_ == "macs") return ProfileBy::multiply_adds;
    return bad_input({"--by: expected time, bytes or macs, got '", printable(by_), "'"});
  }

  Result<std::string> format_of_output() const {
    if (!format_.empty()) {
      for (const char* name : {"svg", "folded", "speedscope", "chrome"}) {
        if (format_ == name) return format_;
      }
      return bad_input({"--format: expected svg, folded, speedscope or chrome, got '", printable(format_), "'"});
    }
    if (ends_with(common.output, ".folded") || ends_with(common.output, ".txt")) return std::string("folded");
    if (ends_with(common.output, ".json")) return std::string("speedscope");
    return std::string("svg");
  }

  Result<std::string> output(const Profile& profile, const Machine& machine, const std::vector<TraceEvent>& events,
                             ProfileBy by, const std::string& format, FlameOptions& options) const {
    if (format == "chrome") return chrome_trace_json(events, profile.model);
    const bool peak = options.coloring == FlameColoring::fraction;
    MN_CHECK(!peak || by == ProfileBy::time, "--colors peak goes with --by time");
    const Folded stacks = profile_stacks(profile, by, peak && format == "svg" ? &machine : nullptr);
    MN_CHECK(!stacks.stacks().empty(), "nothing to show: the runs have no ", by_, "; try --by time");
    if (format == "folded") return write_folded(stacks);
    if (format == "speedscope") {
      const char* unit = by == ProfileBy::time ? "nanoseconds" : by == ProfileBy::bytes ? "bytes" : "none";
      return speedscope_json(stacks, profile.model, unit);
    }
    options.unit = by == ProfileBy::time    ? FlameUnit::nanoseconds
                   : by == ProfileBy::bytes ? FlameUnit::bytes
                                            : FlameUnit::count;
    options.count_name = "multiply-adds";
    options.fraction_label = "the machine's best";
    if (picture_.colors.empty()) options.coloring = FlameColoring::kind;
    if (options.title.empty()) options.title = profile.model;
    if (options.subtitle.empty()) {
      const double total = stacks.total();
      options.subtitle = concat({flame_amount(total, options), " a run", profile.dropped > 0 ? ", not all of it" : ""});
    }
    return flame_svg(stacks, options);
  }

  // The columns that rows by layer and by operator share.
  static std::vector<std::string> cells(const ProfileAmounts& amounts, const Profile& profile, const Machine& machine) {
    const bool counts = amounts.multiply_adds > 0;
    return {fixed(amounts.time_ns * 1e-6, 3),
            percent(amounts.time_ns / std::max(profile.run_ns, 1.0)),
            counts ? fixed(amounts.flops_per_second() * 1e-9, 2) : "",
            counts ? percent(amounts.flops_per_second() / machine.flops_per_second) : "",
            fixed(amounts.bytes_per_second() * 1e-9, 2),
            percent(amounts.bytes_per_second() / machine.bytes_per_second)};
  }

  std::string to_text(const Profile& profile, const Machine& machine, int threads) const {
    const std::vector<bool> right{false, false, false, true, true, true, true, true, true};
    const std::vector<std::string> measures{"ms", "share", "GFLOP/s", "of peak", "GB/s", "of memory"};
    std::vector<std::vector<std::string>> layers{{"layer", "operator", "kernel"}},
        operators{{"operator", "calls", "kernel"}};
    layers[0].insert(layers[0].end(), measures.begin(), measures.end());
    operators[0].insert(operators[0].end(), measures.begin(), measures.end());
    const size_t shown = top_ == 0 ? profile.layers.size() : std::min(profile.layers.size(), static_cast<size_t>(top_));
    const size_t prefix = common_scopes(profile.layers);
    double rest = 0;
    for (size_t i = 0; i < profile.layers.size(); ++i) {
      const ProfileRow& row = profile.layers[i];
      if (i >= shown) {
        rest += row.amounts.time_ns;
        continue;
      }
      layers.push_back({printable(std::string_view(row.name).substr(prefix), 60), row.op, row.kernel});
      const std::vector<std::string> numbers = cells(row.amounts, profile, machine);
      layers.back().insert(layers.back().end(), numbers.begin(), numbers.end());
    }
    if (shown < profile.layers.size())
      layers.push_back({concat({profile.layers.size() - shown, " more"}), "", "", fixed(rest * 1e-6, 3),
                        percent(rest / std::max(profile.run_ns, 1.0))});
    layers.push_back({"between nodes", "", "", fixed(profile.outside_ns * 1e-6, 3),
                      percent(profile.outside_ns / std::max(profile.run_ns, 1.0))});
    for (const ProfileRow& row : profile.operators) {
      operators.push_back({row.name, fixed(row.amounts.calls, 0), row.kernel});
      const std::vector<std::string> numbers = cells(row.amounts, profile, machine);
      operators.back().insert(operators.back().end(), numbers.begin(), numbers.end());
    }
    std::string text =
        concat({bold(common, profile.model), ": ", fixed(profile.run_ns * 1e-6, 3), " ms a run (median of ",
                profile.runs, "), ", threads, threads == 1 ? " thread" : " threads",
                "; this machine: ", fixed(machine.flops_per_second * 1e-9, 1), " GFLOP/s, ",
                fixed(machine.bytes_per_second * 1e-9, 1), " GB/s\n\n"});
    text += table(layers, right) + "\n" + table(operators, {false, true, false, true, true, true, true, true, true});
    const std::vector<std::string> findings = profile_findings(profile);
    if (!findings.empty()) text += "\n";
    for (const std::string& finding : findings) text += finding + "\n";
    if (profile.dropped > 0)
      text += concat(
          {"\n", static_cast<long long>(profile.dropped), " events did not fit in the trace and are missing above\n"});
    return text;
  }

  static Json to_json(const Profile& profile, const Machine& machine) {
    Json json{{"model", profile.model},
              {"runs", profile.runs},
              {"run_ms", profile.run_ns * 1e-6},
              {"between_nodes_ms", profile.outside_ns * 1e-6},
              {"dropped_events", profile.dropped},
              {"machine",
               {{"gflops", machine.flops_per_second * 1e-9}, {"gbytes_per_second", machine.bytes_per_second * 1e-9}}}};
    for (const auto& [key, rows] : {std::pair("layers", &profile.layers), std::pair("operators", &profile.operators)}) {
      json[key] = Json::array();
      for (const ProfileRow& row : *rows) {
        const ProfileAmounts& amounts = row.amounts;
        json[key].push_back({{"name", row.name},
                             {"op", row.op},
                             {"kernel", row.kernel},
                             {"calls", amounts.calls},
                             {"ms", amounts.time_ns * 1e-6},
                             {"share", amounts.time_ns / std::max(profile.run_ns, 1.0)},
                             {"bytes", amounts.bytes},
                             {"macs", amounts.multiply_adds},
                             {"gflops", amounts.flops_per_second() * 1e-9},
                             {"gbytes_per_second", amounts.bytes_per_second() * 1e-9},
                             {"peak_share", amounts.flops_per_second() / machine.flops_per_second},
                             {"memory_share", amounts.bytes_per_second() / machine.bytes_per_second}});
      }
    }
    json["findings"] = profile_findings(profile);
    return json;
  }

  ModelFlags model_;
  InputFlags inputs_;
  PictureFlags picture_;
  int64_t runs_ = 10, top_ = 20;
  std::string by_ = "time", format_;
};

}  // namespace

std::unique_ptr<Verb> make_profile() { return std::make_unique<ProfileVerb>(); }

}  // namespace minnow::cli
