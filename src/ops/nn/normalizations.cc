// Normalizations as compositions of reductions and arithmetic, so that gradients come from those.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/normalization.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Result<int64_t> rank_of(const RewriteContext& c, ValueId id) {
  const Shape& shape = c.type(id).shape;
  MN_CHECK(shape.ranked, "needs an input of known rank");
  return shape.rank();
}

Ints range(int64_t first, int64_t last) {
  Ints out;
  for (int64_t i = first; i < last; ++i) out.push_back(i);
  return out;
}

// A vector of C values in the shape [C, 1, …] that broadcasts over [N, C, …].
ValueId over_channels(Builder& b, ValueId vector, int64_t rank) {
  Ints shape(static_cast<size_t>(std::max<int64_t>(rank - 1, 1)), 1);
  shape[0] = -1;
  return b.add("reshape", {vector, b.ints(shape)});
}

Status same_as_input(InferContext& c) {
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

// Y like X; the statistics keep 1 in the normalized axes, in float32 unless stash_type says otherwise.
Status layer_infer(InferContext& c) {
  c.set_output(0, c.dtype(0), c.shape(0));
  Shape statistics = c.shape(0);
  if (statistics.ranked) {
    MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), statistics.rank()));
    for (int64_t i = axis; i < statistics.rank(); ++i) statistics.dims[static_cast<size_t>(i)] = Dim(1);
    for (int i = 1; i < c.input_count(); ++i) {
      if (!c.has_input(i) || !c.shape(i).ranked) continue;
      MN_ASSIGN(const Shape out, broadcast_shapes(c.shape(0), c.shape(i)));
      MN_CHECK(out.rank() == c.shape(0).rank(), "scale and bias must broadcast to the input ", to_string(c.shape(0)),
               ", got ", to_string(c.shape(i)));
    }
  }
  const DType stash = c.dtype(0) == DType::float64 ? DType::float64 : DType::float32;
  for (int i = 1; i < c.output_count(); ++i) {
    if (c.wants_output(i)) c.set_output(i, stash, statistics);
  }
  return {};
}

Status layer_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  MN_ASSIGN(const int64_t rank, rank_of(c, c.input(0)));
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), rank));
  const Moments moments = normalize(b, c.input(0), range(axis, rank), c.float_attribute("epsilon"));
  ValueId y = b.add("mul", {moments.normalized, c.input(1)});
  if (c.has_input(2)) y = b.add("add", {y, c.input(2)});
  c.set_output(0, y);
  if (c.wants_output(1)) c.set_output(1, moments.mean);
  if (c.wants_output(2)) c.set_output(2, moments.inverse_deviation);
  return {};
}

Status rms_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId x = c.input(0);
  MN_ASSIGN(const int64_t rank, rank_of(c, x));
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), rank));
  const ValueId squares = b.add("reduce_mean", {b.add("mul", {x, x}), b.ints(range(axis, rank))}, {{"keepdims", 1}});
  const ValueId root = b.add("sqrt", {b.add("add", {squares, b.scalar_like(c.float_attribute("epsilon"), x)})});
  const ValueId inverse = b.add("reciprocal", {root});
  c.set_output(0, b.add("mul", {b.add("mul", {x, inverse}), c.input(1)}));
  if (c.wants_output(1)) c.set_output(1, inverse);
  return {};
}

Status instance_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  MN_ASSIGN(const int64_t rank, rank_of(c, c.input(0)));
  MN_CHECK(rank >= 3, "expected an input of at least 3 dimensions, got ", to_string(c.type(c.input(0)).shape));
  const Moments moments = normalize(b, c.input(0), range(2, rank), c.float_attribute("epsilon"));
  const ValueId scaled = b.add("mul", {moments.normalized, over_channels(b, c.input(1), rank)});
  c.set_output(0, b.add("add", {scaled, over_channels(b, c.input(2), rank)}));
  return {};
}

Status group_infer(InferContext& c) {
  const int64_t groups = c.int_attribute("num_groups");
  MN_CHECK(groups >= 1, "attribute 'num_groups' must be at least 1, got ", groups);
  if (c.shape(0).ranked) {
    MN_CHECK(c.shape(0).rank() >= 2, "expected an input of at least 2 dimensions, got ", to_string(c.shape(0)));
    const Dim& channels = c.shape(0).dims[1];
    MN_CHECK(!channels.known() || channels.value % groups == 0, "num_groups ", groups, " does not divide the ",
             channels.value, " channels");
  }
  return same_as_input(c);
}

Status group_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId x = c.input(0), shape = b.add("shape", {x});
  MN_ASSIGN(const int64_t rank, rank_of(c, x));
  const Shape known = c.type(x).shape;
  Ints grouped{0, c.int_attribute("num_groups"), -1};
  // -1 says nothing when there are no elements: then the sizes are spelled out.
  if (known.static_dims()) {
    const Dims dims = known.to_dims();
    grouped = {dims[0], grouped[1], element_count(std::span(dims).subspan(1)) / grouped[1]};
  }
  const Moments moments = normalize(b, b.add("reshape", {x, b.ints(grouped)}), {2}, c.float_attribute("epsilon"));
  const ValueId scaled =
      b.add("mul", {b.add("reshape", {moments.normalized, shape}), over_channels(b, c.input(1), rank)});
  c.set_output(0, b.add("add", {scaled, over_channels(b, c.input(2), rank)}));
  return {};
}

// Version 18 had one scale and bias a group; version 21 has one a channel.
Status import_group_18(ImportContext& c) {
  MN_ASSIGN(const int64_t groups, c.int_attribute("num_groups", 0));
  MN_CHECK(groups >= 1, "attribute 'num_groups' must be at least 1, got ", groups);
  Builder& b = c.b;
  const ValueId channels = b.add("slice", {b.add("shape", {c.input(0)}), b.ints({1}), b.ints({2})});
  const ValueId shape = b.add("concat", {b.ints({groups}), b.add("div", {channels, b.ints({groups})})}, {{"axis", 0}});
  const auto spread = [&](ValueId id) {
    return b.add("reshape", {b.add("expand", {b.add("unsqueeze", {id, b.ints({1})}), shape}), b.ints({-1})});
  };
  return c.take_over({c.input(0), spread(c.input(1)), spread(c.input(2))});
}

Status lp_infer(InferContext& c) {
  MN_CHECK(c.int_attribute("p") == 1 || c.int_attribute("p") == 2, "attribute 'p' must be 1 or 2, got ",
           c.int_attribute("p"));
  if (c.shape(0).ranked) MN_TRY(normalize_axis(c.int_attribute("axis"), c.shape(0).rank()));
  return same_as_input(c);
}

// A vector of zeros stays one.
Status lp_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId norm = b.add(c.int_attribute("p") == 1 ? "reduce_l1" : "reduce_l2",
                             {c.input(0), b.ints({c.int_attribute("axis")})}, {{"keepdims", 1}});
  const ValueId zero = b.scalar_like(0.0, c.input(0)), one = b.scalar_like(1.0, c.input(0));
  c.set_output(0, b.add("div", {c.input(0), b.add("where", {b.add("equal", {norm, zero}), one, norm})}));
  return {};
}

Status mean_variance_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId x = c.input(0), axes = b.ints(c.ints_attribute("axes"));
  const ValueId centered = b.add("sub", {x, b.add("reduce_mean", {x, axes}, {{"keepdims", 1}})});
  const ValueId variance = b.add("reduce_mean", {b.add("mul", {centered, centered}), axes}, {{"keepdims", 1}});
  c.set_output(0, b.add("div", {centered, b.add("add", {b.add("sqrt", {variance}), b.scalar_like(1e-9, x)})}));
  return {};
}

Status lrn_infer(InferContext& c) {
  const int64_t size = c.int_attribute("size");
  MN_CHECK(size >= 1 && size < (int64_t{1} << 31), "attribute 'size' must be in [1, 2^31), got ", size);
  MN_CHECK(!c.shape(0).ranked || (c.shape(0).rank() >= 2 && c.shape(0).rank() <= 4),
           "expected a 2-D to 4-D input, got ", to_string(c.shape(0)));
  return same_as_input(c);
}

// y = x / (bias + alpha / size * s)^beta, s: sum of squares over `size` neighbouring channels. Channels become a
// spatial axis.
Status lrn_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId x = c.input(0);
  MN_ASSIGN(const int64_t rank, rank_of(c, x));
  const int64_t size = c.int_attribute("size");
  Ints kernel(static_cast<size_t>(rank - 1), 1), pads(static_cast<size_t>(2 * (rank - 1)), 0);
  kernel[0] = size;
  pads[0] = (size - 1) / 2;
  pads[static_cast<size_t>(rank - 1)] = size - 1 - pads[0];
  const ValueId squares = b.add("unsqueeze", {b.add("mul", {x, x}), b.ints({1})});
  const ValueId sums =
      b.add("squeeze", {b.add("sum_pool", {squares}, {{"kernel_shape", kernel}, {"pads", pads}}), b.ints({1})});
  const ValueId scaled = b.add("mul", {sums, b.scalar_like(c.float_attribute("alpha") / static_cast<double>(size), x)});
  const ValueId base = b.add("add", {scaled, b.scalar_like(c.float_attribute("bias"), x)});
  c.set_output(0, b.add("div", {x, b.add("pow", {base, b.scalar_like(c.float_attribute("beta"), x)})}));
  return {};
}

// (input, skip, gamma, beta, bias) -> normalized sum, statistics, the sum itself. `simplified`: no mean, no beta.
Status import_skip(ImportContext& c, bool simplified) {
  Builder& b = c.b;
  const int bias = simplified ? 3 : 4;
  MN_CHECK(c.has_input(0) && c.has_input(1) && c.has_input(2), "expected input, skip and gamma");
  MN_ASSIGN(const float epsilon, c.float_attribute("epsilon", 1e-12f));
  // The bias first: it belongs to the product that comes in, and a kernel for that takes it in, then the skip.
  ValueId sum = c.has_input(bias) ? b.add("add", {c.input(0), c.input(bias)}) : c.input(0);
  sum = b.add("add", {sum, c.input(1)});
  std::vector<ValueId> inputs{sum, c.input(2)};
  if (!simplified && c.has_input(3)) inputs.push_back(c.input(3));
  const std::vector<ValueId> outputs = b.add_many(simplified ? "rms_normalization" : "layer_normalization", inputs,
                                                  simplified ? 2 : 3, {{"axis", -1}, {"epsilon", epsilon}});
  c.set_output(0, outputs[0]);
  if (!simplified && c.wants_output(1)) c.set_output(1, outputs[1]);
  if (c.wants_output(2)) c.set_output(2, outputs[simplified ? 1 : 2]);
  if (c.wants_output(3)) c.set_output(3, sum);
  return {};
}

Status import_skip_layer(ImportContext& c) { return import_skip(c, false); }
Status import_skip_simplified(ImportContext& c) { return import_skip(c, true); }

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> layer_cases() {
  const Tensor pair = Tensor::of<float>({1, 3, -2, 2}, {2, 2}), scale = Tensor::of<float>({2, 1}, {2}),
               bias = Tensor::of<float>({0, 10}, {2});
  return {{.inputs = {pair, scale, bias},
           .attributes = {{"epsilon", 0.0f}},
           .expected = {Tensor::of<float>({-2, 11, -2, 11}, {2, 2})}},
          {.inputs = {f({2, 3, 4}, 1), f({3, 4}, 2), f({3, 4}, 3)}, .attributes = {{"axis", 1}}, .outputs = 3},
          {.inputs = {f({2, 3, 4}, 4), f({4}, 5)},
           .attributes = {{"axis", -2}, {"epsilon", 0.1f}},
           .note = "no bias, scale broadcast"}};
}

std::vector<Case> rms_cases() {
  return {{.inputs = {Tensor::of<float>({1, 7, 5, -5}, {2, 2}), Tensor::of<float>({5, 10}, {2})},
           .attributes = {{"epsilon", 0.0f}},
           .expected = {Tensor::of<float>({1, 14, 5, -10}, {2, 2})}},
          {.inputs = {f({2, 3, 4}, 1), f({3, 4}, 2)}, .attributes = {{"axis", 1}}, .outputs = 2}};
}

std::vector<Case> instance_cases() {
  return {{.inputs = {Tensor::of<float>({1, 3, -2, 2}, {1, 2, 2}), Tensor::of<float>({2, 1}, {2}),
                      Tensor::of<float>({0, 10}, {2})},
           .attributes = {{"epsilon", 0.0f}},
           .expected = {Tensor::of<float>({-2, 2, 9, 11}, {1, 2, 2})}},
          {.inputs = {f({2, 3, 2, 4}, 1), f({3}, 2), f({3}, 3)}}};
}

std::vector<Case> group_cases() {
  return {{.inputs = {Tensor::of<float>({1, 3, -2, 2}, {1, 4, 1}), Tensor::of<float>({2, 1, 1, 1}, {4}),
                      Tensor::of<float>({0, 0, 0, 5}, {4})},
           .attributes = {{"epsilon", 0.0f}, {"num_groups", 2}},
           .expected = {Tensor::of<float>({-2, 1, -1, 6}, {1, 4, 1})}},
          {.inputs = {f({2, 6, 2, 2}, 1), f({6}, 2), f({6}, 3)}, .attributes = {{"num_groups", 3}}},
          {.inputs = {f({0, 6, 2}, 1), f({6}, 2), f({6}, 3)}, .attributes = {{"num_groups", 3}}, .note = "no images"}};
}

std::vector<Case> lp_cases() {
  return {{.inputs = {Tensor::of<float>({3, 4, 0, 0}, {2, 2})},
           .expected = {Tensor::of<float>({0.6f, 0.8f, 0, 0}, {2, 2})},
           .differentiable = false},
          {.inputs = {f({2, 3, 4}, 1)}, .attributes = {{"axis", 1}, {"p", 1}}}};
}

std::vector<Case> mean_variance_cases() {
  return {{.inputs = {Tensor::of<float>({1, 3, 1, 3}, {2, 2})},
           .attributes = {{"axes", Ints{0, 1}}},
           .expected = {Tensor::of<float>({-1, 1, -1, 1}, {2, 2})}},
          {.inputs = {f({2, 3, 2, 2}, 1)}}};
}

std::vector<Case> lrn_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2, 3}, {1, 3, 1})},
           .attributes = {{"size", 3}, {"alpha", 3.0f}, {"beta", 1.0f}},
           .expected = {Tensor::of<float>({1.0f / 6, 2.0f / 15, 3.0f / 14}, {1, 3, 1})}},
          {.inputs = {f({2, 5, 3, 2}, 1)},
           .attributes = {{"size", 4}, {"alpha", 0.5f}, {"bias", 2.0f}},
           .note = "even size"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> normalizations() {
  const AttributeSpec epsilon{"epsilon", 1e-5f}, axis{"axis", -1}, stash{"stash_type", 1};
  return {
      {.name = "layer_normalization",
       .doc = "Zero mean and unit variance over the last axes, then scale and bias.",
       .inputs = {2, 3},
       .outputs = {1, 3},
       .attributes = {axis, epsilon, stash},
       .infer = layer_infer,
       .decompose = layer_decompose,
       .imports = {{"ai.onnx", "LayerNormalization"},
                   {"com.microsoft", "LayerNormalization"},
                   {"com.microsoft", "SkipLayerNormalization", 1, 1, import_skip_layer}},
       .exports = {{"ai.onnx", "LayerNormalization", 17}},
       .cases = layer_cases},
      {.name = "rms_normalization",
       .doc = "Unit root mean square over the last axes, then scale.",
       .inputs = {2, 2},
       .outputs = {1, 2},
       .attributes = {axis, epsilon, stash},
       .infer = layer_infer,
       .decompose = rms_decompose,
       .imports = {{"ai.onnx", "RMSNormalization"},
                   {"ai.onnx", "SimplifiedLayerNormalization"},
                   {"com.microsoft", "SimplifiedLayerNormalization"},
                   {"com.microsoft", "SkipSimplifiedLayerNormalization", 1, 1, import_skip_simplified}},
       .exports = {{"ai.onnx", "RMSNormalization", 23}},
       .cases = rms_cases},
      {.name = "instance_normalization",
       .doc = "Zero mean and unit variance of every channel of every image, then scale and bias.",
       .inputs = {3, 3},
       .attributes = {epsilon},
       .infer = same_as_input,
       .decompose = instance_decompose,
       .imports = {{"ai.onnx", "InstanceNormalization"}},
       .exports = {{"ai.onnx", "InstanceNormalization", 6}},
       .cases = instance_cases},
      {.name = "group_normalization",
       .doc = "Zero mean and unit variance over groups of channels, then scale and bias by channel.",
       .inputs = {3, 3},
       .attributes = {epsilon, required("num_groups", AttributeKind::integer), stash},
       .infer = group_infer,
       .decompose = group_decompose,
       .imports = {{"ai.onnx", "GroupNormalization", 18, 20, import_group_18}, {"ai.onnx", "GroupNormalization", 21}},
       .exports = {{"ai.onnx", "GroupNormalization", 21}},
       .cases = group_cases},
      {.name = "lp_normalization",
       .doc = "Division by the 1- or 2-norm along an axis.",
       .attributes = {axis, {"p", 2}},
       .infer = lp_infer,
       .decompose = lp_decompose,
       .imports = {{"ai.onnx", "LpNormalization"},
                   {"tflite", "L2_NORMALIZATION", 1, 1 << 20, tflite::import_l2_normalization}},
       .exports = {{"ai.onnx", "LpNormalization", 1}},
       .cases = lp_cases},
      {.name = "mean_variance_normalization",
       .doc = "Zero mean and unit variance over the given axes.",
       .attributes = {{"axes", Ints{0, 2, 3}}},
       .infer = same_as_input,
       .decompose = mean_variance_decompose,
       .imports = {{"ai.onnx", "MeanVarianceNormalization"}},
       .exports = {{"ai.onnx", "MeanVarianceNormalization", 9}},
       .cases = mean_variance_cases},
      {.name = "lrn",
       .doc = "Local response normalization across channels.",
       .attributes = {{"alpha", 1e-4f}, {"beta", 0.75f}, {"bias", 1.0f}, required("size", AttributeKind::integer)},
       .infer = lrn_infer,
       .decompose = lrn_decompose,
       .imports = {{"ai.onnx", "LRN"},
                   {"tflite", "LOCAL_RESPONSE_NORMALIZATION", 1, 1 << 20, tflite::import_local_response_normalization}},
       .exports = {{"ai.onnx", "LRN", 1}},
       .cases = lrn_cases}};
}

}  // namespace minnow::ops
