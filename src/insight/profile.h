// Where the time of a run goes: events of several runs as tables by layer and by operator, and as stacks for a flame
// graph: model, stage, layer, operator, kernel.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/trace.h"
#include "insight/machine.h"
#include "report/folded.h"

namespace minnow {

// All numbers are of one run; the time is the median over the runs, which a disturbed run does not move.
struct ProfileAmounts {
  double calls = 0;
  double time_ns = 0;
  double bytes = 0;  // of inputs and outputs
  double multiply_adds = 0;

  double flops_per_second() const { return time_ns > 0 ? 2e9 * multiply_adds / time_ns : 0; }
  double bytes_per_second() const { return time_ns > 0 ? 1e9 * bytes / time_ns : 0; }
  // The least time that the machine would need, by its arithmetic or its memory, whichever takes longer.
  double best_ns(const Machine& machine) const;
};

struct ProfileRow {
  std::string name;    // of the layer; by operator: of the operator
  std::string op;      // the operator
  std::string kernel;  // what ran it; by operator: all that did, ", " between them
  ProfileAmounts amounts;
};

struct ProfileStack {
  std::vector<std::string> frames;
  bool reference = false;  // no kernel ran here, nor parts that could have one
  ProfileAmounts amounts;  // without what is inside
};

struct Profile {
  std::string model;
  int64_t runs = 0;
  double run_ns = 0;                          // median
  double outside_ns = 0;                      // of it, in no node: checks, allocation, copies of outputs
  uint64_t dropped = 0;                       // events that the trace had no room for: they are in no table
  std::vector<ProfileRow> layers, operators;  // by descending time
  std::vector<ProfileStack> stacks;
};

class Profiler {
 public:
  explicit Profiler(std::string model) : model_(std::move(model)) {}
  // One run: its events in the order of recording, and how long it took from outside.
  void add_run(std::span<const TraceEvent> events, uint64_t dropped, int64_t run_ns);
  Profile finish() const;

 private:
  struct Sums {
    std::vector<std::string> texts;  // what the key is made of
    std::vector<std::string> kernels;
    std::vector<double> times;  // by run; shorter when later runs had none
    double calls = 0, bytes = 0, multiply_adds = 0;
  };
  void add(std::map<std::vector<std::string>, Sums>& to, std::vector<std::string> key, std::string_view kernel,
           int64_t time_ns, int64_t bytes, int64_t multiply_adds);
  ProfileAmounts amounts(const Sums& sums) const;
  std::vector<ProfileRow> rows(const std::map<std::vector<std::string>, Sums>& from) const;

  std::string model_;
  std::map<std::vector<std::string>, Sums> layers_, operators_, stacks_;
  std::vector<double> run_times_, outside_times_;
  uint64_t dropped_ = 0;
};

// The scopes in a node's name: "/encoder/layer.0/query/MatMul" or "encoder.layer0.query". At least one.
std::vector<std::string> name_scopes(std::string_view name);

enum class ProfileBy : uint8_t { time, bytes, multiply_adds };
// For a picture: nanoseconds, bytes or multiply-adds as `value`. With a machine and by time, `other` is the time that
// it would need at best, at most `value`: their ratio is what is reached of what is possible.
Folded profile_stacks(const Profile& profile, ProfileBy by, const Machine* machine = nullptr);

// What the numbers say, one sentence each; only what is worth acting on.
std::vector<std::string> profile_findings(const Profile& profile);

}  // namespace minnow
