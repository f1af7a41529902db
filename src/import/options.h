// What every model importer is told.
#pragma once

#include <string>

#include "base/limits.h"
#include "ops/registry.h"

namespace minnow {

struct ImportOptions {
  Limits limits;
  const Registry* registry = &Registry::builtin();
  std::string folder;         // of the model file, where external data may lie; empty: external data is refused
  bool map_external = false;  // map external data instead of reading it (base/bytes.h, map_file)
};

}  // namespace minnow
