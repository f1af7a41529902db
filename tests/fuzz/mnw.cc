// Compiled models: whatever the plan says, it is refused or every step runs inside its operands. Checksums are made
// right first, so that what is tried gets to the plan. `fuzz_mnw --seeds FOLDER` writes a compiled model for each case
// of each operator that has kernels.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "api/compile.h"
#include "base/text.h"
#include "fuzz.h"
#include "ops/builder.h"
#include "ops/op.h"
#include "plan/mnw.h"
#include "plan/plan_fields.h"
#include "run/executor.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace minnow;

// Where docs/formats.md has the fields that the checksums concern.
constexpr size_t kHeaderBytes = 64, kEntryBytes = 32, kFileBytes = 8, kCount = 16, kTableCrc = 20;
constexpr size_t kEntryCrc = 4, kEntryOffset = 8, kEntrySize = 16;
constexpr uint32_t kPlan = 4;

template <class T>
T number_at(std::string_view file, size_t at) {
  T value{};
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}
template <class T>
void put(std::string& file, size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}
uint32_t crc_of(std::string_view bytes) { return crc32(std::as_bytes(std::span(bytes))); }

struct Part {
  size_t entry;  // where its row of the table lies
  uint32_t kind;
  size_t offset, size;
};

// The sections that lie inside the file.
std::vector<Part> parts_of(std::string_view file) {
  std::vector<Part> parts;
  if (file.size() < kHeaderBytes) return parts;
  const auto count = number_at<uint32_t>(file, kCount);
  for (size_t i = 0; i < count && i < 64 && kHeaderBytes + (i + 1) * kEntryBytes <= file.size(); ++i) {
    const size_t entry = kHeaderBytes + i * kEntryBytes;
    const auto offset = number_at<uint64_t>(file, entry + kEntryOffset),
               size = number_at<uint64_t>(file, entry + kEntrySize);
    if (offset <= file.size() && size <= file.size() - offset)
      parts.push_back({entry, number_at<uint32_t>(file, entry), offset, size});
  }
  return parts;
}

// A plan is for one build of the kernels: seeds live longer when it is for this one.
void set_fingerprint(std::string& file, const Part& part) {
  uint32_t fingerprint = kernels_fingerprint();
  stream::Writer writer;
  stream::number(writer, fingerprint);
  const std::string own = std::move(writer).take();
  size_t length = 1;
  while (length < part.size && (file[part.offset + length - 1] & 0x80) != 0) ++length;
  if (length == own.size()) file.replace(part.offset, length, own);
}

void repair(std::string& file) {
  if (file.size() < kHeaderBytes) return;
  put<uint64_t>(file, kFileBytes, file.size());
  for (const Part& part : parts_of(file)) {
    if (part.kind == kPlan) set_fingerprint(file, part);
    put<uint32_t>(file, part.entry + kEntryCrc, crc_of(std::string_view(file).substr(part.offset, part.size)));
  }
  const size_t table = number_at<uint32_t>(file, kCount) * kEntryBytes;
  if (table <= file.size() - kHeaderBytes)
    put<uint32_t>(file, kTableCrc, crc_of(std::string_view(file).substr(kHeaderBytes, table)));
}

Tensor buffer(int64_t bytes) {
  Tensor made = Tensor::allocate(DType::uint8, {bytes}).value();
  std::memset(made.mutable_data<std::byte>(), 0, static_cast<size_t>(bytes));
  return made;
}

std::vector<Tensor> buffers(const std::vector<PlanValue>& values) {
  std::vector<Tensor> made;
  for (const PlanValue& value : values) made.push_back(buffer(value.bytes()));
  return made;
}

bool stop(void* budget) { return !static_cast<Budget*>(budget)->step(0).ok(); }

// Runs a plan with every operand of a step in memory of its own, as long as the problem says: what the address
// sanitizer cannot see inside one arena, it sees here.
class Isolated {
 public:
  explicit Isolated(const Plan& plan)
      : plan_(plan),
        arena_(buffer(plan.arena_bytes)),
        inputs_(buffers(plan.inputs)),
        outputs_(buffers(plan.outputs)),
        states_(buffers(plan.states)) {}

  void run() {
    for (const PlanStep& step : plan_.steps) {
      if (!budget_.step().ok()) return;
      run(step);
    }
  }

 private:
  std::byte* address(const Place& place) {
    const auto i = static_cast<size_t>(place.index);
    Tensor constant;
    switch (place.region) {
      case Region::arena: return arena_.mutable_data<std::byte>() + place.offset;
      case Region::constant: constant = plan_.constants[i]; return constant.mutable_data<std::byte>() + place.offset;
      case Region::state: return states_[i].mutable_data<std::byte>() + place.offset;
      case Region::input: return inputs_[i].mutable_data<std::byte>() + place.offset;
      case Region::output: return outputs_[i].mutable_data<std::byte>() + place.offset;
      default: return nullptr;
    }
  }

  void run(const PlanStep& step) {
    std::array<Tensor, kMaxOperands> own, packs;
    std::array<const void*, kMaxOperands> inputs{}, packed{};
    std::array<void*, kMaxOperands> outputs{};
    uint32_t packed_bits = 0;
    const auto count = static_cast<size_t>(step.input_count);
    for (size_t o = 0; o < step.operands.size(); ++o) {
      if (step.operands[o].region == Region::none) continue;
      for (size_t before = 0; o >= count && before < count; ++before) {
        if (step.operands[before] == step.operands[o]) own[o] = own[before];  // in place
      }
      const Operand& operand = step.problem.operands[o];
      const int64_t bytes = operand.elements() * static_cast<int64_t>(element_bytes(operand.dtype));
      if (!own[o].valid() || own[o].bytes() != bytes) own[o] = buffer(bytes);
      std::memcpy(own[o].mutable_data<std::byte>(), address(step.operands[o]), static_cast<size_t>(bytes));
      if (o < count) inputs[o] = own[o].raw().data();
      if (o >= count) outputs[o - count] = own[o].mutable_data<std::byte>();
    }
    for (size_t i = 0; i < count; ++i) {
      if (step.packs[i] < 0) continue;
      packs[i] = buffer(step.row->pack_bytes(*step.row, step.problem, static_cast<int>(i)));
      std::memcpy(packs[i].mutable_data<std::byte>(), plan_.packs[static_cast<size_t>(step.packs[i])].raw().data(),
                  packs[i].raw().size());
      packed[i] = packs[i].raw().data();
      packed_bits |= 1u << i;
    }
    Tensor scratch = buffer(scratch_bytes(*step.row, step.problem, 1, packed_bits));
    KernelCall call;
    call.row = step.row;
    call.problem = &step.problem;
    call.inputs = inputs.data();
    call.packed = packed.data();
    call.outputs = outputs.data();
    call.scratch = scratch.mutable_data<std::byte>();
    call.stop = stop;
    call.stop_context = &budget_;
    step.row->run(call);
    for (size_t o = count; o < step.operands.size(); ++o)
      std::memcpy(address(step.operands[o]), own[o].raw().data(), own[o].raw().size());
  }

  static Limits limits() {
    Limits limits = fuzz::small_limits();
    limits.steps = 200;
    return limits;
  }

  const Plan& plan_;
  Tensor arena_;
  std::vector<Tensor> inputs_, outputs_, states_;
  Budget budget_{limits()};
};

// As the runtime does it: one arena.
void run_together(const Plan& plan) {
  Limits limits = fuzz::small_limits();
  limits.steps = 200;
  Budget budget(limits);
  Tensor arena = buffer(plan.arena_bytes);
  std::vector<Tensor> tensors[] = {buffers(plan.inputs), buffers(plan.outputs), buffers(plan.states)};
  std::vector<void*> pointers[3];
  for (size_t k = 0; k < 3; ++k) {
    for (Tensor& tensor : tensors[k]) pointers[k].push_back(tensor.mutable_data<std::byte>());
  }
  const std::vector<const void*> inputs(pointers[0].begin(), pointers[0].end());
  PlanRun run;
  run.budget = &budget;
  const Status status = run_plan(plan, {arena.mutable_data<std::byte>(), inputs, pointers[1], pointers[2]}, run);
  (void)status;
}

std::string compiled_case(const OpDef& op, const Case& one, bool only_first) {
  Graph graph;
  Builder b(graph);
  std::vector<ValueId> ids;
  std::vector<Type> types;
  for (const Datum& datum : one.inputs) {
    const bool tensor = datum.present() && datum.kind == Datum::Kind::tensor;
    const bool is_input = tensor && is_float(datum.tensor.dtype()) && (types.empty() || !only_first);
    if (is_input) types.push_back(Type::of(datum));
    ids.push_back(!tensor    ? kNoValue
                  : is_input ? b.input("x" + std::to_string(types.size()), types.back())
                             : b.constant(datum.tensor));
  }
  for (ValueId id : b.add_many(op.name, ids, one.outputs, one.attributes)) {
    if (id != kNoValue) b.output(id);
  }
  if (!b.status().ok()) return "";
  const auto model = Model::from_graph(std::move(graph), "seed");
  if (!model.ok()) return "";
  CompileOptions options;
  options.isas = {best_isa(), Isa::generic};
  const Result<Compiled> made = compile_model(**model, types, options);
  return made.ok() ? made->bytes : "";
}

int write_seeds(const std::string& folder) {
  int count = 0;
  for (const OpDef* op : Registry::builtin().all()) {
    int number = 0;
    for (const Case& one : op->cases != nullptr ? op->cases() : std::vector<Case>()) {
      for (bool only_first : {true, false}) {
        const std::string file = compiled_case(*op, one, only_first);
        if (file.empty() || file.size() > (16u << 10)) continue;
        const std::string path = folder + "/" + std::string(op->name) + "_" + std::to_string(number++);
        count += write_file_atomically(path, file).ok() ? 1 : 0;
      }
    }
  }
  std::printf("%d compiled models\n", count);
  return count > 0 ? 0 : 1;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  if (*count == 3 && std::string_view((*arguments)[1]) == "--seeds") std::exit(write_seeds((*arguments)[2]));
  return 0;
}

// Changes one section and puts it back at its place, the ones behind it moved along: the mutations of libFuzzer, which
// know no offsets, would break the table nearly always.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  const std::vector<Part> parts = parts_of(file);
  if (parts.empty() || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  size_t chosen = seed / 16 % parts.size();
  for (size_t i = 0; i < parts.size() && seed / 64 % 8 != 0 && parts[chosen].kind != kPlan; ++i)
    chosen = (chosen + 1) % parts.size();
  std::string made = file.substr(0, kHeaderBytes + number_at<uint32_t>(file, kCount) % 65 * kEntryBytes);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].entry + kEntryBytes > made.size()) return LLVMFuzzerMutate(data, size, max_size);
    std::string section = file.substr(parts[i].offset, parts[i].size);
    if (i == chosen) {
      section.resize(section.size() + 64);
      const size_t length = LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(section.data()), parts[i].size, section.size());
      section.resize(length);
    }
    made.resize((made.size() + 63) / 64 * 64);
    put<uint64_t>(made, parts[i].entry + kEntryOffset, made.size());
    put<uint64_t>(made, parts[i].entry + kEntrySize, section.size());
    made += section;
  }
  if (made.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  repair(made);
  std::memcpy(data, made.data(), made.size());
  return made.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  repair(file);
  const Bytes bytes = Bytes::own(std::move(file));
  Limits limits = fuzz::small_limits();
  limits.bytes = 256 << 10;  // a step's work is the product of what its operands hold
  const Result<Graph> graph = graph_of_compiled(bytes, "fuzz.mnw", limits);
  (void)graph;
  const Status weights = verify_weights(bytes, "fuzz.mnw");
  (void)weights;
  const Result<CompiledModel> model = read_mnw(bytes, "fuzz.mnw", limits);
  if (!model.ok()) return 0;
  for (const Plan& plan : model->plans) {
    int64_t input_bytes = 0;
    for (const PlanValue& input : plan.inputs) input_bytes += input.bytes();
    if (input_bytes > limits.bytes) continue;
    run_together(plan);
    Isolated(plan).run();
  }
  return 0;
}
