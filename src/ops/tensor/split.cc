// split: a tensor cut along an axis into given lengths, or into equal parts of which the last may be shorter.
#include <algorithm>

#include "base/checked.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/reshaping.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

// Lengths of the parts of `extent`; `extent` may be unknown (-1) when lengths are given.
Result<Ints> part_lengths(const InferContext& c, int64_t extent) {
  const int64_t outputs = c.output_count();
  if (const auto lengths = c.ints(1)) {
    MN_CHECK(static_cast<int64_t>(lengths->size()) == outputs, "split gives ", lengths->size(), " lengths for ",
             outputs, " outputs");
    int64_t sum = 0;
    for (int64_t length : *lengths) {
      MN_CHECK(length >= 0 && checked_add(sum, length, &sum), "split has a bad length in ", to_string(*lengths));
    }
    MN_CHECK(extent < 0 || sum == extent, "split lengths ", to_string(*lengths), " sum to ", sum, ", but the axis has ",
             extent);
    return *lengths;
  }
  MN_CHECK(!c.has_attribute("num_outputs") || c.int_attribute("num_outputs") == outputs, "num_outputs is ",
           c.int_attribute("num_outputs"), ", but the node has ", outputs, " outputs");
  const int64_t chunk = ceil_div(extent, outputs);
  Ints lengths;
  for (int64_t i = 0; i < outputs; ++i)
    lengths.push_back(std::clamp<int64_t>(extent - std::min(extent, i * chunk), 0, chunk));
  return lengths;
}

Status split_infer(InferContext& c) {
  if (c.has_input(1)) MN_TRY(check_shape_input(c.type(1), "split lengths"));
  Shape out = c.shape(0);
  int64_t extent = -1;
  int64_t axis = 0;
  if (out.ranked) {
    MN_ASSIGN(axis, normalize_axis(c.int_attribute("axis"), out.rank()));
    extent = out.dims[static_cast<size_t>(axis)].value;
    out.dims[static_cast<size_t>(axis)] = Dim();
  }
  const bool known = c.has_input(1) ? c.ints(1).has_value() : extent >= 0;
  Ints lengths;
  if (known) {
    MN_ASSIGN(lengths, part_lengths(c, extent));
  }
  for (int i = 0; i < c.output_count(); ++i) {
    if (known && out.ranked) out.dims[static_cast<size_t>(axis)] = Dim(lengths[static_cast<size_t>(i)]);
    c.set_output(i, c.dtype(0), out);
  }
  return {};
}

Status split_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), in.rank()));
  const Dims strides = row_major_strides(in.dims());
  int64_t offset = 0;
  for (int i = 0; i < c.output_count(); ++i) {
    if (c.wants_output(i)) MN_TRY(copy_from_strides(in, offset, strides, c.output(i), *c.budget()));
    offset += c.output(i).dim(axis) * strides[static_cast<size_t>(axis)];
  }
  return {};
}

Status split_gradient(GradientContext& c) {
  Builder& b = c.b;
  std::vector<ValueId> parts;
  for (int i = 0; i < c.output_count(); ++i) {
    ValueId gradient = c.output_gradient(i);
    if (gradient == kNoValue) {
      MN_CHECK(c.output(i) != kNoValue, "the gradient needs every output; output ", i, " is absent");
      gradient = b.add("expand", {b.scalar_like(0, c.input(0)), b.add("shape", {c.output(i)})});
    }
    parts.push_back(gradient);
  }
  c.set_input_gradient(0, b.add("concat", parts, {{"axis", c.int_attribute("axis")}}));
  return {};
}

Status import_split_attribute(ImportContext& c) {
  if (c.has_input(1)) return c.take_over(c.node.inputs);
  return import_list_as_input(c, "split");
}

// Without lengths, ONNX wants the number of parts as an attribute from 18 on.
Status export_split(ExportContext& c) {
  std::vector<std::string> inputs, outputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  for (size_t i = 0; i < c.node().outputs.size(); ++i) outputs.push_back(c.output_name(static_cast<int>(i)));
  Attributes attributes{{"axis", c.int_attribute("axis")}};
  const bool has_lengths = inputs.size() > 1 && !inputs[1].empty();
  if (!has_lengths) attributes.set("num_outputs", static_cast<int64_t>(outputs.size()));
  c.add("ai.onnx", "Split", std::move(inputs), std::move(outputs), attributes);
  return {};
}

std::vector<Case> split_cases() {
  const Tensor x = random_tensor(DType::float32, {2, 6}, 1);
  const auto lengths = [](std::vector<int64_t> values) { return Tensor::of_ints(values); };
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {6}), lengths({2, 4})},
       .outputs = 2,
       .expected = {Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({3, 4, 5, 6}, {4})}},
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7}, {7})},
       .attributes = {{"num_outputs", 4}},
       .outputs = 4,
       .expected = {Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({3, 4}, {2}), Tensor::of<float>({5, 6}, {2}),
                    Tensor::of<float>({7}, {1})},
       .note = "shorter last part"},
      {.inputs = {x, lengths({1, 2, 3})}, .attributes = {{"axis", -1}}, .outputs = 3},
      {.inputs = {x}, .attributes = {{"axis", 1}}, .outputs = 2},
      {.inputs = {random_tensor(DType::float32, {0}, 1), lengths({0, 0})}, .outputs = 2, .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> split() {
  return {{
      .name = "split",
      .doc = "Cuts a tensor along an axis into parts.",
      .inputs = {1, 2},
      .outputs = {1, Arity::kMany},
      .attributes = {{"axis", 0}, {"num_outputs", AttributeKind::integer}},
      .narrow_floats = NarrowFloats::native,
      .infer = split_infer,
      .reference = split_reference,
      .gradient = split_gradient,
      .imports = {{"ai.onnx", "Split", 1, 12, import_split_attribute},
                  {"ai.onnx", "Split", 13},
                  {"tflite", "SPLIT", 1, 1 << 20, tflite::import_split},
                  {"tflite", "SPLIT_V", 1, 1 << 20, tflite::import_split_v},
                  {"tflite", "UNPACK", 1, 1 << 20, tflite::import_unpack}},
      .exports = {{"ai.onnx", "Split", 18, export_split}},
      .cases = split_cases,
  }};
}

}  // namespace minnow::ops
