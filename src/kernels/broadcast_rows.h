// The walk over two broadcast operands that elementwise families share.
#pragma once

#include <cstdint>

#include "kernels/kernel_row.h"

namespace minnow::kernels {

// Two operands as rows: the innermost dimensions along which each of them is contiguous or constant are one run.
struct BroadcastRows {
  int32_t outer_rank = 0;    // dimensions left outside the run
  int64_t count = 1;         // rows
  int64_t run = 1;           // elements of a row
  int64_t step[2] = {0, 0};  // 0 or 1: how each input advances inside a row
};
// Inputs 0 and 1 of a problem whose operands have one rank, strides 0 where they broadcast.
BroadcastRows broadcast_rows(const Problem& problem);
// Where the row begins in operand `x`.
int64_t row_offset(int64_t row, const Operand& out, const Operand& x, int32_t outer_rank);

// Below this many elements for each thread, waking threads costs more than it saves (some 10 us against 4 us of work).
inline constexpr int64_t kElementsPerThread = 32768;

// body(begin, end) for parts of [0, pieces), on all threads where `elements` are worth them.
template <class Body>
void split_elements(const KernelCall& call, int64_t elements, int64_t pieces, Body&& body) {
  if (call.threads != nullptr && elements >= 2 * kElementsPerThread) {
    call.threads->for_each(pieces, [&](int64_t begin, int64_t end, int) { body(begin, end); });
  } else {
    body(0, pieces);
  }
}

}  // namespace minnow::kernels
