// Conversions of the element type: cast, cast_like (by value) and bit_cast (by bits).
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/onnx_dtype.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status check_convertible(DType from, DType to) {
  MN_CHECK(to != DType::undefined, "the target element type is not known");
  const bool complex = is_complex(from) || is_complex(to);
  if (complex && from != to && from != DType::undefined)
    return unsupported({"conversion from ", to_string(from), " to ", to_string(to)});
  return {};
}

Status cast_infer(InferContext& c) {
  const DType to = c.dtype_attribute("to");
  MN_CHECK(to != DType::undefined, "unknown element type '", printable(c.string_attribute("to")), "'");
  MN_TRY(check_convertible(c.dtype(0), to));
  c.set_output(0, to, c.shape(0));
  return {};
}

Status cast_like_infer(InferContext& c) {
  if (c.dtype(1) != DType::undefined) MN_TRY(check_convertible(c.dtype(0), c.dtype(1)));
  c.set_output(0, c.dtype(1), c.shape(0));
  return {};
}

// "+INF", "inf", "-INF" and "NaN" in any case, integers, decimals and exponents.
Result<double> number_from(std::string_view text) {
  const std::string lower = lower_ascii(trim(text));
  if (lower == "inf" || lower == "+inf" || lower == "infinity") return static_cast<double>(HUGE_VAL);
  if (lower == "-inf" || lower == "-infinity") return -static_cast<double>(HUGE_VAL);
  if (lower == "nan") return static_cast<double>(NAN);
  const std::optional<double> value =
      parse_double(starts_with(lower, "+") ? std::string_view(lower).substr(1) : std::string_view(lower));
  MN_CHECK(value.has_value(), "'", printable(text, 40), "' is not a number");
  return *value;
}

Result<Tensor> from_strings(const Tensor& tensor, DType to, const std::shared_ptr<Budget>& budget, bool saturate,
                            RoundMode mode) {
  // Integers by way of int64: a double holds only 53 bits of them.
  const bool integer = is_integer(to);
  MN_ASSIGN(Tensor numbers, Tensor::allocate(integer ? DType::int64 : DType::float64, tensor.dims(), budget));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const std::string& text = tensor.strings()[static_cast<size_t>(i)];
    const std::optional<int64_t> exact = integer ? parse_int(trim(text)) : std::nullopt;
    if (exact) {
      numbers.mutable_data<int64_t>()[i] = *exact;
      continue;
    }
    MN_ASSIGN(const double value, number_from(text));
    if (!integer) numbers.mutable_data<double>()[i] = value;
    else numbers.mutable_data<int64_t>()[i] = to_ints(Tensor::scalar(value))[0];
  }
  return convert_dtype(numbers, to, budget, saturate, mode);
}

// NumPy's spelling: the shortest digits that read back the same, with ".0" for whole numbers.
std::string text_of(double value, bool single) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "INF" : "-INF";
  char buffer[400];  // the longest fixed notation of a double has 309 digits before the point
  const double magnitude = std::fabs(value);
  const auto format = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16) ? std::chars_format::scientific
                                                                                : std::chars_format::fixed;
  const auto end = single ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value), format).ptr
                          : std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr;
  std::string text(buffer, end);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

Result<Tensor> to_strings(const Tensor& tensor, const std::shared_ptr<Budget>& budget) {
  MN_ASSIGN(Tensor out, Tensor::allocate(DType::string, tensor.dims(), budget));
  const std::span<std::string> texts = out.mutable_strings();
  const bool boolean = tensor.dtype() == DType::boolean, is_unsigned = tensor.dtype() == DType::uint64;
  if (!is_float(tensor.dtype())) {
    const std::vector<int64_t> values = to_ints(tensor);
    for (size_t i = 0; i < values.size(); ++i) {
      if (boolean) texts[i] = values[i] != 0 ? "True" : "False";
      else texts[i] = is_unsigned ? concat({static_cast<uint64_t>(values[i])}) : concat({values[i]});
    }
    return out;
  }
  const std::vector<double> values = to_doubles(tensor);
  for (size_t i = 0; i < values.size(); ++i) texts[i] = text_of(values[i], tensor.dtype() != DType::float64);
  return out;
}

Result<RoundMode> round_mode(const std::string& name) {
  if (name == "up") return RoundMode::up;
  if (name == "down") return RoundMode::down;
  MN_CHECK(name == "nearest", "round_mode must be up, down or nearest, got '", printable(name), "'");
  return RoundMode::nearest;
}

Status convert_to(EvalContext& c, DType to) {
  const Tensor& x = c.input(0);
  const bool saturate = c.int_attribute("saturate") != 0;
  MN_ASSIGN(const RoundMode mode, round_mode(c.string_attribute("round_mode")));
  if (x.dtype() == to) c.set_output(0, c.datum(0));
  else if (x.dtype() == DType::string) {
    MN_ASSIGN(Tensor out, from_strings(x, to, c.budget(), saturate, mode));
    c.set_output(0, Datum(std::move(out)));
  } else if (to == DType::string) {
    MN_ASSIGN(Tensor out, to_strings(x, c.budget()));
    c.set_output(0, Datum(std::move(out)));
  } else if (is_float(x.dtype()) && is_integer(to) && file_bits(to) < 8) {
    // ONNX leaves values beyond the range open; its reference keeps the low bits here, as between integers.
    MN_ASSIGN(const Tensor whole, convert_dtype(x, DType::int64, c.budget()));
    MN_ASSIGN(Tensor out, convert_dtype(whole, to, c.budget()));
    c.set_output(0, Datum(std::move(out)));
  } else {
    MN_ASSIGN(Tensor out, convert_dtype(x, to, c.budget(), saturate, mode));
    c.set_output(0, Datum(std::move(out)));
  }
  return {};
}

Status cast_reference(EvalContext& c) { return convert_to(c, c.dtype_attribute("to")); }
Status cast_like_reference(EvalContext& c) { return convert_to(c, c.input(1).dtype()); }

// A conversion to integers has no gradient; between floats it passes, in the input's type.
Status cast_gradient(GradientContext& c) {
  if (!is_float(c.type(c.input(0)).dtype) || !is_float(c.type(c.output(0)).dtype)) return {};
  c.set_input_gradient(0, c.b.add("cast_like", {c.output_gradient(0), c.input(0)}));
  return {};
}

Status bit_cast_infer(InferContext& c) {
  const DType from = c.dtype(0), to = c.dtype_attribute("to");
  MN_CHECK(to != DType::undefined, "unknown element type '", printable(c.string_attribute("to")), "'");
  MN_CHECK(from != DType::string && to != DType::string, "strings have no fixed bits");
  MN_CHECK(from == DType::undefined || file_bits(from) == file_bits(to), "bits differ: ", to_string(from), " has ",
           file_bits(from), ", ", to_string(to), " has ", file_bits(to));
  c.set_output(0, to, c.shape(0));
  return {};
}

Status bit_cast_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  Tensor& out = c.output(0);
  if (out.bytes() == 0) return {};
  std::copy(x.raw().begin(), x.raw().end(), out.mutable_data<std::byte>());
  const int bits = file_bits(out.dtype());
  if (bits >= 8 && out.dtype() != DType::boolean) return {};
  // Sub-byte integers are kept as values: the bits above them repeat the sign, or are zero.
  uint8_t* values = out.mutable_data<uint8_t>();
  for (int64_t i = 0; i < out.size(); ++i) {
    const uint8_t high = static_cast<uint8_t>(values[i] << (8 - bits % 8));
    if (out.dtype() == DType::boolean) values[i] = values[i] != 0;
    else if (is_signed_integer(out.dtype())) values[i] = static_cast<uint8_t>(static_cast<int8_t>(high) >> (8 - bits));
    else values[i] = static_cast<uint8_t>(high >> (8 - bits));
  }
  return {};
}

Result<DType> imported_dtype(ImportContext& c, std::string_view name) {
  const Attribute* attribute = c.node.attributes.find(name);
  MN_CHECK(attribute != nullptr, "attribute '", name, "' is missing");
  if (const std::string* text = attribute->get<std::string>()) {  // version 1: "FLOAT", "INT64", "BOOL"
    const std::string lower = lower_ascii(*text);
    const DType dtype = lower == "float"    ? DType::float32
                        : lower == "double" ? DType::float64
                        : lower == "bool"   ? DType::boolean
                                            : dtype_from_name(lower);
    MN_CHECK(dtype != DType::undefined, "unknown element type '", printable(*text), "'");
    return dtype;
  }
  MN_ASSIGN(const int64_t code, c.int_attribute(name, 0));
  const DType dtype = onnx_dtype(code);
  MN_CHECK(dtype != DType::undefined, "attribute '", name, "': unknown element type ", code);
  return dtype;
}

Status cast_import(ImportContext& c) {
  MN_ASSIGN(const DType to, imported_dtype(c, "to"));
  return c.take_over({c.input(0)}, {{"to", to}});
}

Status cast_export(ExportContext& c) {
  Attributes attributes = c.node().attributes;
  attributes.set("to", onnx_dtype_code(c.dtype_attribute("to")));
  c.add("ai.onnx", c.op().name == "cast" ? "Cast" : "BitCast", {c.input_name(0)}, {c.output_name(0)}, attributes);
  return {};
}

// Before 19, Cast had neither the 8-bit floats nor the attribute that says how to treat what does not fit them.
Status old_cast_export(ExportContext& c) {
  if (c.int_attribute("saturate") == 0) return unsupported({"a cast that does not saturate needs opset 19"});
  c.add("ai.onnx", "Cast", {c.input_name(0)}, {c.output_name(0)}, {{"to", onnx_dtype_code(c.dtype_attribute("to"))}});
  return {};
}

// -9 is 0b...0111 in its low four bits, and 9 is 0b1001.
Case wrapped_case() {
  return {.inputs = {Tensor::of<float>({-9, 9, -8.9f}, {3})},
          .attributes = {{"to", DType::int4}},
          .expected = {convert_dtype(Tensor::of<int8_t>({7, -7, -8}, {3}), DType::int4).value()},
          .differentiable = false,
          .note = "beyond the range of four bits"};
}

std::vector<Case> cast_cases() {
  const Tensor x = Tensor::of<float>({-1.7f, 0, 300.5f, 2e9f}, {4});
  return {
      {.inputs = {x},
       .attributes = {{"to", DType::int32}},
       .expected = {Tensor::of<int32_t>({-1, 0, 300, 2000000000}, {4})}},
      {.inputs = {x},
       .attributes = {{"to", DType::boolean}},
       .expected = {Tensor::of<bool>({true, false, true, true}, {4})}},
      {.inputs = {Tensor::of<int32_t>({-1, 300}, {2})},
       .attributes = {{"to", DType::uint8}},
       .expected = {Tensor::of<uint8_t>({255, 44}, {2})}},
      {.inputs = {Tensor::of_strings({"1e2", "-INF", "7"}, {3})},
       .attributes = {{"to", DType::float32}},
       .expected = {Tensor::of<float>({100, -HUGE_VALF, 7}, {3})}},
      {.inputs = {Tensor::of<float>({1, 0.5f, -2.25f}, {3})},
       .attributes = {{"to", DType::string}},
       .expected = {Tensor::of_strings({"1.0", "0.5", "-2.25"}, {3})}},
      {.inputs = {Tensor::of<int64_t>({3}, {})},
       .attributes = {{"to", DType::string}},
       .expected = {Tensor::of_strings({"3"}, {})}},
      {.inputs = {random_tensor(DType::float32, {2, 3}, 1)}, .attributes = {{"to", DType::float64}}},
      {.inputs = {random_tensor(DType::float32, {0}, 1)}, .attributes = {{"to", DType::float16}}, .note = "empty"},
      wrapped_case(),
  };
}

std::vector<Case> cast_like_cases() {
  return {{.inputs = {Tensor::of<float>({1.5f, -2}, {2}), Tensor::scalar<int8_t>(0)},
           .expected = {Tensor::of<int8_t>({1, -2}, {2})}},
          {.inputs = {random_tensor(DType::float32, {2, 3}, 1), Tensor::of<float>({}, {0})}}};
}

std::vector<Case> bit_cast_cases() {
  return {{.inputs = {Tensor::of<float>({1, -0.0f}, {2})},
           .attributes = {{"to", DType::uint32}},
           .expected = {Tensor::of<uint32_t>({0x3f800000u, 0x80000000u}, {2})}},
          {.inputs = {Tensor::of<uint8_t>({255, 1}, {2, 1})},
           .attributes = {{"to", DType::int8}},
           .expected = {Tensor::of<int8_t>({-1, 1}, {2, 1})}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> cast() {
  std::vector<OpDef> ops = {
      {.name = "cast",
       .doc = "Values converted to another element type.",
       .attributes = {required("to", AttributeKind::text)},
       .narrow_floats = NarrowFloats::native,
       .infer = cast_infer,
       .reference = cast_reference,
       .gradient = cast_gradient,
       .imports = {{"ai.onnx", "Cast", 1, 1 << 20, cast_import}, {"tflite", "CAST", 1, 1 << 20, tflite::import_cast}},
       .exports = {{"ai.onnx", "Cast", 6, old_cast_export}, {"ai.onnx", "Cast", 19, cast_export}},
       .cases = cast_cases},
      {.name = "cast_like",
       .doc = "Values converted to the element type of the second input.",
       .inputs = {2, 2},
       .narrow_floats = NarrowFloats::native,
       .infer = cast_like_infer,
       .reference = cast_like_reference,
       .gradient = cast_gradient,
       .imports = {{"ai.onnx", "CastLike"}},
       .exports = {{"ai.onnx", "CastLike", 15}},
       .cases = cast_like_cases},
      {.name = "bit_cast",
       .doc = "The same bits as another element type.",
       .attributes = {required("to", AttributeKind::text)},
       .narrow_floats = NarrowFloats::native,
       .infer = bit_cast_infer,
       .reference = bit_cast_reference,
       .imports = {{"ai.onnx", "BitCast", 1, 1 << 20, cast_import}},
       .exports = {{"ai.onnx", "BitCast", 26, cast_export}},
       .cases = bit_cast_cases},
  };
  for (size_t i = 0; i < 2; ++i) {
    for (const AttributeSpec& spec : {AttributeSpec("saturate", 1), AttributeSpec("round_mode", "up")})
      ops[i].attributes.push_back(spec);
  }
  return ops;
}

}  // namespace minnow::ops
