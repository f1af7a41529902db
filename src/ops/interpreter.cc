#include "ops/interpreter.h"

#include <unordered_map>

#include "base/clock.h"
#include "base/text.h"
#include "ops/builder.h"
#include "ops/check.h"
#include "ops/cost.h"

namespace minnow {
namespace {

struct Step {
  const Node* node;
  const OpDef* op;
  std::string_view name;            // for traces: the node's, or its first output's
  std::vector<ValueId> dead_after;  // values that no later step and no output reads
};

struct Body {
  std::vector<Step> steps;
};

std::string_view name_of(const Graph& graph, const Node& node) {
  if (!node.name.empty()) return node.name;
  for (const ValueId id : node.outputs) {
    if (id != kNoValue) return graph.value(id).name;
  }
  return {};
}

Result<Body> prepare_body(const Graph& graph, const Registry& registry) {
  Body body;
  std::vector<int32_t> last_use(graph.values.size(), -1);
  const int32_t never = static_cast<int32_t>(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const OpDef* op = registry.find(node.op);
    if (op == nullptr) return unsupported({"unknown operator '", printable(node.op), "'"});
    body.steps.push_back({&node, op, name_of(graph, node), {}});
    for (const auto& ids : {node.outputs, node.inputs}) {
      for (ValueId id : ids) {
        if (id != kNoValue) last_use[static_cast<size_t>(id)] = static_cast<int32_t>(i);
      }
    }
  }
  for (ValueId id : graph.outputs) last_use[static_cast<size_t>(id)] = never;
  for (const State& state : graph.states) last_use[static_cast<size_t>(state.out)] = never;
  for (size_t id = 0; id < last_use.size(); ++id) {
    if (last_use[id] >= 0 && last_use[id] < never)
      body.steps[static_cast<size_t>(last_use[id])].dead_after.push_back(static_cast<ValueId>(id));
  }
  return body;
}

}  // namespace

struct Interpreter::Program {
  const Graph* graph;
  const Registry* registry;
  std::unordered_map<const Graph*, Body> bodies;  // the main graph's and every subgraph's
};

namespace {

Status prepare_all(const Graph& graph, const Registry& registry, std::unordered_map<const Graph*, Body>& bodies) {
  MN_ASSIGN(Body body, prepare_body(graph, registry));
  bodies.emplace(&graph, std::move(body));
  for (const Node& node : graph.nodes) {
    for (const auto& [name, attribute] : node.attributes) {
      const GraphRef* subgraph = attribute.get<GraphRef>();
      if (subgraph != nullptr && !bodies.contains(subgraph->get())) MN_TRY(prepare_all(**subgraph, registry, bodies));
    }
  }
  return {};
}

// Executes steps; one per run. Subgraphs run through run_subgraph on the same runner, so depth and budget are shared.
class Runner : public SubgraphRunner {
 public:
  Runner(const std::unordered_map<const Graph*, Body>* bodies, const Registry& registry, const RunOptions& options,
         std::shared_ptr<Budget> budget, uint64_t executed = 0)
      : bodies_(bodies),
        registry_(registry),
        options_(options),
        budget_(std::move(budget)),
        depth_(options.depth),
        executed_(executed) {}

  Result<std::vector<Datum>> run_subgraph(const Graph& graph, std::span<const Datum> inputs) override;

  Result<std::vector<Datum>> run_graph(const Graph& graph, std::span<const Datum> inputs, std::vector<Tensor>& states);
  Status execute(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::vector<Datum>& outputs);
  // One node of the main graph.
  Status run_alone(const Step& step, std::span<const Datum> inputs, std::vector<Datum>& outputs) {
    depth_ = options_.depth + 1;
    return execute_timed(step, inputs, outputs, true).failure();
  }

 private:
  Status check_call(const Graph& graph, std::span<const Datum> inputs) const;
  // Returns the duration in nanoseconds, 0 when nobody asks for it. `lasting`: the step's name outlives the run.
  Result<int64_t> execute_timed(const Step& step, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                                bool lasting);
  Result<std::vector<Datum>> walk(const Graph& graph, const Body& body, std::span<const Datum> inputs,
                                  std::vector<Tensor>& states, bool lasting);
  Status execute_decomposed(const OpDef& op, const Node& node, std::span<const Datum> inputs,
                            std::vector<Datum>& outputs);
  Status compute(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                 std::span<const Type> types);
  void record(const Step& step, std::span<const Datum> inputs, std::span<const Datum> outputs, int64_t start_ns,
              int64_t end_ns, bool lasting) const;

  const std::unordered_map<const Graph*, Body>* bodies_;
  const Registry& registry_;
  const RunOptions& options_;
  std::shared_ptr<Budget> budget_;
  int64_t depth_;
  std::string_view kernel_;  // what ran the last node, for the trace
  int64_t clock_ns_ = 0;     // when the last node of this walk ended; 0: none has
  uint64_t executed_;        // nodes so far: random operators draw by it
};

Status Runner::check_call(const Graph& graph, std::span<const Datum> inputs) const {
  if (depth_ >= budget_->limits().depth) {
    return over_limit(
        {"subgraphs nested deeper than ", budget_->limits().depth, " (raise it with --max-depth or Limits.depth)"});
  }
  MN_CHECK(inputs.size() == graph.inputs.size(), "expected ", graph.inputs.size(), " inputs, got ", inputs.size());
  return {};
}

Result<std::vector<Datum>> Runner::run_subgraph(const Graph& graph, std::span<const Datum> inputs) {
  if (options_.plans != nullptr && bodies_ != nullptr && bodies_->contains(&graph)) {
    MN_TRY(check_call(graph, inputs));
    RunOptions inside = options_;
    inside.budget = budget_;
    inside.depth = static_cast<int32_t>(depth_);
    std::vector<Datum> outputs;
    MN_ASSIGN(const bool done, options_.plans->run(graph, inputs, outputs, inside));
    if (done) return outputs;
  }
  std::vector<Tensor> no_states;
  return run_graph(graph, inputs, no_states);
}

Result<std::vector<Datum>> Runner::run_graph(const Graph& graph, std::span<const Datum> inputs,
                                             std::vector<Tensor>& states) {
  MN_TRY(check_call(graph, inputs));
  const auto found = bodies_ != nullptr ? bodies_->find(&graph) : decltype(bodies_->find(&graph)){};
  ++depth_;
  Result<std::vector<Datum>> result = [&]() -> Result<std::vector<Datum>> {
    if (bodies_ != nullptr && found != bodies_->end()) return walk(graph, found->second, inputs, states, true);
    MN_ASSIGN(const Body body, prepare_body(graph, registry_));
    return walk(graph, body, inputs, states, false);
  }();
  --depth_;
  return result;
}

Result<std::vector<Datum>> Runner::walk(const Graph& graph, const Body& body, std::span<const Datum> inputs,
                                        std::vector<Tensor>& states, bool lasting) {
  std::vector<Datum> values(graph.values.size());
  for (size_t i = 0; i < inputs.size(); ++i) values[static_cast<size_t>(graph.inputs[i])] = inputs[i];
  for (size_t i = 0; i < states.size(); ++i) values[static_cast<size_t>(graph.states[i].in)] = states[i];
  const auto value_of = [&](ValueId id) -> Datum {
    if (id == kNoValue) return {};
    const Value& value = graph.value(id);
    return value.is_constant() ? Datum(value.constant) : values[static_cast<size_t>(id)];
  };
  std::vector<Datum> arguments, outputs;
  clock_ns_ = 0;
  for (const Step& step : body.steps) {
    MN_TRY(budget_->step());
    arguments.clear();
    for (ValueId id : step.node->inputs) arguments.push_back(value_of(id));
    outputs.assign(step.node->outputs.size(), Datum());
    Result<int64_t> duration_ns = execute_timed(step, arguments, outputs, lasting);
    if (!duration_ns.ok()) return std::move(duration_ns.error()).in(describe(*step.node, *step.op));
    if (options_.observer != nullptr) {
      MN_TRY(options_.observer->on_node(graph, *step.node, outputs, static_cast<int>(depth_ - 1), *duration_ns));
      clock_ns_ = 0;  // its time is not the next node's
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = step.node->outputs[i];
      if (id != kNoValue) values[static_cast<size_t>(id)] = std::move(outputs[i]);
    }
    for (ValueId id : step.dead_after) values[static_cast<size_t>(id)] = Datum();
  }
  std::vector<Datum> results;
  for (ValueId id : graph.outputs) results.push_back(value_of(id));
  for (size_t i = 0; i < states.size(); ++i) states[i] = value_of(graph.states[i].out).tensor;
  return results;
}

int64_t bytes_of(const Datum& datum) {
  if (datum.kind == Datum::Kind::tensor) return datum.tensor.bytes();
  int64_t bytes = 0;
  for (size_t i = 0; datum.kind == Datum::Kind::sequence && i < datum.sequence->size(); ++i)
    bytes += bytes_of((*datum.sequence)[i]);
  return bytes;
}

int64_t multiply_adds_of(const Step& step, std::span<const Datum> inputs, std::span<const Datum> outputs) {
  if (step.op->cost == nullptr) return 0;
  std::vector<Type> types, output_types;
  std::vector<const Tensor*> values;
  for (const Datum& input : inputs) {
    const bool tensor = input.kind == Datum::Kind::tensor && input.tensor.valid();
    types.push_back(input.present() ? Type::of(input) : Type());
    values.push_back(tensor ? &input.tensor : nullptr);
  }
  for (const Datum& output : outputs) output_types.push_back(output.present() ? Type::of(output) : Type());
  return own_multiply_adds(*step.op, *step.node, types, values, output_types);
}

// Reading the clock takes as long as a tenth of a small node: a node starts where the one before it ended.
Result<int64_t> Runner::execute_timed(const Step& step, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                                      bool lasting) {
  const bool timed = options_.observer != nullptr || options_.trace != nullptr;
  const int64_t start = !timed || clock_ns_ != 0 ? clock_ns_ : now_ns();
  MN_TRY(execute(*step.op, *step.node, inputs, outputs));
  const int64_t end = timed ? now_ns() : 0;
  clock_ns_ = end;
  if (options_.trace != nullptr) record(step, inputs, outputs, start, end, lasting);
  return end - start;
}

void Runner::record(const Step& step, std::span<const Datum> inputs, std::span<const Datum> outputs, int64_t start_ns,
                    int64_t end_ns, bool lasting) const {
  TraceEvent event;
  // The graph of a composed operator dies with its run: its nodes have no name to point to.
  if (lasting) event.name = step.name;
  event.op = step.op->name;
  event.kernel = kernel_;
  event.start_ns = start_ns;
  event.end_ns = end_ns;
  for (const Datum& datum : inputs) event.bytes += bytes_of(datum);
  for (const Datum& datum : outputs) event.bytes += bytes_of(datum);
  event.multiply_adds = multiply_adds_of(step, inputs, outputs);
  event.depth = static_cast<int32_t>(depth_ - 1);
  options_.trace->record(event);
}

Status Runner::execute(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::vector<Datum>& outputs) {
  std::vector<Type> types(inputs.size());
  std::vector<const Tensor*> values(inputs.size());
  bool narrow = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present()) {
      MN_CHECK(op.takes_sequences || node.inputs[i] == kNoValue, "input ", i,
               " is an empty optional; only a tensor will do");
      continue;
    }
    types[i] = Type::of(inputs[i]);
    if (inputs[i].kind == Datum::Kind::tensor) values[i] = &inputs[i].tensor;
    narrow = narrow || is_narrow_float(types[i].dtype);
  }
  const bool composed = op.reference == nullptr && op.custom == nullptr;
  if (composed && !(narrow && op.narrow_floats == NarrowFloats::widen)) {
    // The operator's own checks come first: its parts would report trouble in words of theirs, or not at all.
    if (op.infer != nullptr) MN_TRY(infer_types(op, node, types, values, registry_));
    return execute_decomposed(op, node, inputs, outputs);
  }

  MN_ASSIGN(std::vector<Type> out_types, infer_types(op, node, types, values, registry_));
  for (const Type& type : out_types) narrow = narrow || is_narrow_float(type.dtype);
  if (!narrow || op.narrow_floats == NarrowFloats::native || op.custom != nullptr)
    return compute(op, node, inputs, outputs, out_types);

  // Narrow floats: compute in float32, round the outputs.
  std::vector<Datum> wide(inputs.begin(), inputs.end());
  for (Datum& datum : wide) {
    if (is_narrow_float(datum.tensor.dtype())) {
      MN_ASSIGN(datum.tensor, convert_dtype(datum.tensor, DType::float32, budget_));
    }
  }
  std::vector<Type> wide_types = out_types;
  for (Type& type : wide_types) {
    if (is_narrow_float(type.dtype)) type.dtype = DType::float32;
  }
  MN_TRY(composed ? execute_decomposed(op, node, wide, outputs) : compute(op, node, wide, outputs, wide_types));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].kind == Datum::Kind::tensor && is_narrow_float(out_types[i].dtype)) {
      MN_ASSIGN(outputs[i].tensor, convert_dtype(outputs[i].tensor, out_types[i].dtype, budget_));
    }
  }
  return {};
}

Status Runner::compute(const OpDef& op, const Node& node, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                       std::span<const Type> types) {
  bool resolved = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!types[i].is_tensor() || !types[i].shape.static_dims() || types[i].dtype == DType::undefined) {
      resolved = false;
      continue;
    }
    Dims dims = types[i].shape.to_dims();
    const Tensor& given = outputs[i].tensor;
    if (given.valid() && given.dtype() == types[i].dtype && given.dims() == dims) continue;
    MN_ASSIGN(Tensor tensor, Tensor::allocate(types[i].dtype, std::move(dims), budget_));
    outputs[i] = Datum(std::move(tensor));
  }
  if (resolved && options_.kernels != nullptr) {
    MN_ASSIGN(const bool done, options_.kernels->run(op, node, inputs, outputs, budget_, options_.threads));
    if (done) {
      kernel_ = options_.kernels->last_kernel();
      return {};
    }
  }
  EvalContext context(op, node, inputs, outputs, types, budget_);
  context.subgraphs = this;
  context.threads = options_.threads;
  context.seed = options_.seed * 0x9E3779B97F4A7C15u + ++executed_;
  Status status = op.custom != nullptr ? op.custom->evaluate(context) : op.reference(context);
  kernel_ = op.custom != nullptr ? "custom" : "reference";  // set last: a subgraph of the operator sets its own
  return status;
}

Status Runner::execute_decomposed(const OpDef& op, const Node& node, std::span<const Datum> inputs,
                                  std::vector<Datum>& outputs) {
  Graph scratch;
  Builder builder(scratch, registry_);
  Node local = node;
  std::vector<Datum> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present()) {
      local.inputs[i] = kNoValue;
    } else if (inputs[i].kind == Datum::Kind::tensor) {
      local.inputs[i] = builder.constant(inputs[i].tensor, "input");
    } else {
      local.inputs[i] = builder.input("input", Type::of(inputs[i]));
      arguments.push_back(inputs[i]);
    }
  }
  DecomposeContext context(op, local, builder);
  MN_TRY(op.decompose(context));
  MN_TRY(builder.status());
  std::vector<size_t> wanted;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue || context.outputs()[i] == kNoValue) continue;
    scratch.outputs.push_back(context.outputs()[i]);
    wanted.push_back(i);
  }
  std::vector<Tensor> no_states;
  MN_ASSIGN(std::vector<Datum> results, run_graph(scratch, arguments, no_states));
  for (size_t i = 0; i < wanted.size(); ++i) outputs[wanted[i]] = std::move(results[i]);
  kernel_ = "composed";
  return {};
}

}  // namespace

Status check_input(const Value& value, const Datum& datum) {
  const Type& type = value.type;
  if (type.kind == Type::Kind::optional || type.kind == Type::Kind::unknown) return {};
  const Type given = Type::of(datum);
  const std::string where = concat({"input '", printable(value.name), "': expected ", to_string(type)});
  MN_CHECK(datum.present(), where, ", got nothing");
  MN_CHECK(given.kind == type.kind, where, ", got ", to_string(given));
  if (!type.is_tensor()) return {};
  MN_CHECK(type.dtype == DType::undefined || given.dtype == type.dtype, where, ", got ", to_string(given));
  if (!type.shape.ranked) return {};
  MN_CHECK(given.shape.rank() == type.shape.rank(), where, ", got ", to_string(given));
  for (size_t d = 0; d < given.shape.dims.size(); ++d) {
    const Dim& declared = type.shape.dims[d];
    MN_CHECK(!declared.known() || declared.value == given.shape.dims[d].value, where, ", got ", to_string(given));
  }
  return {};
}

Status check_inputs(const Graph& graph, std::span<const Datum> inputs) {
  MN_CHECK(inputs.size() == graph.inputs.size(), "expected ", graph.inputs.size(), " inputs, got ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) MN_TRY(check_input(graph.value(graph.inputs[i]), inputs[i]));
  return {};
}

Interpreter::Interpreter(std::unique_ptr<Program> program) : program_(std::move(program)) {}
Interpreter::Interpreter(Interpreter&&) noexcept = default;
Interpreter& Interpreter::operator=(Interpreter&&) noexcept = default;
Interpreter::~Interpreter() = default;

Result<Interpreter> Interpreter::prepare(const Graph& graph, const Registry& registry) {
  auto program = std::make_unique<Program>(Program{&graph, &registry, {}});
  MN_TRY(prepare_all(graph, registry, program->bodies));
  return Interpreter(std::move(program));
}

Result<std::vector<Datum>> Interpreter::run(std::span<const Datum> inputs, const RunOptions& options,
                                            std::vector<Tensor>* states) const {
  const Graph& graph = *program_->graph;
  MN_TRY(check_inputs(graph, inputs));
  std::vector<Tensor> current;
  for (size_t i = 0; i < graph.states.size(); ++i) {
    current.push_back(states != nullptr && i < states->size() ? (*states)[i] : graph.states[i].initial);
  }
  Runner runner(&program_->bodies, *program_->registry, options,
                options.budget != nullptr ? options.budget : std::make_shared<Budget>(Limits{}));
  if (options.observer != nullptr) options.observer->on_start(static_cast<int64_t>(graph.nodes.size()));
  MN_ASSIGN(std::vector<Datum> outputs, runner.run_graph(graph, inputs, current));
  if (states != nullptr) *states = std::move(current);
  return outputs;
}

Status Interpreter::run_node(size_t node, std::span<const Datum> inputs, std::vector<Datum>& outputs,
                             const RunOptions& options) const {
  const Node& which = program_->graph->nodes[node];
  Runner runner(&program_->bodies, *program_->registry, options,
                options.budget != nullptr ? options.budget : std::make_shared<Budget>(Limits{}), node);
  return runner.run_alone({&which, program_->registry->find(which.op), name_of(*program_->graph, which), {}}, inputs,
                          outputs);
}

Result<std::vector<Datum>> evaluate(std::string_view op_name, std::span<const Datum> inputs,
                                    const Attributes& attributes, int outputs, const Registry& registry) {
  const OpDef* op = registry.find(op_name);
  if (op == nullptr) return unsupported({"unknown operator '", op_name, "'"});
  Node node{std::string(op_name), "", {}, {}, attributes};
  for (size_t i = 0; i < inputs.size(); ++i)
    node.inputs.push_back(inputs[i].present() ? static_cast<ValueId>(i) : kNoValue);
  for (int i = 0; i < outputs; ++i) node.outputs.push_back(static_cast<ValueId>(inputs.size()) + i);
  MN_TRY(check_node(node, registry));
  const RunOptions options;
  Runner runner(nullptr, registry, options, std::make_shared<Budget>(Limits{}));
  std::vector<Datum> results(static_cast<size_t>(outputs));
  MN_TRY(runner.execute(*op, node, inputs, results));
  return results;
}

}  // namespace minnow
