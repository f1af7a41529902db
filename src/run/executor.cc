#include "run/executor.h"

#include <array>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "base/text.h"

namespace minnow {
namespace {

class Walk {
 public:
  Walk(const Plan& plan, const PlanBuffers& buffers, const PlanRun& run) : plan_(plan), buffers_(buffers), run_(run) {}

  void* address(const Place& place) const {
    const auto i = static_cast<size_t>(place.index);
    const auto at = [&](const void* base) {
      return const_cast<std::byte*>(static_cast<const std::byte*>(base)) + place.offset;
    };
    switch (place.region) {
      case Region::none: return nullptr;
      case Region::arena: return at(buffers_.arena);
      case Region::constant: return at(plan_.constants[i].raw().data());
      case Region::state: return at(buffers_.states[i]);
      case Region::input: return at(buffers_.inputs[i]);
      case Region::output: return at(buffers_.outputs[i]);
    }
    return nullptr;
  }

  Status step(const PlanStep& step) const {
    if (step.row == nullptr) return call(step);
    std::array<const void*, kMaxOperands> inputs, packed;
    std::array<void*, kMaxOperands> outputs;
    const auto count = static_cast<size_t>(step.input_count);
    for (size_t i = 0; i < count; ++i) {
      inputs[i] = address(step.operands[i]);
      packed[i] = step.packs[i] < 0 ? nullptr : plan_.packs[static_cast<size_t>(step.packs[i])].raw().data();
    }
    for (size_t i = count; i < step.operands.size(); ++i) outputs[i - count] = address(step.operands[i]);
    KernelCall call;
    call.row = step.row;
    call.problem = &step.problem;
    call.inputs = inputs.data();
    call.packed = packed.data();
    call.outputs = outputs.data();
    call.scratch = buffers_.arena + step.scratch_offset;
    call.threads = run_.threads;
    if (run_.budget != nullptr) {
      call.stop = [](void* context) { return !static_cast<Budget*>(context)->step(0).ok(); };
      call.stop_context = run_.budget;
    }
    BadIndex bad;
    call.bad_index = &bad;
    const KernelStatus status = step.row->run(call);
    if (status == kStopped && run_.budget != nullptr) MN_TRY(run_.budget->step(0));
    MN_CHECK(status != kBadIndex || bad.extent < 0, "index ", bad.index, " is out of range: expected [", -bad.extent,
             ", ", bad.extent, ")");
    MN_CHECK(status != kBadIndex, "an index or a length in its inputs is out of range");
    return {};
  }

  Status finish() const {
    for (const PlanCopy& copy : plan_.copies) {
      if (copy.bytes > 0) std::memmove(address(copy.to), address(copy.from), static_cast<size_t>(copy.bytes));
    }
    return {};
  }

 private:
  Status call(const PlanStep& step) const {
    if (run_.calls == nullptr) return unsupported({"no kernel for ", step.op});
    std::vector<void*> operands;
    operands.reserve(step.operands.size());
    for (const Place& place : step.operands) operands.push_back(address(place));
    return run_.calls->call(step, operands.data());
  }

  const Plan& plan_;
  const PlanBuffers& buffers_;
  const PlanRun& run_;
};

void record(const PlanStep& step, int64_t start_ns, int64_t end_ns, int32_t depth, Trace& trace) {
  TraceEvent event;
  event.name = step.name;
  event.op = step.operation.empty() ? step.row->op : step.operation;
  event.kernel = to_string(step.row->isa);
  event.start_ns = start_ns;
  event.end_ns = end_ns;
  for (int64_t bytes : step.bytes) event.bytes += bytes;
  event.multiply_adds = step.multiply_adds;
  event.depth = depth;
  trace.record(event);
}

}  // namespace

Status run_plan(const Plan& plan, const PlanBuffers& buffers, const PlanRun& run) {
  const Walk walk(plan, buffers, run);
  const bool timed = run.trace != nullptr || run.observer != nullptr;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    if (run.budget != nullptr) MN_TRY(run.budget->step());
    const int64_t start = timed ? now_ns() : 0;
    if (Status status = walk.step(step); !status.ok()) {
      return std::move(status.error()).in(concat({"node '", printable(step.name), "' (", step.op, ")"}));
    }
    const int64_t end = timed ? now_ns() : 0;
    if (run.trace != nullptr && step.row != nullptr) record(step, start, end, run.depth, *run.trace);
    if (run.observer != nullptr) MN_TRY(run.observer->on_step(step, static_cast<int64_t>(i), end - start));
  }
  return walk.finish();
}

}  // namespace minnow
