// What kind of file this is, from its first bytes and its name, and what to do about the kinds that are not opened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace minnow {

enum class FileFormat : uint8_t {
  unknown,
  onnx,
  tflite,
  safetensors,
  npy,
  graph_text,
  compiled,  // opened
  gguf,
  zip,
  pickle,
  hdf5,
  keras,
  tar,
  html,
  lfs_pointer,
  openvino,
  ncnn,
  mnn,
  core_ml,
  saved_model,  // recognised, refused
};

std::string_view to_string(FileFormat format);
// `path` may be empty; its extension decides only where the bytes do not (ONNX files have no mark of their own).
FileFormat detect_format(const Bytes& file, std::string_view path);
// For formats that are not opened: what the file is and what to do instead ("convert it with …").
Error refuse_format(FileFormat format, std::string_view path);

}  // namespace minnow
