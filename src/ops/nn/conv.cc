// conv: cross-correlation with 1 to 3 spatial dimensions, groups, strides and dilations. Negative pads crop. Integers
// wrap.
#include "base/text.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/dispatch.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status conv_infer(InferContext& c) {
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
  MN_ASSIGN(const ConvolutionShapes shapes, convolution_shapes(c, c.shape(0), c.shape(1)));
  if (c.has_input(2) && c.shape(2).ranked) {
    const Dim &bias = c.shape(2).dims[0], &maps = shapes.y.channels;
    MN_CHECK(!bias.known() || !maps.known() || bias.value == maps.value, "bias has ", bias.value, " values for ",
             maps.value, " output channels");
  }
  c.set_output(0, c.dtype(0), shapes.y.shape(shapes.last));
  return {};
}

template <class T>
void fill_plane(T* out, const Planes& y, T value) {
  for (int64_t d = 0; d < y.size[0]; ++d) {
    for (int64_t h = 0; h < y.size[1]; ++h) {
      T* row = out + y.at(d, h, 0);
      for (int64_t w = 0; w < y.size[2]; ++w) row[w * y.stride[2]] = value;
    }
  }
}

Status conv_reference(EvalContext& c) {
  MN_ASSIGN(const Convolution conv, concrete_convolution(c, c.input(0).dims(), c.input(1).dims(), c.output(0).dims()));
  return dispatch<TypeList<float, double, int32_t>>(c.input(0).dtype(), [&]<class Element>() -> Status {
    // Unsigned arithmetic wraps where signed would be undefined, and gives the same bits.
    using T = std::conditional_t<std::is_same_v<Element, int32_t>, uint32_t, Element>;
    const T* x = c.input(0).data<T>();
    const T* w = c.input(1).data<T>();
    const T* bias = c.has_input(2) ? c.input(2).data<T>() : nullptr;
    T* y = c.output(0).mutable_data<T>();
    Pace pace(c.budget());
    for (int64_t n = 0; n < conv.y.batch; ++n) {
      for (int64_t m = 0; m < conv.y.channels; ++m) {
        fill_plane(y + conv.y.offset(n, m), conv.y, bias != nullptr ? bias[m] : T(0));
        int64_t work = 0;
        for_each_row(conv, n, m, [&](const ConvolutionRow& row) {
          add_scaled(y + row.y, row.y_step, x + row.x, row.x_step, w[row.w], row.count);
          work += row.count;
        });
        MN_TRY(pace.work(work));
      }
    }
    return {};
  });
}

Status conv_gradient(GradientContext& c) {
  Builder& b = c.b;
  const ValueId dy = c.output_gradient(0);
  if (is_wanted(c, 0)) {
    const ValueId shape = b.add("shape", {c.input(0)});
    c.set_input_gradient(0, b.add("conv_grad_input", {dy, c.input(1), shape}, c.node().attributes));
  }
  if (is_wanted(c, 1)) {
    const ValueId shape = b.add("shape", {c.input(1)});
    c.set_input_gradient(1, b.add("conv_grad_weight", {c.input(0), dy, shape}, c.node().attributes));
  }
  if (is_wanted(c, 2)) {
    const Shape shape = c.type(c.input(1)).shape;
    MN_CHECK(shape.ranked, "the gradient of the bias needs a weight of known rank");
    MN_ASSIGN(const bool last, channels_last(c));
    Ints axes;
    for (int64_t axis = 0; axis < shape.rank(); ++axis) {
      if (axis != channel_axis(shape.rank(), last)) axes.push_back(axis);
    }
    c.set_input_gradient(2, b.add("reduce_sum", {dy, b.ints(axes)}, {{"keepdims", 0}}));
  }
  return {};
}

Cost conv_cost(const InferContext& c) {
  int64_t bytes = element_count(c.outputs()[0].shape.to_dims());
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i)) bytes += element_count(c.shape(i).to_dims());
  }
  return {convolution_multiply_adds(c, c.shape(0), c.shape(1)),
          bytes * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

// The activation that com.microsoft.FusedConv names, on top of `x`.
Result<ValueId> activate(ImportContext& c, ValueId x) {
  Builder& b = c.b;
  MN_ASSIGN(const std::string name, c.string_attribute("activation", ""));
  Floats parameters;
  if (const Attribute* attribute = c.node.attributes.find("activation_params");
      attribute != nullptr && attribute->get<Floats>() != nullptr) {
    parameters = *attribute->get<Floats>();
  }
  const size_t needed = name == "LeakyRelu" ? 1 : name == "Clip" || name == "HardSigmoid" ? 2 : 0;
  MN_CHECK(parameters.size() >= needed, "activation ", name, ": expected ", needed, " parameters, got ",
           parameters.size());
  if (name.empty()) return x;
  if (name == "Relu") return b.add("relu", {x});
  if (name == "Tanh") return b.add("tanh", {x});
  if (name == "Sigmoid") return b.add("sigmoid", {x});
  if (name == "LeakyRelu") return b.add("leaky_relu", {x}, {{"alpha", parameters[0]}});
  if (name == "HardSigmoid") return b.add("hard_sigmoid", {x}, {{"alpha", parameters[0]}, {"beta", parameters[1]}});
  if (name == "Clip") return b.add("clip", {x, b.scalar_like(parameters[0], x), b.scalar_like(parameters[1], x)});
  return unsupported({"activation '", printable(name), "' of FusedConv is not supported"});
}

// activation(conv(x, w, b) + z).
Status import_fused(ImportContext& c) {
  Attributes attributes;
  for (const auto& [name, value] : c.node.attributes) {
    if (name != "activation" && name != "activation_params") attributes.set(name, value);
  }
  std::vector<ValueId> inputs(c.node.inputs.begin(), c.node.inputs.begin() + std::min(c.input_count(), 3));
  ValueId out = c.b.add("conv", inputs, attributes);
  if (c.has_input(3)) out = c.b.add("add", {out, c.input(3)});
  MN_ASSIGN(out, activate(c, out));
  c.set_output(0, out);
  return {};
}

std::vector<Case> conv_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Ints twos{2, 2}, ones4{1, 1, 1, 1};
  return {
      // 1 2 3 / 4 5 6 / 7 8 9 with the kernel 1 0 / 0 1 and bias 10.
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3}),
                  Tensor::of<float>({1, 0, 0, 1}, {1, 1, 2, 2}), Tensor::of<float>({10}, {1})},
       .expected = {Tensor::of<float>({16, 18, 22, 24}, {1, 1, 2, 2})}},
      {.inputs = {f({2, 3, 5, 4}, 1), f({4, 3, 3, 3}, 2), f({4}, 3)},
       .attributes = {{"pads", Ints{1, 0, 2, 1}}, {"strides", Ints{2, 1}}}},
      {.inputs = {f({1, 4, 5, 5}, 4), f({6, 2, 2, 2}, 5)},
       .attributes = {{"group", 2}, {"dilations", twos}},
       .note = "groups and dilation"},
      {.inputs = {f({1, 3, 4, 4}, 6), f({3, 1, 3, 3}, 7), f({3}, 8)},
       .attributes = {{"group", 3}, {"pads", ones4}},
       .note = "depthwise"},
      {.inputs = {f({2, 3, 7}, 9), f({2, 3, 3}, 10)},
       .attributes = {{"auto_pad", "SAME_LOWER"}, {"strides", Ints{2}}},
       .note = "1-D"},
      {.inputs = {f({1, 2, 3, 3, 3}, 11), f({2, 2, 2, 2, 2}, 12)},
       .attributes = {{"auto_pad", "SAME_UPPER"}},
       .note = "3-D"},
      {.inputs = {f({1, 4, 3, 5}, 13), f({2, 4, 1, 1}, 14), f({2}, 15)}, .note = "pointwise"},
      {.inputs = {f({2, 5, 4, 3}, 16), f({4, 3, 3, 3}, 17), f({4}, 18)},
       .attributes = {{"data_layout", "NHWC"}, {"pads", ones4}, {"strides", twos}},
       .note = "channels last"},
      {.inputs = {f({1, 5, 5, 4}, 19), f({4, 3, 3, 1}, 20)},
       .attributes = {{"data_layout", "NHWC"}, {"group", 4}},
       .note = "depthwise, channels last"},
      {.inputs = {f({1, 2, 5, 5}, 21), f({2, 2, 3, 3}, 22)},
       .attributes = {{"pads", Ints{-1, 0, 0, -1}}},
       .note = "negative pads crop"},
      {.inputs = {f({0, 2, 4, 4}, 1), f({3, 2, 3, 3}, 2)}, .note = "no images"},
      {.inputs = {Tensor::of<int32_t>({1, -2, 3, 4}, {1, 1, 4}), Tensor::of<int32_t>({2, -1}, {1, 1, 2})},
       .expected = {Tensor::of<int32_t>({4, -7, 2}, {1, 1, 3})}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> conv() {
  return {{
      .name = "conv",
      .doc = "Convolution (cross-correlation) with groups, strides, dilations and padding.",
      .inputs = {2, 3},
      .attributes = convolution_attributes(),
      .infer = conv_infer,
      .reference = conv_reference,
      .gradient = conv_gradient,
      .cost = conv_cost,
      .imports = {{"ai.onnx", "Conv"},
                  {"com.microsoft", "FusedConv", 1, 1, import_fused},
                  {"tflite", "CONV_2D", 1, 1 << 20, tflite::import_conv},
                  {"tflite", "DEPTHWISE_CONV_2D", 1, 1 << 20, tflite::import_depthwise_conv}},
      .exports = {{"ai.onnx", "Conv", 1}},
      .cases = conv_cases,
  }};
}

}  // namespace minnow::ops
