#include "ops/convolution.h"

namespace minnow {

std::vector<AttributeSpec> convolution_attributes() {
  return {{"auto_pad", "NOTSET"},
          {"dilations", AttributeKind::integers},
          {"group", 1},
          {"kernel_shape", AttributeKind::integers},
          {"pads", AttributeKind::integers},
          {"strides", AttributeKind::integers},
          {"data_layout", "NCHW"}};
}

Result<ConvolutionShapes> convolution_shapes(const NodeView& node, const Shape& x, const Shape& w) {
  ConvolutionShapes out;
  MN_ASSIGN(out.last, channels_last(node));
  MN_CHECK(x.rank() == w.rank(), "input and weight must have the same rank, got ", to_string(x), " and ", to_string(w));
  MN_ASSIGN(out.x, image_shape(x, out.last, "input"));
  MN_ASSIGN(out.w, image_shape(w, out.last, "weight"));
  out.group = node.int_attribute("group");
  MN_CHECK(out.group >= 1, "attribute 'group' must be at least 1, got ", out.group);
  const Dim &in = out.x.channels, &in_per_group = out.w.channels, &maps = out.w.batch;
  MN_CHECK(!in.known() || in.value % out.group == 0, "group ", out.group, " does not divide the ", in.value,
           " input channels");
  MN_CHECK(!maps.known() || maps.value % out.group == 0, "group ", out.group, " does not divide the ", maps.value,
           " output channels");
  MN_CHECK(!in.known() || !in_per_group.known() || in.value / out.group == in_per_group.value, "input has ", in.value,
           " channels but weight ", to_string(w), " with group ", out.group, " takes ", in_per_group.value, " x ",
           out.group);
  const Ints& kernel_shape = node.ints_attribute("kernel_shape");
  for (size_t i = 0; i < kernel_shape.size(); ++i) {
    MN_CHECK(kernel_shape.size() == out.w.spatial.size() &&
                 (!out.w.spatial[i].known() || out.w.spatial[i].value == kernel_shape[i]),
             "attribute 'kernel_shape' ", to_string(kernel_shape), " does not fit weight ", to_string(w));
  }
  MN_ASSIGN(out.axes, resolve_window(node, out.x.spatial, out.w.spatial, {.negative_pads = true}));
  out.y = {out.x.batch, maps, window_outputs(out.axes)};
  return out;
}

int64_t convolution_multiply_adds(const NodeView& node, const Shape& x, const Shape& w) {
  const auto shapes = convolution_shapes(node, x, w);
  if (!shapes.ok()) return 0;
  const Dims weight = w.to_dims(), out = shapes->y.shape(shapes->last).to_dims();
  return weight[0] == 0 ? 0 : element_count(out) * (element_count(weight) / weight[0]);
}

Result<Convolution> concrete_convolution(const NodeView& node, const Dims& x, const Dims& w, const Dims& y) {
  MN_ASSIGN(const ConvolutionShapes shapes, convolution_shapes(node, Shape(x), Shape(w)));
  return Convolution{as_window(shapes.axes), planes_of(x, shapes.last), planes_of(w, shapes.last),
                     planes_of(y, shapes.last), shapes.group};
}

}  // namespace minnow
