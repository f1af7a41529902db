// The catalogue of models, as JSON from a user's file.
#include "api/catalogue.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  const Result<Catalogue> catalogue = parse_catalogue(fuzz::bytes_of(data, size).text(), "fuzz.json");
  if (catalogue.ok()) (void)catalogue->find("any");
  return 0;
}
