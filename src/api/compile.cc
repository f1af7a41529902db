#include "api/compile.h"

#include "base/guard.h"
#include "base/text.h"
#include "graph/text.h"
#include "plan/mnw.h"

namespace minnow {
namespace {

Result<Compiled> compile(const Model& model, std::span<const Type> inputs, const CompileOptions& options) {
  CompiledModel compiled;
  TextOptions text;
  text.externals = &compiled.tensors;
  if (options.graph) compiled.graph_text = print_graph(model.graph(), text);
  for (const State& state : model.graph().states) compiled.states.push_back(state.initial);
  Compiled result;
  // A lowering for each instruction set: packs differ, and the model's own plans stay as they are. They live until the
  // file is written, because plans only refer to what they hold.
  std::vector<std::unique_ptr<Lowering>> lowerings;
  for (Isa isa : options.isas) {
    lowerings.push_back(std::make_unique<Lowering>(model.graph(), model.registry(), model.limits()));
    PlanOptions plan;
    plan.threads = options.threads;
    plan.fusion.best = isa;
    const std::shared_ptr<const Lowered> lowered = lowerings.back()->lower(inputs, plan);
    if (lowered == nullptr)
      return unsupported({"sizes depend on data, or these inputs do not fit: no plan can be made beforehand"});
    compiled.plans.push_back(lowered->plan);
  }
  if (!compiled.plans.empty()) {
    result.arena_bytes = compiled.plans.front().arena_bytes;
    result.steps = compiled.plans.front().steps.size();
  }
  MN_ASSIGN(result.bytes, write_mnw(std::move(compiled)));
  return result;
}

}  // namespace

Result<Compiled> compile_model(const Model& model, std::span<const Type> inputs, const CompileOptions& options) {
  Result<Compiled> result = guarded([&] { return compile(model, inputs, options); });
  if (!result.ok()) return std::move(result.error()).in(printable(model.name()));
  return result;
}

Result<Graph> graph_of_compiled(const Bytes& bytes, std::string_view name, const Limits& limits) {
  MN_ASSIGN(const CompiledModel compiled, read_mnw(bytes, name, limits));
  if (compiled.graph_text.empty())
    return unsupported({printable(name), ": compiled without its graph: only the runtime (libminnow_rt) opens it"});
  return parse_graph(compiled.graph_text, name, limits, compiled.tensors);
}

}  // namespace minnow
