#include "import/tflite/sparse.h"

#include <cstring>

#include "base/checked.h"

namespace minnow::tflite {
namespace {

// One dimension in the order of traversal.
struct Level {
  bool dense = true;
  int64_t size = 0;                        // of a dense one; else of the dimension that the indices lie in
  size_t axis = 0;                         // of the tensor
  int64_t step = 1;                        // elements of the axis between neighbours of this level
  std::vector<int64_t> segments, indices;  // of a compressed one
};

Result<std::vector<int64_t>> read_index_list(schema::SparseIndexVector kind, const void* list) {
  std::vector<int64_t> out;
  const auto copy = [&](const auto* values) {
    if (values != nullptr) out.assign(values->begin(), values->end());
  };
  MN_CHECK(list != nullptr, "sparse tensor: a compressed dimension has no indices");
  switch (kind) {
    case schema::SparseIndexVector_Int32Vector: copy(static_cast<const schema::Int32Vector*>(list)->values()); break;
    case schema::SparseIndexVector_Uint16Vector: copy(static_cast<const schema::Uint16Vector*>(list)->values()); break;
    case schema::SparseIndexVector_Uint8Vector: copy(static_cast<const schema::Uint8Vector*>(list)->values()); break;
    default: return bad_input({"sparse tensor: index list of kind ", int{kind}, " is not known"});
  }
  return out;
}

// Checks the indices once, so that the walk can trust them.
Status check_compressed(const Level& level) {
  MN_CHECK(!level.segments.empty() && level.segments.front() == 0, "sparse tensor: segments must begin with 0");
  for (size_t i = 1; i < level.segments.size(); ++i) {
    MN_CHECK(
        level.segments[i] >= level.segments[i - 1] && level.segments[i] <= static_cast<int64_t>(level.indices.size()),
        "sparse tensor: segment ", i, " ends at ", level.segments[i], " of ", level.indices.size(), " indices");
  }
  for (const int64_t index : level.indices) {
    MN_CHECK(index >= 0 && index < level.size, "sparse tensor: index ", index, " lies outside a dimension of ",
             level.size);
  }
  return {};
}

Result<std::vector<Level>> read_levels(const schema::SparsityParameters& sparsity, const Dims& dims) {
  const std::span<const int32_t> order = ints_of(sparsity.traversal_order()), map = ints_of(sparsity.block_map());
  const size_t rank = dims.size(), count = order.size();
  MN_CHECK(count == rank + map.size() && size_of(sparsity.dim_metadata()) == count, "sparse tensor: ", count,
           " dimensions in order, ", size_of(sparsity.dim_metadata()), " described, for ", rank, " dimensions and ",
           map.size(), " blocks");
  std::vector<Level> levels(count);
  std::vector<bool> seen(count);
  std::vector<int64_t> block(rank, 1);
  for (size_t i = 0; i < count; ++i) {
    const auto source = static_cast<size_t>(order[i]);
    MN_CHECK(order[i] >= 0 && source < count && !seen[source] && (source < rank) == (i < rank),
             "sparse tensor: dimension ", order[i], " is out of order");
    seen[source] = true;
    Level& level = levels[i];
    if (source >= rank) {
      const int32_t axis = map[source - rank];
      MN_CHECK(axis >= 0 && static_cast<size_t>(axis) < rank, "sparse tensor: block of dimension ", axis);
      level.axis = static_cast<size_t>(axis);
    } else {
      level.axis = source;
    }
    const schema::DimensionMetadata& metadata = *sparsity.dim_metadata()->Get(static_cast<uint32_t>(i));
    level.dense = metadata.format() == schema::DimensionType_DENSE;
    level.size = metadata.dense_size();
    if (source >= rank) {
      MN_CHECK(level.dense && level.size > 0 && block[level.axis] == 1, "sparse tensor: blocks must be dense");
      block[level.axis] = level.size;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    Level& level = levels[i];
    const bool outer = i < rank;
    const int64_t whole = dims[level.axis];
    MN_CHECK(whole % block[level.axis] == 0, "sparse tensor: blocks of ", block[level.axis],
             " do not divide a dimension of ", whole);
    if (outer) level.step = block[level.axis];
    if (!outer) continue;
    const int64_t expected = whole / block[level.axis];
    if (level.dense) {
      MN_CHECK(level.size == expected, "sparse tensor: dimension ", level.axis, " has ", level.size,
               " entries, expected ", expected);
      continue;
    }
    const schema::DimensionMetadata& metadata = *sparsity.dim_metadata()->Get(static_cast<uint32_t>(i));
    level.size = expected;
    MN_ASSIGN(level.segments, read_index_list(metadata.array_segments_type(), metadata.array_segments()));
    MN_ASSIGN(level.indices, read_index_list(metadata.array_indices_type(), metadata.array_indices()));
    MN_TRY(check_compressed(level));
  }
  return levels;
}

class Walk {
 public:
  Walk(const std::vector<Level>& levels, const Dims& dims, const Bytes& values, Tensor& out)
      : levels_(levels), strides_(row_major_strides(dims)), values_(values), out_(out) {}

  // `entry`: position among the entries of the level before; `offset`: element reached so far.
  Status run(size_t depth, int64_t entry, int64_t offset) {
    const size_t bytes = element_bytes(out_.dtype());
    if (depth == levels_.size()) {
      MN_CHECK((next_ + 1) * bytes <= values_.size(), "sparse tensor: more entries than the ", values_.size() / bytes,
               " values");
      std::memcpy(out_.mutable_data<std::byte>() + static_cast<size_t>(offset) * bytes, values_.data() + next_ * bytes,
                  bytes);
      ++next_;
      return {};
    }
    const Level& level = levels_[depth];
    const int64_t stride = strides_[level.axis] * level.step;
    if (level.dense) {
      for (int64_t i = 0; i < level.size; ++i) MN_TRY(run(depth + 1, entry * level.size + i, offset + i * stride));
      return {};
    }
    MN_CHECK(static_cast<size_t>(entry) + 1 < level.segments.size(), "sparse tensor: ", level.segments.size() - 1,
             " segments are too few");
    const int64_t end = level.segments[static_cast<size_t>(entry) + 1];
    for (int64_t i = level.segments[static_cast<size_t>(entry)]; i < end; ++i) {
      MN_TRY(run(depth + 1, i, offset + level.indices[static_cast<size_t>(i)] * stride));
    }
    return {};
  }
  size_t entries() const { return next_; }

 private:
  const std::vector<Level>& levels_;
  const Dims strides_;
  const Bytes& values_;
  Tensor& out_;
  size_t next_ = 0;
};

}  // namespace

Result<Tensor> read_sparse(const schema::SparsityParameters& sparsity, DType dtype, Dims dims, const Bytes& values,
                           const std::shared_ptr<Budget>& budget) {
  MN_CHECK(file_bits(dtype) >= 8 && dtype != DType::boolean, "sparse tensors of ", to_string(dtype),
           " are not supported");
  // Deeper ones would be walked by a deeper recursion.
  MN_CHECK(dims.size() <= 8 && !dims.empty(), "sparse tensor: expected 1 to 8 dimensions, got ", dims.size());
  MN_TRY(checked_element_count(dims));
  MN_ASSIGN(const std::vector<Level> levels, read_levels(sparsity, dims));
  MN_ASSIGN(Tensor out, Tensor::allocate(dtype, dims, budget));
  if (out.size() == 0) return out;
  std::memset(out.mutable_data<std::byte>(), 0, static_cast<size_t>(out.bytes()));
  Walk walk(levels, dims, values, out);
  MN_TRY(walk.run(0, 0, 0));
  MN_CHECK(walk.entries() * element_bytes(dtype) == values.size(), "sparse tensor: ", values.size(), " bytes for ",
           walk.entries(), " entries");
  return out;
}

}  // namespace minnow::tflite
