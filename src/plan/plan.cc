#include "plan/plan.h"

#include <algorithm>

#include "base/checked.h"
#include "base/text.h"

namespace minnow {
namespace {

// Bytes of the buffer that a place names, or -1 where there is none.
int64_t buffer_bytes(const Plan& plan, const Place& place) {
  const auto i = static_cast<size_t>(place.index);
  const auto of = [&](const std::vector<PlanValue>& values) { return i < values.size() ? values[i].bytes() : -1; };
  if (place.index < 0) return -1;
  switch (place.region) {
    case Region::none: return -1;
    case Region::arena: return plan.arena_bytes;
    case Region::constant: return i < plan.constants.size() ? plan.constants[i].bytes() : -1;
    case Region::state: return of(plan.states);
    case Region::input: return of(plan.inputs);
    case Region::output: return of(plan.outputs);
  }
  return -1;
}

Status check_place(const Plan& plan, const Place& place, int64_t bytes, std::string_view what) {
  const int64_t size = buffer_bytes(plan, place);
  MN_CHECK(size >= 0, what, " lies in ", to_string(place.region), " ", place.index, ", which is not there");
  int64_t end = 0;
  MN_CHECK(bytes >= 0 && place.offset >= 0 && checked_add(place.offset, bytes, &end) && end <= size, what, " takes ",
           bytes, " bytes at ", place.offset, " of ", to_string(place.region), " ", place.index, ", which has ", size);
  return {};
}

// As much as an address can name; sums of offsets below it do not overflow.
constexpr int64_t kMaxPlanBytes = int64_t{1} << 47;

bool overlap(const Place& a, int64_t a_bytes, const Place& b, int64_t b_bytes) {
  return a.region == b.region && a.region != Region::none && (a.region == Region::arena || a.index == b.index) &&
         a.offset < b.offset + b_bytes && b.offset < a.offset + a_bytes;
}

// Adds the value's bytes to `total`.
Status check_value(const PlanValue& value, std::string_view what, int64_t& total) {
  const auto width = static_cast<int64_t>(element_bytes(value.dtype));
  const Result<int64_t> count = checked_element_count(value.dims);
  int64_t bytes = 0;
  const bool fits = width > 0 && value.dtype != DType::string && count.ok() && checked_mul(*count, width, &bytes) &&
                    checked_add(total, bytes, &total) && total <= kMaxPlanBytes;
  MN_CHECK(fits, what, " '", printable(value.name), "' has no type that a plan can hold: ", to_string(value.dtype),
           to_string(value.dims));
  return {};
}

// Whether what the problem, which the row takes, says about operand i holds for the operand's place.
Status check_operand(const PlanStep& step, int32_t i) {
  const auto at = static_cast<size_t>(i);
  const Operand& operand = step.problem.operands[at];
  if (step.operands[at].region == Region::none) {
    MN_CHECK(operand.dtype == DType::undefined || (i < step.input_count && step.packs[at] >= 0), "operand ", i,
             " is missing");
    return {};
  }
  const auto width = static_cast<int64_t>(element_bytes(operand.dtype));
  MN_CHECK(operand.elements() * width <= step.bytes[at], "operand ", i, " takes ", operand.elements() * width,
           " bytes, got ", step.bytes[at]);
  MN_CHECK(width == 0 || step.operands[at].offset % width == 0, "operand ", i, " of ", to_string(operand.dtype),
           " lies at ", step.operands[at].offset);
  return {};
}

Status check_kernel(const Plan& plan, const PlanStep& step) {
  const Problem& problem = step.problem;
  MN_CHECK(problem.operand_count >= 1 && problem.operand_count <= kMaxOperands && problem.input_count >= 0 &&
               problem.input_count < problem.operand_count,
           "the problem has ", problem.operand_count, " operands");
  MN_CHECK(
      step.operands.size() == static_cast<size_t>(problem.operand_count) && step.input_count == problem.input_count,
      "expected ", problem.operand_count, " operands, got ", step.operands.size());
  MN_CHECK(step.packs.size() == static_cast<size_t>(step.input_count), "expected ", step.input_count, " packs, got ",
           step.packs.size());
  MN_CHECK(takes(*step.row, problem), "its sizes and attributes do not fit its kernel (", step.row->op, ")");
  for (int32_t i = 0; i < problem.operand_count; ++i) MN_TRY(check_operand(step, i));
  uint32_t packed = 0;
  for (int32_t i = 0; i < step.input_count; ++i) {
    const int32_t pack = step.packs[static_cast<size_t>(i)];
    if (pack == -1) continue;
    MN_CHECK(pack >= 0 && pack < static_cast<int32_t>(plan.packs.size()), "pack ", pack, " is not there");
    const int64_t given = plan.packs[static_cast<size_t>(pack)].bytes();
    const int64_t needed = step.row->pack_bytes != nullptr ? step.row->pack_bytes(*step.row, problem, i) : 0;
    MN_CHECK(needed > 0 && needed <= given, "input ", i, ": its packed form takes ", needed, " bytes, got ", given);
    packed |= 1u << i;
  }
  const int64_t scratch = scratch_bytes(*step.row, problem, plan.threads, packed);
  MN_CHECK(step.scratch_bytes >= scratch && step.scratch_offset % kArenaAlignment == 0, "needs ", scratch,
           " aligned bytes of scratch, got ", step.scratch_bytes, " at ", step.scratch_offset);
  return {};
}

Status check_overlaps(const PlanStep& step) {
  const Place scratch{Region::arena, 0, step.scratch_offset};
  for (size_t o = 0; o < step.operands.size(); ++o) {
    const bool is_output = static_cast<int32_t>(o) >= step.input_count;
    MN_CHECK(step.scratch_bytes == 0 || !overlap(step.operands[o], step.bytes[o], scratch, step.scratch_bytes),
             "operand ", o, " overlaps the scratch");
    for (size_t i = 0; is_output && i < o; ++i) {
      if (!overlap(step.operands[i], step.bytes[i], step.operands[o], step.bytes[o])) continue;
      const bool shared = step.row != nullptr && static_cast<int32_t>(o) == step.input_count &&
                          step.operands[i] == step.operands[o] &&
                          may_share(*step.row, step.problem, static_cast<int>(i));
      MN_CHECK(shared, "output ", o - static_cast<size_t>(step.input_count), " overlaps operand ", i);
    }
  }
  return {};
}

Status check_step(const Plan& plan, const PlanStep& step) {
  MN_CHECK(step.bytes.size() == step.operands.size(), "operands and sizes differ in number");
  MN_CHECK(step.input_count >= 0 && static_cast<size_t>(step.input_count) <= step.operands.size(), "bad input count");
  for (size_t i = 0; i < step.operands.size(); ++i) {
    if (step.operands[i].region == Region::none) continue;
    MN_TRY(check_place(plan, step.operands[i], step.bytes[i], concat({"operand ", i})));
    const bool writable = step.operands[i].region == Region::arena || step.operands[i].region == Region::output;
    MN_CHECK(static_cast<int32_t>(i) < step.input_count || writable, "output ", i, " would write to ",
             to_string(step.operands[i].region));
  }
  if (step.scratch_bytes != 0)
    MN_TRY(check_place(plan, {Region::arena, 0, step.scratch_offset}, step.scratch_bytes, "scratch"));
  if (step.row != nullptr) MN_TRY(check_kernel(plan, step));
  return check_overlaps(step);
}

}  // namespace

int64_t scratch_bytes(const KernelRow& row, const Problem& problem, int threads, uint32_t packed) {
  return row.scratch_bytes != nullptr ? row.scratch_bytes(row, problem, threads, packed) : 0;
}

bool may_share(const KernelRow& row, const Problem& problem, int input) {
  if (input >= problem.input_count || problem.operand_count == problem.input_count) return false;
  if (problem.epilogue.residual && input == problem.input_count - 1) return true;
  const Operand &in = problem.input(input), &out = problem.output(0);
  return row.in_place && in.dtype == out.dtype && in.rank == out.rank && in.dims == out.dims &&
         in.strides == out.strides;
}

int64_t Plan::run_bytes() const {
  int64_t total = arena_bytes;
  for (const std::vector<PlanValue>* values : {&outputs, &states}) {
    for (const PlanValue& value : *values) total += value.bytes();
  }
  return total;
}

int64_t Plan::held_bytes() const {
  size_t total = sizeof(Plan) + steps.capacity() * sizeof(PlanStep) + copies.capacity() * sizeof(PlanCopy) +
                 (constants.capacity() + packs.capacity()) * sizeof(Tensor);
  for (const PlanStep& step : steps) {
    total += step.operands.capacity() * sizeof(Place) + step.bytes.capacity() * sizeof(int64_t) +
             step.packs.capacity() * sizeof(int32_t) + step.name.capacity() + step.op.capacity();
  }
  return static_cast<int64_t>(total);
}

std::string_view to_string(Region region) {
  switch (region) {
    case Region::none: return "nowhere";
    case Region::arena: return "arena";
    case Region::constant: return "constant";
    case Region::state: return "state";
    case Region::input: return "input";
    case Region::output: return "output";
  }
  return "?";
}

Status verify_plan(const Plan& plan) {
  MN_CHECK(
      plan.arena_bytes >= 0 && plan.arena_bytes <= kMaxPlanBytes && plan.threads >= 1 && plan.threads <= kMaxThreads,
      "the plan's arena has ", plan.arena_bytes, " bytes for ", plan.threads, " threads");
  int64_t total = plan.arena_bytes;
  for (const PlanValue& value : plan.inputs) MN_TRY(check_value(value, "input", total));
  for (const PlanValue& value : plan.outputs) MN_TRY(check_value(value, "output", total));
  for (const PlanValue& value : plan.states) MN_TRY(check_value(value, "state", total));
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    Status status = check_step(plan, plan.steps[i]);
    if (!status.ok())
      return std::move(status.error()).in(concat({"step ", i, " '", printable(plan.steps[i].name), "'"}));
  }
  for (const PlanCopy& copy : plan.copies) {
    MN_TRY(check_place(plan, copy.from, copy.bytes, "a copy's source"));
    MN_TRY(check_place(plan, copy.to, copy.bytes, "a copy's target"));
    MN_CHECK(copy.to.region == Region::output || copy.to.region == Region::state, "a copy would write to ",
             to_string(copy.to.region));
  }
  return {};
}

}  // namespace minnow
