#include "ops/spatial.h"

#include "base/text.h"
#include "ops/op.h"

namespace minnow {
namespace {

// Beyond any real model, and small enough that sums and products of two fit into 63 bits.
constexpr int64_t kMaxWindowValue = (int64_t{1} << 31) - 1;

bool has_attribute_spec(const NodeView& node, std::string_view name) {
  const auto& specs = node.op().attributes;
  return std::any_of(specs.begin(), specs.end(), [&](const AttributeSpec& spec) { return spec.name == name; });
}

Status check_axis(const WindowAxis& axis, bool negative_pads) {
  MN_CHECK(axis.stride >= 1 && axis.stride <= kMaxWindowValue, "strides must be in [1, 2^31), got ", axis.stride);
  MN_CHECK(axis.dilation >= 1 && axis.dilation <= kMaxWindowValue, "dilations must be in [1, 2^31), got ",
           axis.dilation);
  MN_CHECK(axis.kernel == -1 || (axis.kernel >= 1 && axis.kernel <= kMaxWindowValue),
           "kernel sizes must be in [1, 2^31), got ", axis.kernel);
  const int64_t lowest = negative_pads ? -kMaxWindowValue : 0;
  for (int64_t pad : {axis.pad_begin, axis.pad_end}) {
    MN_CHECK(pad >= lowest && pad <= kMaxWindowValue, "pads must be in [", lowest, ", 2^31), got ", pad);
  }
  return {};
}

// Output size and padding of one axis whose input and kernel sizes are known.
Status resolve_axis(WindowAxis& axis, std::string_view auto_pad, bool ceil_mode) {
  MN_CHECK(axis.in <= (int64_t{1} << 60), "dimension ", axis.in, " is too large to slide a window over");
  if (starts_with(auto_pad, "SAME")) {
    axis.out = ceil_div(axis.in, axis.stride);
    const int64_t total =
        axis.out == 0 ? 0 : std::max<int64_t>(0, (axis.out - 1) * axis.stride + axis.extent() - axis.in);
    axis.pad_begin = auto_pad == "SAME_LOWER" ? total - total / 2 : total / 2;
    axis.pad_end = total - axis.pad_begin;
    return {};
  }
  const int64_t room = axis.in + axis.pad_begin + axis.pad_end - axis.extent();
  MN_CHECK(room >= 0, "a window of ", axis.extent(), " (kernel ", axis.kernel, ", dilation ", axis.dilation,
           ") does not fit into an input of ", axis.in, " padded by ", axis.pad_begin, " and ", axis.pad_end);
  axis.out = (ceil_mode ? ceil_div(room, axis.stride) : room / axis.stride) + 1;
  // The last window of ceil_mode must start inside the input or the padding in front of it.
  if (ceil_mode && (axis.out - 1) * axis.stride >= axis.in + axis.pad_begin) --axis.out;
  return {};
}

}  // namespace

Result<bool> channels_last(const NodeView& node) {
  const std::string& layout = node.string_attribute("data_layout");
  MN_CHECK(layout == "NCHW" || layout == "NHWC", "attribute 'data_layout': expected NCHW or NHWC, got '",
           printable(layout), "'");
  return layout == "NHWC";
}

Shape ImageShape::shape(bool last) const {
  std::vector<Dim> dims{batch};
  if (!last) dims.push_back(channels);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  if (last) dims.push_back(channels);
  return Shape(std::move(dims));
}

Result<ImageShape> image_shape(const Shape& shape, bool last, std::string_view what) {
  const int64_t rank = shape.rank();
  MN_CHECK(rank >= 3 && rank <= 2 + static_cast<int64_t>(kMaxSpatialRank), what,
           ": expected 3-D to 5-D (1 to 3 spatial dimensions), got ", rank, "-D ", to_string(shape));
  ImageShape out{shape.dims[0], shape.dims[static_cast<size_t>(channel_axis(rank, last))], {}};
  const auto first = shape.dims.begin() + first_spatial_axis(last);
  out.spatial.assign(first, first + (rank - 2));
  return out;
}

Result<Ints> ints_or(const NodeView& node, std::string_view name, size_t count, int64_t fallback) {
  if (!has_attribute_spec(node, name) || node.ints_attribute(name).empty()) return Ints(count, fallback);
  const Ints& values = node.ints_attribute(name);
  MN_CHECK(values.size() == count, "attribute '", name, "': expected ", count, " values, got ", values.size());
  return values;
}

Result<std::vector<WindowAxis>> resolve_window(const NodeView& node, std::span<const Dim> in,
                                               std::span<const Dim> kernel, const WindowOptions& options) {
  const size_t rank = in.size();
  MN_CHECK(kernel.size() == rank, "expected a kernel of ", rank, " dimensions, got ", kernel.size());
  MN_ASSIGN(const Ints strides, ints_or(node, "strides", rank, 1));
  MN_ASSIGN(const Ints dilations, ints_or(node, "dilations", rank, 1));
  MN_ASSIGN(const Ints pads, ints_or(node, "pads", 2 * rank, 0));
  const std::string_view auto_pad =
      has_attribute_spec(node, "auto_pad") ? std::string_view(node.string_attribute("auto_pad")) : "NOTSET";
  MN_CHECK(auto_pad == "NOTSET" || auto_pad == "VALID" || auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER" ||
               auto_pad.empty(),
           "attribute 'auto_pad': expected NOTSET, VALID, SAME_UPPER or SAME_LOWER, got '", printable(auto_pad), "'");
  std::vector<WindowAxis> axes(rank);
  for (size_t i = 0; i < rank; ++i) {
    WindowAxis& axis = axes[i];
    axis = {in[i].value, kernel[i].value, strides[i], dilations[i], pads[i], pads[rank + i], -1};
    if (auto_pad == "VALID") axis.pad_begin = axis.pad_end = 0;
    MN_TRY(check_axis(axis, options.negative_pads));
    if (in[i].known() && kernel[i].known()) MN_TRY(resolve_axis(axis, auto_pad, options.ceil_mode));
  }
  return axes;
}

Window as_window(std::span<const WindowAxis> axes) {
  Window window;
  std::copy(axes.begin(), axes.end(), window.begin() + static_cast<std::ptrdiff_t>(kMaxSpatialRank - axes.size()));
  return window;
}

std::vector<Dim> window_outputs(std::span<const WindowAxis> axes) {
  std::vector<Dim> dims;
  for (const WindowAxis& axis : axes) dims.push_back(axis.out < 0 ? Dim() : Dim(axis.out));
  return dims;
}

Status expect_integers(const InferContext& c, int i, std::string_view what) {
  const bool good = !c.has_input(i) || c.dtype(i) == DType::undefined || is_integer(c.dtype(i));
  MN_CHECK(good, what, ": expected integers, got ", to_string(c.dtype(i)));
  return {};
}

Status expect_real(const InferContext& c, int i, std::string_view what) {
  const DType dtype = c.has_input(i) ? c.dtype(i) : DType::undefined;
  MN_CHECK(dtype == DType::undefined || is_float(dtype) || is_integer(dtype), what, ": expected real numbers, got ",
           to_string(dtype));
  return {};
}

Planes planes_of(std::span<const int64_t> dims, bool last) {
  const Dims strides = row_major_strides(dims);
  const size_t rank = dims.size(), spatial = rank - 2,
               channel = static_cast<size_t>(channel_axis(static_cast<int64_t>(rank), last));
  const size_t first = static_cast<size_t>(first_spatial_axis(last));
  Planes planes;
  planes.batch = dims[0];
  planes.batch_stride = strides[0];
  planes.channels = dims[channel];
  planes.channel_stride = strides[channel];
  for (size_t i = 0; i < spatial; ++i) {
    planes.size[kMaxSpatialRank - spatial + i] = dims[first + i];
    planes.stride[kMaxSpatialRank - spatial + i] = strides[first + i];
  }
  return planes;
}

}  // namespace minnow
