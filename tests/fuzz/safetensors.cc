// safetensors files: read, and what was read is written and read again.
#include <cstdlib>

#include "fuzz.h"
#include "import/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  const Result<NamedTensors> tensors =
      read_safetensors(fuzz::bytes_of(data, size), "fuzz.safetensors", fuzz::small_limits());
  if (!tensors.ok()) return 0;
  Result<std::string> written = safetensors_bytes(*tensors);
  if (!written.ok()) return 0;
  const Result<NamedTensors> again =
      read_safetensors(Bytes::own(std::move(*written)), "again.safetensors", fuzz::small_limits());
  if (!again.ok() || again->size() != tensors->size()) std::abort();
  return 0;
}
