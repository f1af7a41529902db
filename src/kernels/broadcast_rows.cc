#include "kernels/broadcast_rows.h"

namespace minnow::kernels {

BroadcastRows broadcast_rows(const Problem& p) {
  BroadcastRows rows;
  const Operand& out = p.output(0);
  int32_t d = out.rank - 1;
  const auto fits = [&](int32_t dim, int64_t run) {
    for (int i = 0; i < 2; ++i) {
      const int64_t stride = p.input(i).strides[static_cast<size_t>(dim)];
      if (out.dims[static_cast<size_t>(dim)] == 1) continue;
      if (run == 1) {
        if (stride > 1) return false;
      } else if (stride != run * rows.step[i]) {
        return false;
      }
    }
    return true;
  };
  for (; d >= 0 && fits(d, rows.run); --d) {
    const int64_t size = out.dims[static_cast<size_t>(d)];
    for (int i = 0; rows.run == 1 && size != 1 && i < 2; ++i) rows.step[i] = p.input(i).strides[static_cast<size_t>(d)];
    rows.run *= size;
  }
  rows.outer_rank = d + 1;
  for (int32_t i = 0; i <= d; ++i) rows.count *= out.dims[static_cast<size_t>(i)];
  return rows;
}

int64_t row_offset(int64_t row, const Operand& out, const Operand& x, int32_t outer_rank) {
  int64_t offset = 0;
  for (int32_t d = outer_rank - 1; d >= 0; --d) {
    offset += row % out.dims[static_cast<size_t>(d)] * x.strides[static_cast<size_t>(d)];
    row /= out.dims[static_cast<size_t>(d)];
  }
  return offset;
}

}  // namespace minnow::kernels
