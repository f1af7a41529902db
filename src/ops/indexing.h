// Index arithmetic and element moving shared by the operators that rearrange tensors. Every element size is
// instantiated once, here.
#pragma once

#include <cstdint>
#include <span>

#include "base/tensor.h"
#include "graph/graph.h"

namespace minnow {

// Axes in [0, rank), in the given order; an axis out of range or given twice is an error.
Result<Ints> normalize_axes(std::span<const int64_t> axes, int64_t rank);

// Index in [-extent, extent) as one in [0, extent).
Result<int64_t> checked_index(int64_t index, int64_t extent);

// Unknown dims of the rank that a 1-D shape-like input with this shape gives; unranked when its length is not known.
Shape shape_of_length(const Shape& shape_input);

// A shape-like input's values: 1-D (0-d counts as one value) integers.
Status check_shape_input(const Type& type, std::string_view what);

// Elements before, along and after an axis of concrete dims.
struct AxisSplit {
  int64_t outer = 1, extent = 1, inner = 1;
};
AxisSplit split_at_axis(std::span<const int64_t> dims, int64_t axis);

// out[i0, i1, ...] = in[offset + i0 * strides[0] + i1 * strides[1] + ...] over out's dims; strides in elements, any
// sign.
Status copy_from_strides(const Tensor& in, int64_t offset, std::span<const int64_t> strides, Tensor& out,
                         Budget& budget);
// out[offset + i0 * strides[0] + ...] = in[i0, i1, ...] over in's dims.
Status copy_to_strides(const Tensor& in, Tensor& out, int64_t offset, std::span<const int64_t> strides, Budget& budget);
// out[o, i, :] = in[o, indices[i], :] with in [outer, extent, inner]; indices are in range.
Status take(const Tensor& in, const AxisSplit& split, std::span<const int64_t> indices, Tensor& out, Budget& budget);
// out[i, :] = in[offsets[i] ... offsets[i] + inner), offsets in elements and in range.
Status take_runs(const Tensor& in, std::span<const int64_t> offsets, int64_t inner, Tensor& out, Budget& budget);
// out[offsets[i] ... offsets[i] + inner) = in[i, :]; later runs win.
Status put_runs(const Tensor& in, std::span<const int64_t> offsets, int64_t inner, Tensor& out, Budget& budget);

// Copies all elements between tensors of one dtype and size.
void copy_elements(const Tensor& in, Tensor& out);
// Zeros, false, or empty strings.
void fill_zero(Tensor& out);

}  // namespace minnow
