#include "ops/pooling.h"

namespace minnow {

std::vector<AttributeSpec> pool_attributes() {
  return {{"auto_pad", "NOTSET"},
          {"ceil_mode", 0},
          {"dilations", AttributeKind::integers},
          required("kernel_shape", AttributeKind::integers),
          {"pads", AttributeKind::integers},
          {"strides", AttributeKind::integers},
          {"data_layout", "NCHW"}};
}

Result<PoolShapes> pool_shapes(const NodeView& node, const Shape& x) {
  PoolShapes out;
  MN_ASSIGN(out.last, channels_last(node));
  MN_ASSIGN(out.x, image_shape(x, out.last, "input"));
  const Ints& kernel_shape = node.ints_attribute("kernel_shape");
  MN_CHECK(kernel_shape.size() == out.x.spatial.size(), "attribute 'kernel_shape': expected ", out.x.spatial.size(),
           " values for input ", to_string(x), ", got ", kernel_shape.size());
  std::vector<Dim> kernel;
  for (int64_t size : kernel_shape) {
    MN_CHECK(size >= 1, "attribute 'kernel_shape': sizes must be at least 1, got ", size);
    kernel.emplace_back(size);
  }
  MN_ASSIGN(out.axes, resolve_window(node, out.x.spatial, kernel, {.ceil_mode = node.int_attribute("ceil_mode") != 0}));
  out.y = {out.x.batch, out.x.channels, window_outputs(out.axes)};
  return out;
}

Status set_pool_output(InferContext& c, int i, DType dtype) {
  if (!c.wants_output(i)) return {};
  if (!c.shape(0).ranked) {
    c.set_output(i, dtype, Shape());
    return {};
  }
  MN_ASSIGN(const PoolShapes shapes, pool_shapes(c, c.shape(0)));
  c.set_output(i, dtype, shapes.y.shape(shapes.last));
  return {};
}

// One operation for each tap of each window.
Cost pool_cost(const InferContext& c) {
  int64_t taps = element_count(c.outputs()[0].shape.to_dims());
  for (int64_t size : c.ints_attribute("kernel_shape")) taps *= size;
  const int64_t elements = element_count(c.shape(0).to_dims()) + element_count(c.outputs()[0].shape.to_dims());
  return {taps, elements * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

Result<Pool> concrete_pool(const NodeView& node, const Dims& x, const Dims& y) {
  MN_ASSIGN(const PoolShapes shapes, pool_shapes(node, Shape(x)));
  return Pool{as_window(shapes.axes), planes_of(x, shapes.last), planes_of(y, shapes.last)};
}

}  // namespace minnow
