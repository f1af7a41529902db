#include "base/pages.h"

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace minnow {

void page_out(std::span<const std::byte> bytes) {
#if defined(MADV_PAGEOUT)
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(bytes.data()) + page - 1) / page * page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size()) / page * page;
  // Unlike MADV_DONTNEED, this never loses what was written. A failure (an old kernel) costs memory, nothing else.
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_PAGEOUT);
#else
  (void)bytes;
#endif
}

void give_back_freed() {
#if defined(__GLIBC__)
  (void)::malloc_trim(0);
#endif
}

}  // namespace minnow
