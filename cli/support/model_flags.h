// Flags of the verbs that open and run a model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/model.h"
#include "api/session.h"
#include "cli/support/verb.h"

namespace minnow::cli {

struct ModelFlags {
  std::string path;
  bool map = false;
  bool no_passes = false;
  bool reference = false;
  std::vector<std::string> without_passes;
  std::string dump_passes;

  void declare(Arguments& arguments, const char* help = "Model file (.onnx or .mng)");
  void declare_open(Arguments& arguments);  // without the positional MODEL
  Result<std::shared_ptr<const Model>> open(const CommonFlags& common, const std::string& file,
                                            std::vector<PassNote>* notes = nullptr) const;
  Result<std::shared_ptr<const Model>> open(const CommonFlags& common) const { return open(common, path); }
  Result<std::unique_ptr<Session>> session(const CommonFlags& common, std::shared_ptr<const Model> model) const;
};

// "NAME=1,3,224,224": the name before the first '=' that is a value's name, and the dims. Also "1,3,224,224" for the
// only one.
struct NamedShape {
  std::string name;
  Dims dims;
};
Result<std::vector<NamedShape>> parse_shapes(const std::vector<std::string>& texts, const Graph& graph);
// Concrete dims of each graph input: from --shape where given, declared where known, 1 for what is left.
Result<std::vector<Dims>> input_dims(const Graph& graph, const std::vector<NamedShape>& shapes);
// The same as types, from the flags' texts.
Result<std::vector<Type>> concrete_inputs(const Graph& graph, const std::vector<std::string>& shapes);

}  // namespace minnow::cli
