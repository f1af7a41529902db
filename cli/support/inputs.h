// A model's inputs from the command line: files, folders, pictures, literal values, random numbers.
#pragma once

#include <string>
#include <vector>

#include "api/catalogue.h"
#include "cli/support/model_flags.h"

namespace minnow::cli {

struct InputFlags {
  std::vector<std::string> in;
  bool random = false;
  std::vector<std::string> shapes;
  std::string size, mean, scale, color, layout;

  void declare(Arguments& arguments);
  // One datum for each graph input, in order. `contract`: how pictures enter when the flags do not say.
  Result<std::vector<Datum>> read(const Graph& graph, const CommonFlags& common, const InputContract& contract) const;
};

// The catalogue's model with these bytes, or null.
const CatalogueModel* catalogue_model_of(const std::string& path);
// Its input contract, or an empty one.
InputContract contract_of_file(const std::string& path);

}  // namespace minnow::cli
