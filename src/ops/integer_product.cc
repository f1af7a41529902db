#include "ops/integer_product.h"

#include "base/text.h"
#include "ops/builder.h"
#include "ops/elementwise.h"

namespace minnow {
namespace {

bool is_byte(DType dtype) { return dtype == DType::int8 || dtype == DType::uint8; }

Status expect_size(const InferContext& c, int i, const Dim& channels, std::string_view what) {
  if (!c.has_input(i) || !c.shape(i).static_dims()) return {};
  const int64_t count = element_count(c.shape(i).to_dims());
  MN_CHECK(c.shape(i).rank() <= 1 && (count == 1 || !channels.known() || count == channels.value), what,
           ": expected one value or ", channels.known() ? channels.value : 1, ", got shape ", to_string(c.shape(i)));
  return {};
}

ValueId optional_input(const RewriteContext& c, int i) { return c.has_input(i) ? c.input(i) : kNoValue; }

ValueId in_channels(Builder& b, ValueId id, const Ints& dims) {
  const Shape shape = b.type(id).shape;
  const bool single = shape.static_dims() && element_count(shape.to_dims()) == 1;
  if (single) return b.add("reshape", {id, b.ints({})});
  return dims.empty() ? id : b.add("reshape", {id, b.ints(dims)});
}

}  // namespace

Result<DType> integer_product_dtype(const InferContext& c, const Dim& channels) {
  for (int i : {kX, kW, kXZero, kWZero, kYZero}) {
    if (c.has_input(i)) MN_TRY(expect_dtype(c, i, is_byte, "int8 or uint8"));
  }
  MN_TRY(c.expect_same_dtype(kX, kXZero));
  MN_TRY(c.expect_same_dtype(kW, kWZero));
  MN_TRY(expect_size(c, kBias, channels, "bias"));
  MN_TRY(expect_size(c, kScale, channels, "scale"));
  MN_TRY(expect_size(c, kYZero, Dim(1), "zero point of the output"));
  const DType bias = c.has_input(kBias) ? c.dtype(kBias) : DType::undefined;
  if (!c.has_input(kScale)) {
    MN_CHECK(bias == DType::undefined || bias == DType::int32, "a bias of ", to_string(bias), " needs a scale");
    MN_CHECK(!c.has_input(kYZero), "a zero point of the output needs a scale");
    return DType::int32;
  }
  MN_CHECK(c.dtype(kScale) == DType::float32 || c.dtype(kScale) == DType::undefined, "scale: expected float32, got ",
           to_string(c.dtype(kScale)));
  MN_CHECK(bias == DType::undefined || bias == DType::int32 || bias == DType::float32,
           "bias: expected int32 or float32, got ", to_string(bias));
  return c.has_input(kYZero) ? c.dtype(kYZero) : DType::float32;
}

Result<ValueId> centered(RewriteContext& c, ValueId value, ValueId zero_point, const Ints& zero_dims) {
  Builder& b = c.b;
  const ValueId wide = b.add("cast", {value}, {{"to", DType::int32}});
  if (zero_point == kNoValue) return wide;
  ValueId zero = b.add("cast", {zero_point}, {{"to", DType::int32}});
  const Shape shape = c.type(zero_point).shape;
  MN_CHECK(shape.ranked, "needs zero points of known rank");
  MN_CHECK(shape.rank() <= 1 || zero_dims.empty(), "zero point: expected one value or one for each channel, got ",
           to_string(shape));
  if (shape.rank() == 1) zero = in_channels(b, zero, zero_dims);
  return b.add("sub", {wide, zero});
}

ValueId finished_product(DecomposeContext& c, ValueId sums, const Ints& channel_dims) {
  Builder& b = c.b;
  const ValueId bias = optional_input(c, kBias), scale = optional_input(c, kScale), zero = optional_input(c, kYZero);
  const bool early = bias != kNoValue && b.type(bias).dtype == DType::int32;
  if (early) sums = b.add("add", {sums, in_channels(b, bias, channel_dims)});
  if (scale == kNoValue) return sums;
  ValueId real = b.add("mul", {b.add("cast", {sums}, {{"to", DType::float32}}), in_channels(b, scale, channel_dims)});
  if (bias != kNoValue && !early) real = b.add("add", {real, in_channels(b, bias, channel_dims)});
  if (zero == kNoValue) return real;
  return b.add("quantize_linear", {real, b.constant(1.0f), b.add("reshape", {zero, b.ints({})})});
}

Status export_integer_product(ExportContext& c, std::string_view plain) {
  std::vector<std::string> inputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) {
    const bool given = c.node().inputs[i] != kNoValue;
    if (i >= kBias && given)
      return unsupported({plain, " has neither bias nor scale: export the model before quantized operators are fused"});
    if (i < kBias) inputs.push_back(given ? c.input_name(static_cast<int>(i)) : "");
  }
  Attributes attributes;
  for (const auto& [name, value] : c.node().attributes) {
    if (name == "data_layout" || name == "transB") continue;
    attributes.set(name, value);
  }
  c.add("ai.onnx", plain, std::move(inputs), {c.output_name(0)}, attributes);
  return {};
}

}  // namespace minnow
