// Where the files of the catalogue's models are on this machine.
#include <sys/stat.h>

#include <cstdlib>

#include "api/catalogue.h"
#include "base/sha256.h"
#include "base/text.h"

namespace minnow {
namespace {

bool is_file(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

std::string cache_folder() {
  if (const char* own = std::getenv("MINNOW_CACHE"); own != nullptr && *own != '\0') return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0') return concat({xdg, "/minnow"});
  const char* home = std::getenv("HOME");
  return concat({home != nullptr && *home != '\0' ? home : ".", "/.cache/minnow"});
}

Result<std::string> find_model_file(const CatalogueModel& model, const CatalogueFile& file) {
  std::vector<std::string> candidates;
  if (const char* mirror = std::getenv("MINNOW_DATA"); mirror != nullptr && *mirror != '\0') {
    if (!file.mirror.empty()) candidates.push_back(concat({mirror, "/", file.mirror}));
    candidates.push_back(concat({mirror, "/", model.name, "/", file.name}));
  }
  candidates.push_back(concat({cache_folder(), "/", model.name, "/", file.name}));
  for (const std::string& path : candidates) {
    if (!is_file(path)) continue;
    MN_ASSIGN(const Bytes bytes, read_file(path));
    if (sha256_hex(bytes.view()) == file.sha256) return path;
  }
  return make_error(ErrorCode::io, {"'", file.name, "' of model '", model.name,
                                    "' is not here yet: run `minnow models get ", model.name, "`"});
}

}  // namespace minnow
