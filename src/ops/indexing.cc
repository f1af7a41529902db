#include "ops/indexing.h"

#include <algorithm>
#include <cstring>

#include "ops/dispatch.h"

namespace minnow {
namespace {

// Elements moved between two looks at the clock.
constexpr int64_t kElementsPerCheck = int64_t{1} << 20;

class Pacer {
 public:
  explicit Pacer(Budget& budget) : budget_(budget) {}
  Status add(int64_t elements) {
    moved_ += elements;
    if (moved_ < kElementsPerCheck) return {};
    moved_ = 0;
    return budget_.step(0);
  }

 private:
  Budget& budget_;
  int64_t moved_ = 0;
};

// Loop nest over a contiguous side and a strided side, with extents of one dropped and adjacent loops joined.
struct StridedLoops {
  Dims extents, strides;
};

StridedLoops joined_loops(std::span<const int64_t> dims, std::span<const int64_t> strides) {
  StridedLoops loops;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    if (!loops.extents.empty() && loops.strides.back() == strides[i] * dims[i]) {
      loops.extents.back() *= dims[i];
      loops.strides.back() = strides[i];
    } else {
      loops.extents.push_back(dims[i]);
      loops.strides.push_back(strides[i]);
    }
  }
  if (loops.extents.empty()) {
    loops.extents.push_back(1);
    loops.strides.push_back(1);
  }
  return loops;
}

// Calls row(contiguous offset, strided offset, count, stride) for every innermost run.
template <class F>
Status for_each_row(std::span<const int64_t> dims, int64_t offset, std::span<const int64_t> strides, Budget& budget,
                    F row) {
  if (element_count(dims) == 0) return {};
  const StridedLoops loops = joined_loops(dims, strides);
  const size_t outer = loops.extents.size() - 1;
  const int64_t count = loops.extents.back(), stride = loops.strides.back();
  Dims position(outer, 0);
  Pacer pacer(budget);
  for (int64_t contiguous = 0;; contiguous += count) {
    row(contiguous, offset, count, stride);
    MN_TRY(pacer.add(count));
    size_t axis = outer;
    while (axis > 0) {
      --axis;
      offset += loops.strides[axis];
      if (++position[axis] < loops.extents[axis]) break;
      offset -= loops.strides[axis] * loops.extents[axis];
      position[axis] = 0;
      if (axis == 0) return {};
    }
    if (outer == 0) return {};
  }
}

template <class T>
T* elements(Tensor& tensor) {
  return tensor.mutable_data<T>();
}
template <>
std::string* elements<std::string>(Tensor& tensor) {
  return tensor.mutable_strings().data();
}
template <class T>
const T* elements(const Tensor& tensor) {
  return tensor.data<T>();
}
template <>
const std::string* elements<std::string>(const Tensor& tensor) {
  return tensor.strings().data();
}

}  // namespace

Result<Ints> normalize_axes(std::span<const int64_t> axes, int64_t rank) {
  Ints result;
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  for (int64_t given : axes) {
    MN_ASSIGN(const int64_t axis, normalize_axis(given, rank));
    MN_CHECK(!seen[static_cast<size_t>(axis)], "axis ", given, " is given twice in ", to_string(axes));
    seen[static_cast<size_t>(axis)] = true;
    result.push_back(axis);
  }
  return result;
}

Result<int64_t> checked_index(int64_t index, int64_t extent) {
  MN_CHECK(index >= -extent && index < extent, "index ", index, " is outside [", -extent, ", ", extent, ")");
  return index < 0 ? index + extent : index;
}

Shape shape_of_length(const Shape& shape_input) {
  // A rank beyond this comes from a broken file; sizes are checked again when the values are known.
  constexpr int64_t kMaxRankGuess = 64;
  if (!shape_input.static_dims() || shape_input.rank() != 1 || shape_input.dims[0].value > kMaxRankGuess)
    return Shape();
  return Shape::of_rank(shape_input.dims[0].value);
}

Status check_shape_input(const Type& type, std::string_view what) {
  if (type.dtype != DType::undefined) {
    MN_CHECK(is_integer(type.dtype), "expected integers as ", what, ", got ", to_string(type.dtype));
  }
  if (type.shape.ranked) MN_CHECK(type.shape.rank() <= 1, "expected 1-D ", what, ", got ", to_string(type.shape));
  return {};
}

AxisSplit split_at_axis(std::span<const int64_t> dims, int64_t axis) {
  const size_t at = static_cast<size_t>(axis);
  return {element_count(dims.first(at)), dims[at], element_count(dims.subspan(at + 1))};
}

Status copy_from_strides(const Tensor& in, int64_t offset, std::span<const int64_t> strides, Tensor& out,
                         Budget& budget) {
  const Dims dims = out.dims();
  return dispatch_by_size(in.dtype(), [&]<class T>() -> Status {
    const T* source = elements<T>(in);
    T* target = elements<T>(out);
    return for_each_row(dims, offset, strides, budget, [&](int64_t to, int64_t from, int64_t count, int64_t stride) {
      if (stride == 1) {
        std::copy_n(source + from, count, target + to);
      } else {
        for (int64_t i = 0; i < count; ++i) target[to + i] = source[from + i * stride];
      }
    });
  });
}

Status copy_to_strides(const Tensor& in, Tensor& out, int64_t offset, std::span<const int64_t> strides,
                       Budget& budget) {
  return dispatch_by_size(in.dtype(), [&]<class T>() -> Status {
    const T* source = elements<T>(in);
    T* target = elements<T>(out);
    return for_each_row(in.dims(), offset, strides, budget,
                        [&](int64_t from, int64_t to, int64_t count, int64_t stride) {
                          if (stride == 1) {
                            std::copy_n(source + from, count, target + to);
                          } else {
                            for (int64_t i = 0; i < count; ++i) target[to + i * stride] = source[from + i];
                          }
                        });
  });
}

Status take(const Tensor& in, const AxisSplit& split, std::span<const int64_t> indices, Tensor& out, Budget& budget) {
  if (out.size() == 0) return {};
  return dispatch_by_size(in.dtype(), [&]<class T>() -> Status {
    const T* source = elements<T>(in);
    T* target = elements<T>(out);
    Pacer pacer(budget);
    for (int64_t o = 0; o < split.outer; ++o) {
      const T* block = source + o * split.extent * split.inner;
      for (int64_t index : indices) {
        std::copy_n(block + index * split.inner, split.inner, target);
        target += split.inner;
        MN_TRY(pacer.add(split.inner));
      }
    }
    return {};
  });
}

Status take_runs(const Tensor& in, std::span<const int64_t> offsets, int64_t inner, Tensor& out, Budget& budget) {
  if (inner == 0) return {};
  return dispatch_by_size(in.dtype(), [&]<class T>() -> Status {
    const T* source = elements<T>(in);
    T* target = elements<T>(out);
    Pacer pacer(budget);
    for (int64_t offset : offsets) {
      std::copy_n(source + offset, inner, target);
      target += inner;
      MN_TRY(pacer.add(inner));
    }
    return {};
  });
}

Status put_runs(const Tensor& in, std::span<const int64_t> offsets, int64_t inner, Tensor& out, Budget& budget) {
  if (inner == 0) return {};
  return dispatch_by_size(in.dtype(), [&]<class T>() -> Status {
    const T* source = elements<T>(in);
    T* target = elements<T>(out);
    Pacer pacer(budget);
    for (int64_t offset : offsets) {
      std::copy_n(source, inner, target + offset);
      source += inner;
      MN_TRY(pacer.add(inner));
    }
    return {};
  });
}

void copy_elements(const Tensor& in, Tensor& out) {
  if (in.dtype() == DType::string) {
    std::copy(in.strings().begin(), in.strings().end(), out.mutable_strings().begin());
  } else if (in.size() != 0) {
    std::memcpy(out.mutable_data<std::byte>(), in.data<std::byte>(), static_cast<size_t>(in.bytes()));
  }
}

void fill_zero(Tensor& out) {
  if (out.dtype() == DType::string) {
    for (std::string& text : out.mutable_strings()) text.clear();
  } else if (out.size() != 0) {
    std::memset(out.mutable_data<std::byte>(), 0, static_cast<size_t>(out.bytes()));
  }
}

}  // namespace minnow
