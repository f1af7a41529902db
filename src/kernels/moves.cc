// Operators that only move elements, of any fixed-size type: as runs of bytes, or in square blocks.
#include <algorithm>
#include <cstring>

#include "kernels/families.h"

namespace minnow::kernels {
namespace {

int64_t bytes_of(const Operand& x) { return static_cast<int64_t>(element_bytes(x.dtype)); }
int64_t dim(const Operand& x, int32_t d) { return x.dims[static_cast<size_t>(d)]; }

bool movable(const Problem& p) {
  if (!p.epilogue.none()) return false;
  for (int i = 0; i < p.operand_count; ++i) {
    const Operand& x = p.operands[static_cast<size_t>(i)];
    if (x.dtype == DType::string || x.dtype == DType::undefined || x.rank > kMaxRank) return false;
  }
  return true;
}

struct Runs {
  int64_t outer = 1, inner = 1;  // products of the dimensions before and behind an axis
};
Runs runs_of(const Operand& x, int32_t axis) {
  Runs runs;
  for (int32_t d = 0; d < axis; ++d) runs.outer *= dim(x, d);
  for (int32_t d = axis + 1; d < x.rank; ++d) runs.inner *= dim(x, d);
  return runs;
}

// `whole` is what the parts make up along the axis.
bool parts_fit(const Problem& p, const Operand& whole, int first, int count) {
  const int64_t axis = p.ints[0];
  if (!movable(p) || axis < 0 || axis >= whole.rank) return false;
  int64_t sum = 0;
  for (int i = first; i < first + count; ++i) {
    const Operand& part = p.operands[static_cast<size_t>(i)];
    if (part.rank != whole.rank || part.dtype != whole.dtype) return false;
    for (int32_t d = 0; d < whole.rank; ++d) {
      if (d != axis && dim(part, d) != dim(whole, d)) return false;
    }
    sum += dim(part, static_cast<int32_t>(axis));
  }
  return sum == dim(whole, static_cast<int32_t>(axis));
}

bool accepts_concat(const Problem& p) {
  return p.input_count >= 1 && p.operand_count == p.input_count + 1 && parts_fit(p, p.output(0), 0, p.input_count);
}
bool accepts_split(const Problem& p) {
  return p.input_count == 1 && p.operand_count >= 2 && parts_fit(p, p.input(0), 1, p.operand_count - 1);
}

KernelStatus run_concat(const KernelCall& call) {
  const Problem& p = *call.problem;
  const Operand& out = p.output(0);
  const auto axis = static_cast<int32_t>(p.ints[0]);
  const Runs runs = runs_of(out, axis);
  const int64_t unit = runs.inner * bytes_of(out), row = dim(out, axis) * unit;
  char* to = static_cast<char*>(call.outputs[0]);
  for (int i = 0; i < p.input_count; ++i) {
    const int64_t part = dim(p.input(i), axis) * unit;
    const char* from = static_cast<const char*>(call.inputs[i]);
    for (int64_t o = 0; part > 0 && o < runs.outer; ++o)
      std::memcpy(to + o * row, from + o * part, static_cast<size_t>(part));
    to += part;
  }
  return kDone;
}

KernelStatus run_split(const KernelCall& call) {
  const Problem& p = *call.problem;
  const Operand& in = p.input(0);
  const auto axis = static_cast<int32_t>(p.ints[0]);
  const Runs runs = runs_of(in, axis);
  const int64_t unit = runs.inner * bytes_of(in), row = dim(in, axis) * unit;
  const char* from = static_cast<const char*>(call.inputs[0]);
  for (int i = 0; i < p.operand_count - 1; ++i) {
    const int64_t part = dim(p.output(i), axis) * unit;
    char* to = static_cast<char*>(call.outputs[i]);
    for (int64_t o = 0; part > 0 && o < runs.outer; ++o)
      std::memcpy(to + o * part, from + o * row, static_cast<size_t>(part));
    from += part;
  }
  return kDone;
}

// Output dimensions, outermost first, with the input's stride of each: transpose and slice in one form.
struct Walk {
  int32_t rank = 0;
  int64_t size[kMaxRank], stride[kMaxRank];  // in elements
  int64_t start = 0;
};

// Dimensions of one element go, and neighbours that are neighbours in the input, too, become one.
Walk merged(const Walk& walk) {
  Walk out;
  out.start = walk.start;
  for (int32_t d = 0; d < walk.rank; ++d) {
    if (walk.size[d] == 1) continue;
    if (out.rank > 0 && out.stride[out.rank - 1] == walk.stride[d] * walk.size[d]) {
      out.size[out.rank - 1] *= walk.size[d];
      out.stride[out.rank - 1] = walk.stride[d];
    } else {
      out.size[out.rank] = walk.size[d];
      out.stride[out.rank++] = walk.stride[d];
    }
  }
  if (out.rank == 0) {
    out.rank = 1;
    out.size[0] = out.stride[0] = 1;
  }
  return out;
}

template <class T>
void copy_strided(int64_t count, int64_t stride, const char* from, char* to) {
  constexpr int64_t kBytes = sizeof(T);  // signed: strides may be negative
  for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * kBytes, from + i * stride * kBytes, sizeof(T));
}

// Elements of 1, 2, 4 or 8 bytes: dtypes have no others.
void copy_row(int64_t count, int64_t stride, int64_t bytes, const char* from, char* to) {
  if (stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(count * bytes));
    return;
  }
  switch (bytes) {
    case 1: return copy_strided<uint8_t>(count, stride, from, to);
    case 2: return copy_strided<uint16_t>(count, stride, from, to);
    case 4: return copy_strided<uint32_t>(count, stride, from, to);
    default: return copy_strided<uint64_t>(count, stride, from, to);
  }
}

// `kept` innermost dimensions of the output are written by body(from, to) for every position of the others.
template <class Body>
KernelStatus for_each_block(const KernelCall& call, const Walk& walk, int32_t kept, int64_t bytes, Body&& body) {
  constexpr int64_t kBytesWorthThreads = 1 << 16;
  int64_t blocks = 1, block_elements = 1;
  for (int32_t d = 0; d < walk.rank; ++d) (d < walk.rank - kept ? blocks : block_elements) *= walk.size[d];
  KernelCall inner = call;
  if (blocks * block_elements * bytes < kBytesWorthThreads) inner.threads = nullptr;
  const char* in = static_cast<const char*>(call.inputs[0]);
  char* out = static_cast<char*>(call.outputs[0]);
  return for_each_item(inner, blocks, [&](int64_t block, int) {
    int64_t from = walk.start, rest = block;
    for (int32_t d = walk.rank - kept - 1; d >= 0; --d) {
      from += rest % walk.size[d] * walk.stride[d];
      rest /= walk.size[d];
    }
    body(in + from * bytes, out + block * block_elements * bytes);
  });
}

KernelStatus run_walk(const KernelCall& call, const Walk& given) {
  const Walk walk = merged(given);
  const int64_t bytes = bytes_of(call.problem->output(0));
  const int32_t last = walk.rank - 1;
  if (walk.rank >= 2 && bytes == 4 && walk.stride[last] != 1 && walk.stride[last - 1] == 1) {
    return for_each_block(call, walk, 2, bytes, [&](const char* from, char* to) {
      call.row->f32->rows->transpose(walk.size[last], walk.size[last - 1], reinterpret_cast<const float*>(from),
                                     walk.stride[last], reinterpret_cast<float*>(to), walk.size[last]);
    });
  }
  return for_each_block(call, walk, 1, bytes, [&](const char* from, char* to) {
    copy_row(walk.size[last], walk.stride[last], bytes, from, to);
  });
}

bool accepts_transpose(const Problem& p) {
  if (p.input_count != 1 || p.operand_count != 2 || !movable(p)) return false;
  const Operand &in = p.input(0), &out = p.output(0);
  if (in.rank != out.rank || in.dtype != out.dtype) return false;
  uint32_t seen = 0;
  for (int32_t d = 0; d < out.rank; ++d) {
    const int64_t from = p.ints[static_cast<size_t>(d)];
    if (from < 0 || from >= in.rank || (seen >> from & 1) != 0) return false;
    if (dim(in, static_cast<int32_t>(from)) != dim(out, d)) return false;
    seen |= 1u << from;
  }
  return true;
}

int64_t stride_of(const Operand& x, int64_t axis) {
  int64_t stride = 1;
  for (int32_t d = x.rank - 1; d > axis; --d) stride *= dim(x, d);
  return stride;
}

KernelStatus run_transpose(const KernelCall& call) {
  const Problem& p = *call.problem;
  Walk walk;
  walk.rank = p.output(0).rank;
  for (int32_t d = 0; d < walk.rank; ++d) {
    walk.size[d] = dim(p.output(0), d);
    walk.stride[d] = stride_of(p.input(0), p.ints[static_cast<size_t>(d)]);
  }
  return run_walk(call, walk);
}

bool accepts_slice(const Problem& p) {
  if (p.input_count != 1 || p.operand_count != 2 || !movable(p)) return false;
  const Operand &in = p.input(0), &out = p.output(0);
  if (in.rank != out.rank || in.dtype != out.dtype) return false;
  for (int32_t d = 0; d < out.rank; ++d) {
    const int64_t start = p.ints[static_cast<size_t>(d)], step = p.ints[static_cast<size_t>(kMaxRank + d)];
    const int64_t size = dim(in, d), count = dim(out, d);
    if (count < 1 || start < 0 || start >= size || step < -size || step > size) return false;
    const int64_t last = start + (count - 1) * step;
    if (last < 0 || last >= size) return false;
  }
  return true;
}

KernelStatus run_slice(const KernelCall& call) {
  const Problem& p = *call.problem;
  Walk walk;
  walk.rank = p.output(0).rank;
  for (int32_t d = 0; d < walk.rank; ++d) {
    const int64_t stride = stride_of(p.input(0), d);
    walk.size[d] = dim(p.output(0), d);
    walk.stride[d] = stride * p.ints[static_cast<size_t>(kMaxRank + d)];
    walk.start += stride * p.ints[static_cast<size_t>(d)];
  }
  return run_walk(call, walk);
}

bool accepts_expand(const Problem& p) {
  if (p.input_count != 1 || p.operand_count != 2 || !movable(p)) return false;
  const Operand &in = p.input(0), &out = p.output(0);
  if (in.rank != out.rank || in.dtype != out.dtype) return false;
  for (int32_t d = 0; d < out.rank; ++d) {
    if (dim(in, d) != dim(out, d) && dim(in, d) != 1) return false;
  }
  return true;
}

KernelStatus run_expand(const KernelCall& call) {
  const Problem& p = *call.problem;
  Walk walk;
  walk.rank = p.output(0).rank;
  for (int32_t d = 0; d < walk.rank; ++d) {
    walk.size[d] = dim(p.output(0), d);
    walk.stride[d] = dim(p.input(0), d) == 1 ? 0 : stride_of(p.input(0), d);
  }
  return run_walk(call, walk);
}

// The input with a constant around it.
bool accepts_pad(const Problem& p) {
  if (p.input_count != 1 || p.operand_count != 2 || !p.epilogue.none()) return false;
  const Operand &in = p.input(0), &out = p.output(0);
  if (in.rank < 1 || in.rank != out.rank || in.dtype != out.dtype || in.elements() == 0) return false;
  const bool is_code = is_integer(in.dtype) && bytes_of(in) == 1 && p.floats[0] >= -128 && p.floats[0] <= 255;
  if (in.dtype != DType::float32 && !is_code) return false;
  for (int32_t d = 0; d < in.rank; ++d) {
    const int64_t begin = p.ints[static_cast<size_t>(d)];
    if (begin < 0 || begin > dim(out, d) - dim(in, d)) return false;
  }
  return true;
}

template <class T>
KernelStatus pad_with(const KernelCall& call, T value) {
  const Problem& p = *call.problem;
  const Operand &in = p.input(0), &out = p.output(0);
  const int32_t last = out.rank - 1;
  const int64_t width = dim(out, last), inner = dim(in, last), left = p.ints[static_cast<size_t>(last)];
  return for_each_item(call, out.elements() / width, [&](int64_t row, int) {
    T* to = static_cast<T*>(call.outputs[0]) + row * width;
    int64_t from = 0, rest = row, stride = inner;
    bool inside = true;
    for (int32_t d = last - 1; d >= 0; --d) {
      const int64_t at = rest % dim(out, d) - p.ints[static_cast<size_t>(d)];
      inside = inside && at >= 0 && at < dim(in, d);
      from += at * stride;
      stride *= dim(in, d);
      rest /= dim(out, d);
    }
    if (!inside) return std::fill(to, to + width, value);
    std::fill(to, to + left, value);
    std::memcpy(to + left, static_cast<const T*>(call.inputs[0]) + from, static_cast<size_t>(inner) * sizeof(T));
    std::fill(to + left + inner, to + width, value);
  });
}

KernelStatus run_pad(const KernelCall& call) {
  const float value = call.problem->floats[0];
  return call.problem->input(0).dtype == DType::float32
             ? pad_with<float>(call, value)
             : pad_with<uint8_t>(call, static_cast<uint8_t>(static_cast<int32_t>(value)));
}

}  // namespace

const std::array<KernelRow, 6> kMoveRows = {{
    {.op = "concat", .accepts = accepts_concat, .run = run_concat},
    {.op = "split", .accepts = accepts_split, .run = run_split},
    {.op = "transpose", .accepts = accepts_transpose, .run = run_transpose},
    {.op = "slice", .accepts = accepts_slice, .run = run_slice},
    {.op = "pad", .accepts = accepts_pad, .run = run_pad},
    {.op = "expand", .accepts = accepts_expand, .run = run_expand},
}};

}  // namespace minnow::kernels
