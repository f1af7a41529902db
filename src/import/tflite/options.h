// The options of an operator as neutral attributes, read by reflection: one loop serves every operator.
#pragma once

#include "graph/attribute.h"
#include "import/tflite/model_file.h"

namespace minnow::tflite {

// The subgraph that an option refers to ("then_subgraph_index"), which becomes the attribute `then_subgraph`.
struct SubgraphOption {
  std::string attribute;
  int64_t index = 0;
};

struct Options {
  Attributes attributes;  // fields that the file states, by their names in the schema; enumerators as text
  std::vector<SubgraphOption> subgraphs;
};

// Also of custom operators: their bytes as `custom_options`, and, where these are a flexbuffers map, its entries.
Result<Options> read_options(const ModelFile& file, const schema::Operator& op);

}  // namespace minnow::tflite
