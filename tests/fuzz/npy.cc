// .npy arrays: read, and what was read is written and read again.
#include <cstdlib>

#include "fuzz.h"
#include "import/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  const Result<Tensor> tensor = read_npy(fuzz::bytes_of(data, size), "fuzz.npy", fuzz::small_limits());
  if (!tensor.ok()) return 0;
  Result<std::string> written = npy_bytes(*tensor);
  if (!written.ok()) return 0;
  const Result<Tensor> again = read_npy(Bytes::own(std::move(*written)), "again.npy", fuzz::small_limits());
  if (!again.ok() || again->dtype() != tensor->dtype() || again->dims() != tensor->dims()) std::abort();
  return 0;
}
