// Pools that are compositions: lp_pool, the global pools and max_unpool.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/pooling.h"
#include "ops/tflite_mediapipe.h"

namespace minnow::ops {
namespace {

// (sum |x|^p)^(1/p); p = 1 and 2 avoid pow.
Status lp_pool_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const int64_t p = c.int_attribute("p");
  MN_CHECK(p >= 1, "attribute 'p' must be at least 1, got ", p);
  Attributes attributes = c.node().attributes;
  attributes.erase("p");
  const ValueId x = c.input(0);
  ValueId powers = kNoValue;
  if (p == 2) powers = b.add("mul", {x, x});
  else if (p == 1) powers = b.add("abs", {x});
  else powers = b.add("pow", {b.add("abs", {x}), b.scalar_like(static_cast<double>(p), x)});
  const ValueId sums = b.add("sum_pool", {powers}, attributes);
  if (p == 2) c.set_output(0, b.add("sqrt", {sums}));
  else c.set_output(0, p == 1 ? sums : b.add("pow", {sums, b.scalar_like(1.0 / static_cast<double>(p), x)}));
  return {};
}

Status lp_pool_infer(InferContext& c) {
  MN_CHECK(c.int_attribute("p") >= 1, "attribute 'p' must be at least 1, got ", c.int_attribute("p"));
  return set_pool_output(c, 0, c.dtype(0));
}

// All axes but the batch and the channels.
Result<Ints> spatial_axes(const DecomposeContext& c) {
  MN_ASSIGN(const bool last, channels_last(c));
  const Shape& shape = c.type(c.input(0)).shape;
  MN_CHECK(shape.ranked && shape.rank() >= 2, "expected an input of at least 2 dimensions, got ", to_string(shape));
  Ints axes;
  for (int64_t i = 0; i < shape.rank() - 2; ++i) axes.push_back(first_spatial_axis(last) + i);
  return axes;
}

Status reduce_all(DecomposeContext& c, std::string_view reduction) {
  MN_ASSIGN(const Ints axes, spatial_axes(c));
  c.set_output(0, axes.empty() ? c.b.add("identity", {c.input(0)})
                               : c.b.add(reduction, {c.input(0), c.b.ints(axes)}, {{"keepdims", 1}}));
  return {};
}

Status global_average_decompose(DecomposeContext& c) { return reduce_all(c, "reduce_mean"); }
Status global_max_decompose(DecomposeContext& c) { return reduce_all(c, "reduce_max"); }

Status global_lp_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const int64_t p = c.int_attribute("p");
  MN_CHECK(p >= 1, "attribute 'p' must be at least 1, got ", p);
  if (p <= 2) return reduce_all(c, p == 1 ? "reduce_l1" : "reduce_l2");
  MN_ASSIGN(const Ints axes, spatial_axes(c));
  const ValueId x = c.input(0), power = b.scalar_like(static_cast<double>(p), x);
  const ValueId sums = b.add("reduce_sum", {b.add("pow", {b.add("abs", {x}), power}), b.ints(axes)}, {{"keepdims", 1}});
  c.set_output(0, b.add("pow", {sums, b.scalar_like(1.0 / static_cast<double>(p), x)}));
  return {};
}

Status global_infer(InferContext& c) {
  MN_ASSIGN(const bool last, channels_last(c));
  Shape shape = c.shape(0);
  MN_CHECK(!shape.ranked || shape.rank() >= 2, "expected an input of at least 2 dimensions, got ", to_string(shape));
  for (int64_t i = 0; i < shape.rank() - 2; ++i) shape.dims[static_cast<size_t>(first_spatial_axis(last) + i)] = Dim(1);
  c.set_output(0, c.dtype(0), shape);
  return {};
}

// Version 1 spelled p as a real number.
Status import_real_p(ImportContext& c) {
  MN_ASSIGN(const float p, c.float_attribute("p", 2.0f));
  MN_CHECK(p >= 1 && p <= 1024 && p == static_cast<float>(static_cast<int>(p)),
           "attribute 'p': expected a whole number of at least 1, got ", p);
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()}, {{"p", static_cast<int64_t>(p)}});
}

// Output size without output_shape: the smallest input whose pooling has x's size.
Status unpooled_shape(const NodeView& node, const Shape& x, Shape* out) {
  const size_t spatial = x.dims.size() - 2;
  MN_CHECK(x.rank() >= 3, "expected an input of at least 3 dimensions, got ", to_string(x));
  MN_ASSIGN(const Ints kernel, ints_or(node, "kernel_shape", spatial, 1));
  MN_ASSIGN(const Ints strides, ints_or(node, "strides", spatial, 1));
  MN_ASSIGN(const Ints pads, ints_or(node, "pads", 2 * spatial, 0));
  *out = x;
  for (size_t i = 0; i < spatial; ++i) {
    const Dim in = x.dims[2 + i];
    out->dims[2 + i] = Dim();
    if (!in.known()) continue;
    constexpr int64_t kMax = int64_t{1} << 31;
    MN_CHECK(strides[i] >= 1 && strides[i] < kMax && kernel[i] >= 1 && kernel[i] < kMax,
             "strides and kernel sizes must be in [1, 2^31)");
    MN_CHECK(pads[i] >= 0 && pads[i] < kMax && pads[spatial + i] >= 0 && pads[spatial + i] < kMax,
             "pads must be in [0, 2^31)");
    int64_t size = 0;
    MN_CHECK(checked_mul(std::max<int64_t>(in.value - 1, 0), strides[i], &size) &&
                 checked_add(size, kernel[i] - pads[i] - pads[spatial + i], &size) && size >= 0,
             "the unpooled size of dimension ", in.value, " is negative or too large");
    out->dims[2 + i] = size;
  }
  return {};
}

Status max_unpool_infer(InferContext& c) {
  MN_TRY(expect_integers(c, 1, "indices"));
  MN_TRY(expect_integers(c, 2, "output_shape"));
  if (c.shape(0).static_dims() && c.shape(1).static_dims()) {
    MN_CHECK(c.shape(0).to_dims() == c.shape(1).to_dims(), "values ", to_string(c.shape(0)), " and indices ",
             to_string(c.shape(1)), " must have the same shape");
  }
  if (!c.shape(0).ranked) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  Shape shape;
  MN_TRY(unpooled_shape(c, c.shape(0), &shape));
  if (c.has_input(2)) {
    const Shape smallest = shape;
    shape = Shape::of_rank(shape.rank());
    if (const auto target = c.ints(2)) {
      MN_CHECK(static_cast<int64_t>(target->size()) == c.shape(0).rank(), "output_shape: expected ", c.shape(0).rank(),
               " values, got ", target->size());
      MN_TRY(checked_element_count(*target));
      shape = Shape(*target);
      for (size_t i = 0; i < target->size(); ++i) {
        const Dim& least = smallest.dims[i];
        MN_CHECK(!least.known() || (i < 2 ? (*target)[i] == least.value : (*target)[i] >= least.value), "output_shape ",
                 to_string(*target), " is smaller than the unpooled shape ", to_string(smallest));
      }
    }
  }
  c.set_output(0, c.dtype(0), shape);
  return {};
}

// Indices count in the unpooled shape; a larger output_shape only adds zeros behind it.
Status max_unpool_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId x = c.input(0);
  const Shape in = c.type(x).shape;
  MN_CHECK(in.static_dims(), "max_unpool needs a known input shape, got ", to_string(in));
  Shape shape;
  MN_TRY(unpooled_shape(c, in, &shape));
  const Dims smallest = shape.to_dims();
  MN_ASSIGN(const int64_t size, checked_element_count(smallest));
  const ValueId flat = b.ints({-1});
  const ValueId zeros = b.add("expand", {b.scalar_like(0.0, x), b.ints({size})});
  const ValueId indices = b.add("reshape", {c.input(1), flat}), values = b.add("reshape", {x, flat});
  ValueId out =
      b.add("reshape", {b.add("scatter_elements", {zeros, indices, values}, {{"axis", 0}}), b.ints(smallest)});
  if (c.has_input(2)) {
    const ValueId missing = b.add("sub", {c.input(2), b.ints(smallest)});
    const ValueId none = b.ints(Ints(smallest.size(), 0));
    const std::vector<ValueId> pads{none, missing};
    out = b.add("pad", {out, b.add("concat", pads, {{"axis", 0}})});
  }
  c.set_output(0, out);
  return {};
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> lp_pool_cases() {
  return {
      {.inputs = {Tensor::of<float>({3, -4, 0, 5, 12}, {1, 1, 5})},
       .attributes = {{"kernel_shape", Ints{2}}},
       .expected = {Tensor::of<float>({5, 4, 5, 13}, {1, 1, 4})}},
      {.inputs = {Tensor::of<float>({3, -4, 0, 5, 12}, {1, 1, 5})},
       .attributes = {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}, {"p", 1}},
       .expected = {Tensor::of<float>({7, 5}, {1, 1, 2})}},
      {.inputs = {f({2, 3, 4, 5}, 1)},
       .attributes = {{"kernel_shape", Ints{2, 2}}, {"p", 3}, {"pads", Ints{1, 0, 0, 1}}}},
  };
}

std::vector<Case> global_average_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2})},
           .expected = {Tensor::of<float>({2.5f, 6.5f}, {1, 2, 1, 1})}},
          {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2})},
           .attributes = {{"data_layout", "NHWC"}},
           .expected = {Tensor::of<float>({4, 5}, {1, 1, 1, 2})}},
          {.inputs = {f({2, 3, 5}, 1)}, .note = "1-D"}};
}

std::vector<Case> global_max_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2, -3, 4, 5, 6, 7, -8}, {1, 2, 2, 2})},
           .expected = {Tensor::of<float>({4, 7}, {1, 2, 1, 1})}},
          {.inputs = {f({2, 3, 2, 2, 2}, 1)}, .note = "3-D"}};
}

std::vector<Case> global_lp_cases() {
  return {
      {.inputs = {Tensor::of<float>({3, 4, -5, 12}, {1, 2, 2})}, .expected = {Tensor::of<float>({5, 13}, {1, 2, 1})}},
      {.inputs = {f({2, 3, 2, 2}, 1)}, .attributes = {{"p", 3}}}};
}

std::vector<Case> max_unpool_cases() {
  const Tensor values = Tensor::of<float>({5, 7}, {1, 1, 2}), indices = Tensor::of<int64_t>({1, 2}, {1, 1, 2});
  const Attributes attributes{{"kernel_shape", Ints{2}}, {"strides", Ints{2}}};
  return {
      {.inputs = {values, indices}, .attributes = attributes, .expected = {Tensor::of<float>({0, 5, 7, 0}, {1, 1, 4})}},
      {.inputs = {values, indices, Tensor::of_ints(Dims{1, 1, 6})},
       .attributes = attributes,
       .expected = {Tensor::of<float>({0, 5, 7, 0, 0, 0}, {1, 1, 6})}},
      // Sizes (in - 1) stride + kernel - both pads of the axis: (1 - 1) 2 + 3 - 0 - 1 = 2 and (2 - 1) 2 + 3 - 1 - 0
      // = 4.
      {.inputs = {Tensor::of<float>({5, 7}, {1, 1, 1, 2}), Tensor::of<int64_t>({1, 6}, {1, 1, 1, 2})},
       .attributes = {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{0, 1, 1, 0}}},
       .expected = {Tensor::of<float>({0, 5, 0, 0, 0, 0, 7, 0}, {1, 1, 2, 4})},
       .note = "pads that differ by side and axis"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> pools() {
  std::vector<AttributeSpec> lp_attributes = pool_attributes(), layout{{"data_layout", "NCHW"}};
  lp_attributes.push_back({"p", Attribute(2)});
  return {{.name = "lp_pool",
           .doc = "p-norm over sliding windows.",
           .attributes = lp_attributes,
           .infer = lp_pool_infer,
           .decompose = lp_pool_decompose,
           .cost = pool_cost,
           .imports = {{"ai.onnx", "LpPool", 1, 1, import_real_p}, {"ai.onnx", "LpPool", 2}},
           .exports = {{"ai.onnx", "LpPool", 18}},
           .cases = lp_pool_cases},
          {.name = "global_average_pool",
           .doc = "Mean over all spatial positions.",
           .attributes = layout,
           .infer = global_infer,
           .decompose = global_average_decompose,
           .imports = {{"ai.onnx", "GlobalAveragePool"}},
           .exports = {{"ai.onnx", "GlobalAveragePool", 1}},
           .cases = global_average_cases},
          {.name = "global_max_pool",
           .doc = "Maximum over all spatial positions.",
           .attributes = layout,
           .infer = global_infer,
           .decompose = global_max_decompose,
           .imports = {{"ai.onnx", "GlobalMaxPool"}},
           .exports = {{"ai.onnx", "GlobalMaxPool", 1}},
           .cases = global_max_cases},
          {.name = "global_lp_pool",
           .doc = "p-norm over all spatial positions.",
           .attributes = {{"data_layout", "NCHW"}, {"p", 2}},
           .infer = global_infer,
           .decompose = global_lp_decompose,
           .imports = {{"ai.onnx", "GlobalLpPool", 1, 1, import_real_p}, {"ai.onnx", "GlobalLpPool", 2}},
           .exports = {{"ai.onnx", "GlobalLpPool", 2}},
           .cases = global_lp_cases},
          {.name = "max_unpool",
           .doc = "Puts values back to the positions that max_pool took them from, zeros elsewhere.",
           .inputs = {2, 3},
           .attributes = {required("kernel_shape", AttributeKind::integers),
                          {"pads", AttributeKind::integers},
                          {"strides", AttributeKind::integers}},
           .infer = max_unpool_infer,
           .decompose = max_unpool_decompose,
           .imports = {{"ai.onnx", "MaxUnpool"},
                       {"tflite.custom", "MaxUnpooling2D", 1, 1 << 20, tflite::import_max_unpool}},
           .exports = {{"ai.onnx", "MaxUnpool", 9}},
           .cases = max_unpool_cases}};
}

}  // namespace minnow::ops
