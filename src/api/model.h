// A model that was opened, checked and simplified, ready to be run by any number of sessions. Immutable: threads share
// it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "graph/graph.h"
#include "lower/lowering.h"
#include "ops/registry.h"
#include "passes/pipeline.h"

namespace minnow {

struct OpenOptions {
  Limits limits;
  bool map = false;      // map files instead of reading them; see map_file
  bool optimize = true;  // run the passes
  std::vector<std::string> disabled_passes;
  std::string dump_passes_folder;               // empty: no dumps
  std::vector<PassNote>* pass_notes = nullptr;  // what passes matched and what not; null: nobody asks
  std::shared_ptr<const Registry> registry;     // null: the built-in operators
  std::string folder;                           // for open_bytes: where external data may lie; empty: refused
};

class Model {
 public:
  // The format is told by content first, by the name's ending second.
  static Result<std::shared_ptr<const Model>> open_file(const std::string& path, const OpenOptions& options = {});
  // `name` stands for the file in messages. The bytes are shared, not copied.
  static Result<std::shared_ptr<const Model>> open_bytes(Bytes bytes, std::string_view name,
                                                         const OpenOptions& options = {});
  // A graph built in code. It is checked, then treated as one from a file.
  static Result<std::shared_ptr<const Model>> from_graph(Graph graph, std::string_view name,
                                                         const OpenOptions& options = {});

  const Graph& graph() const { return graph_; }
  const Registry& registry() const { return registry_ != nullptr ? *registry_ : Registry::builtin(); }
  const std::string& name() const { return name_; }
  const std::string& format() const { return format_; }  // FileFormat by name; "graph" when built in code
  int64_t file_bytes() const { return file_bytes_; }
  const Limits& limits() const { return limits_; }
  const std::vector<PassReport>& passes() const { return passes_; }
  // Plans for the sizes that were run, shared by all sessions.
  Lowering& lowering() const { return *lowering_; }

 private:
  Model() = default;
  static Status check(Model& model, const OpenOptions& options);
  static Status optimize(Model& model, const OpenOptions& options);
  static Result<std::shared_ptr<const Model>> finish(std::shared_ptr<Model> model, const OpenOptions& options);

  std::shared_ptr<const Registry> registry_;
  Graph graph_;
  std::string name_;
  std::string format_;
  int64_t file_bytes_ = 0;
  Limits limits_;
  std::vector<PassReport> passes_;
  std::unique_ptr<Lowering> lowering_;
};

// The folder part of a path ("." for a bare name), and its last part.
std::string folder_of(const std::string& path);
std::string file_name_of(const std::string& path);

}  // namespace minnow
