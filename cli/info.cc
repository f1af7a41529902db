// minnow info MODEL: what is in a model.
#include "api/inspect.h"
#include "base/bytes.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/terminal.h"
#include "graph/text.h"

namespace minnow::cli {
namespace {

class Info : public Verb {
 public:
  const char* summary() const override {
    return "Inputs, outputs, operators, parameters, multiply-adds and bytes of a model";
  }
  const char* example() const override { return "minnow info model.onnx --shape x=1,3,224,224"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    arguments.option("--shape", "NAME=DIMS", &shapes_,
                     "Dims of an input, for multiply-adds of dynamic models (repeatable)");
    arguments.option("--graph", "FILE", &graph_file_, "Also write the graph after the passes as text (.mng) to FILE");
  }

  Result<int> run() override {
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common));
    Graph graph = model->graph();
    MN_ASSIGN(const std::vector<NamedShape> shapes, parse_shapes(shapes_, graph));
    if (!shapes.empty()) {
      MN_ASSIGN(const std::vector<Dims> dims, input_dims(graph, shapes));
      MN_TRY(bind_input_dims(graph, dims, model->registry(), common.limits));
    }
    if (!graph_file_.empty()) MN_TRY(write_file_atomically(graph_file_, print_graph(graph)));
    const GraphCost cost = measure_cost(graph, model->registry());
    MN_TRY(emit(common, json(*model, graph, cost), text(*model, graph, cost)));
    return kExitOk;
  }

 private:
  static Json json(const Model& model, const Graph& graph, const GraphCost& cost) {
    Json result{{"name", model.name()}, {"format", model.format()}, {"file_bytes", model.file_bytes()}};
    for (ValueId id : graph.inputs) result["inputs"].push_back(value_json(graph.value(id)));
    for (ValueId id : graph.outputs) result["outputs"].push_back(value_json(graph.value(id)));
    for (const State& state : graph.states) result["states"].push_back(state.name);
    result["nodes"] = cost.nodes;
    result["parameters"] = cost.parameters;
    result["parameter_bytes"] = cost.parameter_bytes;
    result["macs"] = cost.multiply_adds;
    result["activation_bytes"] = cost.activation_bytes;
    result["unknown_nodes"] = cost.unknown_nodes;
    for (const OperatorCost& op : cost.operators)
      result["operators"].push_back({{"name", op.name}, {"count", op.count}, {"macs", op.multiply_adds}});
    for (const auto& [key, value] : graph.metadata) result["metadata"][key] = value;
    return result;
  }

  std::string text(const Model& model, const Graph& graph, const GraphCost& cost) const {
    std::vector<std::vector<std::string>> rows{
        {"model", printable(model.name())},
        {"format", concat({model.format(), ", ", human_bytes(model.file_bytes())})}};
    for (ValueId id : graph.inputs)
      rows.push_back({"input", concat({printable(graph.value(id).name), "  ", to_string(graph.value(id).type)})});
    for (ValueId id : graph.outputs)
      rows.push_back({"output", concat({printable(graph.value(id).name), "  ", to_string(graph.value(id).type)})});
    for (const State& state : graph.states) rows.push_back({"state", printable(state.name)});
    rows.push_back({"nodes", concat({cost.nodes})});
    rows.push_back(
        {"parameters", concat({human_count(cost.parameters), " (", human_bytes(cost.parameter_bytes), ")"})});
    std::string macs = human_count(cost.multiply_adds);
    if (cost.unknown_nodes > 0)
      macs = concat({macs, "; ", cost.unknown_nodes, " nodes have no concrete shape (give --shape NAME=DIMS)"});
    rows.push_back({"multiply-adds", macs});
    rows.push_back({"activations", human_bytes(cost.activation_bytes)});
    std::vector<std::vector<std::string>> operators{{"operator", "count", "multiply-adds"}};
    for (const OperatorCost& op : cost.operators)
      operators.push_back({printable(op.name), concat({op.count}), human_count(op.multiply_adds)});
    return table(rows) + "\n" + table(operators, {false, true, true});
  }

  ModelFlags model_;
  std::vector<std::string> shapes_;
  std::string graph_file_;
};

}  // namespace

std::unique_ptr<Verb> make_info() { return std::make_unique<Info>(); }

}  // namespace minnow::cli
