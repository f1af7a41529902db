// A node as it stands in a model file, before an operator's import row turns it into ours. Neutral: neither importer
// nor operator sees the other's types (design, contract 1).
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace minnow {

// What a file says of a value whose elements are codes: real = scale (code - zero point), with one scale for the whole
// tensor or one for each slice along `axis`.
struct Quantization {
  Tensor scale;  // float32, 0-D or 1-D
  Tensor zero_point;
  int64_t axis = 0;
  bool present() const { return scale.valid(); }
};

struct ImportedNode {
  std::string domain;   // "ai.onnx", "ai.onnx.ml", "com.microsoft", "tflite", …; never empty
  std::string op;       // "Conv"
  int64_t version = 0;  // operator set (ONNX) or operator version (TFLite)
  std::string name;
  std::vector<ValueId> inputs;       // kNoValue where an optional input is absent
  std::vector<std::string> outputs;  // names; empty where an output is not wanted
  Attributes attributes;             // subgraphs closed already: their captured values are appended to `inputs`
  int32_t captures = 0;              // how many of the last inputs are captured values
  // Of formats that state them for every value (TFLite); empty for the others.
  std::vector<Type> output_types;
  std::vector<Quantization> input_quantization;
  std::vector<Quantization> output_quantization;
};

}  // namespace minnow
