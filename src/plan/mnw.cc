#include "plan/mnw.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "base/checked.h"
#include "base/text.h"
#include "plan/plan_fields.h"

namespace minnow {
namespace {

constexpr std::string_view kMagic = "MNW1";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 64, kEntryBytes = 32;
constexpr size_t kAlignment = 64;
constexpr uint32_t kMaxSections = 64;
constexpr int64_t kMaxTensors = 1 << 20;

enum class SectionKind : uint32_t { tensors = 1, weights = 2, graph = 3, plan = 4 };

// All numbers are little-endian, which every processor that we build for is.
struct Header {
  std::array<char, 4> magic{};
  uint32_t version = 0;
  uint64_t file_bytes = 0;
  uint32_t section_count = 0;
  uint32_t table_crc = 0;  // of the section table
};
struct Section {
  SectionKind kind = SectionKind::tensors;
  uint32_t crc = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t reserved = 0;
};
static_assert(sizeof(Section) == kEntryBytes && sizeof(Header) <= kHeaderBytes);

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
uint32_t crc_of(std::string_view text) { return crc32(std::as_bytes(std::span(text))); }

struct TensorEntry {
  DType dtype = DType::undefined;
  Dims dims;
  int64_t offset = 0;  // in the weights
};

template <class Io>
void fields(Io& io, TensorEntry& entry) {
  stream::number(io, entry.dtype);
  stream::list(io, entry.dims, 64, [&](int64_t& dim) { io.integer(dim); });
  io.integer(entry.offset);
}

// Collects tensors, each once, whoever uses it.
class TensorList {
 public:
  explicit TensorList(std::vector<Tensor>& tensors) : tensors_(tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) number_.emplace(key(tensors[i]), static_cast<int32_t>(i));
  }
  int32_t add(const Tensor& tensor) {
    const auto [at, fresh] = number_.emplace(key(tensor), static_cast<int32_t>(tensors_.size()));
    if (fresh) tensors_.push_back(tensor);
    return at->second;
  }

 private:
  using Key = std::pair<const void*, std::pair<DType, Dims>>;
  static Key key(const Tensor& tensor) { return {tensor.raw().data(), {tensor.dtype(), tensor.dims()}}; }
  std::vector<Tensor>& tensors_;
  std::map<Key, int32_t> number_;
};

Result<std::string> plan_section(Plan& plan, TensorList& tensors, const std::vector<Tensor>& states) {
  std::vector<int32_t> constants, packs;
  // A constant that is only read in its packed form stays out of the file.
  std::vector<bool> read(plan.constants.size(), false);
  for (const PlanStep& step : plan.steps) {
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const bool packed = i < step.packs.size() && step.packs[i] >= 0;
      if (step.operands[i].region == Region::constant && !packed)
        read[static_cast<size_t>(step.operands[i].index)] = true;
    }
  }
  for (const PlanCopy& copy : plan.copies) {
    if (copy.from.region == Region::constant) read[static_cast<size_t>(copy.from.index)] = true;
  }
  for (size_t i = 0; i < plan.constants.size(); ++i) constants.push_back(read[i] ? tensors.add(plan.constants[i]) : -1);
  for (PlanStep& step : plan.steps) {
    for (size_t i = 0; i < step.packs.size(); ++i) {
      if (step.packs[i] >= 0 && step.operands[i].region == Region::constant) step.operands[i] = Place{};
    }
  }
  for (const Tensor& pack : plan.packs) packs.push_back(tensors.add(pack));
  for (const Tensor& state : states) packs.push_back(tensors.add(state));
  stream::Writer writer;
  if (!write_plan(writer, plan, constants, packs)) {
    std::vector<std::string> missing;
    for (const PlanStep& step : plan.steps) {
      if (step.row == nullptr && std::find(missing.begin(), missing.end(), step.op) == missing.end())
        missing.push_back(step.op);
    }
    return unsupported({"a compiled model runs kernels alone, and there is none for: ", join(missing, ", ")});
  }
  return std::move(writer).take();
}

// Where each tensor lies in the weights, and the weights.
std::string weights_section(const std::vector<Tensor>& tensors, std::vector<TensorEntry>& entries) {
  std::string weights;
  for (const Tensor& tensor : tensors) {
    weights.resize(aligned(weights.size()));
    entries.push_back({tensor.dtype(), tensor.dims(), static_cast<int64_t>(weights.size())});
    weights.append(reinterpret_cast<const char*>(tensor.raw().data()), tensor.raw().size());
  }
  return weights;
}

std::string assemble(const std::vector<std::pair<SectionKind, std::string>>& sections) {
  std::vector<Section> table;
  size_t offset = aligned(kHeaderBytes + sections.size() * kEntryBytes);
  for (const auto& [kind, data] : sections) {
    table.push_back({kind, crc_of(data), offset, data.size(), 0});
    offset = aligned(offset + data.size());
  }
  const std::string_view table_bytes(reinterpret_cast<const char*>(table.data()), table.size() * kEntryBytes);
  Header header{{'M', 'N', 'W', '1'}, kVersion, offset, static_cast<uint32_t>(sections.size()), crc_of(table_bytes)};
  std::string file(reinterpret_cast<const char*>(&header), sizeof header);
  file.reserve(offset);
  file.resize(kHeaderBytes);
  file += table_bytes;
  for (size_t i = 0; i < sections.size(); ++i) {
    file.resize(table[i].offset);
    file += sections[i].second;
  }
  file.resize(offset);
  return file;
}

// The file's sections after the checks that every reader makes.
class File {
 public:
  static Result<File> open(const Bytes& bytes) {
    File file;
    file.bytes_ = bytes;
    Header header;
    MN_CHECK(bytes.size() >= kHeaderBytes, "a compiled model has a header of ", kHeaderBytes, " bytes, this file ",
             bytes.size());
    std::memcpy(&header, bytes.data(), sizeof header);
    MN_CHECK(std::string_view(header.magic.data(), 4) == kMagic, "no compiled model: it does not start with ", kMagic);
    if (header.version != kVersion)
      return unsupported(
          {"the file has version ", header.version, ", this library reads ", kVersion, ": compile the model again"});
    MN_CHECK(header.file_bytes == bytes.size(), "the file should have ", header.file_bytes, " bytes, it has ",
             bytes.size(), ": it was cut off, or has grown");
    const size_t table_bytes = header.section_count * kEntryBytes;
    MN_CHECK(header.section_count <= kMaxSections && kHeaderBytes + table_bytes <= bytes.size(), "the file names ",
             header.section_count, " sections");
    const std::string_view table = bytes.text().substr(kHeaderBytes, table_bytes);
    MN_CHECK(crc_of(table) == header.table_crc, "the section table is damaged (its checksum differs)");
    file.sections_.resize(header.section_count);
    if (!table.empty()) std::memcpy(file.sections_.data(), table.data(), table_bytes);
    MN_TRY(file.check_unused(sizeof header, kHeaderBytes));
    uint64_t end = kHeaderBytes + table_bytes;  // sections that share bytes would make a small file large in memory
    for (const Section& section : file.sections_) {
      MN_CHECK(section.offset % kAlignment == 0 && section.offset >= end && section.offset <= bytes.size() &&
                   section.bytes <= bytes.size() - section.offset,
               "a section of ", section.bytes, " bytes at ", section.offset,
               " reaches outside the file or into the section before it");
      MN_TRY(file.check_unused(end, section.offset));
      end = section.offset + section.bytes;
    }
    MN_TRY(file.check_unused(end, bytes.size()));
    return file;
  }

  const std::vector<Section>& sections() const { return sections_; }
  std::string_view text(const Section& section) const { return bytes_.text().substr(section.offset, section.bytes); }
  Bytes part(const Section& section) const { return bytes_.part(section.offset, section.bytes); }
  const Section* find(SectionKind kind) const {
    for (const Section& section : sections_) {
      if (section.kind == kind) return &section;
    }
    return nullptr;
  }
  Status check(const Section& section, std::string_view what) const {
    MN_CHECK(crc_of(text(section)) == section.crc, "the ", what, " section is damaged (its checksum differs)");
    return {};
  }

 private:
  // No checksum covers the bytes between sections: they are zero, so that any change of the file shows.
  Status check_unused(uint64_t begin, uint64_t end) const {
    MN_CHECK(bytes_.text().substr(begin, end - begin).find_first_not_of('\0') == std::string_view::npos,
             "the file is damaged: bytes ", begin, " to ", end, " belong to no section and should be zero");
    return {};
  }

  Bytes bytes_;
  std::vector<Section> sections_;
};

Result<std::vector<Tensor>> read_tensors(const File& file) {
  const Section *index = file.find(SectionKind::tensors), *weights = file.find(SectionKind::weights);
  std::vector<Tensor> tensors;
  if (index == nullptr || weights == nullptr) return tensors;
  MN_TRY(file.check(*index, "tensor"));
  std::vector<TensorEntry> entries;
  stream::Reader reader(file.text(*index));
  stream::list(reader, entries, kMaxTensors, [&](TensorEntry& entry) { fields(reader, entry); });
  MN_CHECK(reader.ok() && reader.remaining() == 0, "the tensor section is damaged");
  Bytes data = file.part(*weights);
  if (data.size() > 0 && reinterpret_cast<uintptr_t>(data.data()) % kAlignment != 0) {
    // The file was read to an address that kernels cannot use.
    MN_ASSIGN(Tensor aligned_copy, Tensor::allocate(DType::uint8, {static_cast<int64_t>(data.size())}));
    std::memcpy(aligned_copy.mutable_data<std::byte>(), data.data(), data.size());
    data = Bytes(std::make_shared<Tensor>(aligned_copy), aligned_copy.raw());
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto width = static_cast<int64_t>(element_bytes(entries[i].dtype));
    const Result<int64_t> count = checked_element_count(entries[i].dims);
    int64_t bytes = 0, end = 0;
    const bool inside = width > 0 && count.ok() && checked_mul(*count, width, &bytes) && entries[i].offset >= 0 &&
                        entries[i].offset % static_cast<int64_t>(kAlignment) == 0 &&
                        checked_add(entries[i].offset, bytes, &end) && static_cast<uint64_t>(end) <= data.size();
    MN_CHECK(inside, "tensor ", i, " reaches outside the weights");
    const Bytes part = data.part(static_cast<size_t>(entries[i].offset), static_cast<size_t>(bytes));
    MN_ASSIGN(Tensor view, Tensor::view(entries[i].dtype, entries[i].dims, part));
    tensors.push_back(std::move(view));
  }
  return tensors;
}

// Resolves the tensors of a plan: constants (-1: not in the file), packs, then the states' initial values.
Status resolve(const CompiledModel& model, Plan& plan, const std::vector<int32_t>& constants,
               const std::vector<int32_t>& packs, std::vector<Tensor>& states) {
  const auto tensor = [&](int32_t number) -> Result<Tensor> {
    MN_CHECK(number >= 0 && static_cast<size_t>(number) < model.tensors.size(), "a plan uses tensor ", number, " of ",
             model.tensors.size());
    return model.tensors[static_cast<size_t>(number)];
  };
  for (int32_t number : constants) {
    plan.constants.emplace_back();
    if (number == -1) continue;
    MN_ASSIGN(plan.constants.back(), tensor(number));
  }
  MN_CHECK(packs.size() >= plan.states.size(), "a plan lacks its states' values");
  const size_t own = packs.size() - plan.states.size();
  for (size_t i = 0; i < packs.size(); ++i) {
    MN_ASSIGN(Tensor value, tensor(packs[i]));
    (i < own ? plan.packs : states).push_back(std::move(value));
  }
  for (size_t i = 0; i < states.size(); ++i) {
    MN_CHECK(states[i].dtype() == plan.states[i].dtype && states[i].dims() == plan.states[i].dims, "state ", i,
             " has another type than its value");
  }
  return {};
}

Status read_plan_section(std::string_view text, const Limits& limits, CompiledModel& model) {
  Plan plan;
  std::vector<int32_t> constants, packs;
  bool foreign = false;
  stream::Reader reader(text);
  Status status = read_plan(reader, plan, constants, packs, foreign);
  if (!status.ok() && foreign) {
    model.skipped.push_back(status.error().message);
    return {};
  }
  MN_TRY(std::move(status));
  std::vector<Tensor> states;
  MN_TRY(resolve(model, plan, constants, packs, states));
  MN_TRY(verify_plan(plan));
  if (plan.run_bytes() > limits.bytes)
    return over_limit({"a run takes ", plan.run_bytes(), " bytes; the limit is ", limits.bytes});
  model.states = std::move(states);
  model.plans.push_back(std::move(plan));
  return {};
}

Result<CompiledModel> read_checked(const Bytes& bytes, std::string_view name, const Limits& limits) {
  MN_ASSIGN(const File file, File::open(bytes));
  CompiledModel model;
  model.name = name;
  MN_ASSIGN(model.tensors, read_tensors(file));
  for (const Section& section : file.sections()) {
    if (section.kind == SectionKind::graph) {
      MN_TRY(file.check(section, "graph"));
      model.graph_text = file.text(section);
    } else if (section.kind == SectionKind::plan) {
      MN_TRY(file.check(section, "plan"));
      MN_TRY(read_plan_section(file.text(section), limits, model));
    }
  }
  return model;
}

}  // namespace

Result<std::string> write_mnw(CompiledModel model) {
  std::vector<std::pair<SectionKind, std::string>> sections(3);
  TensorList tensors(model.tensors);
  for (Plan& plan : model.plans) {
    MN_ASSIGN(std::string section, plan_section(plan, tensors, model.states));
    sections.emplace_back(SectionKind::plan, std::move(section));
  }
  std::vector<TensorEntry> entries;
  std::string weights = weights_section(model.tensors, entries);
  stream::Writer index;
  stream::list(index, entries, kMaxTensors, [&](TensorEntry& entry) { fields(index, entry); });
  sections[0] = {SectionKind::tensors, std::move(index).take()};
  sections[1] = {SectionKind::graph, std::move(model.graph_text)};
  sections[2] = {SectionKind::weights, std::move(weights)};
  return assemble(sections);
}

Result<CompiledModel> read_mnw(const Bytes& bytes, std::string_view name, const Limits& limits) {
  Result<CompiledModel> model = read_checked(bytes, name, limits);
  if (!model.ok()) return std::move(model.error()).in(printable(name));
  return model;
}

Status verify_weights(const Bytes& bytes, std::string_view name) {
  const auto verify = [&]() -> Status {
    MN_ASSIGN(const File file, File::open(bytes));
    for (const Section& section : file.sections()) {
      if (section.kind == SectionKind::weights) MN_TRY(file.check(section, "weights"));
    }
    return {};
  };
  Status status = verify();
  if (!status.ok()) return std::move(status.error()).in(printable(name));
  return {};
}

}  // namespace minnow
