#include "lower/placement.h"

#include <algorithm>
#include <numeric>

namespace minnow {
namespace {

int64_t rounded(int64_t bytes, int64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

bool together(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

// The start of the smallest gap between `placed` (sorted by offset) that holds `bytes`; the end of all of them if none
// does.
int64_t best_gap(const std::vector<const Lifetime*>& placed, int64_t bytes, int64_t alignment) {
  int64_t best = -1, best_size = 0, end = 0;
  for (const Lifetime* other : placed) {
    const int64_t gap = other->offset - end;
    if (gap >= bytes && (best < 0 || gap < best_size)) {
      best = end;
      best_size = gap;
    }
    end = std::max(end, other->offset + rounded(other->bytes, alignment));
  }
  return best >= 0 ? best : end;
}

}  // namespace

int64_t place_buffers(std::vector<Lifetime>& buffers, int64_t alignment) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<const Lifetime*> done, beside;
  int64_t arena_bytes = 0;
  for (size_t index : order) {
    Lifetime& buffer = buffers[index];
    beside.clear();
    for (const Lifetime* other : done) {
      if (together(*other, buffer)) beside.push_back(other);
    }
    const int64_t bytes = rounded(buffer.bytes, alignment);
    buffer.offset = best_gap(beside, bytes, alignment);
    arena_bytes = std::max(arena_bytes, buffer.offset + bytes);
    const auto at = std::upper_bound(done.begin(), done.end(), &buffer,
                                     [](const Lifetime* a, const Lifetime* b) { return a->offset < b->offset; });
    done.insert(at, &buffer);
  }
  return arena_bytes;
}

int64_t most_alive(const std::vector<Lifetime>& buffers, int64_t alignment) {
  int32_t steps = 0;
  for (const Lifetime& buffer : buffers) steps = std::max(steps, buffer.last + 1);
  std::vector<int64_t> change(static_cast<size_t>(steps) + 1);
  for (const Lifetime& buffer : buffers) {
    change[static_cast<size_t>(buffer.first)] += rounded(buffer.bytes, alignment);
    change[static_cast<size_t>(buffer.last) + 1] -= rounded(buffer.bytes, alignment);
  }
  int64_t alive = 0, most = 0;
  for (int64_t delta : change) {
    alive += delta;
    most = std::max(most, alive);
  }
  return most;
}

}  // namespace minnow
