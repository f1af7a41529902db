// What the gather_elements, gather_nd, scatter_elements and scatter_nd operators share: where indices point, and how
// updates combine with what is there.
#pragma once

#include "ops/contexts.h"

namespace minnow {

// Offsets of the elements that gather_elements reads (scatter_elements writes) in data, one per index.
Result<Ints> element_offsets(const Tensor& indices, std::span<const int64_t> data_dims, int64_t axis);
// Offsets of the runs that gather_nd reads (scatter_nd writes): one per index tuple along the last dim.
Result<Ints> tuple_offsets(const Tensor& indices, std::span<const int64_t> data_dims, int64_t batch_dims);

// Data and indices of equal rank, indices no longer than data outside the axis.
Status check_element_indices(const InferContext& c, int data, int indices, int64_t axis);
// gather_nd's output shape (scatter_nd's updates) from data and indices; unranked when not known.
Result<Shape> tuple_result_shape(const Shape& data, const Shape& indices, int64_t batch_dims);

Status check_reduction(std::string_view reduction);
// out[offsets[i] + j] = reduce(out[offsets[i] + j], updates[i, j]) for j < inner.
Status scatter_runs(std::string_view reduction, const Tensor& updates, std::span<const int64_t> offsets, int64_t inner,
                    Tensor& out, Budget& budget);

// A tensor of zeros with the shape and dtype of `like`.
ValueId zeros_like(Builder& b, ValueId like);

}  // namespace minnow
