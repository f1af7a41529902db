// TensorFlow Lite's spatial operators: channels last, as our operators do with data_layout NHWC.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

const Quantization& quantization_of(const ImportContext& c, int i) {
  return c.node.input_quantization[static_cast<size_t>(i)];
}

// strides, auto_pad and data_layout of a node with the options padding, stride_h and stride_w. SAME pads more at the
// end.
Result<Attributes> window_attributes(const ImportContext& c) {
  MN_ASSIGN(const std::string padding, c.string_attribute("padding", "SAME"));
  MN_ASSIGN(const int64_t height, c.int_attribute("stride_h", 0));
  MN_ASSIGN(const int64_t width, c.int_attribute("stride_w", 0));
  return Attributes{{"strides", Ints{height, width}},
                    {"auto_pad", padding == "SAME" ? "SAME_UPPER" : "VALID"},
                    {"data_layout", "NHWC"}};
}

Result<Attributes> convolution_attributes_of(const ImportContext& c) {
  MN_ASSIGN(Attributes attributes, window_attributes(c));
  MN_ASSIGN(const int64_t height, c.int_attribute("dilation_h_factor", 1));
  MN_ASSIGN(const int64_t width, c.int_attribute("dilation_w_factor", 1));
  attributes.set("dilations", Ints{height, width});
  return attributes;
}

// Inputs x, weight (as our conv wants it, with `quantization`), bias.
Status add_convolution(ImportContext& c, ValueId weight, const Quantization& quantization, Attributes attributes) {
  MN_ASSIGN(const ValueId bias, real_bias(c, 2, quantization_of(c, 0), quantization));
  const bool codes = quantization.present() && is_quantized(c, 1);
  const ValueId w = codes ? dequantize(c.b, weight, quantization) : weight;
  const ValueId x = real(c, 0);
  std::vector<ValueId> inputs{x, w};
  if (bias != kNoValue) inputs.push_back(bias);
  return finish(c, c.b.add("conv", inputs, attributes));
}

Result<int64_t> known_dim(const ImportContext& c, int input, int64_t axis, std::string_view what) {
  const Type type = c.b.type(c.has_input(input) ? c.input(input) : kNoValue);
  MN_CHECK(type.shape.ranked && type.shape.rank() > axis, what, ": expected more than ", axis, " dimensions, got ",
           to_string(type));
  const Dim& dim = type.shape.dims[static_cast<size_t>(axis)];
  if (!dim.known()) return unsupported({what, ": dimension ", axis, " must be known"});
  return dim.value;
}

struct Transposing {
  ValueId x = kNoValue, weight = kNoValue, bias = kNoValue;  // weight [C, kH, kW, M] in real numbers
  int64_t stride[2] = {1, 1};
  bool same = true;
  Ints output;  // height and width
};

// One axis of the padding that makes the size `out`; the larger half lies at the end.
Status transposed_padding(int64_t in, int64_t kernel, int64_t stride, int64_t out, int64_t* begin, int64_t* end) {
  int64_t full = 0;
  MN_CHECK(in >= 0 && kernel >= 1 && stride >= 1 && checked_mul(std::max<int64_t>(in - 1, 0), stride, &full) &&
               checked_add(full, kernel, &full) && out >= 0,
           "an input of ", in, " with a kernel of ", kernel, " and a stride of ", stride, " does not give ", out);
  const int64_t total = full - out;
  *begin = std::max<int64_t>(total, 0) / 2;
  *end = total - *begin;
  return {};
}

Status add_transposed(ImportContext& c, const Transposing& t) {
  Ints pads(4), extra(2);
  for (int64_t axis = 0; axis < 2; ++axis) {
    const auto i = static_cast<size_t>(axis);
    const Type x = c.b.type(t.x), w = c.b.type(t.weight);
    MN_CHECK(x.shape.ranked && w.shape.ranked && x.shape.rank() == 4 && w.shape.rank() == 4,
             "expected a 4-D input and weight, got ", to_string(x), " and ", to_string(w));
    const Dim &in = x.shape.dims[i + 1], &kernel = w.shape.dims[i + 1];
    if (!in.known() || !kernel.known()) return unsupported({"height and width must be known"});
    MN_TRY(transposed_padding(in.value, kernel.value, t.stride[i], t.output[i], &pads[i], &pads[i + 2]));
    // An output beyond what the input reaches.
    if (pads[i + 2] < 0) extra[i] = -std::exchange(pads[i + 2], 0);
  }
  const Attributes attributes{
      {"strides", Ints{t.stride[0], t.stride[1]}}, {"pads", pads}, {"output_padding", extra}, {"data_layout", "NHWC"}};
  std::vector<ValueId> inputs{t.x, t.weight};
  if (t.bias != kNoValue) inputs.push_back(t.bias);
  return finish(c, c.b.add("conv_transpose", inputs, attributes));
}

// [M, kH, kW, C] -> [C, kH, kW, M]: of the real weight, whose scales lie along the first axis.
Result<ValueId> transposed_weight(ImportContext& c, int i) {
  MN_ASSIGN(const ValueId weight, transposed(c.b, c.input(i), {3, 1, 2, 0}));
  if (!is_quantized(c, i)) return weight;
  Quantization quantization = quantization_of(c, i);
  quantization.axis = quantization.axis == 0 ? 3 : quantization.axis == 3 ? 0 : quantization.axis;
  return dequantize(c.b, weight, quantization);
}

Status expect_weight(const ImportContext& c, int i) {
  MN_CHECK(c.has_input(i), "the weight is absent");
  const Type type = c.b.type(c.input(i));
  MN_CHECK(type.shape.ranked && type.shape.rank() == 4, "expected a 4-D weight, got ", to_string(type));
  return {};
}

Result<Attributes> pool_attributes(const ImportContext& c) {
  MN_TRY(expect_options(c, "Pool2DOptions"));
  MN_ASSIGN(Attributes attributes, window_attributes(c));
  MN_ASSIGN(const int64_t height, c.int_attribute("filter_height", 0));
  MN_ASSIGN(const int64_t width, c.int_attribute("filter_width", 0));
  attributes.set("kernel_shape", Ints{height, width});
  return attributes;
}

Status import_resize(ImportContext& c, const Attributes& attributes) {
  MN_ASSIGN(const int64_t rank, rank_of(c, 0));
  MN_CHECK(rank == 4, "expected a 4-D input, got ", rank, "-D");
  const ValueId sizes = int64_list(c, 1);
  Attributes all = attributes;
  all.set("axes", Ints{1, 2});
  // Doubling a size gives many halves: integer kernels round them away from zero.
  const bool mixes = attributes.find("mode") != nullptr && is_quantized_output(c);
  const char* op = mixes ? "integer_resize" : "resize";
  return finish_codes(c, c.b.add(op, {carried(c, 0), kNoValue, kNoValue, sizes}, all));
}

// Paddings [rank, 2] as the list of all beginnings, then all ends.
Result<ValueId> pad_list(ImportContext& c, int i) {
  if (const Tensor* value = c.b.constant_value(c.input(i))) {
    const Ints pairs = to_ints(*value);
    MN_CHECK(value->rank() == 2 && value->dim(1) == 2, "paddings: expected [rank, 2], got ", to_string(value->dims()));
    Ints list(pairs.size());
    for (size_t k = 0; k < pairs.size(); ++k) list[k / 2 + (k % 2) * (pairs.size() / 2)] = pairs[k];
    return c.b.ints(list);
  }
  const ValueId turned = c.b.add("transpose", {c.input(i)}, {{"perm", Ints{1, 0}}});
  return reshaped(c.b, c.b.add("cast", {turned}, {{"to", DType::int64}}), {-1});
}

ValueId range(Builder& b, int64_t start, int64_t limit, int64_t delta) {
  const auto scalar = [&](int64_t value) { return b.constant(Tensor::scalar(value)); };
  return b.add("range", {scalar(start), scalar(limit), scalar(delta)});
}

}  // namespace

Status import_conv(ImportContext& c) {
  MN_TRY(expect_options(c, "Conv2DOptions"));
  MN_TRY(expect_weight(c, 1));
  MN_ASSIGN(Attributes attributes, convolution_attributes_of(c));
  MN_ASSIGN(const int64_t channels, known_dim(c, 0, 3, "input"));
  MN_ASSIGN(const int64_t taken, known_dim(c, 1, 3, "weight"));
  MN_CHECK(taken > 0 && channels % taken == 0, "the weight takes ", taken, " channels, the input has ", channels);
  attributes.set("group", channels / taken);
  return add_convolution(c, c.input(1), quantization_of(c, 1), std::move(attributes));
}

// The weight is [1, kH, kW, C * multiplier].
Status import_depthwise_conv(ImportContext& c) {
  MN_TRY(expect_options(c, "DepthwiseConv2DOptions"));
  MN_TRY(expect_weight(c, 1));
  MN_ASSIGN(Attributes attributes, convolution_attributes_of(c));
  MN_ASSIGN(const int64_t channels, known_dim(c, 0, 3, "input"));
  MN_ASSIGN(const int64_t outputs, known_dim(c, 1, 3, "weight"));
  MN_CHECK(channels > 0 && outputs % channels == 0, "the weight has ", outputs, " channels, the input ", channels);
  attributes.set("group", channels);
  Quantization quantization = quantization_of(c, 1);
  MN_CHECK(quantization.scale.size() <= 1 || quantization.axis == 3, "expected scales along axis 3, got ",
           quantization.axis);
  quantization.axis = 0;
  MN_ASSIGN(const ValueId weight, transposed(c.b, c.input(1), {3, 1, 2, 0}));
  return add_convolution(c, weight, quantization, std::move(attributes));
}

// Inputs: output shape, weight [M, kH, kW, C], x, bias.
Status import_transpose_conv(ImportContext& c) {
  MN_TRY(expect_options(c, "TransposeConvOptions"));
  MN_TRY(expect_weight(c, 1));
  MN_ASSIGN(const Ints shape, constant_ints(c, 0, "the output shape"));
  MN_CHECK(shape.size() == 4 && c.has_input(2), "expected a 4-D output shape and an input, got ", to_string(shape));
  Transposing t;
  t.output = {shape[1], shape[2]};
  MN_ASSIGN(t.stride[0], c.int_attribute("stride_h", 0));
  MN_ASSIGN(t.stride[1], c.int_attribute("stride_w", 0));
  t.x = real(c, 2);
  MN_ASSIGN(t.weight, transposed_weight(c, 1));
  MN_ASSIGN(t.bias, real_bias(c, 3, quantization_of(c, 2), quantization_of(c, 1)));
  return add_transposed(c, t);
}

// MediaPipe's Convolution2DTransposeBias: x, weight, bias; options are three 32-bit integers: padding (1 same, 2
// valid), stride along the width, along the height.
Status import_transpose_conv_bias(ImportContext& c) {
  MN_TRY(expect_weight(c, 1));
  const Attribute* options = c.node.attributes.find("custom_options");
  const Tensor* bytes = options == nullptr ? nullptr : options->get<Tensor>();
  MN_CHECK(bytes != nullptr && bytes->size() >= 12, "expected 12 bytes of options");
  int32_t fields[3];
  std::memcpy(fields, bytes->data<uint8_t>(), sizeof(fields));
  Transposing t;
  t.same = fields[0] == 1;
  t.stride[0] = fields[2];
  t.stride[1] = fields[1];
  t.x = real(c, 0);
  MN_ASSIGN(t.weight, transposed_weight(c, 1));
  MN_ASSIGN(t.bias, real_bias(c, 2, quantization_of(c, 0), quantization_of(c, 1)));
  for (int64_t axis = 0; axis < 2; ++axis) {
    MN_ASSIGN(const int64_t in, known_dim(c, 0, axis + 1, "input"));
    MN_ASSIGN(const int64_t kernel, known_dim(c, 1, axis + 1, "weight"));
    const int64_t stride = t.stride[axis];
    MN_CHECK(stride >= 1 && in >= 1 && in < (int64_t{1} << 31) && kernel < (int64_t{1} << 31), "stride ", stride,
             " and input ", in, " do not fit");
    const int64_t pad = t.same ? std::max<int64_t>(0, kernel - (in - 1) % stride - 1) : 0;
    t.output.push_back(stride * (in - 1) + kernel - pad);
  }
  return add_transposed(c, t);
}

// Integer kernels average codes and round halves away from zero.
Status import_average_pool(ImportContext& c) {
  MN_ASSIGN(const Attributes attributes, pool_attributes(c));
  const char* op = is_quantized_output(c) ? "integer_average_pool" : "average_pool";
  return finish_codes(c, c.b.add(op, {carried(c, 0)}, attributes));
}

Status import_max_pool(ImportContext& c) {
  MN_ASSIGN(const Attributes attributes, pool_attributes(c));
  // The largest code is that of the largest number: codes that the operator does not take are compared as numbers.
  if (c.b.type(c.input(0)).dtype == DType::int16) return finish(c, c.b.add("max_pool", {real(c, 0)}, attributes));
  return finish_codes(c, c.b.add("max_pool", {carried(c, 0)}, attributes));
}

Status import_resize_bilinear(ImportContext& c) {
  MN_ASSIGN(const bool corners, flag(c, "align_corners"));
  MN_ASSIGN(const bool half, flag(c, "half_pixel_centers"));
  const char* mode = corners ? "align_corners" : half ? "half_pixel" : "asymmetric";
  return import_resize(c, {{"mode", "linear"}, {"coordinate_transformation_mode", mode}});
}

Status import_resize_nearest(ImportContext& c) {
  MN_ASSIGN(const bool corners, flag(c, "align_corners"));
  MN_ASSIGN(const bool half, flag(c, "half_pixel_centers"));
  const char* mode = corners ? "align_corners" : half ? "tf_half_pixel_for_nn" : "asymmetric";
  return import_resize(
      c, {{"coordinate_transformation_mode", mode}, {"nearest_mode", corners ? "round_prefer_ceil" : "floor"}});
}

// Both directions.
Status import_depth_to_space(ImportContext& c) {
  MN_ASSIGN(const int64_t block, c.int_attribute("block_size", 0));
  return finish_codes(c, c.b.add(c.op.name, {carried(c, 0)}, {{"blocksize", block}, {"data_layout", "NHWC"}}));
}

// Pads, then moves blocks of pixels into the batch: [N, H, W, ...] -> [bh * bw * N, H / bh, W / bw, ...].
Status import_space_to_batch(ImportContext& c) {
  MN_ASSIGN(const Ints block, constant_ints(c, 1, "the block shape"));
  MN_ASSIGN(const Ints paddings, constant_ints(c, 2, "paddings"));
  MN_ASSIGN(const int64_t rank, rank_of(c, 0));
  const auto spatial = static_cast<int64_t>(block.size());
  MN_CHECK(spatial + 1 <= rank && paddings.size() == 2 * block.size(), "a block of ", spatial, " dimensions and ",
           paddings.size(), " paddings for a ", rank, "-D input");
  Ints pads(static_cast<size_t>(2 * rank));
  for (size_t i = 0; i < block.size(); ++i) {
    MN_CHECK(block[i] >= 1 && block[i] < (int64_t{1} << 31), "block size ", block[i]);
    pads[i + 1] = paddings[2 * i];
    pads[i + 1 + static_cast<size_t>(rank)] = paddings[2 * i + 1];
  }
  const ValueId x = carried(c, 0);
  ValueId fill = kNoValue;
  if (is_quantized_output(c)) fill = c.b.constant(c.node.output_quantization[0].zero_point);
  const ValueId padded = c.b.add("pad", {x, c.b.ints(pads), fill});
  MN_TRY(c.b.status());
  const Shape shape = c.b.type(padded).shape;
  Ints split{shape.dims[0].known() ? shape.dims[0].value : -1}, perm, merged;
  int64_t blocks = 1;
  for (int64_t i = 0; i < spatial; ++i) {
    const Dim& dim = shape.dims[static_cast<size_t>(i + 1)];
    const int64_t size = block[static_cast<size_t>(i)];
    if (!dim.known()) return unsupported({"dimension ", i + 1, " must be known"});
    MN_CHECK(dim.value % size == 0, "blocks of ", size, " do not divide a padded dimension of ", dim.value);
    MN_CHECK(checked_mul(blocks, size, &blocks), "the blocks are too large");
    split.insert(split.end(), {dim.value / size, size});
    perm.push_back(2 + 2 * i);
    merged.push_back(dim.value / size);
  }
  perm.push_back(0);
  for (int64_t i = 0; i < spatial; ++i) perm.push_back(1 + 2 * i);
  for (int64_t i = spatial + 1; i < rank; ++i) {
    const Dim& dim = shape.dims[static_cast<size_t>(i)];
    if (!dim.known()) return unsupported({"dimension ", i, " must be known"});
    perm.push_back(static_cast<int64_t>(split.size()));
    split.push_back(dim.value);
    merged.push_back(dim.value);
  }
  merged.insert(merged.begin(), split[0] < 0 ? -1 : split[0] * blocks);
  const ValueId turned = c.b.add("transpose", {reshaped(c.b, padded, split)}, {{"perm", perm}});
  return finish_codes(c, reshaped(c.b, turned, merged));
}

// The way back, then cropping.
Status import_batch_to_space(ImportContext& c) {
  MN_ASSIGN(const Ints block, constant_ints(c, 1, "the block shape"));
  MN_ASSIGN(const Ints crops, constant_ints(c, 2, "crops"));
  MN_ASSIGN(const int64_t rank, rank_of(c, 0));
  const auto spatial = static_cast<int64_t>(block.size());
  MN_CHECK(spatial + 1 <= rank && crops.size() == 2 * block.size(), "a block of ", spatial, " dimensions and ",
           crops.size(), " crops for a ", rank, "-D input");
  const Shape shape = c.b.type(c.input(0)).shape;
  int64_t blocks = 1;
  Ints split, perm{spatial}, merged, starts, ends, axes;
  for (int64_t i = 0; i < spatial; ++i) {
    const int64_t size = block[static_cast<size_t>(i)];
    MN_CHECK(size >= 1 && checked_mul(blocks, size, &blocks), "block size ", size);
    split.push_back(size);
  }
  const Dim batch = shape.dims[0];
  MN_CHECK(!batch.known() || batch.value % blocks == 0, "blocks of ", blocks, " do not divide a batch of ",
           batch.value);
  split.push_back(batch.known() ? batch.value / blocks : -1);
  merged.push_back(split.back());
  for (int64_t i = 1; i < rank; ++i) {
    const Dim& dim = shape.dims[static_cast<size_t>(i)];
    if (!dim.known()) return unsupported({"dimension ", i, " must be known"});
    perm.push_back(spatial + i);
    split.push_back(dim.value);
    int64_t size = dim.value;
    if (i <= spatial) {
      const auto k = static_cast<size_t>(i - 1);
      perm.push_back(i - 1);
      MN_CHECK(checked_mul(size, block[k], &size) && crops[2 * k] >= 0 && crops[2 * k + 1] >= 0 &&
                   crops[2 * k] <= size && crops[2 * k + 1] <= size - crops[2 * k],
               "crops ", crops[2 * k], " and ", crops[2 * k + 1], " do not fit a dimension of ", size);
      starts.push_back(crops[2 * k]);
      ends.push_back(size - crops[2 * k + 1]);
      axes.push_back(i);
    }
    merged.push_back(size);
  }
  const ValueId turned = c.b.add("transpose", {reshaped(c.b, carried(c, 0), split)}, {{"perm", perm}});
  const ValueId whole = reshaped(c.b, turned, merged);
  return finish_codes(c, c.b.add("slice", {whole, c.b.ints(starts), c.b.ints(ends), c.b.ints(axes)}));
}

// PAD and PADV2 (with a value, in the codes of the input).
Status import_pad(ImportContext& c) {
  MN_CHECK(c.has_input(1), "paddings are absent");
  MN_ASSIGN(const ValueId pads, pad_list(c, 1));
  const ValueId x = carried(c, 0);
  ValueId fill = kNoValue;
  if (c.has_input(2)) fill = carried(c, 2);
  else if (is_quantized_output(c)) fill = c.b.constant(c.node.output_quantization[0].zero_point);
  return finish_codes(c, c.b.add("pad", {x, pads, fill}));
}

// Mirrors with the border (SYMMETRIC) or without (REFLECT), an axis at a time.
Status import_mirror_pad(ImportContext& c) {
  MN_ASSIGN(const Ints pairs, constant_ints(c, 1, "paddings"));
  MN_ASSIGN(const std::string mode, c.string_attribute("mode", "REFLECT"));
  MN_ASSIGN(const int64_t rank, rank_of(c, 0));
  MN_CHECK(static_cast<int64_t>(pairs.size()) == 2 * rank, "paddings: expected ", 2 * rank, " values, got ",
           pairs.size());
  const int64_t border = mode == "SYMMETRIC" ? 0 : 1;
  ValueId x = carried(c, 0);
  for (int64_t axis = 0; axis < rank; ++axis) {
    const int64_t begin = pairs[static_cast<size_t>(2 * axis)], end = pairs[static_cast<size_t>(2 * axis + 1)];
    if (begin == 0 && end == 0) continue;
    MN_ASSIGN(const int64_t size, known_dim(c, 0, axis, "input"));
    MN_CHECK(begin >= 0 && end >= 0 && begin <= size - border && end <= size - border, "paddings ", begin, " and ", end,
             " do not fit a dimension of ", size);
    // Ranges, not a list: a file may state a size that no machine holds.
    const ValueId parts[] = {range(c.b, begin - 1 + border, border - 1, -1), range(c.b, 0, size, 1),
                             range(c.b, size - 1 - border, size - 1 - border - end, -1)};
    x = c.b.add("gather", {x, c.b.add("concat", parts, {{"axis", 0}})}, {{"axis", axis}});
  }
  return finish_codes(c, x);
}

}  // namespace minnow::tflite
