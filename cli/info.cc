// minnow info MODEL: what is in a model.
#include <algorithm>

#include "api/inspect.h"
#include "base/bytes.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/terminal.h"
#include "graph/text.h"
#include "plan/memory_map.h"
#include "report/block_map.h"

namespace minnow::cli {
namespace {

class Info : public Verb {
 public:
  const char* summary() const override {
    return "Inputs, outputs, operators, parameters, multiply-adds and memory of a model";
  }
  const char* example() const override { return "minnow info model.onnx --shape x=1,3,224,224"; }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    arguments.option("--shape", "NAME=DIMS", &shapes_,
                     "Dims of an input, for multiply-adds of dynamic models (repeatable)");
    arguments.flag("--memory", &memory_, "Show the plan's memory: who holds how many bytes, and when");
    arguments.option("--memory-map", "FILE", &map_file_, "Write the memory's picture (SVG) to FILE");
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
    Json result = json(*model, graph, cost);
    std::string page = text(*model, graph, cost);
    if (memory_ || !map_file_.empty()) {
      MN_ASSIGN(const std::shared_ptr<const Lowered> lowered, lower(*model, graph));
      const std::vector<MemoryBlock> blocks = memory_map(lowered->plan);
      result["memory"] = memory_json(lowered->plan, blocks);
      result["memory"]["pack_bytes"] = model->lowering().pack_bytes();
      result["memory"]["plan_bytes"] = model->lowering().plan_bytes();
      page += "\n" + memory_text(lowered->plan, blocks);
      page += concat({"a run takes ", human_bytes(run_bytes(lowered->plan)), " with inputs, outputs and states; ",
                      human_bytes(model->lowering().pack_bytes()), " of packed weights and ",
                      human_bytes(model->lowering().plan_bytes()), " of plan are kept beside the model\n"});
      if (!map_file_.empty()) MN_TRY(write_file_atomically(map_file_, memory_picture(*model, lowered->plan, blocks)));
    }
    MN_TRY(emit(common, result, page));
    return kExitOk;
  }

 private:
  Result<std::shared_ptr<const Lowered>> lower(const Model& model, const Graph& graph) const {
    std::vector<Type> types;
    for (ValueId id : graph.inputs) {
      const Value& input = graph.value(id);
      MN_CHECK(input.type.is_tensor() && input.type.shape.static_dims(), "input '", printable(input.name),
               "' has no concrete shape: give --shape NAME=DIMS");
      types.push_back(input.type);
    }
    PlanOptions options;
    options.threads = static_cast<int>(std::max<int64_t>(common.threads, 1));
    std::shared_ptr<const Lowered> lowered = model.lowering().lower(types, options);
    if (lowered == nullptr)
      return unsupported({printable(model.name()), ": sizes depend on data, so memory is not known before a run"});
    return lowered;
  }

  static int64_t run_bytes(const Plan& plan) {
    int64_t bytes = plan.run_bytes();
    for (const PlanValue& input : plan.inputs) bytes += input.bytes();
    return bytes;
  }

  static Json memory_json(const Plan& plan, const std::vector<MemoryBlock>& blocks) {
    Json result{{"arena_bytes", plan.arena_bytes},
                {"run_bytes", run_bytes(plan)},
                {"lower_bound_bytes", plan.live_bytes},
                {"steps", plan.steps.size()},
                {"blocks", Json::array()}};
    for (const MemoryBlock& block : blocks) {
      result["blocks"].push_back({{"name", block.name},
                                  {"scratch", block.scratch},
                                  {"offset", block.offset},
                                  {"bytes", block.bytes},
                                  {"first_step", block.first},
                                  {"last_step", block.last}});
    }
    return result;
  }

  // The largest blocks, and the totals.
  static std::string memory_text(const Plan& plan, std::vector<MemoryBlock> blocks) {
    constexpr size_t kShown = 10;
    std::stable_sort(blocks.begin(), blocks.end(),
                     [](const MemoryBlock& a, const MemoryBlock& b) { return a.bytes > b.bytes; });
    std::vector<std::vector<std::string>> rows{{"written by", "bytes", "at", "steps"}};
    for (size_t i = 0; i < std::min(kShown, blocks.size()); ++i) {
      const MemoryBlock& block = blocks[i];
      rows.push_back({concat({printable(block.name, 60), block.scratch ? " (scratch)" : ""}), human_bytes(block.bytes),
                      human_bytes(block.offset), concat({block.first, "-", block.last})});
    }
    return concat({"arena ", human_bytes(plan.arena_bytes), ", lower bound ", human_bytes(plan.live_bytes), ", ",
                   plan.steps.size(), " steps; the largest blocks:\n", table(rows, {false, true, true, true})});
  }

  static std::string memory_picture(const Model& model, const Plan& plan, const std::vector<MemoryBlock>& blocks) {
    std::vector<MapBlock> map;
    for (const MemoryBlock& block : blocks)
      map.push_back({block.name, block.offset, block.bytes, block.first, block.last, block.scratch});
    return block_map_svg(concat({"Memory of ", model.name(), ": ", human_bytes(plan.arena_bytes)}), map,
                         static_cast<int32_t>(plan.steps.size()), plan.arena_bytes);
  }

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
  std::string graph_file_, map_file_;
  bool memory_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_info() { return std::make_unique<Info>(); }

}  // namespace minnow::cli
