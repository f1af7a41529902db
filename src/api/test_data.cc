#include "api/test_data.h"

#include <algorithm>
#include <filesystem>

#include "base/bytes.h"
#include "base/text.h"
#include "import/onnx/value.h"

namespace minnow {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSetPrefix = "test_data_set_";

bool is_data_set(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "input_0.pb", error) || fs::exists(folder / "output_0.pb", error);
}

Result<std::vector<Datum>> read_values(const fs::path& folder, std::string_view kind, const Graph& graph,
                                       const std::vector<ValueId>& ids, const Limits& limits) {
  std::vector<Datum> values(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string path = (folder / concat({kind, "_", i, ".pb"})).string();
    std::error_code error;
    if (!fs::exists(path, error)) continue;
    MN_ASSIGN(const Bytes bytes, read_file(path, limits.bytes));
    MN_ASSIGN(values[i], read_onnx_value(bytes, path, graph.value(ids[i]).type, limits));
  }
  const std::string extra = (folder / concat({kind, "_", ids.size(), ".pb"})).string();
  std::error_code error;
  MN_CHECK(!fs::exists(extra, error), extra, ": the model has only ", ids.size(), " ", kind, "s");
  return values;
}

}  // namespace

Result<std::vector<std::string>> list_data_sets(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return make_error(ErrorCode::io, {printable(folder), ": not a folder"});
  if (is_data_set(folder)) return std::vector<std::string>{folder};
  std::vector<std::pair<int64_t, std::string>> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!starts_with(name, kSetPrefix) || !it->is_directory(error)) continue;
    if (const auto number = parse_int(std::string_view(name).substr(kSetPrefix.size())))
      found.emplace_back(*number, it->path().string());
  }
  if (error) return make_error(ErrorCode::io, {printable(folder), ": ", error.message()});
  MN_CHECK(!found.empty(), printable(folder), ": no test_data_set_N folder and no input_0.pb in it");
  std::sort(found.begin(), found.end());
  std::vector<std::string> folders;
  for (auto& [number, path] : found) folders.push_back(std::move(path));
  return folders;
}

Result<DataSet> read_data_set(const std::string& folder, const Graph& graph, const Limits& limits) {
  DataSet set;
  set.folder = folder;
  MN_ASSIGN(set.inputs, read_values(folder, "input", graph, graph.inputs, limits));
  MN_ASSIGN(set.outputs, read_values(folder, "output", graph, graph.outputs, limits));
  return set;
}

}  // namespace minnow
