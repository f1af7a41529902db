// quantize_linear, dequantize_linear: between real numbers and low-precision ones, with a scale (and zero point) for
// the whole tensor, for each slice of an axis, or for each block of elements along an axis.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/text.h"
#include "ops/axes.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/onnx_dtype.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

enum class Granularity { tensor, axis, block };

Granularity granularity_of(int64_t rank, int64_t scale_rank, int64_t scale_size, int64_t block_size) {
  if (block_size == 0 && scale_size == 1 && scale_rank <= 1) return Granularity::tensor;
  return scale_rank == 1 && (rank != 1 || block_size == 0) ? Granularity::axis : Granularity::block;
}

Status check_blocks(const InferContext& c, const Shape& x, const Shape& scale, int64_t axis, int64_t block_size) {
  MN_CHECK(block_size > 0, "a scale of shape ", to_string(scale), " needs a positive block_size, got ", block_size);
  MN_CHECK(scale.rank() == x.rank(), "with blocks, the scale must be ", x.rank(), "-D as the input ", to_string(x),
           ", got ", to_string(scale));
  for (int64_t d = 0; d < x.rank(); ++d) {
    const Dim &from = x.dims[static_cast<size_t>(d)], &to = scale.dims[static_cast<size_t>(d)];
    const int64_t expected = d == axis ? ceil_div(from.value, block_size) : from.value;
    MN_CHECK(!from.known() || !to.known() || to.value == expected, "dimension ", d, " of the scale: expected ",
             expected, ", got ", to.value, " (input ", to_string(x), ", blocks of ", block_size, " along axis ",
             c.int_attribute("axis"), ")");
  }
  return {};
}

// Checks scale and zero point against the input.
Status check_scale(const InferContext& c) {
  const Shape &x = c.shape(0), &scale = c.shape(1);
  const int64_t block_size = c.int_attribute("block_size");
  MN_CHECK(block_size >= 0, "block_size must not be negative, got ", block_size);
  MN_TRY(expect_dtype(c, 1, is_float, "a floating-point type"));
  if (c.has_input(2) && c.shape(2).static_dims() && scale.static_dims()) {
    const int64_t scales = element_count(scale.to_dims()), points = element_count(c.shape(2).to_dims());
    MN_CHECK(c.shape(2) == scale || (scales == 1 && points == 1), "the zero point must have the scale's shape ",
             to_string(scale), ", got ", to_string(c.shape(2)));
  }
  if (!x.ranked || !scale.static_dims()) return {};
  const Granularity kind = granularity_of(x.rank(), scale.rank(), element_count(scale.to_dims()), block_size);
  if (kind == Granularity::tensor) return {};
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), x.rank()));
  if (kind == Granularity::block) return check_blocks(c, x, scale, axis, block_size);
  const Dim& slices = x.dims[static_cast<size_t>(axis)];
  MN_CHECK(!slices.known() || slices.value == scale.dims[0].value, "expected ", slices.value,
           " scales, one a slice of axis ", axis, ", got ", scale.dims[0].value);
  return {};
}

Result<DType> named_dtype(const InferContext& c, std::string_view name) {
  if (!c.has_attribute(name)) return DType::undefined;
  const DType dtype = c.dtype_attribute(name);
  MN_CHECK(dtype != DType::undefined, name, ": unknown element type '", printable(c.string_attribute(name)), "'");
  return dtype;
}

bool is_quantized(DType dtype) {
  return (is_integer(dtype) && file_bits(dtype) <= 16) || (is_narrow_float(dtype) && file_bits(dtype) <= 8);
}

Status quantize_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_real_number, "a numeric type"));
  MN_TRY(check_scale(c));
  MN_ASSIGN(DType dtype, named_dtype(c, "output_dtype"));
  MN_TRY(named_dtype(c, "precision"));
  if (c.has_input(2)) {
    MN_CHECK(dtype == DType::undefined || c.dtype(2) == DType::undefined || c.dtype(2) == dtype, "output_dtype is ",
             to_string(dtype), ", but the zero point has ", to_string(c.dtype(2)));
    if (c.dtype(2) != DType::undefined) dtype = c.dtype(2);
  } else if (dtype == DType::undefined) {
    dtype = DType::uint8;
  }
  MN_CHECK(dtype == DType::undefined || is_quantized(dtype), "cannot quantize to ", to_string(dtype));
  c.set_output(0, dtype, c.shape(0));
  return {};
}

Status dequantize_infer(InferContext& c) {
  const DType from = c.dtype(0);
  MN_CHECK(from == DType::undefined || is_quantized(from) || from == DType::int32, "cannot dequantize ",
           to_string(from));
  MN_TRY(c.expect_same_dtype(0, 2));
  MN_TRY(check_scale(c));
  MN_ASSIGN(const DType dtype, named_dtype(c, "output_dtype"));
  MN_CHECK(dtype == DType::undefined || is_float(dtype), "output_dtype must be a floating-point type, got ",
           to_string(dtype));
  c.set_output(0, dtype != DType::undefined ? dtype : c.dtype(1), c.shape(0));
  return {};
}

// Runs of elements that share a scale: body(first element, elements between two of the run, elements, index of the
// scale).
template <class F>
Status each_run(EvalContext& c, F body) {
  const Tensor &x = c.input(0), &scale = c.input(1);
  const int64_t block_size = c.int_attribute("block_size");
  const Granularity kind = granularity_of(x.rank(), scale.rank(), scale.size(), block_size);
  if (x.size() == 0) return {};
  Pace pace(c.budget());
  if (kind == Granularity::tensor) {
    body(int64_t{0}, x.size(), int64_t{0}, int64_t{0});
    return {};
  }
  const AxisSplit view = split_at_axis(x.dims(), axis_of(c, x.rank()));
  const int64_t blocks = kind == Granularity::block ? ceil_div(view.extent, block_size) : 0;
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t i = 0; i < view.extent; ++i) {
      MN_TRY(pace.work(view.inner));
      const int64_t first = (o * view.extent + i) * view.inner;
      if (kind == Granularity::axis) body(first, view.inner, i, int64_t{0});
      else body(first, view.inner, (o * blocks + i / block_size) * view.inner, int64_t{1});
    }
  }
  return {};
}

// y = saturate(round(x / scale) + zero point), ties to even; float8 and float4 targets round when they are encoded.
template <class T>
Status quantize_as(EvalContext& c, DType target) {
  const DType work = dtype_of<T>();
  MN_ASSIGN(const Tensor x, convert_dtype(c.input(0), work, c.budget()));
  MN_ASSIGN(const Tensor scales, convert_dtype(c.input(1), work, c.budget()));
  Tensor points;
  if (c.has_input(2)) {
    MN_ASSIGN(points, convert_dtype(c.input(2), work, c.budget()));
  }
  MN_ASSIGN(Tensor values, c.scratch(work, x.dims()));
  const bool whole = is_integer(target);
  const T low = whole ? static_cast<T>(integer_min(target)) : T(0),
          high = whole ? static_cast<T>(integer_max(target)) : T(0);
  const T *in = x.data<T>(), *scale = scales.data<T>(), *point = points.valid() ? points.data<T>() : nullptr;
  T* out = values.mutable_data<T>();
  MN_TRY(each_run(c, [&](int64_t first, int64_t count, int64_t index, int64_t step) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t s = index + i * step;
      const T shift = point != nullptr ? point[s] : T(0);
      T value = in[first + i] / scale[s];
      if (whole) {
        value = std::nearbyint(value) + shift;
        out[first + i] = value > low ? std::min(value, high) : low;  // low where it is no number
      } else {
        out[first + i] = value + shift;
      }
    }
  }));
  MN_ASSIGN(Tensor narrow, convert_dtype(values, target, c.budget(), c.int_attribute("saturate") != 0));
  c.set_output(0, Datum(std::move(narrow)));
  return {};
}

Status quantize_reference(EvalContext& c) {
  const DType target = c.output(0).dtype();
  const bool wide = c.input(0).dtype() == DType::float64 || c.input(1).dtype() == DType::float64;
  return wide ? quantize_as<double>(c, target) : quantize_as<float>(c, target);
}

// y = (x - zero point) scale.
template <class T>
Status dequantize_as(EvalContext& c, DType target) {
  const DType work = dtype_of<T>();
  // Differences of integers are exact in int64, and rounded once.
  const bool whole = is_integer(c.input(0).dtype());
  const DType code = whole ? DType::int64 : work;
  MN_ASSIGN(const Tensor x, convert_dtype(c.input(0), code, c.budget()));
  MN_ASSIGN(const Tensor scales, convert_dtype(c.input(1), work, c.budget()));
  Tensor points;
  if (c.has_input(2)) {
    MN_ASSIGN(points, convert_dtype(c.input(2), code, c.budget()));
  }
  MN_ASSIGN(Tensor values, c.scratch(work, x.dims()));
  T* out = values.mutable_data<T>();
  const auto scale_codes = [&]<class Code>() {
    const Code *in = x.data<Code>(), *point = points.valid() ? points.data<Code>() : nullptr;
    const T* scale = scales.data<T>();
    return each_run(c, [=](int64_t first, int64_t count, int64_t index, int64_t step) {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t s = index + i * step;
        out[first + i] = static_cast<T>(in[first + i] - (point != nullptr ? point[s] : Code(0))) * scale[s];
      }
    });
  };
  MN_TRY(whole ? scale_codes.template operator()<int64_t>() : scale_codes.template operator()<T>());
  MN_ASSIGN(Tensor result, convert_dtype(values, target, c.budget()));
  c.set_output(0, Datum(std::move(result)));
  return {};
}

Status dequantize_reference(EvalContext& c) {
  const DType target = c.output(0).dtype();
  return target == DType::float64 ? dequantize_as<double>(c, target) : dequantize_as<float>(c, target);
}

// The codes have no gradient; the scale's is the sum of g (x - zero point) over the elements that share it.
Status dequantize_gradient(GradientContext& c) {
  if (c.wanted.size() > 1 && !c.wanted[1]) return {};
  const Expression g{&c.b, c.output_gradient(0)}, scale{&c.b, c.input(1)};
  const Shape x = c.type(c.input(0)).shape, scales = c.type(c.input(1)).shape;
  MN_CHECK(x.ranked && scales.static_dims(), "the gradient needs a known rank and a known shape of the scale");
  const Expression ones = scale.zeros() + 1.0;
  const ValueId point = c.has_input(2) ? c.input(2) : kNoValue;
  const Expression codes{&c.b,
                         c.b.add("dequantize_linear", {c.input(0), ones.id, point},
                                 {{"axis", c.int_attribute("axis")}, {"block_size", c.int_attribute("block_size")}})};
  const Expression product = g.cast_like(scale) * codes;
  const Granularity kind =
      granularity_of(x.rank(), scales.rank(), element_count(scales.to_dims()), c.int_attribute("block_size"));
  if (kind == Granularity::block) return unsupported({"gradient of a scale for each block"});
  if (kind == Granularity::tensor) {
    c.set_input_gradient(1, product.apply("sum_to_shape", scale.apply("shape")).id);
    return {};
  }
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), x.rank()));
  Ints others;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (i != axis) others.push_back(i);
  }
  const Attributes reduce{{"keepdims", 0}, {"noop_with_empty_axes", 1}};
  c.set_input_gradient(1, c.b.add("reduce_sum", {product.id, c.b.ints(others)}, reduce));
  return {};
}

// Element types are codes in a file, 0 meaning absent.
Status quantization_import(ImportContext& c) {
  Attributes attributes;
  for (const char* name : {"output_dtype", "precision"}) {
    if (c.node.attributes.find(name) == nullptr) continue;
    MN_ASSIGN(const int64_t code, c.int_attribute(name, 0));
    MN_CHECK(code == 0 || onnx_dtype(code) != DType::undefined, "attribute '", name, "': unknown element type ", code);
    attributes.set(name, code == 0 ? Attribute() : Attribute(onnx_dtype(code)));
  }
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()}, attributes);
}

Status quantization_export(ExportContext& c) {
  Attributes attributes = c.node().attributes;
  for (const char* name : {"output_dtype", "precision"}) {
    if (attributes.find(name) != nullptr) attributes.set(name, onnx_dtype_code(c.dtype_attribute(name)));
  }
  std::vector<std::string> inputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  c.add("ai.onnx", c.op().exports[0].name, std::move(inputs), {c.output_name(0)}, attributes);
  return {};
}

// Only since 23 are the type of what is dequantized and the precision of the division stated.
Status quantization_export_21(ExportContext& c) {
  const bool later =
      c.find("precision").present() || (c.op().name == "dequantize_linear" && c.has_attribute("output_dtype"));
  if (later) return unsupported({"the precision and the type of what is dequantized need opset 23"});
  return quantization_export(c);
}

// Before 21 there were one scale a tensor or one a slice of an axis, and no other attribute that mattered.
Status old_quantization_export(ExportContext& c) {
  const Attribute& saturate = c.find("saturate");
  const bool plain = c.int_attribute("block_size") == 0 && !c.has_attribute("output_dtype") &&
                     !c.find("precision").present() && (!saturate.present() || c.int_attribute("saturate") != 0);
  if (!plain) return unsupported({"blocks, stated types and wrapping need opset 21"});
  std::vector<std::string> inputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  c.add("ai.onnx", c.op().exports[0].name, std::move(inputs), {c.output_name(0)}, {{"axis", c.int_attribute("axis")}});
  return {};
}

// com.microsoft.QLinear*: operands are (codes, scale, zero point) triples, and the result is quantized again.
ValueId real_operand(ImportContext& c, int first) {
  return c.b.add("dequantize_linear",
                 {c.input(first), c.input(first + 1), c.has_input(first + 2) ? c.input(first + 2) : kNoValue});
}
Status requantize(ImportContext& c, ValueId real, int scale) {
  return c.take_over({real, c.input(scale), c.has_input(scale + 1) ? c.input(scale + 1) : kNoValue});
}
Status qlinear_add_import(ImportContext& c) {
  return requantize(c, c.b.add("add", {real_operand(c, 0), real_operand(c, 3)}), 6);
}
Status qlinear_mul_import(ImportContext& c) {
  return requantize(c, c.b.add("mul", {real_operand(c, 0), real_operand(c, 3)}), 6);
}
Status qlinear_sigmoid_import(ImportContext& c) { return requantize(c, c.b.add("sigmoid", {real_operand(c, 0)}), 3); }
Status qlinear_leaky_relu_import(ImportContext& c) {
  MN_ASSIGN(const float alpha, c.float_attribute("alpha", 0.01f));
  return requantize(c, c.b.add("leaky_relu", {real_operand(c, 0)}, {{"alpha", alpha}}), 3);
}

std::vector<Case> quantize_cases() {
  const Tensor x = Tensor::of<float>({0, 2, 3, 1000, -254, -1000}, {6});
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, 0.5, 2); };
  return {
      {.inputs = {x, Tensor::scalar(2.0f), Tensor::scalar<uint8_t>(128)},
       .expected = {Tensor::of<uint8_t>({128, 129, 130, 255, 1, 0}, {6})}},
      {.inputs = {Tensor::of<float>({-0.5f, 0.5f, 1.5f}, {3}), Tensor::scalar(1.0f)},
       .attributes = {{"output_dtype", DType::int8}},
       .expected = {Tensor::of<int8_t>({0, 0, 2}, {3})}},
      {.inputs = {f({2, 3, 2}, 1), f({3}, 2), random_tensor(DType::int8, {3}, 3, -9, 9)}, .note = "per axis"},
      {.inputs = {f({2, 5}, 1), f({2, 3}, 2)},
       .attributes = {{"block_size", 2}, {"output_dtype", DType::int4}},
       .note = "blocks"},
      {.inputs = {x, Tensor::scalar(2.0f)}, .attributes = {{"output_dtype", DType::float8e4m3fn}}, .note = "float8"},
      {.inputs = {f({0, 2}, 1), Tensor::scalar(1.0f)}, .note = "empty"}};
}

std::vector<Case> dequantize_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, 0.5, 2); };
  return {{.inputs = {Tensor::of<uint8_t>({0, 3, 128, 255}, {4}), Tensor::scalar(2.0f), Tensor::scalar<uint8_t>(128)},
           .expected = {Tensor::of<float>({-256, -250, 0, 254}, {4})}},
          {.inputs = {random_tensor(DType::int8, {2, 3, 2}, 1, -9, 9), f({3}, 2),
                      random_tensor(DType::int8, {3}, 3, -9, 9)},
           .note = "per axis"},
          {.inputs = {random_tensor(DType::int4, {5, 2}, 1, -8, 8), f({2, 2}, 2)},
           .attributes = {{"axis", 0}, {"block_size", 3}},
           .differentiable = false,
           .note = "blocks"},
          {.inputs = {Tensor::of<int32_t>({-7, 9}, {2}), Tensor::scalar(0.5f)},
           .expected = {Tensor::of<float>({-3.5f, 4.5f}, {2})}},
          {.inputs = {Tensor::of<int8_t>({-7}, {1}), Tensor::scalar(0.5f)},
           .attributes = {{"output_dtype", DType::float16}},
           .differentiable = false}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> quantize() {
  constexpr int kLast = 1 << 20;
  const AttributeSpec axis{"axis", 1}, block{"block_size", 0}, dtype{"output_dtype", AttributeKind::text};
  return {
      {.name = "quantize_linear",
       .doc = "round(x / scale) + zero point, limited to the target's range.",
       .inputs = {2, 3},
       .attributes = {axis, block, dtype, {"saturate", 1}, {"precision", AttributeKind::text}},
       .narrow_floats = NarrowFloats::native,
       .infer = quantize_infer,
       .reference = quantize_reference,
       .imports = {{"ai.onnx", "QuantizeLinear", 1, kLast, quantization_import},
                   {"com.microsoft", "QuantizeLinear", 1, kLast, quantization_import},
                   {"com.microsoft", "QLinearAdd", 1, kLast, qlinear_add_import},
                   {"com.microsoft", "QLinearMul", 1, kLast, qlinear_mul_import},
                   {"com.microsoft", "QLinearSigmoid", 1, kLast, qlinear_sigmoid_import},
                   {"com.microsoft", "QLinearLeakyRelu", 1, kLast, qlinear_leaky_relu_import},
                   {"tflite", "QUANTIZE", 1, 1 << 20, tflite::import_quantize},
                   {"tflite", "FAKE_QUANT", 1, 1 << 20, tflite::import_fake_quant}},
       .exports = {{"ai.onnx", "QuantizeLinear", 10, old_quantization_export},
                   {"ai.onnx", "QuantizeLinear", 21, quantization_export_21},
                   {"ai.onnx", "QuantizeLinear", 23, quantization_export}},
       .cases = quantize_cases},
      {.name = "dequantize_linear",
       .doc = "(x - zero point) scale.",
       .inputs = {2, 3},
       .attributes = {axis, block, dtype},
       .narrow_floats = NarrowFloats::native,
       .infer = dequantize_infer,
       .reference = dequantize_reference,
       .gradient = dequantize_gradient,
       .imports = {{"ai.onnx", "DequantizeLinear", 1, kLast, quantization_import},
                   {"com.microsoft", "DequantizeLinear", 1, kLast, quantization_import},
                   {"tflite", "DEQUANTIZE", 1, 1 << 20, tflite::import_dequantize}},
       .exports = {{"ai.onnx", "DequantizeLinear", 10, old_quantization_export},
                   {"ai.onnx", "DequantizeLinear", 21, quantization_export_21},
                   {"ai.onnx", "DequantizeLinear", 23, quantization_export}},
       .cases = dequantize_cases},
  };
}

}  // namespace minnow::ops
