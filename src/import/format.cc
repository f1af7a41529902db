#include "import/format.h"

#include "base/text.h"

namespace minnow {
namespace {

struct Row {
  FileFormat format;
  std::string_view name;
  std::string_view extensions;  // separated by spaces, each with its dot
  std::string_view magic;       // at `offset`; empty: none
  size_t offset;
  std::string_view advice;  // empty: this format is opened
};

using F = FileFormat;
constexpr std::string_view kTorchAdvice =
    "a PyTorch file is a pickled program and is not opened: export it in Python with torch.onnx.export(model, inputs, "
    "\"model.onnx\"), or save its weights with safetensors.torch.save_file";
constexpr std::string_view kKerasAdvice =
    "convert it in Python: tf.lite.TFLiteConverter.from_keras_model(model).convert(), or tf2onnx";
constexpr std::string_view kTensorFlowAdvice =
    "convert it in Python: tf.lite.TFLiteConverter.from_saved_model(folder).convert(), or python -m tf2onnx.convert";
constexpr std::string_view kZipAdvice =
    "archives are not opened: unpack it and give the model inside; a PyTorch archive (.pt, .pth) is exported in Python "
    "with "
    "torch.onnx.export(model, inputs, \"model.onnx\")";

// The order matters: the first row whose magic fits wins, then the first whose extension does.
constexpr Row kRows[] = {
    {F::tflite, "TensorFlow Lite", ".tflite", "TFL3", 4, ""},
    {F::npy, "NumPy array", ".npy", std::string_view("\x93NUMPY", 6), 0, ""},
    {F::graph_text, "minnow graph (text)", ".mng", "minnow graph ", 0, ""},
    {F::compiled, "compiled minnow model", ".mnw", "MNW1", 0, ""},
    {F::gguf, "GGUF", ".gguf", "GGUF", 0, "language models in GGUF are not opened: llama.cpp runs them"},
    {F::zip, "zip archive", ".zip .npz .pt .pth .mar", std::string_view("PK\x03\x04", 4), 0, kZipAdvice},
    {F::hdf5, "HDF5 (Keras)", ".h5 .hdf5", std::string_view("\x89HDF\r\n\x1a\n", 8), 0, kKerasAdvice},
    {F::keras, "Keras", ".keras", "", 0, kKerasAdvice},
    {F::tar, "tar archive", ".tar", "ustar", 257, "archives are not opened: unpack it and give the model inside"},
    {F::tar, "gzip archive", ".gz .tgz", std::string_view("\x1f\x8b", 2), 0,
     "archives are not opened: unpack it and give the model inside"},
    {F::html, "HTML page", ".html .htm", "<!DOCTYPE", 0,
     "it is a web page, not a model: the download gave an error page"},
    {F::html, "HTML page", "", "<!doctype", 0, "it is a web page, not a model: the download gave an error page"},
    {F::html, "HTML page", "", "<html", 0, "it is a web page, not a model: the download gave an error page"},
    {F::lfs_pointer, "Git LFS pointer", "", "version https://git-lfs", 0,
     "it stands for a larger file: fetch that with git lfs pull"},
    {F::pickle, "Python pickle", ".pkl .pickle .joblib .bin", "", 0, kTorchAdvice},
    {F::safetensors, "safetensors", ".safetensors", "", 0, ""},
    {F::onnx, "ONNX", ".onnx .ort.onnx", "", 0, ""},
    {F::openvino, "OpenVINO IR", ".xml", "", 0, "give the ONNX or TensorFlow Lite model that it was made from"},
    {F::ncnn, "ncnn", ".param", "", 0, "give the ONNX model that it was made from"},
    {F::mnn, "MNN", ".mnn", "", 0, "give the ONNX or TensorFlow Lite model that it was made from"},
    {F::core_ml, "Core ML", ".mlmodel .mlpackage", "", 0, "export the original model to ONNX"},
    {F::saved_model, "TensorFlow graph", ".pb", "", 0, kTensorFlowAdvice},
};

bool has_extension(const Row& row, std::string_view path) {
  for (const std::string_view extension : split(row.extensions, ' ')) {
    if (!extension.empty() && ends_with(path, extension)) return true;
  }
  return false;
}

// A pickle of protocol 2 or newer starts with PROTO and its version, and torch.save's old form is one.
bool is_pickle(std::string_view text) { return text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5; }

// The header's length in 8 bytes, then a JSON object.
bool is_safetensors(std::string_view text) {
  if (text.size() < 10 || text[8] != '{' || text[6] != '\0' || text[7] != '\0') return false;
  const char next = text[9];
  return next == '"' || next == '}' || next == ' ' || next == '\n';
}

// ModelProto's first field as every exporter writes it: ir_version, a varint below 128 (or the graph, field 7).
bool looks_like_onnx(std::string_view text) {
  return text.size() > 4 && ((text[0] == 0x08 && text[1] > 0 && (text[2] & 0x07) <= 2) || text[0] == 0x3a);
}

}  // namespace

std::string_view to_string(FileFormat format) {
  for (const Row& row : kRows) {
    if (row.format == format) return row.name;
  }
  return "unknown format";
}

FileFormat detect_format(const Bytes& file, std::string_view path) {
  const std::string_view text = file.text();
  for (const Row& row : kRows) {
    if (row.magic.empty() || text.size() < row.offset) continue;
    if (!starts_with(text.substr(row.offset), row.magic)) continue;
    // A Keras file is a zip archive, and better named by what it holds.
    return row.format == F::zip && ends_with(lower_ascii(path), ".keras") ? F::keras : row.format;
  }
  if (is_safetensors(text)) return F::safetensors;
  if (is_pickle(text)) return F::pickle;
  const std::string name = lower_ascii(path);
  for (const Row& row : kRows) {
    if (has_extension(row, name)) return row.format;
  }
  return looks_like_onnx(text) ? F::onnx : F::unknown;
}

Error refuse_format(FileFormat format, std::string_view path) {
  const std::string_view file = path.empty() ? std::string_view("the file") : path;
  for (const Row& row : kRows) {
    if (row.format != format) continue;
    if (row.advice.empty()) return internal_error({printable(file), ": ", row.name, " files are opened"});
    return unsupported({printable(file), ": ", row.name, ": ", row.advice});
  }
  return bad_input({printable(file), ": neither ONNX, TensorFlow Lite nor one of minnow's own files"});
}

}  // namespace minnow
