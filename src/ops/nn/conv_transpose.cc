// conv_transpose: the gradient of a convolution by its input, with a bias. Weight [C, M/group, k...] (NHWC: [C, k...,
// M/group]).
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

struct TransposedAxis {
  int64_t out = -1, pad_begin = 0,
          pad_end = 0;  // pad_end: such that a convolution of `out` gives exactly the input size
};

struct TransposedShapes {
  bool last = false;
  int64_t group = 1;
  ImageShape x, w;
  std::vector<TransposedAxis> axes;
  ImageShape y() const {
    ImageShape out{x.batch, w.channels.known() ? Dim(w.channels.value * group) : Dim(), {}};
    for (const TransposedAxis& axis : axes) out.spatial.push_back(axis.out < 0 ? Dim() : Dim(axis.out));
    return out;
  }
};

// axis: in, kernel, stride, dilation, pads as given. `wanted`: output_shape's entry, or -1.
Result<TransposedAxis> resolve_transposed(const WindowAxis& axis, int64_t output_padding, int64_t wanted,
                                          std::string_view auto_pad) {
  TransposedAxis out{wanted, axis.pad_begin, axis.pad_end};
  if (axis.in < 0 || axis.kernel < 0) return out;
  int64_t full = 0;
  MN_CHECK(checked_mul(std::max<int64_t>(axis.in - 1, 0), axis.stride, &full) &&
               checked_add(full, axis.extent() + output_padding, &full),
           "the output of dimension ", axis.in, " with stride ", axis.stride, " is too large");
  if (wanted < 0 && auto_pad.substr(0, 4) == "SAME") {
    MN_CHECK(checked_mul(axis.in, axis.stride, &out.out), "the output of dimension ", axis.in, " with stride ",
             axis.stride, " is too large");
  }
  if (out.out >= 0) {
    const int64_t total = std::max<int64_t>(0, full - out.out);
    out.pad_begin = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
  } else {
    if (auto_pad == "VALID") out.pad_begin = out.pad_end = 0;
    out.out = full - out.pad_begin - out.pad_end;
    MN_CHECK(out.out >= 0, "pads ", out.pad_begin, " and ", out.pad_end, " leave nothing of an output of ", full);
  }
  out.pad_end = full - output_padding - out.out - out.pad_begin;
  return out;
}

Result<TransposedShapes> transposed_shapes(const NodeView& node, const Shape& x, const Shape& w) {
  TransposedShapes out;
  MN_ASSIGN(out.last, channels_last(node));
  MN_CHECK(x.rank() == w.rank(), "input and weight must have the same rank, got ", to_string(x), " and ", to_string(w));
  MN_ASSIGN(out.x, image_shape(x, out.last, "input"));
  MN_ASSIGN(out.w, image_shape(w, out.last, "weight"));
  out.group = node.int_attribute("group");
  MN_CHECK(out.group >= 1 && out.group < (int64_t{1} << 31), "attribute 'group' must be at least 1, got ", out.group);
  const Dim &in = out.x.channels, &rows = out.w.batch;
  MN_CHECK(!in.known() || in.value % out.group == 0, "group ", out.group, " does not divide the ", in.value,
           " input channels");
  MN_CHECK(!in.known() || !rows.known() || in.value == rows.value, "input has ", in.value, " channels but weight ",
           to_string(w), " takes ", rows.value);
  MN_CHECK(!out.w.channels.known() || out.w.channels.value < (int64_t{1} << 31), "weight ", to_string(w),
           " is too large");
  const size_t rank = out.x.spatial.size();
  // Sizes of a window over the input do not matter here, only the checks of its attributes.
  const std::vector<Dim> unknown(rank);
  MN_ASSIGN(std::vector<WindowAxis> axes, resolve_window(node, unknown, out.w.spatial, {}));
  MN_ASSIGN(const Ints output_padding, ints_or(node, "output_padding", rank, 0));
  Ints wanted = node.ints_attribute("output_shape");
  if (wanted.size() == rank + 2)
    wanted = Ints(wanted.begin() + first_spatial_axis(out.last),
                  wanted.begin() + first_spatial_axis(out.last) + static_cast<int64_t>(rank));
  MN_CHECK(wanted.empty() || wanted.size() == rank, "attribute 'output_shape': expected ", rank, " values, got ",
           wanted.size());
  const std::string& auto_pad = node.string_attribute("auto_pad");
  for (size_t i = 0; i < rank; ++i) {
    axes[i].in = out.x.spatial[i].value;
    MN_CHECK(output_padding[i] >= 0 && output_padding[i] < std::max(axes[i].stride, axes[i].dilation),
             "attribute 'output_padding': ", output_padding[i], " must be less than stride ", axes[i].stride,
             " or dilation ", axes[i].dilation);
    MN_CHECK(wanted.empty() || wanted[i] >= 0, "attribute 'output_shape': sizes must not be negative, got ",
             wanted.empty() ? 0 : wanted[i]);
    MN_ASSIGN(const TransposedAxis axis,
              resolve_transposed(axes[i], output_padding[i], wanted.empty() ? -1 : wanted[i], auto_pad));
    out.axes.push_back(axis);
  }
  return out;
}

Status conv_transpose_infer(InferContext& c) {
  MN_TRY(c.expect_same_dtype(0, 1));
  if (c.has_input(2)) {
    MN_TRY(c.expect_same_dtype(0, 2));
    MN_TRY(c.expect_rank(2, 1, "bias"));
  }
  if (!c.shape(0).ranked || !c.shape(1).ranked) {
    const Shape& known = c.shape(0).ranked ? c.shape(0) : c.shape(1);
    c.set_output(0, c.dtype(0), known.ranked ? Shape::of_rank(known.rank()) : Shape());
    return {};
  }
  MN_ASSIGN(const TransposedShapes shapes, transposed_shapes(c, c.shape(0), c.shape(1)));
  const ImageShape y = shapes.y();
  if (c.has_input(2) && c.shape(2).ranked) {
    const Dim& bias = c.shape(2).dims[0];
    MN_CHECK(!bias.known() || !y.channels.known() || bias.value == y.channels.value, "bias has ", bias.value,
             " values for ", y.channels.value, " output channels");
  }
  c.set_output(0, c.dtype(0), y.shape(shapes.last));
  return {};
}

Status conv_transpose_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const Shape x = c.type(c.input(0)).shape, w = c.type(c.input(1)).shape;
  MN_CHECK(x.ranked && w.ranked, "needs operands of known rank");
  MN_ASSIGN(const TransposedShapes shapes, transposed_shapes(c, x, w));
  const Shape y = shapes.y().shape(shapes.last);
  Dims tail;
  Ints pads_begin, pads_end;
  for (size_t i = 1; i < y.dims.size(); ++i) {
    MN_CHECK(y.dims[i].known(), "needs known spatial sizes and channels, got input ", to_string(x), " and weight ",
             to_string(w));
    tail.push_back(y.dims[i].value);
  }
  for (const TransposedAxis& axis : shapes.axes) {
    pads_begin.push_back(axis.pad_begin);
    pads_end.push_back(axis.pad_end);
  }
  pads_begin.insert(pads_begin.end(), pads_end.begin(), pads_end.end());
  ValueId batch = y.dims[0].known() ? b.ints({y.dims[0].value}) : kNoValue;
  if (batch == kNoValue) batch = b.add("slice", {b.add("shape", {c.input(0)}), b.ints({0}), b.ints({1})});
  const ValueId shape = b.add("concat", {batch, b.ints(tail)}, {{"axis", 0}});
  Attributes attributes{
      {"group", shapes.group}, {"pads", pads_begin}, {"data_layout", c.string_attribute("data_layout")}};
  for (const char* name : {"strides", "dilations"}) {
    if (!c.ints_attribute(name).empty()) attributes.set(name, Attribute(c.ints_attribute(name)));
  }
  ValueId out = b.add("conv_grad_input", {c.input(0), c.input(1), shape}, attributes);
  if (c.has_input(2)) {
    Ints broadcast(static_cast<size_t>(x.rank()), 1);
    broadcast[static_cast<size_t>(channel_axis(x.rank(), shapes.last))] = -1;
    out = b.add("add", {out, b.add("reshape", {c.input(2), b.ints(broadcast)})});
  }
  c.set_output(0, out);
  return {};
}

// Every input element meets every weight of its group.
Cost conv_transpose_cost(const InferContext& c) {
  const Dims x = c.shape(0).to_dims(), w = c.shape(1).to_dims();
  const int64_t elements = element_count(x) + element_count(w) + element_count(c.outputs()[0].shape.to_dims());
  return {w[0] == 0 ? 0 : element_count(x) * (element_count(w) / w[0]),
          elements * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

std::vector<Case> conv_transpose_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {
      {.inputs = {Tensor::of<float>({1, 10}, {1, 1, 2}), Tensor::of<float>({1, 2, 3}, {1, 1, 3}),
                  Tensor::of<float>({100}, {1})},
       .expected = {Tensor::of<float>({101, 112, 123, 130}, {1, 1, 4})}},
      {.inputs = {f({1, 4, 3, 3}, 1), f({4, 2, 3, 3}, 2), f({4}, 3)},
       .attributes =
           {{"group", 2}, {"strides", Ints{2, 3}}, {"pads", Ints{1, 0, 1, 2}}, {"output_padding", Ints{1, 2}}}},
      {.inputs = {f({1, 2, 3, 3}, 4), f({2, 3, 3, 3}, 5)},
       .attributes = {{"auto_pad", "SAME_UPPER"}, {"strides", Ints{2, 2}}}},
      {.inputs = {f({1, 2, 3, 3}, 6), f({2, 3, 2, 2}, 7)},
       .attributes = {{"output_shape", Ints{8, 5}}, {"strides", Ints{2, 2}}},
       .note = "output larger than reached"},
      {.inputs = {f({2, 3, 2, 3}, 8), f({3, 2, 2, 2}, 9), f({2}, 10)},
       .attributes = {{"data_layout", "NHWC"}, {"dilations", Ints{1, 2}}},
       .note = "channels last"},
      {.inputs = {f({1, 2, 2, 2, 2}, 11), f({2, 1, 2, 2, 2}, 12)}, .note = "3-D"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> conv_transpose() {
  std::vector<AttributeSpec> attributes = convolution_attributes();
  attributes.push_back({"output_padding", AttributeKind::integers});
  attributes.push_back({"output_shape", AttributeKind::integers});
  return {{
      .name = "conv_transpose",
      .doc = "Transposed convolution: spreads every input element over a window of the output.",
      .inputs = {2, 3},
      .attributes = std::move(attributes),
      .infer = conv_transpose_infer,
      .decompose = conv_transpose_decompose,
      .cost = conv_transpose_cost,
      .imports = {{"ai.onnx", "ConvTranspose"},
                  {"tflite", "TRANSPOSE_CONV", 1, 1 << 20, tflite::import_transpose_conv},
                  {"tflite.custom", "Convolution2DTransposeBias", 1, 1 << 20, tflite::import_transpose_conv_bias}},
      .exports = {{"ai.onnx", "ConvTranspose", 1}},
      .cases = conv_transpose_cases,
  }};
}

}  // namespace minnow::ops
