// gather: slices of any fixed-size type, chosen by indices along an axis.
#include <cstring>

#include "kernels/families.h"

namespace minnow::kernels {
namespace {

struct GatherShape {
  int64_t outer = 1, extent = 1, count = 1, bytes = 1;  // `bytes`: of a slice
};

GatherShape shape_of(const Problem& p) {
  const Operand& data = p.input(0);
  const int64_t axis = p.ints[0];
  GatherShape s;
  s.count = p.input(1).elements();
  s.bytes = static_cast<int64_t>(element_bytes(data.dtype));
  for (int32_t d = 0; d < data.rank; ++d) {
    (d < axis ? s.outer : d == axis ? s.extent : s.bytes) *= data.dims[static_cast<size_t>(d)];
  }
  return s;
}

bool accepts(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 2 || p.operand_count != 3) return false;
  const Operand &data = p.input(0), &indices = p.input(1), &out = p.output(0);
  if (data.dtype != out.dtype || data.dtype == DType::string || data.dtype == DType::undefined) return false;
  if (indices.dtype != DType::int32 && indices.dtype != DType::int64) return false;
  const int64_t axis = p.ints[0];
  if (axis < 0 || axis >= data.rank || out.rank != data.rank - 1 + indices.rank) return false;
  for (int32_t d = 0; d < out.rank; ++d) {
    const int64_t size = d < axis                  ? data.dims[static_cast<size_t>(d)]
                         : d < axis + indices.rank ? indices.dims[static_cast<size_t>(d - axis)]
                                                   : data.dims[static_cast<size_t>(d - indices.rank + 1)];
    if (out.dims[static_cast<size_t>(d)] != size) return false;
  }
  return true;
}

// Python's indices: negative ones count from the end.
template <class T>
KernelStatus take(const KernelCall& call, const GatherShape& s) {
  const T* indices = static_cast<const T*>(call.inputs[1]);
  const char* in = static_cast<const char*>(call.inputs[0]);
  char* out = static_cast<char*>(call.outputs[0]);
  for (int64_t o = 0; o < s.outer; ++o, in += s.extent * s.bytes) {
    if (call.stopped()) return kStopped;
    for (int64_t i = 0; i < s.count; ++i, out += s.bytes) {
      const int64_t index = indices[i] < 0 ? indices[i] + s.extent : indices[i];
      if (index < 0 || index >= s.extent) {
        if (call.bad_index != nullptr) *call.bad_index = {indices[i], s.extent};
        return kBadIndex;
      }
      std::memcpy(out, in + index * s.bytes, static_cast<size_t>(s.bytes));
    }
  }
  return kDone;
}

KernelStatus run(const KernelCall& call) {
  const GatherShape s = shape_of(*call.problem);
  return call.problem->input(1).dtype == DType::int32 ? take<int32_t>(call, s) : take<int64_t>(call, s);
}

}  // namespace

const std::array<KernelRow, 1> kGatherRows = {{
    {.op = "gather", .accepts = accepts, .run = run},
}};

}  // namespace minnow::kernels
