// ONNX's test folders: test_data_set_N/input_I.pb and output_I.pb beside a model.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/tensor.h"
#include "graph/graph.h"

namespace minnow {

struct DataSet {
  std::string folder;
  std::vector<Datum> inputs;  // in the graph's order; Datum() where there is no file
  std::vector<Datum> outputs;
};

// `folder` itself when it holds input_0.pb or output_0.pb, else its test_data_set_N folders, by number.
Result<std::vector<std::string>> list_data_sets(const std::string& folder);
// Reads what one folder holds for the graph's inputs and outputs; their types say which protobuf message a file is.
Result<DataSet> read_data_set(const std::string& folder, const Graph& graph, const Limits& limits);

}  // namespace minnow
