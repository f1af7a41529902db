// col2im: adds columns of blocks [N, C * block, positions] back into images. Its gradient is a convolution that copies
// blocks.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/dispatch.h"

namespace minnow::ops {
namespace {

// Window of the blocks in an image; the attributes are those of a convolution.
Result<std::vector<WindowAxis>> block_axes(const NodeView& node, std::span<const int64_t> image,
                                           std::span<const int64_t> block) {
  MN_CHECK(!image.empty() && image.size() <= kMaxSpatialRank && block.size() == image.size(),
           "image_shape and block_shape: expected 1 to 3 values each, got ", image.size(), " and ", block.size());
  for (size_t i = 0; i < image.size(); ++i) {
    MN_CHECK(image[i] >= 0 && block[i] >= 1, "image_shape ", to_string(image), " and block_shape ", to_string(block),
             " must be positive");
  }
  const std::vector<Dim> in(image.begin(), image.end()), kernel(block.begin(), block.end());
  return resolve_window(node, in, kernel, {});
}

Status col2im_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 3, "input"));
  MN_TRY(c.expect_rank(1, 1, "image_shape"));
  MN_TRY(c.expect_rank(2, 1, "block_shape"));
  MN_TRY(expect_integers(c, 1, "image_shape"));
  MN_TRY(expect_integers(c, 2, "block_shape"));
  const auto image = c.ints(1), block = c.ints(2);
  const Shape& columns = c.shape(0);
  const Dim batch = columns.ranked ? columns.dims[0] : Dim();
  if (!image || !block) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  MN_ASSIGN(const std::vector<WindowAxis> axes, block_axes(c, *image, *block));
  MN_ASSIGN(const int64_t taps, checked_element_count(*block));
  Dims positions;
  for (const WindowAxis& axis : axes) positions.push_back(axis.out);
  MN_ASSIGN(const int64_t count, checked_element_count(positions));
  Dim channels;
  if (columns.ranked && columns.dims[1].known()) {
    MN_CHECK(columns.dims[1].value % taps == 0, "a block of ", taps, " does not divide the ", columns.dims[1].value,
             " rows of the input");
    channels = Dim(columns.dims[1].value / taps);
  }
  if (columns.ranked && columns.dims[2].known()) {
    MN_CHECK(columns.dims[2].value == count, "input has ", columns.dims[2].value, " columns for ", count,
             " block positions");
  }
  std::vector<Dim> out{batch, channels};
  out.insert(out.end(), image->begin(), image->end());
  c.set_output(0, c.dtype(0), Shape(std::move(out)));
  return {};
}

Status col2im_reference(EvalContext& c) {
  const std::vector<int64_t> image = to_ints(c.input(1)), block = to_ints(c.input(2));
  MN_ASSIGN(const std::vector<WindowAxis> axes, block_axes(c, image, block));
  const Window window = as_window(axes);
  const WindowAxis &depth = window[0], &height = window[1], &width = window[2];
  const Planes y = planes_of(c.output(0).dims(), false);
  const int64_t positions = depth.out * height.out * width.out;
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* column = c.input(0).data<T>();
    T* out = c.output(0).mutable_data<T>();
    std::fill_n(out, c.output(0).size(), T(0));
    Pace pace(c.budget());
    for (int64_t n = 0; n < y.batch; ++n) {
      for (int64_t channel = 0; channel < y.channels; ++channel) {
        T* plane = out + y.offset(n, channel);
        for (int64_t tap = 0; tap < depth.kernel * height.kernel * width.kernel; ++tap, column += positions) {
          const int64_t kw = tap % width.kernel, kh = tap / width.kernel % height.kernel,
                        kd = tap / width.kernel / height.kernel;
          for (int64_t od = depth.first_output(kd); od < depth.last_output(kd); ++od) {
            for (int64_t oh = height.first_output(kh); oh < height.last_output(kh); ++oh) {
              for (int64_t ow = width.first_output(kw); ow < width.last_output(kw); ++ow) {
                plane[y.at(depth.position(od, kd), height.position(oh, kh), width.position(ow, kw))] +=
                    column[(od * height.out + oh) * width.out + ow];
              }
            }
          }
          MN_TRY(pace.work(positions));
        }
      }
    }
    return {};
  });
}

// Convolves with one kernel for each element of the block, all zeros but that one.
Status col2im_gradient(GradientContext& c) {
  Builder& b = c.b;
  const Shape shape = c.type(c.output(0)).shape;
  const Tensor* block_value = b.constant_value(c.input(2));
  MN_CHECK(block_value != nullptr && shape.ranked && shape.dims[1].known(),
           "the gradient needs a constant block_shape and known channels");
  const std::vector<int64_t> block = to_ints(*block_value);
  const int64_t taps = element_count(block), channels = shape.dims[1].value;
  Dims dims{channels * taps, 1};
  dims.insert(dims.end(), block.begin(), block.end());
  std::vector<float> values(static_cast<size_t>(channels * taps * taps));
  for (int64_t i = 0; i < channels * taps; ++i) values[static_cast<size_t>(i * taps + i % taps)] = 1;
  const ValueId kernels =
      b.add("cast_like", {b.constant(Tensor::of<float>(std::span<const float>(values), dims)), c.output_gradient(0)});
  Attributes attributes = c.node().attributes;
  attributes.set("group", Attribute(channels));
  const ValueId columns = b.add("conv", {c.output_gradient(0), kernels}, attributes);
  c.set_input_gradient(0, b.add("reshape", {columns, b.add("shape", {c.input(0)})}));
  return {};
}

std::vector<Case> col2im_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {{.inputs = {Tensor::of<float>({1, 2, 3, 10, 20, 30}, {1, 2, 3}), Tensor::of_ints(Dims{4}),
                      Tensor::of_ints(Dims{2})},
           .expected = {Tensor::of<float>({1, 12, 23, 30}, {1, 1, 4})}},
          {.inputs = {f({2, 12, 6}, 1), Tensor::of_ints(Dims{4, 5}), Tensor::of_ints(Dims{2, 3})},
           .attributes = {{"strides", Ints{2, 1}}}},
          {.inputs = {f({1, 8, 16}, 2), Tensor::of_ints(Dims{4, 4}), Tensor::of_ints(Dims{2, 2})},
           .attributes = {{"pads", Ints{1, 1, 1, 1}}, {"dilations", Ints{2, 2}}}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> col2im() {
  return {{
      .name = "col2im",
      .doc = "Adds columns of image blocks back into images.",
      .inputs = {3, 3},
      .attributes = {{"dilations", AttributeKind::integers},
                     {"pads", AttributeKind::integers},
                     {"strides", AttributeKind::integers}},
      .infer = col2im_infer,
      .reference = col2im_reference,
      .gradient = col2im_gradient,
      .imports = {{"ai.onnx", "Col2Im"}},
      .exports = {{"ai.onnx", "Col2Im", 18}},
      .cases = col2im_cases,
  }};
}

}  // namespace minnow::ops
