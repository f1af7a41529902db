// Writes every operator's cases as ONNX test folders (model.onnx, test_data_set_0) with the outputs of the references,
// so that another engine can be asked for its opinion (tests/oracle/operator_cases.py):
//   case_writer FOLDER
// Cases that ONNX has no form for (no export row, attributes it does not know) are left out. Prints how many were
// written.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "export/onnx.h"
#include "import/onnx/value.h"
#include "ops/builder.h"
#include "ops/interpreter.h"

namespace minnow {
namespace {

namespace fs = std::filesystem;

Status write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) return bad_input({"cannot write ", path.string()});
  return {};
}

Status write_case(const OpDef& op, const Case& test, const fs::path& folder) {
  Graph graph;
  Builder builder(graph);
  std::vector<ValueId> inputs;
  std::vector<Datum> given;
  for (const Datum& datum : test.inputs) {
    if (!datum.present()) {
      inputs.push_back(kNoValue);
      continue;
    }
    inputs.push_back(builder.input(concat({"in", given.size()}), Type::of(datum)));
    given.push_back(datum);
  }
  for (ValueId id : builder.add_many(op.name, inputs, test.outputs, test.attributes)) builder.output(id);
  MN_TRY(builder.status());
  MN_ASSIGN(const std::vector<Datum> results, evaluate(op.name, test.inputs, test.attributes, test.outputs));
  // Sizes that depend on values are what the reference found.
  for (size_t i = 0; i < results.size(); ++i)
    graph.values[static_cast<size_t>(graph.outputs[i])].type = Type::of(results[i]);
  MN_ASSIGN(const std::string model, export_onnx(graph));
  const fs::path data = folder / "test_data_set_0";
  fs::create_directories(data);
  MN_TRY(write_file(folder / "model.onnx", model));
  for (size_t i = 0; i < given.size(); ++i) {
    MN_ASSIGN(const std::string bytes, write_onnx_value(given[i], concat({"in", i}), Type::of(given[i])));
    MN_TRY(write_file(data / concat({"input_", i, ".pb"}), bytes));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    MN_ASSIGN(const std::string bytes, write_onnx_value(results[i], concat({"out", i}), Type::of(results[i])));
    MN_TRY(write_file(data / concat({"output_", i, ".pb"}), bytes));
  }
  return {};
}

int write_all(const fs::path& folder) {
  int written = 0, left_out = 0;
  for (const OpDef* op : Registry::builtin().all()) {
    if (op->cases == nullptr || !op->pure || op->exports.empty()) continue;
    const std::vector<Case> cases = op->cases();
    for (size_t i = 0; i < cases.size(); ++i) {
      const std::string name = concat({op->name, "_", i});
      const Status status = write_case(*op, cases[i], folder / name);
      status.ok() ? ++written : ++left_out;
      if (!status.ok()) std::fprintf(stderr, "left out %s: %s\n", name.c_str(), status.error().message.c_str());
    }
  }
  std::printf("%d cases written, %d left out\n", written, left_out);
  return written > 0 ? 0 : 1;
}

}  // namespace
}  // namespace minnow

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: case_writer FOLDER\n");
    return 2;
  }
  return minnow::write_all(argv[1]);
}
