#include "ops/scattering.h"

#include <algorithm>

#include "ops/builder.h"
#include "ops/dispatch.h"
#include "ops/indexing.h"
#include "ops/spatial.h"

namespace minnow {

Result<Ints> element_offsets(const Tensor& indices, std::span<const int64_t> data_dims, int64_t axis) {
  Ints offsets = to_ints(indices);
  if (offsets.empty()) return offsets;
  const Dims strides = row_major_strides(data_dims);
  Dims position(data_dims.size(), 0);
  int64_t base = 0;  // offset of the position with 0 along the axis
  for (int64_t& offset : offsets) {
    MN_ASSIGN(const int64_t index, checked_index(offset, data_dims[static_cast<size_t>(axis)]));
    offset = base + index * strides[static_cast<size_t>(axis)];
    for (size_t i = position.size(); i-- > 0;) {
      const bool moves = static_cast<int64_t>(i) != axis;
      if (moves) base += strides[i];
      if (++position[i] < indices.dim(static_cast<int64_t>(i))) break;
      if (moves) base -= strides[i] * position[i];
      position[i] = 0;
    }
  }
  return offsets;
}

Result<Ints> tuple_offsets(const Tensor& indices, std::span<const int64_t> data_dims, int64_t batch_dims) {
  const Dims strides = row_major_strides(data_dims);
  const Ints values = to_ints(indices);
  const int64_t depth = indices.dim(indices.rank() - 1);
  const size_t batch = static_cast<size_t>(batch_dims);
  const std::span<const int64_t> outer_dims = std::span(indices.dims()).first(indices.dims().size() - 1);
  const int64_t tuples = element_count(outer_dims);
  const int64_t batches = element_count(data_dims.first(batch));
  const int64_t batch_stride = batch == 0 ? 0 : strides[batch - 1];
  Ints offsets;
  offsets.reserve(static_cast<size_t>(tuples));
  for (int64_t t = 0; t < tuples; ++t) {
    int64_t offset = t / (tuples / batches) * batch_stride;
    for (int64_t k = 0; k < depth; ++k) {
      const size_t axis = batch + static_cast<size_t>(k);
      MN_ASSIGN(const int64_t index, checked_index(values[static_cast<size_t>(t * depth + k)], data_dims[axis]));
      offset += index * strides[axis];
    }
    offsets.push_back(offset);
  }
  return offsets;
}

Status check_element_indices(const InferContext& c, int data, int indices, int64_t axis) {
  MN_TRY(expect_integers(c, indices, "indices"));
  const Shape &from = c.shape(data), &at = c.shape(indices);
  if (!from.ranked) return {};
  MN_ASSIGN(const int64_t normal, normalize_axis(axis, from.rank()));
  if (!at.ranked) return {};
  MN_CHECK(from.rank() == at.rank(), "data ", to_string(from), " and indices ", to_string(at), " must have one rank");
  for (int64_t i = 0; i < from.rank(); ++i) {
    const Dim &extent = from.dims[static_cast<size_t>(i)], &count = at.dims[static_cast<size_t>(i)];
    MN_CHECK(i == normal || !extent.known() || !count.known() || count.value <= extent.value, "indices ", to_string(at),
             " reach beyond data ", to_string(from), " in dimension ", i);
  }
  return {};
}

Result<Shape> tuple_result_shape(const Shape& data, const Shape& indices, int64_t batch_dims) {
  MN_CHECK(batch_dims >= 0, "batch_dims must not be negative, got ", batch_dims);
  if (!data.ranked || !indices.ranked) return Shape();
  MN_CHECK(indices.rank() >= 1 && data.rank() >= 1, "data and indices must be at least 1-D, got ", to_string(data),
           " and ", to_string(indices));
  MN_CHECK(batch_dims < indices.rank() && batch_dims < data.rank(), "batch_dims ", batch_dims,
           " must be below the ranks of data ", to_string(data), " and indices ", to_string(indices));
  for (size_t i = 0; i < static_cast<size_t>(batch_dims); ++i) {
    MN_CHECK(!data.dims[i].known() || !indices.dims[i].known() || data.dims[i].value == indices.dims[i].value,
             "batch dimension ", i, " differs between data ", to_string(data), " and indices ", to_string(indices));
  }
  const Dim& depth = indices.dims.back();
  if (!depth.known()) return Shape();
  MN_CHECK(depth.value <= data.rank() - batch_dims, "index tuples of ", depth.value, " do not fit data ",
           to_string(data), " with ", batch_dims, " batch dimensions");
  Shape out(std::vector<Dim>(indices.dims.begin(), indices.dims.end() - 1));
  out.dims.insert(out.dims.end(), data.dims.begin() + batch_dims + depth.value, data.dims.end());
  return out;
}

Status check_reduction(std::string_view reduction) {
  for (std::string_view known : {"none", "add", "mul", "max", "min"}) {
    if (reduction == known) return {};
  }
  return bad_input({"reduction '", reduction, "' is not one of none, add, mul, max, min"});
}

namespace {

// Integers add and multiply modulo 2^n.
template <class T, bool kProduct>
T combined(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return kProduct ? a * b : a + b;
  } else {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<T>(kProduct ? x * y : x + y);
  }
}

template <class T, class F>
Status reduce_runs(const T* updates, std::span<const int64_t> offsets, int64_t inner, T* out, Budget& budget,
                   F reduce) {
  int64_t done = 0;
  for (int64_t offset : offsets) {
    for (int64_t j = 0; j < inner; ++j) out[offset + j] = reduce(out[offset + j], updates[j]);
    updates += inner;
    done += inner;
    if (done > (int64_t{1} << 20)) {
      MN_TRY(budget.step(0));
      done = 0;
    }
  }
  return {};
}

// NaN wins, as in NumPy's maximum and minimum.
template <class T>
bool is_nan(T value) {
  return value != value;
}

}  // namespace

Status scatter_runs(std::string_view reduction, const Tensor& updates, std::span<const int64_t> offsets, int64_t inner,
                    Tensor& out, Budget& budget) {
  if (reduction == "none") return put_runs(updates, offsets, inner, out, budget);
  return dispatch<NumericTypes>(out.dtype(), [&]<class T>() -> Status {
    const T* in = updates.data<T>();
    T* to = out.mutable_data<T>();
    if (reduction == "add")
      return reduce_runs(in, offsets, inner, to, budget, [](T a, T b) { return combined<T, false>(a, b); });
    if (reduction == "mul")
      return reduce_runs(in, offsets, inner, to, budget, [](T a, T b) { return combined<T, true>(a, b); });
    if (reduction == "max")
      return reduce_runs(in, offsets, inner, to, budget, [](T a, T b) { return is_nan(a) || a > b ? a : b; });
    return reduce_runs(in, offsets, inner, to, budget, [](T a, T b) { return is_nan(a) || a < b ? a : b; });
  });
}

ValueId zeros_like(Builder& b, ValueId like) {
  const ValueId zero = b.scalar_like(0, like);
  return b.add("expand", {zero, b.add("shape", {like})});
}

}  // namespace minnow
