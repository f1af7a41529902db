// Package archives: the member that the corpus' archives have, from zip and from tar.gz.
#include "api/archive.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace minnow;
  const Bytes archive = fuzz::bytes_of(data, size);
  constexpr int64_t kMaxBytes = 1 << 20;
  (void)read_zip_member(archive, "a.txt", kMaxBytes).ok();
  (void)read_tar_gz_member(archive, "a.txt", kMaxBytes).ok();
  return 0;
}
