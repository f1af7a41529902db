#include "import/tflite/model_file.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/text.h"

namespace minnow::tflite {
namespace {

constexpr uint32_t kSchemaVersion = 3;
// A model's tables nest five deep; the rest is room for what is not known yet.
constexpr uint32_t kMaxTableDepth = 16;
// A tensor takes two tables and an operator three; offsets may share tables, so that small files can name many.
constexpr int64_t kTablesPerNode = 16;
// Where the bytes of a buffer lie outside the flatbuffer, the offset is larger than this (0 and 1 mean none).
constexpr uint64_t kFirstOutsideOffset = 1;
// Alignment of the widest scalar in the schema.
constexpr size_t kAlignment = 8;

Status check_range(uint64_t offset, uint64_t size, size_t file_bytes, std::string_view what, int64_t index) {
  MN_CHECK(offset <= file_bytes && size <= file_bytes - offset, what, " ", index, ": ", size, " bytes at offset ",
           offset, " lie outside the file of ", file_bytes, " bytes");
  return {};
}

Status check_indices(std::span<const int32_t> indices, int64_t count, int64_t lowest, std::string_view what) {
  for (const int32_t index : indices) {
    MN_CHECK(index >= lowest && index < count, what, ": tensor ", index, " of ", count, " does not exist");
  }
  return {};
}

// What is checked of the whole file; counts go across its subgraphs.
class FileCheck {
 public:
  FileCheck(const ModelFile& file, const Limits& limits) : file_(file), limits_(limits) {}

  Status run() {
    const schema::Model& model = *file_.model;
    if (model.version() != kSchemaVersion) {
      return unsupported({"schema version ", model.version(), " is not supported: expected ", kSchemaVersion,
                          " (convert the model again with TensorFlow 1.13 or newer)"});
    }
    MN_CHECK(size_of(model.subgraphs()) > 0, "there is no subgraph in it");
    MN_TRY(check_buffers());
    MN_TRY(check_operator_codes());
    for (uint32_t i = 0; i < model.subgraphs()->size(); ++i) {
      Status status = check_subgraph(file_.subgraph(i));
      if (!status.ok()) return i == 0 ? std::move(status) : std::move(status.error()).in(concat({"subgraph ", i}));
    }
    return check_names();
  }

 private:
  Status check_buffers() {
    const auto* buffers = file_.model->buffers();
    for (uint32_t i = 0; i < size_of(buffers); ++i) {
      const schema::Buffer& buffer = *buffers->Get(i);
      if (buffer.offset() <= kFirstOutsideOffset) continue;
      MN_TRY(check_range(buffer.offset(), buffer.size(), file_.bytes.size(), "buffer", i));
    }
    return {};
  }

  Status check_operator_codes() {
    const auto* codes = file_.model->operator_codes();
    for (uint32_t i = 0; i < size_of(codes); ++i) {
      const schema::OperatorCode& code = *codes->Get(i);
      const OperatorName name = operator_name(code);
      MN_CHECK(!name.name.empty(), "operator code ", i, ": ",
               code.builtin_code() == schema::BuiltinOperator_CUSTOM ? "a custom operator without a name"
                                                                     : "not a builtin operator of this format: ",
               code.builtin_code() == schema::BuiltinOperator_CUSTOM ? "" : concat({int{code.builtin_code()}}));
    }
    return {};
  }

  Status check_tensors(const schema::SubGraph& graph) {
    const auto* tensors = graph.tensors();
    MN_TRY(count(size_of(tensors)));
    for (uint32_t i = 0; i < size_of(tensors); ++i) {
      const schema::Tensor& tensor = *tensors->Get(i);
      const auto where = [&] { return concat({"tensor ", i, " ('", printable(text_of(tensor.name())), "')"}); };
      MN_CHECK(tensor.buffer() == 0 || tensor.buffer() < size_of(file_.model->buffers()), where(), ": buffer ",
               tensor.buffer(), " of ", size_of(file_.model->buffers()), " does not exist");
      const schema::QuantizationParameters* parameters = tensor.quantization();
      MN_TRY(count(int64_t{size_of(tensor.shape())} + (parameters == nullptr ? 0 : size_of(parameters->scale()))));
      for (const int32_t dim : ints_of(tensor.shape())) {
        MN_CHECK(dim >= 0, where(), ": dimension ", dim, " is negative");
      }
    }
    return {};
  }

  Status check_operator(const schema::Operator& op, int64_t tensors) {
    MN_CHECK(op.opcode_index() < size_of(file_.model->operator_codes()), "operator code ", op.opcode_index(), " of ",
             size_of(file_.model->operator_codes()), " does not exist");
    MN_TRY(count(int64_t{size_of(op.inputs())} + size_of(op.outputs())));
    MN_TRY(check_indices(ints_of(op.inputs()), tensors, -1, "input"));
    MN_TRY(check_indices(ints_of(op.outputs()), tensors, -1, "output"));
    if (op.large_custom_options_offset() > kFirstOutsideOffset) {
      MN_TRY(check_range(op.large_custom_options_offset(), op.large_custom_options_size(), file_.bytes.size(),
                         "custom options of code", op.opcode_index()));
    }
    return {};
  }

  Status check_subgraph(const schema::SubGraph& graph) {
    MN_TRY(check_tensors(graph));
    const int64_t tensors = size_of(graph.tensors());
    MN_TRY(check_indices(ints_of(graph.inputs()), tensors, 0, "graph input"));
    MN_TRY(check_indices(ints_of(graph.outputs()), tensors, 0, "graph output"));
    MN_TRY(count(int64_t{size_of(graph.inputs())} + size_of(graph.outputs())));
    const auto* operators = graph.operators();
    operators_ += size_of(operators);
    if (operators_ > limits_.nodes) {
      return over_limit({"the model has more than ", limits_.nodes, " operators (raise it with Limits.nodes)"});
    }
    for (uint32_t i = 0; i < size_of(operators); ++i) {
      Status status = check_operator(*operators->Get(i), tensors);
      if (!status.ok()) return std::move(status.error()).in(concat({"operator ", i}));
    }
    return {};
  }

  Status check_names() {
    const auto* signatures = file_.model->signature_defs();
    for (uint32_t i = 0; i < size_of(signatures); ++i) {
      const schema::SignatureDef& signature = *signatures->Get(i);
      const uint32_t index = signature.subgraph_index();
      MN_TRY(count(int64_t{size_of(signature.inputs())} + size_of(signature.outputs())));
      MN_CHECK(index < size_of(file_.model->subgraphs()), "signature '", printable(text_of(signature.signature_key())),
               "': subgraph ", index, " does not exist");
      const uint32_t tensors = size_of(file_.subgraph(index).tensors());
      for (const auto* maps : {signature.inputs(), signature.outputs()}) {
        for (uint32_t k = 0; k < size_of(maps); ++k) {
          MN_CHECK(maps->Get(k)->tensor_index() < tensors, "signature '", printable(text_of(signature.signature_key())),
                   "': tensor ", maps->Get(k)->tensor_index(), " does not exist");
        }
      }
    }
    const auto* metadata = file_.model->metadata();
    for (uint32_t i = 0; i < size_of(metadata); ++i) {
      MN_CHECK(metadata->Get(i)->buffer() < size_of(file_.model->buffers()), "metadata '",
               printable(text_of(metadata->Get(i)->name())), "': buffer ", metadata->Get(i)->buffer(),
               " does not exist");
    }
    return {};
  }

  // Tables may share their lists in the file: the sum is what an import would take.
  Status count(int64_t values) {
    values_ += values;
    if (values_ > limits_.nodes * kTablesPerNode) {
      return over_limit({"the lists of the model have more than ", limits_.nodes * kTablesPerNode,
                         " entries (raise it with Limits.nodes)"});
    }
    return {};
  }

  const ModelFile& file_;
  const Limits& limits_;
  int64_t operators_ = 0, values_ = 0;
};

}  // namespace

Result<ModelFile> ModelFile::open(const Bytes& file, const Limits& limits) {
  MN_CHECK(file.size() != 0, "the file is empty");
  MN_CHECK(file.size() >= 8 && file.text().substr(4, 4) == "TFL3",
           "the file identifier is not TFL3: not a TensorFlow Lite model");
  ModelFile out;
  out.bytes = file;
  if (reinterpret_cast<uintptr_t>(file.data()) % kAlignment != 0) {
    out.bytes = Bytes::own(std::vector<std::byte>(file.view().begin(), file.view().end()));
  }
  const auto* data = reinterpret_cast<const uint8_t*>(out.bytes.data());
  const int64_t tables = std::min<int64_t>(std::max<int64_t>(limits.nodes, 1), INT32_MAX / kTablesPerNode);
  // The verifier asserts that offsets fit its type; what lies behind the flatbuffer is reached by 64-bit offsets.
  const size_t extent = std::min<size_t>(out.bytes.size(), FLATBUFFERS_MAX_BUFFER_SIZE - 1);
  flatbuffers::Verifier verifier(data, extent, kMaxTableDepth, static_cast<uint32_t>(tables * kTablesPerNode));
  MN_CHECK(schema::VerifyModelBuffer(verifier),
           "the file is damaged, cut off, or larger than its limits: an offset or a size in it does not fit (",
           out.bytes.size(), " bytes)");
  out.model = schema::GetModel(data);
  MN_TRY(FileCheck(out, limits).run());
  return out;
}

Bytes ModelFile::buffer(uint32_t index) const {
  if (index >= size_of(model->buffers())) return {};
  const schema::Buffer& buffer = *model->buffers()->Get(index);
  if (buffer.offset() > kFirstOutsideOffset) return bytes.part(buffer.offset(), buffer.size());
  if (buffer.data() == nullptr) return {};
  const auto* begin = reinterpret_cast<const std::byte*>(buffer.data()->data());
  return bytes.part(static_cast<size_t>(begin - bytes.data()), buffer.data()->size());
}

Bytes ModelFile::custom_options(const schema::Operator& op) const {
  if (op.large_custom_options_offset() > kFirstOutsideOffset) {
    return bytes.part(op.large_custom_options_offset(), op.large_custom_options_size());
  }
  if (op.custom_options() == nullptr) return {};
  const auto* begin = reinterpret_cast<const std::byte*>(op.custom_options()->data());
  return bytes.part(static_cast<size_t>(begin - bytes.data()), op.custom_options()->size());
}

OperatorName operator_name(const schema::OperatorCode& code) {
  // Codes above 127 did not fit the first field, which then holds 127; older files have the first field alone.
  const int32_t number = std::max<int32_t>(code.deprecated_builtin_code(), code.builtin_code());
  if (number == schema::BuiltinOperator_CUSTOM) return {"tflite.custom", text_of(code.custom_code()), code.version()};
  if (number < schema::BuiltinOperator_MIN || number > schema::BuiltinOperator_MAX) return {};
  return {"tflite", schema::EnumNameBuiltinOperator(static_cast<schema::BuiltinOperator>(number)), code.version()};
}

std::string describe(const ModelFile& file, const schema::Operator& op, int64_t position) {
  const OperatorName name = operator_name(*file.model->operator_codes()->Get(op.opcode_index()));
  return concat({"operator ", position, " (", printable(name.name), ")"});
}

}  // namespace minnow::tflite
