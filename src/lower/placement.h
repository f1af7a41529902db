// Where each buffer lies in the arena.
#pragma once

#include <cstdint>
#include <vector>

namespace minnow {

// A buffer that is needed from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int32_t first = 0;
  int32_t last = 0;
  int64_t offset = -1;  // result
};

// Gives every buffer an offset (a multiple of `alignment`), so that buffers alive at one time do not overlap. The
// largest first, each into the smallest gap that holds it (Pisarchyk and Lee, "Efficient memory management for deep
// neural net inference", 2020, greedy by size). Returns the bytes of the arena.
int64_t place_buffers(std::vector<Lifetime>& buffers, int64_t alignment);

// The largest sum of bytes alive at one step: no placement takes less.
int64_t most_alive(const std::vector<Lifetime>& buffers, int64_t alignment);

}  // namespace minnow
