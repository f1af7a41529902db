// tensor_scatter: writes new steps into a cache at a position per batch entry (key and value caches of attention).
#include "base/checked.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

Result<int64_t> sequence_axis(const NodeView& c, int64_t rank) {
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), rank));
  MN_CHECK(axis != 0, "axis 0 is the batch; choose the sequence axis");
  return axis;
}

Status tensor_scatter_infer(InferContext& c) {
  const std::string& mode = c.string_attribute("mode");
  MN_CHECK(mode == "linear" || mode == "circular", "mode '", mode, "' is neither linear nor circular");
  MN_TRY(c.expect_same_dtype(0, 1));
  const Shape &cache = c.shape(0), &update = c.shape(1);
  c.set_output(0, c.dtype(0), cache);
  if (c.has_input(2)) {
    MN_TRY(check_shape_input(c.type(2), "write_indices"));
    MN_TRY(c.expect_rank(2, 1, "write_indices"));
    if (cache.ranked && cache.rank() > 0 && cache.dims[0].known() && c.shape(2).static_dims()) {
      MN_CHECK(c.shape(2).dims[0].value == cache.dims[0].value, "write_indices ", to_string(c.shape(2)),
               " does not fit the batch of ", cache.dims[0].value);
    }
  }
  if (!cache.ranked) return {};
  MN_ASSIGN(const int64_t axis, sequence_axis(c, cache.rank()));
  if (!update.ranked) return {};
  MN_CHECK(cache.rank() == update.rank(), "cache ", to_string(cache), " and update ", to_string(update),
           " must have one rank");
  for (int64_t i = 0; i < cache.rank(); ++i) {
    const Dim &there = cache.dims[static_cast<size_t>(i)], &given = update.dims[static_cast<size_t>(i)];
    if (!there.known() || !given.known()) continue;
    MN_CHECK(i == axis ? given.value <= there.value : given.value == there.value, "update ", to_string(update),
             " does not fit cache ", to_string(cache), " in dimension ", i);
  }
  return {};
}

Status tensor_scatter_reference(EvalContext& c) {
  const Tensor &cache = c.input(0), &update = c.input(1);
  MN_ASSIGN(const int64_t axis, sequence_axis(c, cache.rank()));
  const bool circular = c.string_attribute("mode") == "circular";
  const AxisSplit to = split_at_axis(cache.dims(), axis), from = split_at_axis(update.dims(), axis);
  copy_elements(cache, c.output(0));
  if (update.size() == 0) return {};
  const Ints starts = c.has_input(2) ? to_ints(c.input(2)) : Ints(static_cast<size_t>(cache.dim(0)), 0);
  const int64_t rows_per_entry = to.outer / cache.dim(0);
  Ints offsets;
  for (int64_t row = 0; row < to.outer; ++row) {
    const int64_t start = starts[static_cast<size_t>(row / rows_per_entry)];
    MN_CHECK(start >= 0 && (circular || start <= to.extent - from.extent), "write index ", start, " plus ", from.extent,
             " steps exceeds the cache of ", to.extent);
    for (int64_t step = 0; step < from.extent; ++step) {
      const int64_t at = circular ? (start % to.extent + step) % to.extent : start + step;
      offsets.push_back((row * to.extent + at) * to.inner);
    }
  }
  return put_runs(update, offsets, to.inner, c.output(0), *c.budget());
}

std::vector<Case> tensor_scatter_cases() {
  const Tensor cache = Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4, 1});
  const Tensor update = Tensor::of<float>({-1, -2, -3, -4}, {2, 2, 1});
  return {
      {.inputs = {cache, update},
       .expected = {Tensor::of<float>({-1, -2, 3, 4, -3, -4, 7, 8}, {2, 4, 1})},
       .differentiable = false},
      {.inputs = {cache, update, Tensor::of<int64_t>({1, 2}, {2})},
       .expected = {Tensor::of<float>({1, -1, -2, 4, 5, 6, -3, -4}, {2, 4, 1})},
       .differentiable = false},
      {.inputs = {cache, update, Tensor::of<int64_t>({3, 7}, {2})},
       .attributes = {{"mode", "circular"}},
       .expected = {Tensor::of<float>({-2, 2, 3, -1, -4, 6, 7, -3}, {2, 4, 1})},
       .differentiable = false},
      {.inputs = {random_tensor(DType::float32, {2, 3, 4}, 1), random_tensor(DType::float32, {2, 3, 2}, 2)},
       .attributes = {{"axis", -1}},
       .differentiable = false},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> tensor_scatter() {
  return {{
      .name = "tensor_scatter",
      .doc = "A cache with new steps written at write_indices along the sequence axis.",
      .inputs = {2, 3},
      .attributes = {{"axis", -2}, {"mode", "linear"}},
      .narrow_floats = NarrowFloats::native,
      .infer = tensor_scatter_infer,
      .reference = tensor_scatter_reference,
      .imports = {{"ai.onnx", "TensorScatter"}},
      .exports = {{"ai.onnx", "TensorScatter", 24}},
      .cases = tensor_scatter_cases,
  }};
}

}  // namespace minnow::ops
