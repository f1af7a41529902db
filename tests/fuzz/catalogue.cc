// The catalogue of models, as JSON from a user's file.
#include <cstdlib>

#include "api/catalogue.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  const Result<Catalogue> catalogue = parse_catalogue(fuzz::bytes_of(data, size).text(), "fuzz.json");
  if (!catalogue.ok()) return 0;
  for (const CatalogueModel& model : catalogue->models) {
    if (catalogue->find(model.name) != &model || catalogue->find_by_sha256(model.files[0].sha256) == nullptr)
      std::abort();
  }
  return 0;
}
