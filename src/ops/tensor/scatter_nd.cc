// scatter_nd: slices written (or added, …) at index tuples.
#include "base/checked.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/scattering.h"
#include "ops/spatial.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status scatter_nd_infer(InferContext& c) {
  MN_TRY(check_reduction(c.string_attribute("reduction")));
  MN_TRY(c.expect_same_dtype(0, 2));
  MN_TRY(expect_integers(c, 1, "indices"));
  MN_ASSIGN(const Shape expected, tuple_result_shape(c.shape(0), c.shape(1), 0));
  if (expected.static_dims() && c.shape(2).static_dims()) {
    MN_CHECK(expected.to_dims() == c.shape(2).to_dims(), "expected updates of shape ", to_string(expected), ", got ",
             to_string(c.shape(2)));
  }
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

Status scatter_nd_reference(EvalContext& c) {
  const Tensor& data = c.input(0);
  copy_elements(data, c.output(0));
  if (c.input(2).size() == 0) return {};
  MN_ASSIGN(const Ints offsets, tuple_offsets(c.input(1), data.dims(), 0));
  const int64_t inner = element_count(std::span(data.dims()).subspan(static_cast<size_t>(c.input(1).dims().back())));
  return scatter_runs(c.string_attribute("reduction"), c.input(2), offsets, inner, c.output(0), *c.budget());
}

Status scatter_nd_gradient(GradientContext& c) {
  const std::string& reduction = c.string_attribute("reduction");
  const ValueId gradient = c.output_gradient(0);
  if (reduction != "none" && reduction != "add") return unsupported({"no gradient for reduction '", reduction, "'"});
  if (reduction == "none") {
    c.set_input_gradient(0, c.b.add("scatter_nd", {gradient, c.input(1), zeros_like(c.b, c.input(2))}));
  } else {
    c.set_input_gradient(0, gradient);
  }
  c.set_input_gradient(2, c.b.add("gather_nd", {gradient, c.input(1)}));
  return {};
}

std::vector<Case> scatter_nd_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 2, 4}, 1);
  const Tensor data = Tensor::of<float>({1, 2, 3, 4}, {4});
  const Tensor at = Tensor::of<int64_t>({1, 1}, {2, 1});
  const Tensor updates = Tensor::of<float>({5, 0.5f}, {2});
  const auto with = [](std::string_view reduction) { return Attributes{{"reduction", std::string(reduction)}}; };
  return {
      {.inputs = {data, Tensor::of<int64_t>({1, -1}, {2, 1}), updates},
       .expected = {Tensor::of<float>({1, 5, 3, 0.5f}, {4})}},
      {.inputs = {data, at, updates}, .attributes = with("add"), .expected = {Tensor::of<float>({1, 7.5f, 3, 4}, {4})}},
      {.inputs = {data, at, updates},
       .attributes = with("mul"),
       .expected = {Tensor::of<float>({1, 5, 3, 4}, {4})},
       .differentiable = false},
      {.inputs = {data, at, updates},
       .attributes = with("max"),
       .expected = {Tensor::of<float>({1, 5, 3, 4}, {4})},
       .differentiable = false},
      {.inputs = {data, at, updates},
       .attributes = with("min"),
       .expected = {Tensor::of<float>({1, 0.5f, 3, 4}, {4})},
       .differentiable = false},
      {.inputs = {x, Tensor::of<int64_t>({2, 1, 0, 0}, {2, 2}), random_tensor(DType::float32, {2, 4}, 2)},
       .note = "slices"},
      {.inputs = {x, Tensor::of<int64_t>({}, {0, 1}), random_tensor(DType::float32, {0, 2, 4}, 2)},
       .note = "no updates"},
  };
}

// The axes before the last ones that the update spans whole: its place is computed along these alone.
Result<Ints> moved_axes(const Shape& whole, const Shape& part) {
  if (!whole.static_dims() || !part.static_dims()) return unsupported({"the sizes must be known"});
  Ints dims = part.to_dims();
  const Dims outer = whole.to_dims();
  MN_CHECK(dims.size() == outer.size(), "an update of shape ", to_string(part), " in ", to_string(whole));
  for (size_t i = 0; i < dims.size(); ++i)
    MN_CHECK(dims[i] <= outer[i], "an update of shape ", to_string(part), " does not fit in ", to_string(whole));
  while (!dims.empty() && dims.back() == outer[dims.size() - 1]) dims.pop_back();
  return dims;
}

// Every position of a grid, the last axis fastest, as a tensor [dims..., count of dims].
Result<Tensor> grid_positions(const Ints& dims) {
  constexpr int64_t kMostTuples = int64_t{1} << 20;
  int64_t count = 1;
  for (const int64_t dim : dims)
    if (!checked_mul(count, dim, &count) || count > kMostTuples)
      return unsupported({"more than ", kMostTuples, " slices are updated"});
  Ints positions, at(dims.size(), 0);
  for (int64_t k = 0; k < count; ++k) {
    positions.insert(positions.end(), at.begin(), at.end());
    for (size_t axis = dims.size(); axis-- > 0 && ++at[axis] == dims[axis];) at[axis] = 0;
  }
  Ints shape = dims;
  shape.push_back(static_cast<int64_t>(dims.size()));
  return Tensor::of<int64_t>(positions, shape);
}

// Inputs: data, update, where it begins. What would reach out of the data is moved inside, as in XLA.
Status import_dynamic_update_slice(ImportContext& c) {
  const ValueId whole = tflite::carried(c, 0), part = tflite::carried(c, 1);
  MN_TRY(c.b.status());
  const Shape outer = c.b.type(whole).shape, inner = c.b.type(part).shape;
  MN_ASSIGN(const Ints moved, moved_axes(outer, inner));
  if (moved.empty()) return tflite::finish_codes(c, part);
  Ints axes, last;
  for (size_t i = 0; i < moved.size(); ++i) {
    axes.push_back(static_cast<int64_t>(i));
    last.push_back(outer.dims[i].value - moved[i]);
  }
  MN_ASSIGN(Tensor grid, grid_positions(moved));
  const ValueId begin = c.b.add("gather", {tflite::int64_list(c, 2), c.b.ints(axes)});
  const ValueId inside = c.b.add("max", {c.b.add("min", {begin, c.b.ints(last)}), c.b.ints({0})});
  const ValueId tuples = c.b.add("add", {c.b.constant(std::move(grid)), inside});
  return tflite::finish_codes(c, c.b.add("scatter_nd", {whole, tuples, part}));
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> scatter_nd() {
  return {{
      .name = "scatter_nd",
      .doc = "Data with slices written, added, multiplied, or by maximum or minimum, at index tuples.",
      .inputs = {3, 3},
      .attributes = {{"reduction", "none"}},
      .infer = scatter_nd_infer,
      .reference = scatter_nd_reference,
      .gradient = scatter_nd_gradient,
      .imports = {{"ai.onnx", "ScatterND"},
                  {"tflite", "SCATTER_ND", 1, 1 << 20, tflite::import_scatter_nd},
                  {"tflite", "DYNAMIC_UPDATE_SLICE", 1, 1 << 20, import_dynamic_update_slice}},
      .exports = {{"ai.onnx", "ScatterND", 18}},
      .cases = scatter_nd_cases,
  }};
}

}  // namespace minnow::ops
