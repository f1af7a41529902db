// minnow optimize MODEL: what the passes and the fusion of kernels make of a model, and what stays as it was.
#include <algorithm>
#include <map>

#include "api/inspect.h"
#include "base/text.h"
#include "cli/support/fusion_report.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/terminal.h"
#include "lower/fusion.h"

namespace minnow::cli {
namespace {

class Optimize : public Verb {
 public:
  const char* summary() const override { return "Report what passes and kernel fusion make of a model"; }
  const char* example() const override { return "minnow optimize model.onnx --shape x=1,3,224,224"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    arguments.option("--shape", "NAME=DIMS", &shapes_,
                     "Dims of an input that the model leaves open (repeatable; 1 where nothing is said)");
    arguments.flag("--report", &report_, "Name what matched a pattern, and say why what looks like one did not");
  }

  Result<int> run() override {
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common, model_.path, &notes_));
    MN_ASSIGN(const std::vector<Type> inputs, concrete_inputs(model->graph(), shapes_));
    Json json{{"model", model->name()}, {"passes", Json::array()}};
    std::vector<std::vector<std::string>> rows{{"pass", "round", "nodes before", "after", "µs"}};
    for (const PassReport& pass : model->passes()) {
      json["passes"].push_back({{"name", pass.name},
                                {"round", pass.round},
                                {"changed", pass.changed},
                                {"nodes_before", pass.nodes_before},
                                {"nodes_after", pass.nodes_after},
                                {"duration_us", pass.duration_us}});
      if (!pass.changed) continue;
      rows.push_back({std::string(pass.name), concat({pass.round}), concat({pass.nodes_before}),
                      concat({pass.nodes_after}), concat({pass.duration_us})});
    }
    std::string text = rows.size() > 1 ? table(rows, {false, true, true, true, true}) : "no pass changed the graph\n";
    const std::shared_ptr<const Lowered> lowered = model->lowering().lower(inputs, {});
    std::vector<Group> groups;
    if (lowered != nullptr) groups = group_nodes(lowered->graph, model->registry(), {});
    if (report_) text += "\n" + fusion_report(*model, notes_, lowered.get(), groups, json);
    if (lowered == nullptr) {
      text += "\nnot planned: sizes depend on data, so the graph runs node by node\n";
      json["planned"] = false;
    } else {
      text += "\n" + steps(*lowered, groups, json);
    }
    MN_TRY(emit(common, json, text));
    return kExitOk;
  }

 private:
  // Counts the groups by what they hold ("conv + add + relu"), and the nodes that no kernel takes by why.
  static std::string steps(const Lowered& lowered, const std::vector<Group>& groups, Json& json) {
    std::map<std::string, int64_t> fused, single, called;
    for (const Group& group : groups) {
      std::string name;
      for (int32_t node : group.nodes)
        name += concat({name.empty() ? "" : " + ", lowered.graph.nodes[static_cast<size_t>(node)].op});
      ++(group.row == nullptr ? called : group.nodes.size() > 1 ? fused : single)[name];
    }
    json["planned"] = true;
    json["nodes"] = lowered.graph.nodes.size();
    json["steps"] = lowered.plan.steps.size();
    std::vector<std::vector<std::string>> rows{{"step", "count", ""}};
    const auto add = [&](const std::map<std::string, int64_t>& counts, const char* key, const char* remark) {
      json[key] = Json::object();
      for (const auto& [name, count] : counts) {
        json[key][name] = count;
        rows.push_back({printable(name), concat({count}), remark});
      }
    };
    add(fused, "fused", "fused into one kernel");
    add(single, "single", "one kernel");
    add(called, "without_kernel", "no kernel for this form: views cost nothing, the rest runs its reference");
    return concat({lowered.graph.nodes.size(), " nodes become ", lowered.plan.steps.size(), " steps:\n",
                   table(rows, {false, true, false})});
  }

  ModelFlags model_;
  std::vector<std::string> shapes_;
  bool report_ = false;
  std::vector<PassNote> notes_;
};

}  // namespace

std::unique_ptr<Verb> make_optimize() { return std::make_unique<Optimize>(); }

}  // namespace minnow::cli
