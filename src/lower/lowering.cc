#include "lower/lowering.h"

#include <algorithm>

#include "base/pages.h"
#include "lower/specialize.h"
#include "lower/stages.h"

namespace minnow {

Lowering::Lowering(const Graph& graph, const Registry& registry, const Limits& limits)
    : Lowering(graph, registry, limits, std::make_shared<PackStore>(), 0) {}

Lowering::Lowering(const Graph& part, const Registry& registry, const Limits& limits, std::shared_ptr<PackStore> packs,
                   int nesting)
    : source_(part),
      registry_(registry),
      limits_(limits),
      packs_(std::move(packs)),
      nesting_(nesting),
      bodies_(std::make_unique<BodyLowerings>(registry, limits_, packs_, nesting + 1)) {}

Lowering::~Lowering() = default;

Result<Lowerings> Lowering::make(std::span<const Type> inputs, const PlanOptions& options) {
  if (source_.nodes.size() > kMaxPlannedNodes) return Lowerings();
  if (!graph_.has_value()) {
    graph_ = expand_compositions(source_, registry_, limits_);
    if (nesting_ == 0) packs_->keep(*graph_);
  }
  MN_ASSIGN(Graph graph, specialize(*graph_, inputs, registry_, limits_));
  const StagesContext context{registry_, limits_, packs_, options, nesting_};
  Lowerings made;
  if (can_plan(graph)) {
    MN_ASSIGN(made.plan, make_lowered(std::move(graph), context));
  } else {
    MN_ASSIGN(made.stages, make_stages(std::move(graph), context));
  }
  return made;
}

Lowering::Entry* Lowering::find(std::span<const Type> inputs, const PlanOptions& options) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.options == options &&
           std::equal(inputs.begin(), inputs.end(), entry.inputs.begin(), entry.inputs.end());
  });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front();
}

const Lowering::Entry& Lowering::add(std::span<const Type> inputs, const PlanOptions& options) {
  // Before the new one is made: memory holds no more than these at any time.
  if (entries_.size() == kMaxPlans) entries_.pop_back();
  // What cannot be lowered is left to the interpreter, which says why it cannot run either, if so.
  Result<Lowerings> made = make(inputs, options);
  const bool first = entries_.empty();
  entries_.push_front({{inputs.begin(), inputs.end()}, options, made.ok() ? std::move(*made) : Lowerings()});
  if (first && nesting_ == 0) give_back_freed();  // the model's loading ends here
  return entries_.front();
}

Lowerings Lowering::choose(std::span<const Type> inputs, const PlanOptions& options) {
  const std::lock_guard lock(mutex_);
  const Entry* entry = find(inputs, options);
  return entry != nullptr ? entry->lowerings : add(inputs, options).lowerings;
}

Lowerings Lowering::choose_if_steady(std::span<const Type> inputs, const PlanOptions& options) {
  const std::lock_guard lock(mutex_);
  if (const Entry* entry = find(inputs, options); entry != nullptr) return entry->lowerings;
  const auto seen = std::find_if(seen_once_.begin(), seen_once_.end(), [&](const std::vector<Type>& types) {
    return std::equal(inputs.begin(), inputs.end(), types.begin(), types.end());
  });
  if (!entries_.empty() && seen == seen_once_.end()) {
    seen_once_.emplace_front(inputs.begin(), inputs.end());
    if (seen_once_.size() > kMaxPlans) seen_once_.pop_back();
    return {};
  }
  if (seen != seen_once_.end()) seen_once_.erase(seen);
  return add(inputs, options).lowerings;
}

size_t Lowering::plan_count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

int64_t Lowering::plan_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const Entry& entry : entries_) {
    if (entry.lowerings.plan != nullptr) bytes += entry.lowerings.plan->plan.held_bytes();
    const Stages* stages = entry.lowerings.stages.get();
    if (stages != nullptr && stages->head != nullptr) bytes += stages->head->plan.held_bytes();
  }
  return bytes;
}

Lowering* BodyLowerings::of(const Graph& body) {
  const std::lock_guard lock(mutex_);
  const auto found = lowerings_.find(&body);
  if (found != lowerings_.end()) return found->second.get();
  std::unique_ptr<Lowering> lowering;
  if (is_heavy(body, registry_) && !draws_random(body, registry_))
    lowering = std::make_unique<Lowering>(body, registry_, limits_, packs_, nesting_);
  return lowerings_.emplace(&body, std::move(lowering)).first->second.get();
}

}  // namespace minnow
