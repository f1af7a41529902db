#include "ops/tflite.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "graph/tensor_equal.h"
#include "ops/interpreter.h"

namespace minnow::tflite {
namespace {

// Codes of activations and weights. int32 and int64 tensors may state scales as well, but only biases mean them.
bool is_code_type(DType dtype) { return is_integer(dtype) && file_bits(dtype) <= 16; }

const Quantization& input_quantization(const ImportContext& c, int i) {
  static const Quantization none;
  const auto index = static_cast<size_t>(i);
  return index < c.node.input_quantization.size() ? c.node.input_quantization[index] : none;
}

const Quantization& output_quantization(const ImportContext& c, int k) {
  static const Quantization none;
  const auto index = static_cast<size_t>(k);
  return index < c.node.output_quantization.size() ? c.node.output_quantization[index] : none;
}

DType declared_dtype(const ImportContext& c, int k) {
  const auto index = static_cast<size_t>(k);
  return index < c.node.output_types.size() ? c.node.output_types[index].dtype : DType::undefined;
}

struct Bounds {
  bool low = false, high = false;
  float min = 0, max = 0;
};

// The activations that limit; the others are computed.
Bounds bounds_of(std::string_view activation) {
  if (activation == "RELU") return {true, false, 0, 0};
  if (activation == "RELU6") return {true, true, 0, 6};
  if (activation == "RELU_N1_TO_1") return {true, true, -1, 1};
  return {};
}

Result<std::string> activation_of(const ImportContext& c) {
  return c.string_attribute("fused_activation_function", "NONE");
}

// The attributes of the imported node that the operator knows.
Attributes known_attributes(const ImportContext& c) {
  Attributes out;
  for (const AttributeSpec& spec : c.op.attributes) {
    const Attribute* value = c.node.attributes.find(spec.name);
    if (value != nullptr && value->present()) out.set(spec.name, *value);
  }
  return out;
}

}  // namespace

Status expect_options(const ImportContext& c, std::string_view table) {
  MN_ASSIGN(const std::string stated, c.string_attribute("options", ""));
  MN_CHECK(stated == table, "expected ", table, ", got ", stated.empty() ? "no options" : std::string_view(stated));
  return {};
}

Result<bool> flag(const ImportContext& c, std::string_view name, bool fallback) {
  MN_ASSIGN(const int64_t value, c.int_attribute(name, fallback ? 1 : 0));
  return value != 0;
}

bool is_quantized(const ImportContext& c, int input) {
  return c.has_input(input) && input_quantization(c, input).present() && is_code_type(c.b.type(c.input(input)).dtype);
}

bool is_quantized_output(const ImportContext& c, int output) {
  return output_quantization(c, output).present() && is_code_type(declared_dtype(c, output));
}

bool same_quantization(const Quantization& a, const Quantization& b) {
  if (a.present() != b.present()) return false;
  if (!a.present()) return true;
  return a.axis == b.axis && same_bits(a.scale, b.scale) && same_bits(a.zero_point, b.zero_point);
}

ValueId dequantize(Builder& b, ValueId codes, const Quantization& quantization) {
  return b.add("dequantize_linear", {codes, b.constant(quantization.scale), b.constant(quantization.zero_point)},
               {{"axis", quantization.axis}});
}

ValueId quantize(Builder& b, ValueId real, const Quantization& quantization) {
  return b.add("quantize_linear", {real, b.constant(quantization.scale), b.constant(quantization.zero_point)},
               {{"axis", quantization.axis}});
}

ValueId real(ImportContext& c, int i) {
  if (!c.has_input(i)) return kNoValue;
  return is_quantized(c, i) ? dequantize(c.b, c.input(i), input_quantization(c, i)) : c.input(i);
}

ValueId carried(ImportContext& c, int i, int k) {
  const bool in = is_quantized(c, i), out = is_quantized_output(c, k);
  const bool same_type = c.b.type(c.input(i)).dtype == declared_dtype(c, k);
  if ((!in && !out) ||
      (in && out && same_type && same_quantization(input_quantization(c, i), output_quantization(c, k))))
    return c.input(i);
  // A float tensor beside codes, or codes of another scale.
  const ValueId x = real(c, i);
  return out ? quantize(c.b, x, output_quantization(c, k)) : x;
}

Result<ValueId> real_bias(ImportContext& c, int bias, const Quantization& x, const Quantization& w) {
  if (!c.has_input(bias)) return kNoValue;
  const ValueId id = c.input(bias);
  const DType dtype = c.b.type(id).dtype;
  if (is_float(dtype)) return id;
  MN_CHECK(x.present() && w.present() && (dtype == DType::int32 || dtype == DType::int64), "a bias of ",
           to_string(dtype), " needs a quantized input and a quantized weight");
  MN_CHECK(x.scale.size() == 1, "an input that is quantized per axis");
  MN_ASSIGN(Tensor scale, Tensor::allocate(DType::float32, w.scale.dims()));
  for (int64_t i = 0; i < scale.size(); ++i)
    scale.mutable_data<float>()[i] = x.scale.data<float>()[0] * w.scale.data<float>()[i];
  const ValueId scales = c.b.constant(std::move(scale));
  if (dtype == DType::int32) return c.b.add("dequantize_linear", {id, scales}, {{"axis", 0}});
  // Of int16 activations; dequantize_linear has no int64.
  return c.b.add("mul", {c.b.add("cast", {id}, {{"to", DType::float32}}), scales});
}

Result<ValueId> activated(ImportContext& c, ValueId x) {
  MN_ASSIGN(const std::string name, activation_of(c));
  if (name == "NONE") return x;
  if (name == "RELU") return c.b.add("relu", {x});
  if (name == "TANH") return c.b.add("tanh", {x});
  const Bounds bounds = bounds_of(name);
  if (!bounds.high) return unsupported({"fused activation ", printable(name), " is not supported"});
  return c.b.add("clip", {x, c.b.scalar_like(bounds.min, x), c.b.scalar_like(bounds.max, x)});
}

Result<ValueId> activated_codes(ImportContext& c, ValueId codes, int k) {
  if (!is_quantized_output(c, k)) return activated(c, codes);
  MN_ASSIGN(const std::string name, activation_of(c));
  if (name == "NONE") return codes;
  const Bounds bounds = bounds_of(name);
  const Quantization& out = output_quantization(c, k);
  if (!bounds.low || out.scale.size() != 1)
    return unsupported({"fused activation ", printable(name), " on codes is not supported"});
  const DType dtype = declared_dtype(c, k);
  const double scale = out.scale.data<float>()[0];
  const auto code = [&](float limit) {
    const double exact = std::round(limit / scale) + static_cast<double>(to_ints(out.zero_point)[0]);
    return std::clamp(exact, static_cast<double>(integer_min(dtype)), static_cast<double>(integer_max(dtype)));
  };
  return c.b.add("clip", {codes, c.b.scalar_like(code(bounds.min), codes),
                          bounds.high ? c.b.scalar_like(code(bounds.max), codes) : kNoValue});
}

Status finish(ImportContext& c, ValueId x, int k) {
  MN_ASSIGN(ValueId out, activated(c, x));
  MN_TRY(c.b.status());
  if (is_quantized_output(c, k) && is_float(c.b.type(out).dtype)) out = quantize(c.b, out, output_quantization(c, k));
  c.set_output(k, out);
  return c.b.status();
}

Status finish_codes(ImportContext& c, ValueId codes, int k) {
  MN_ASSIGN(const ValueId out, activated_codes(c, codes, k));
  c.set_output(k, out);
  return c.b.status();
}

Result<Ints> constant_ints(ImportContext& c, int i, std::string_view what) {
  const Tensor* value = c.has_input(i) ? c.b.constant_value(c.input(i)) : nullptr;
  if (value == nullptr) return unsupported({what, " must be a constant"});
  MN_CHECK(is_integer(value->dtype()), what, ": expected integers, got ", to_string(value->dtype()));
  return to_ints(*value);
}

ValueId int64_list(ImportContext& c, int i) {
  if (!c.has_input(i)) return kNoValue;
  const Tensor* value = c.b.constant_value(c.input(i));
  if (value != nullptr && is_integer(value->dtype())) return c.b.ints(to_ints(*value));
  return reshaped(c.b, c.b.add("cast", {c.input(i)}, {{"to", DType::int64}}), {-1});
}

ValueId as_declared(ImportContext& c, ValueId x, int k) {
  const DType dtype = declared_dtype(c, k);
  if (dtype == DType::undefined || c.b.type(x).dtype == dtype) return x;
  return c.b.add("cast", {x}, {{"to", dtype}});
}

Result<ValueId> transposed(Builder& b, ValueId x, Ints perm) {
  const Tensor* value = b.constant_value(x);
  if (value == nullptr) return b.add("transpose", {x}, {{"perm", std::move(perm)}});
  const Datum input(*value);
  MN_ASSIGN(const std::vector<Datum> out, evaluate("transpose", {&input, 1}, {{"perm", std::move(perm)}}));
  return b.constant(out[0].tensor, b.graph().value(x).name);
}

ValueId reshaped(Builder& b, ValueId x, const Ints& dims) { return b.add("reshape", {x, b.ints(dims)}); }

Result<int64_t> rank_of(const ImportContext& c, int i) {
  const Type type = c.b.type(c.has_input(i) ? c.input(i) : kNoValue);
  if (!type.shape.ranked) return unsupported({"input ", i, " must have a known rank"});
  return type.shape.rank();
}

std::vector<OpDef> with_rows(std::vector<OpDef> ops, std::initializer_list<FamilyRow> rows) {
  for (const FamilyRow& row : rows) {
    for (OpDef& op : ops) {
      if (op.name == row.op) op.imports.push_back({"tflite", row.name, 1, 1 << 20, row.adapter});
    }
  }
  return ops;
}

Status compute(ImportContext& c) {
  std::vector<ValueId> inputs;
  for (int i = 0; i < c.input_count(); ++i) inputs.push_back(real(c, i));
  return finish(c, c.b.add(c.op.name, inputs, known_attributes(c)));
}

Status move(ImportContext& c) {
  MN_CHECK(c.has_input(0), "the input is absent");
  std::vector<ValueId> inputs(c.node.inputs.begin(), c.node.inputs.end());
  inputs[0] = carried(c, 0);
  return finish_codes(c, c.b.add(c.op.name, inputs, known_attributes(c)));
}

Status move_or_compute(ImportContext& c) {
  bool same = true;
  for (int i = 0; i < c.input_count(); ++i)
    same = same && same_quantization(input_quantization(c, i), output_quantization(c, 0));
  if (!same) return compute(c);
  std::vector<ValueId> inputs(c.node.inputs.begin(), c.node.inputs.end());
  return finish_codes(c, c.b.add(c.op.name, inputs, known_attributes(c)));
}

}  // namespace minnow::tflite
