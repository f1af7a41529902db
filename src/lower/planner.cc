#include "lower/planner.h"

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "lower/placement.h"
#include "ops/cost.h"

namespace minnow {
namespace {

// Operators whose output is their first input's bytes under other dims.
bool is_view(std::string_view op) {
  constexpr std::string_view kViews[] = {"reshape", "squeeze", "unsqueeze", "flatten", "identity"};
  return std::find(std::begin(kViews), std::end(kViews), op) != std::end(kViews);
}

// As large as a tensor may be (Tensor::allocate): sums of such sizes do not overflow.
constexpr int64_t kMaxValueBytes = int64_t{1} << 40;

class Planner {
 public:
  Planner(const Graph& graph, const Registry& registry, PackStore& packs, const PlanOptions& options)
      : graph_(graph), registry_(registry), packs_(packs), options_(options) {}

  Result<Plan> run() {
    plan_.threads = options_.threads;
    declare();
    groups_ = group_nodes(graph_, registry_, options_.fusion);
    find_roots();
    MN_TRY(make_steps());
    find_lifetimes();
    place();
    fill_places();
    MN_TRY(add_copies());
    return std::move(plan_);
  }

 private:
  // What the bytes of a value are: a region of their own, or a buffer of the arena (`buffer` >= 0).
  struct Home {
    Place place;
    int32_t buffer = -1;
  };

  PlanValue plan_value(ValueId id) const {
    const Value& value = graph_.value(id);
    return {value.name, value.type.dtype, value.type.shape.to_dims()};
  }
  int64_t bytes_of(ValueId id) const { return bytes_[static_cast<size_t>(id)]; }
  ValueId root(ValueId id) const { return root_[static_cast<size_t>(id)]; }
  Home& home(ValueId id) { return homes_[static_cast<size_t>(root(id))]; }

  // Inputs, states and constants have their places from the start.
  void declare() {
    homes_.resize(graph_.values.size());
    for (const Value& value : graph_.values) {
      // can_plan has checked that they are this few; with a dimension of 0 their product in order need not be.
      const Result<int64_t> count = checked_element_count(value.type.shape.to_dims());
      bytes_.push_back(count.ok() ? *count * static_cast<int64_t>(element_bytes(value.type.dtype)) : 0);
    }
    const auto settle = [&](ValueId id, Region region, size_t index) {
      homes_[static_cast<size_t>(id)].place = {region, static_cast<int32_t>(index), 0};
    };
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      plan_.inputs.push_back(plan_value(graph_.inputs[i]));
      settle(graph_.inputs[i], Region::input, i);
    }
    for (size_t i = 0; i < graph_.states.size(); ++i) {
      plan_.states.push_back(plan_value(graph_.states[i].in));
      settle(graph_.states[i].in, Region::state, i);
    }
    for (size_t id = 0; id < graph_.values.size(); ++id) {
      if (!graph_.values[id].is_constant()) continue;
      settle(static_cast<ValueId>(id), Region::constant, plan_.constants.size());
      plan_.constants.push_back(graph_.values[id].constant);
    }
    for (ValueId id : graph_.outputs) plan_.outputs.push_back(plan_value(id));
  }

  // Values that share bytes have one root; views need no step.
  void find_roots() {
    root_.resize(graph_.values.size());
    for (size_t id = 0; id < root_.size(); ++id) root_[id] = static_cast<ValueId>(id);
    const auto is_done = [&](const Group& group) {
      const Node& node = graph_.nodes[static_cast<size_t>(group.nodes[0])];
      if (group.nodes.size() != 1 || !is_view(node.op) || bytes_of(node.inputs[0]) != bytes_of(node.outputs[0]))
        return false;
      root_[static_cast<size_t>(node.outputs[0])] = root(node.inputs[0]);
      return true;
    };
    groups_.erase(std::remove_if(groups_.begin(), groups_.end(), is_done), groups_.end());
  }

  Status make_steps() {
    plan_.steps.reserve(groups_.size());
    for (const Group& group : groups_) {
      const Node& node = graph_.nodes[static_cast<size_t>(group.nodes[0])];
      PlanStep step;
      step.name = node.name;
      for (size_t i = 0; step.name.empty() && i < node.outputs.size(); ++i) {
        if (node.outputs[i] != kNoValue) step.name = graph_.value(node.outputs[i]).name;
      }
      const OpDef& op = *registry_.find(node.op);
      step.op = title(op);
      step.operation = op.name;
      step.multiply_adds = own_multiply_adds(op, node);
      step.node = group.nodes[0];
      step.input_count = static_cast<int32_t>(group.inputs.size());
      if (group.row != nullptr) MN_TRY(choose_packs(group, step));
      plan_.steps.push_back(std::move(step));
    }
    return {};
  }

  int64_t own_multiply_adds(const OpDef& op, const Node& node) const {
    std::vector<Type> inputs, outputs;
    std::vector<const Tensor*> values;
    for (ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? Type() : graph_.value(id).type);
      values.push_back(id == kNoValue || !graph_.value(id).is_constant() ? nullptr : &graph_.value(id).constant);
    }
    for (ValueId id : node.outputs) outputs.push_back(id == kNoValue ? Type() : graph_.value(id).type);
    return minnow::own_multiply_adds(op, node, inputs, values, outputs);
  }

  Status choose_packs(const Group& group, PlanStep& step) {
    step.row = group.row;
    step.problem = group.problem;
    uint32_t packed = 0;
    for (size_t i = 0; i < group.inputs.size(); ++i) {
      step.packs.push_back(-1);
      if (group.inputs[i] == kNoValue || !graph_.value(group.inputs[i]).is_constant()) continue;
      const Tensor& constant = graph_.value(group.inputs[i]).constant;
      MN_ASSIGN(Tensor pack, packs_.get(*group.row, group.problem, static_cast<int>(i), constant));
      if (!pack.valid()) continue;
      step.packs.back() = static_cast<int32_t>(plan_.packs.size());
      plan_.packs.push_back(std::move(pack));
      packed |= 1u << i;
    }
    step.scratch_bytes = scratch_bytes(*step.row, step.problem, options_.threads, packed);
    return {};
  }

  // A buffer for every value that a step writes, or the caller's memory where the value is an output of the graph.
  void find_lifetimes() {
    std::vector<int32_t> last(graph_.values.size(), -1);
    const auto touch = [&](ValueId id, int32_t step) {
      if (id != kNoValue) last[static_cast<size_t>(root(id))] = std::max(last[static_cast<size_t>(root(id))], step);
    };
    const auto end = static_cast<int32_t>(groups_.size());
    for (int32_t s = 0; s < end; ++s) {
      for (ValueId id : groups_[static_cast<size_t>(s)].inputs) touch(id, s);
      for (ValueId id : groups_[static_cast<size_t>(s)].outputs) touch(id, s);
    }
    for (const State& state : graph_.states) touch(state.out, end);
    give_outputs();
    for (size_t i = 0; i < plan_.outputs.size(); ++i) {
      const Home& where = home(graph_.outputs[i]);
      if (where.place.region == Region::none) touch(graph_.outputs[i], end);
    }
    for (int32_t s = 0; s < end; ++s) {
      const Group& group = groups_[static_cast<size_t>(s)];
      for (ValueId id : group.outputs) {
        if (id == kNoValue || home(id).place.region != Region::none) continue;
        if (id == group.outputs[0] && reuse(group, s, last, id)) continue;
        home(id).buffer = static_cast<int32_t>(buffers_.size());
        buffers_.push_back({bytes_of(id), s, last[static_cast<size_t>(root(id))], -1});
      }
      PlanStep& step = plan_.steps[static_cast<size_t>(s)];
      if (step.scratch_bytes == 0) continue;
      scratch_[s] = static_cast<int32_t>(buffers_.size());
      buffers_.push_back({step.scratch_bytes, s, s, -1});
    }
  }

  // The first output that a written value serves lies in the caller's memory from the start.
  void give_outputs() {
    std::vector<bool> written(graph_.values.size(), false);
    for (const Group& group : groups_) {
      for (ValueId id : group.outputs) {
        if (id != kNoValue) written[static_cast<size_t>(id)] = true;
      }
    }
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      const ValueId id = root(graph_.outputs[i]);
      Home& where = home(id);
      if (written[static_cast<size_t>(id)] && where.place.region == Region::none)
        where.place = {Region::output, static_cast<int32_t>(i), 0};
    }
  }

  // Lets the step's first output take over the buffer of an input that is read here for the last time.
  bool reuse(const Group& group, int32_t s, const std::vector<int32_t>& last, ValueId output) {
    if (group.row == nullptr) return false;
    for (size_t i = 0; i < group.inputs.size(); ++i) {
      const ValueId input = group.inputs[i];
      if (input == kNoValue || !may_share(*group.row, group.problem, static_cast<int>(i))) continue;
      const int32_t buffer = home(input).buffer;
      if (buffer < 0 || bytes_of(input) != bytes_of(output)) continue;
      Lifetime& lifetime = buffers_[static_cast<size_t>(buffer)];
      // Another operand with the same bytes would be overwritten while it is read.
      const auto readers = std::count_if(group.inputs.begin(), group.inputs.end(),
                                         [&](ValueId id) { return id != kNoValue && home(id).buffer == buffer; });
      if (lifetime.last != s || readers != 1) continue;
      lifetime.last = last[static_cast<size_t>(root(output))];
      home(output).buffer = buffer;
      return true;
    }
    return false;
  }

  void place() {
    plan_.live_bytes = most_alive(buffers_, kArenaAlignment);
    plan_.arena_bytes = place_buffers(buffers_, kArenaAlignment);
    for (Home& where : homes_) {
      if (where.buffer >= 0) where.place = {Region::arena, 0, buffers_[static_cast<size_t>(where.buffer)].offset};
    }
    for (const auto& [step, buffer] : scratch_)
      plan_.steps[static_cast<size_t>(step)].scratch_offset = buffers_[static_cast<size_t>(buffer)].offset;
  }

  void fill_places() {
    for (size_t s = 0; s < groups_.size(); ++s) {
      PlanStep& step = plan_.steps[s];
      for (const auto& ids : {groups_[s].inputs, groups_[s].outputs}) {
        for (ValueId id : ids) {
          step.operands.push_back(id == kNoValue ? Place{} : home(id).place);
          step.bytes.push_back(id == kNoValue ? 0 : bytes_of(id));
        }
      }
    }
  }

  Status add_copies() {
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Place to{Region::output, static_cast<int32_t>(i), 0};
      const Place from = home(graph_.outputs[i]).place;
      if (!(from == to)) plan_.copies.push_back({from, to, bytes_of(graph_.outputs[i])});
    }
    for (size_t i = 0; i < graph_.states.size(); ++i) {
      const Place to{Region::state, static_cast<int32_t>(i), 0};
      const Place from = home(graph_.states[i].out).place;
      if (from == to) continue;
      if (from.region == Region::state) return unsupported({"a state that takes over another one's value"});
      plan_.copies.push_back({from, to, bytes_of(graph_.states[i].out)});
    }
    return {};
  }

  const Graph& graph_;
  const Registry& registry_;
  PackStore& packs_;
  const PlanOptions& options_;
  Plan plan_;
  std::vector<Group> groups_;
  std::vector<int64_t> bytes_;  // of values
  std::vector<ValueId> root_;
  std::vector<Home> homes_;  // of roots
  std::vector<Lifetime> buffers_;
  std::map<int32_t, int32_t> scratch_;  // step: buffer
};

}  // namespace

bool can_plan(const Value& value) {
  const Type& type = value.type;
  if (!type.is_tensor() || !type.shape.static_dims() || type.dtype == DType::undefined || type.dtype == DType::string)
    return false;
  const Result<int64_t> count = checked_element_count(type.shape.to_dims());
  return count.ok() && *count <= kMaxValueBytes / static_cast<int64_t>(element_bytes(type.dtype));
}

bool can_plan(const Graph& graph) {
  if (graph.nodes.size() > kMaxPlannedNodes) return false;
  if (!std::all_of(graph.values.begin(), graph.values.end(), [](const Value& value) { return can_plan(value); }))
    return false;
  return std::all_of(graph.states.begin(), graph.states.end(),
                     [&](const State& state) { return graph.value(state.in).type == graph.value(state.out).type; });
}

Result<Plan> make_plan(const Graph& graph, const Registry& registry, PackStore& packs, const PlanOptions& options) {
  return Planner(graph, registry, packs, options).run();
}

}  // namespace minnow
