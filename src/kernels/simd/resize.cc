// Compiled once for each instruction set (simd/f32.h).
#include "kernels/simd/resize.h"

#include "kernels/simd/tables.h"
#include "kernels/simd/vector.h"

namespace minnow::simd::MN_ISA {
namespace {

void blend(int64_t count, const float* a, float wa, const float* b, float wb, float* out) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) store(out + i, load(a + i) * wa + load(b + i) * wb);
  for (; i < count; ++i) out[i] = a[i] * wa + b[i] * wb;
}

void pick(int64_t count, const float* in, const int32_t* a, const float* wa, const int32_t* b, const float* wb,
          float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = in[a[i]] * wa[i] + in[b[i]] * wb[i];
}

}  // namespace

const ResizeTable kResizeTable = {blend, pick};

}  // namespace minnow::simd::MN_ISA
