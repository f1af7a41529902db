#include "lower/lowering.h"

#include <algorithm>

#include "lower/specialize.h"

namespace minnow {

Lowering::Lowering(const Graph& graph, const Registry& registry, const Limits& limits)
    : source_(graph), registry_(registry), limits_(limits) {}

Result<std::shared_ptr<const Lowered>> Lowering::make(std::span<const Type> inputs, const PlanOptions& options) {
  if (source_.nodes.size() > kMaxPlannedNodes) return std::shared_ptr<const Lowered>();
  if (!graph_.has_value()) graph_ = expand_compositions(source_, registry_, limits_);
  auto lowered = std::make_shared<Lowered>();
  MN_ASSIGN(lowered->graph, specialize(*graph_, inputs, registry_, limits_));
  if (!can_plan(lowered->graph)) return std::shared_ptr<const Lowered>();
  MN_ASSIGN(lowered->plan, make_plan(lowered->graph, registry_, packs_, options));
  const auto& steps = lowered->plan.steps;
  if (std::any_of(steps.begin(), steps.end(), [](const PlanStep& step) { return step.row == nullptr; })) {
    MN_ASSIGN(lowered->calls, Interpreter::prepare(lowered->graph, registry_));
  }
  return std::shared_ptr<const Lowered>(std::move(lowered));
}

std::shared_ptr<const Lowered> Lowering::lower(std::span<const Type> inputs, const PlanOptions& options) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const Entry& entry) {
    return entry.options == options &&
           std::equal(inputs.begin(), inputs.end(), entry.inputs.begin(), entry.inputs.end());
  };
  const auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().lowered;
  }
  // What cannot be lowered is left to the interpreter, which says why it cannot run either, if so.
  Result<std::shared_ptr<const Lowered>> made = make(inputs, options);
  entries_.push_front({{inputs.begin(), inputs.end()}, options, made.ok() ? std::move(*made) : nullptr});
  if (entries_.size() > kMaxPlans) entries_.pop_back();
  return entries_.front().lowered;
}

size_t Lowering::plan_count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace minnow
