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

bool overlap(const Place& a, int64_t a_bytes, const Place& b, int64_t b_bytes) {
  return a.region == b.region && a.region != Region::none && (a.region == Region::arena || a.index == b.index) &&
         a.offset < b.offset + b_bytes && b.offset < a.offset + a_bytes;
}

// The bytes that a kernel touches of an operand: up to its last element. -1: more than can be.
int64_t extent_bytes(const Operand& operand) {
  int64_t last = 0;
  for (int32_t d = 0; d < operand.rank; ++d) {
    const int64_t dim = operand.dims[static_cast<size_t>(d)], stride = operand.strides[static_cast<size_t>(d)];
    int64_t reach = 0;
    if (dim == 0) return 0;
    if (dim < 0 || stride < 0 || !checked_mul(dim - 1, stride, &reach) || !checked_add(last, reach, &last)) return -1;
  }
  int64_t bytes = 0;
  const auto width = static_cast<int64_t>(element_bytes(operand.dtype));
  return checked_add(last, 1, &last) && checked_mul(last, width, &bytes) ? bytes : -1;
}

Status check_kernel(const Plan& plan, const PlanStep& step) {
  const Problem& problem = step.problem;
  MN_CHECK(problem.op == step.row->op, "the row is for ", step.row->op, ", the problem for ", problem.op);
  MN_CHECK(problem.operand_count >= 1 && problem.operand_count <= kMaxOperands && problem.input_count >= 0 &&
               problem.input_count < problem.operand_count,
           "the problem has ", problem.operand_count, " operands");
  MN_CHECK(
      step.operands.size() == static_cast<size_t>(problem.operand_count) && step.input_count == problem.input_count,
      "expected ", problem.operand_count, " operands, got ", step.operands.size());
  MN_CHECK(step.packs.size() == static_cast<size_t>(step.input_count), "expected ", step.input_count, " packs, got ",
           step.packs.size());
  for (int32_t i = 0; i < problem.operand_count; ++i) {
    const Operand& operand = problem.operands[static_cast<size_t>(i)];
    MN_CHECK(operand.rank >= 0 && operand.rank <= kMaxRank, "operand ", i, " has rank ", operand.rank);
    const int64_t extent = extent_bytes(operand);
    const bool absent = step.operands[static_cast<size_t>(i)].region == Region::none;
    const bool packed = i < step.input_count && step.packs[static_cast<size_t>(i)] >= 0;
    MN_CHECK(absent ? packed || operand.dtype == DType::undefined
                    : extent >= 0 && extent <= step.bytes[static_cast<size_t>(i)],
             "operand ", i, " reaches ", extent, " bytes, got ", step.bytes[static_cast<size_t>(i)]);
  }
  MN_CHECK(step.row->accepts(problem), "the row does not take the problem");
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
  MN_CHECK(step.scratch_bytes >= scratch, "needs ", scratch, " bytes of scratch, got ", step.scratch_bytes);
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
  MN_CHECK(plan.arena_bytes >= 0 && plan.threads >= 1, "the plan's arena has ", plan.arena_bytes, " bytes for ",
           plan.threads, " threads");
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
