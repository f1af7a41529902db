#include "plan/plan_fields.h"

#include "base/text.h"

namespace minnow {
namespace {

// More than any network has; a file may not ask for more memory than it is worth.
constexpr int64_t kMaxSteps = 1 << 20, kMaxValues = 1 << 16, kMaxPlaces = 1 << 12;

template <class Io>
void fields(Io& io, Place& place) {
  stream::number(io, place.region);
  stream::number(io, place.index);
  stream::number(io, place.offset);
}

template <class Io>
void fields(Io& io, PlanValue& value) {
  io.text(value.name);
  stream::number(io, value.dtype);
  stream::list(io, value.dims, 64, [&](int64_t& dim) { io.integer(dim); });
}

template <class Io>
void fields(Io& io, Operand& operand) {
  stream::number(io, operand.dtype);
  stream::number(io, operand.rank);
  if (operand.rank < 0 || operand.rank > kMaxRank) operand.rank = kMaxRank + 1;  // verify_plan refuses it
  for (int32_t d = 0; d < std::min<int32_t>(operand.rank, kMaxRank); ++d) {
    io.integer(operand.dims[static_cast<size_t>(d)]);
    io.integer(operand.strides[static_cast<size_t>(d)]);
  }
  Scheme& scheme = operand.scheme;
  stream::number(io, scheme.bits);
  stream::number(io, scheme.is_signed);
  stream::number(io, scheme.kind);
  stream::number(io, scheme.axis);
  stream::number(io, scheme.group);
}

template <class Io>
void fields(Io& io, Problem& problem) {
  stream::number(io, problem.input_count);
  stream::number(io, problem.operand_count);
  for (int32_t i = 0; i < std::min<int32_t>(problem.operand_count, kMaxOperands); ++i)
    fields(io, problem.operands[static_cast<size_t>(i)]);
  for (int64_t& value : problem.ints) io.integer(value);
  for (float& value : problem.floats) io.real(value);
  stream::number(io, problem.epilogue.activation);
  stream::number(io, problem.epilogue.residual);
  for (float& value : problem.epilogue.parameters) io.real(value);
}

template <class Io>
void fields(Io& io, PlanStep& step) {
  io.text(step.name);
  io.text(step.op);
  fields(io, step.problem);
  stream::number(io, step.node);
  io.integer(step.multiply_adds);
  stream::number(io, step.input_count);
  stream::list(io, step.operands, kMaxPlaces, [&](Place& place) { fields(io, place); });
  stream::list(io, step.bytes, kMaxPlaces, [&](int64_t& bytes) { io.integer(bytes); });
  stream::list(io, step.packs, kMaxPlaces, [&](int32_t& pack) { stream::number(io, pack); });
  io.integer(step.scratch_offset);
  io.integer(step.scratch_bytes);
}

// A row is named by its operator, its instruction set, and its place among the rows that share both.
struct RowName {
  std::string op;
  Isa isa = Isa::generic;
  int32_t ordinal = 0;
};

template <class Io>
void fields(Io& io, RowName& name) {
  io.text(name.op);
  stream::number(io, name.isa);
  stream::number(io, name.ordinal);
}

RowName name_of(const KernelRow& row) {
  RowName name{std::string(row.op), row.isa, 0};
  for (const KernelRow& other : kernel_rows()) {
    if (&other == &row) break;
    name.ordinal += other.op == row.op && other.isa == row.isa ? 1 : 0;
  }
  return name;
}

const KernelRow* find_row(const RowName& name) {
  int32_t ordinal = 0;
  for (const KernelRow& row : kernel_rows()) {
    if (row.op == name.op && row.isa == name.isa && ordinal++ == name.ordinal) return &row;
  }
  return nullptr;
}

// What stands before and after the steps.
template <class Io>
void outer_fields(Io& io, Plan& plan, std::vector<int32_t>& constants, std::vector<int32_t>& packs) {
  for (std::vector<PlanValue>* values : {&plan.inputs, &plan.outputs, &plan.states})
    stream::list(io, *values, kMaxValues, [&](PlanValue& value) { fields(io, value); });
  for (std::vector<int32_t>* tensors : {&constants, &packs})
    stream::list(io, *tensors, kMaxSteps, [&](int32_t& tensor) { stream::number(io, tensor); });
  stream::list(io, plan.copies, kMaxValues, [&](PlanCopy& copy) {
    fields(io, copy.from);
    fields(io, copy.to);
    io.integer(copy.bytes);
  });
  io.integer(plan.arena_bytes);
  io.integer(plan.live_bytes);
  stream::number(io, plan.threads);
}

}  // namespace

uint32_t kernels_fingerprint() {
  std::string text = MINNOW_VERSION " plan fields 2";
  for (const KernelRow& row : kernel_rows()) text += concat({" ", row.op, " ", to_string(row.isa)});
  return crc32(std::as_bytes(std::span(text)));
}

bool write_plan(stream::Writer& io, Plan& plan, std::vector<int32_t>& constants, std::vector<int32_t>& packs) {
  uint32_t fingerprint = kernels_fingerprint();
  stream::number(io, fingerprint);
  outer_fields(io, plan, constants, packs);
  bool all_kernels = true;
  stream::list(io, plan.steps, kMaxSteps, [&](PlanStep& step) {
    RowName name = step.row != nullptr ? name_of(*step.row) : RowName{};
    all_kernels = all_kernels && step.row != nullptr;
    fields(io, name);
    fields(io, step);
  });
  return all_kernels;
}

Status read_plan(stream::Reader& io, Plan& plan, std::vector<int32_t>& constants, std::vector<int32_t>& packs,
                 bool& foreign) {
  uint32_t fingerprint = 0;
  foreign = false;
  stream::number(io, fingerprint);
  MN_CHECK(io.ok(), "a plan is cut off");
  if (fingerprint != kernels_fingerprint()) {
    foreign = true;
    return unsupported({"a plan was made by another version or build of minnow: compile the model again"});
  }
  outer_fields(io, plan, constants, packs);
  Isa missing = Isa::generic;
  bool known = true;
  stream::list(io, plan.steps, kMaxSteps, [&](PlanStep& step) {
    RowName name;
    fields(io, name);
    fields(io, step);
    step.row = find_row(name);
    known = known && step.row != nullptr;
    if (step.row == nullptr) return io.fail();
    step.problem.op = step.row->op;
    if (!isa_available(step.row->isa)) missing = step.row->isa;
  });
  MN_CHECK(known, "a plan names a kernel that there is not");
  MN_CHECK(io.ok() && io.remaining() == 0, "a plan is damaged");
  if (missing != Isa::generic) {
    foreign = true;
    return unsupported({"a plan is for ", to_string(missing), ", which this processor lacks"});
  }
  return {};
}

}  // namespace minnow
