#include "insight/profile.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace minnow {
namespace {

constexpr size_t kMaxScopes = 32;
// Below these shares a finding is noise, or not worth anybody's time.
constexpr double kMinTopShare = 0.3, kMinReferenceShare = 0.05, kMinOutsideShare = 0.1;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// "MatMul" and "matmul" are one word.
bool same_word(std::string_view a, std::string_view b) {
  const auto letters = [](std::string_view text) {
    std::string word = lower_ascii(text);
    word.erase(std::remove(word.begin(), word.end(), '_'), word.end());
    return word;
  };
  return letters(a) == letters(b);
}

// An event with what is inside it taken off.
struct Own {
  int64_t time_ns = 0, bytes = 0, multiply_adds = 0;
  int64_t all_multiply_adds = 0;  // with its parts'
  bool has_parts = false;
};

struct Pending {
  int64_t time_ns = 0, bytes = 0, multiply_adds = 0;
  bool any = false;
};

// Events inside another stand before it, one deeper.
std::vector<Own> own_amounts(std::span<const TraceEvent> events) {
  std::map<std::pair<int32_t, int32_t>, Pending> pending;  // by thread and depth
  std::vector<Own> own(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const TraceEvent& event = events[i];
    Pending& inside = pending[{event.thread, event.depth + 1}];
    const int64_t time = std::max<int64_t>(event.end_ns - event.start_ns, 0);
    own[i] = {std::max<int64_t>(time - inside.time_ns, 0), std::max<int64_t>(event.bytes - inside.bytes, 0),
              std::max<int64_t>(event.multiply_adds - inside.multiply_adds, 0),
              std::max(event.multiply_adds, inside.multiply_adds), inside.any};
    Pending& beside = pending[{event.thread, event.depth}];
    beside.time_ns += time;
    beside.bytes += std::max(event.bytes, inside.bytes);
    beside.multiply_adds += own[i].all_multiply_adds;
    beside.any = true;
    pending[{event.thread, event.depth + 1}] = {};
  }
  return own;
}

std::string percent(double share) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.0f %%", 100 * share);
  return buffer;
}

}  // namespace

double ProfileAmounts::best_ns(const Machine& machine) const {
  const double arithmetic = machine.flops_per_second > 0 ? 2e9 * multiply_adds / machine.flops_per_second : 0;
  const double memory = machine.bytes_per_second > 0 ? 1e9 * bytes / machine.bytes_per_second : 0;
  return std::max(arithmetic, memory);
}

std::vector<std::string> name_scopes(std::string_view name) {
  // Converters join the names of fused nodes with ';'.
  const std::string_view first = name.substr(0, name.find(';'));
  const char separator = first.find('/') != std::string_view::npos ? '/' : '.';
  std::vector<std::string> scopes;
  for (std::string_view part : split(first, separator)) {
    if (part.empty()) continue;
    if (scopes.size() < kMaxScopes) scopes.emplace_back(part);
    else scopes.back() += separator + std::string(part);
  }
  if (scopes.empty()) scopes.emplace_back(name);
  return scopes;
}

void Profiler::add(std::map<std::vector<std::string>, Sums>& to, std::vector<std::string> key, std::string_view kernel,
                   int64_t time_ns, int64_t bytes, int64_t multiply_adds) {
  const auto [found, added] = to.try_emplace(std::move(key));
  Sums& sums = found->second;
  if (added) sums.texts = found->first;
  if (std::find(sums.kernels.begin(), sums.kernels.end(), kernel) == sums.kernels.end())
    sums.kernels.emplace_back(kernel);
  sums.times.resize(run_times_.size(), 0);  // the run being added is the last
  sums.times.back() += static_cast<double>(time_ns);
  sums.calls += 1;
  sums.bytes += static_cast<double>(bytes);
  sums.multiply_adds += static_cast<double>(multiply_adds);
}

void Profiler::add_run(std::span<const TraceEvent> events, uint64_t dropped, int64_t run_ns) {
  run_times_.push_back(static_cast<double>(run_ns));
  dropped_ += dropped;
  const std::vector<Own> own = own_amounts(events);
  std::map<int32_t, std::vector<std::vector<std::string>>> paths;  // by thread, then depth: frames of what encloses
  int64_t inside = 0;
  // Backwards, so that what encloses comes first.
  for (size_t i = events.size(); i-- > 0;) {
    const TraceEvent& event = events[i];
    std::vector<std::vector<std::string>>& path = paths[event.thread];
    const size_t depth = static_cast<size_t>(std::max(event.depth, 0));
    if (path.size() > depth) path.resize(depth);
    std::vector<std::string> frames = path.empty() ? std::vector<std::string>{model_} : path.back();
    if (!event.name.empty()) {
      std::vector<std::string> scopes = name_scopes(event.name);
      // The operator is a frame of its own: "query/MatMul" needs no second one. A lone name stays: it tells layers
      // apart.
      if (scopes.size() > 1 && same_word(scopes.back(), event.op)) scopes.pop_back();
      if (depth > 0) scopes.erase(scopes.begin(), scopes.end() - 1);
      frames.insert(frames.end(), scopes.begin(), scopes.end());
    }
    frames.emplace_back(event.op);
    path.resize(depth, frames);
    path.push_back(frames);
    if (!own[i].has_parts) frames.emplace_back(event.kernel);
    const std::string_view kernel = own[i].has_parts ? "" : event.kernel;
    add(stacks_, std::move(frames), kernel, own[i].time_ns, own[i].bytes, own[i].multiply_adds);
    if (event.depth > 0) continue;
    const int64_t time = event.end_ns - event.start_ns;
    const int64_t multiply_adds = own[i].all_multiply_adds;
    inside += time;
    add(layers_, {std::string(event.name), std::string(event.op)}, event.kernel, time, event.bytes, multiply_adds);
    add(operators_, {std::string(event.op)}, event.kernel, time, event.bytes, multiply_adds);
  }
  outside_times_.push_back(static_cast<double>(std::max<int64_t>(run_ns - inside, 0)));
}

ProfileAmounts Profiler::amounts(const Sums& sums) const {
  const double runs = static_cast<double>(run_times_.size());
  std::vector<double> times = sums.times;
  times.resize(run_times_.size(), 0);
  return {sums.calls / runs, median(std::move(times)), sums.bytes / runs, sums.multiply_adds / runs};
}

std::vector<ProfileRow> Profiler::rows(const std::map<std::vector<std::string>, Sums>& from) const {
  std::vector<ProfileRow> rows;
  for (const auto& [key, sums] : from)
    rows.push_back({key.front(), key.back(), join(sums.kernels, ", "), amounts(sums)});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ProfileRow& a, const ProfileRow& b) { return a.amounts.time_ns > b.amounts.time_ns; });
  return rows;
}

Profile Profiler::finish() const {
  Profile profile;
  profile.model = model_;
  profile.runs = static_cast<int64_t>(run_times_.size());
  if (run_times_.empty()) return profile;
  profile.run_ns = median(run_times_);
  profile.outside_ns = median(outside_times_);
  profile.dropped = dropped_;
  profile.layers = rows(layers_);
  profile.operators = rows(operators_);
  for (const auto& [key, sums] : stacks_) {
    const bool reference = sums.kernels.size() == 1 && sums.kernels[0] == "reference";
    profile.stacks.push_back({key, reference, amounts(sums)});
  }
  return profile;
}

Folded profile_stacks(const Profile& profile, ProfileBy by, const Machine* machine) {
  Folded folded;
  folded.pairs = machine != nullptr && by == ProfileBy::time;
  std::vector<std::string_view> frames;
  for (const ProfileStack& stack : profile.stacks) {
    const ProfileAmounts& amounts = stack.amounts;
    const double value = std::round(by == ProfileBy::time    ? amounts.time_ns
                                    : by == ProfileBy::bytes ? amounts.bytes
                                                             : amounts.multiply_adds);
    if (value <= 0) continue;
    frames.assign(stack.frames.begin(), stack.frames.end());
    folded.add(frames, value, folded.pairs ? std::min(value, std::round(amounts.best_ns(*machine))) : 0);
  }
  if (by == ProfileBy::time && profile.outside_ns >= 1) {
    frames.assign({profile.model, "(between nodes)"});
    folded.add(frames, std::round(profile.outside_ns));
  }
  return folded;
}

std::vector<std::string> profile_findings(const Profile& profile) {
  std::vector<std::string> findings;
  if (profile.run_ns <= 0 || profile.dropped > 0) return findings;
  constexpr size_t kTop = 3;
  double top = 0, reference = 0;
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(kTop, profile.layers.size()); ++i) {
    top += profile.layers[i].amounts.time_ns / profile.run_ns;
    names.push_back(printable(profile.layers[i].name, 60));
  }
  if (profile.layers.size() > kTop && top >= kMinTopShare)
    findings.push_back(concat(
        {percent(top), " of the time is in ", kTop, " of ", profile.layers.size(), " layers: ", join(names, ", ")}));
  std::map<std::string, double> operators;  // without a kernel
  for (const ProfileStack& stack : profile.stacks) {
    if (!stack.reference || stack.frames.size() < 2) continue;
    reference += stack.amounts.time_ns / profile.run_ns;
    operators[stack.frames[stack.frames.size() - 2]] += stack.amounts.time_ns;
  }
  if (reference >= kMinReferenceShare) {
    const auto most = std::max_element(operators.begin(), operators.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    findings.push_back(concat({percent(reference), " of the time is in operators without a kernel for their problem, ",
                               "most of it in ", most->first}));
  }
  const double outside = profile.outside_ns / profile.run_ns;
  if (outside >= kMinOutsideShare)
    findings.push_back(concat({percent(outside), " of the time is between the nodes: checks, allocation, copies"}));
  return findings;
}

}  // namespace minnow
