// Operators on 8-bit codes that passes make of dequantize_linear -> operator -> quantize_linear. lookup: any function
// of one code. quantized_add, _sub, _mul: (code - zero point) scale of both operands, the operator in float32, then
// quantized as quantize_linear does.
#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/elementwise.h"

namespace minnow::ops {
namespace {

constexpr int64_t kCodes = 256;
constexpr std::string_view kByteText = "int8 or uint8";

bool is_byte(DType dtype) { return dtype == DType::int8 || dtype == DType::uint8; }

Status lookup_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_byte, kByteText));
  const Shape& table = c.shape(1);
  MN_CHECK(!table.static_dims() || (table.rank() == 1 && table.dims[0].value == kCodes),
           "expected a table [256], one entry a code, got ", to_string(table));
  c.set_output(0, c.dtype(1), c.shape(0));
  return {};
}

Status lookup_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  const int lowest = x.dtype() == DType::int8 ? -128 : 0;
  return dispatch_by_size(c.input(1).dtype(), [&]<class T>() -> Status {
    const T* table = c.input(1).data<T>();
    T* out = c.output(0).mutable_data<T>();
    return dispatch<TypeList<int8_t, uint8_t>>(x.dtype(), [&]<class Code>() -> Status {
      const Code* in = x.data<Code>();
      Pace pace(c.budget());
      for (int64_t i = 0; i < x.size(); ++i) {
        out[i] = table[in[i] - lowest];
        MN_TRY(pace.work(1));
      }
      return {};
    });
  });
}

Status lookup_decompose(DecomposeContext& c) {
  const DType dtype = c.type(c.input(0)).dtype;
  MN_CHECK(dtype != DType::undefined, "needs codes of a known type");
  ValueId at = c.b.add("cast", {c.input(0)}, {{"to", DType::int32}});
  if (dtype == DType::int8) at = c.b.add("add", {at, c.b.scalar_like(128, at)});
  c.set_output(0, c.b.add("gather", {c.input(1), at}));
  return c.b.status();
}

std::vector<Case> lookup_cases() {
  const auto table = [](DType dtype) { return random_tensor(dtype, {kCodes}, 3, -100, 100); };
  Tensor squares = table(DType::int32);
  for (int32_t i = 0; i < kCodes; ++i) squares.mutable_data<int32_t>()[i] = (i - 128) * (i - 128);
  return {
      {.inputs = {Tensor::of<int8_t>({-128, 127, 3}, {3}), squares},
       .expected = {Tensor::of<int32_t>({16384, 16129, 9}, {3})}},
      {.inputs = {random_tensor(DType::uint8, {2, 300}, 1, 0, 256), random_tensor(DType::uint8, {kCodes}, 2, 0, 256)},
       .note = "bytes"},
      {.inputs = {random_tensor(DType::int8, {70}, 1, -128, 128), table(DType::float32)},
       .differentiable = false,
       .note = "floats"}};
}

// Inputs: the operands, their scales and the output's, the zero points likewise.
Status quantized_infer(InferContext& c, int operands) {
  for (int i = 0; i < operands; ++i) MN_TRY(expect_dtype(c, i, is_byte, kByteText));
  for (int i = operands; i < operands + 2; ++i) {
    const Shape& values = c.shape(i);
    MN_CHECK(!values.static_dims() || (values.rank() == 1 && values.dims[0].value == operands + 1), "input ", i,
             ": expected ", operands + 1, " values, one for each operand and one for the output, got ",
             to_string(values));
  }
  const DType scale = c.dtype(operands), zero = c.dtype(operands + 1), to = c.dtype_attribute("to");
  MN_CHECK(scale == DType::float32 || scale == DType::undefined, "scales: expected float32, got ", to_string(scale));
  MN_CHECK(zero == DType::int32 || zero == DType::undefined, "zero points: expected int32, got ", to_string(zero));
  MN_CHECK(is_byte(to), "attribute 'to': expected ", kByteText, ", got ", to_string(to));
  for (const char* name : {"low", "high"}) {
    const int64_t limit = c.has_attribute(name) ? c.int_attribute(name) : 0;
    MN_CHECK(limit >= integer_min(to) && limit <= static_cast<int64_t>(integer_max(to)), "attribute '", name,
             "': ", limit, " is no ", to_string(to));
  }
  MN_ASSIGN(Shape shape, broadcast_inputs(c, 0, operands));
  c.set_output(0, to, std::move(shape));
  return {};
}
Status binary_infer(InferContext& c) { return quantized_infer(c, 2); }

// Entry `at` of a vector.
ValueId entry(Builder& b, ValueId values, int64_t at) {
  return b.add("gather", {values, b.constant(Tensor::scalar<int64_t>(at))});
}

// The operands in real numbers, combined by `op`, quantized, limited.
Status decompose_as(DecomposeContext& c, std::string_view op) {
  Builder& b = c.b;
  const ValueId scales = c.input(2), zeros = c.input(3);
  const auto zero = [&](int64_t at, DType dtype) { return b.add("cast", {entry(b, zeros, at)}, {{"to", dtype}}); };
  ValueId real[2];
  for (int i = 0; i < 2; ++i) {
    real[i] = b.add("dequantize_linear", {c.input(i), entry(b, scales, i), zero(i, c.type(c.input(i)).dtype)});
  }
  const DType to = c.dtype_attribute("to");
  ValueId codes = b.add("quantize_linear", {b.add(op, {real[0], real[1]}), entry(b, scales, 2), zero(2, to)});
  MN_TRY(b.status());
  const auto limit = [&](std::string_view name) {
    return c.has_attribute(name) ? b.scalar_like(static_cast<double>(c.int_attribute(name)), codes) : kNoValue;
  };
  if (c.has_attribute("low") || c.has_attribute("high")) codes = b.add("clip", {codes, limit("low"), limit("high")});
  c.set_output(0, codes);
  return b.status();
}

Status add_decompose(DecomposeContext& c) { return decompose_as(c, "add"); }
Status sub_decompose(DecomposeContext& c) { return decompose_as(c, "sub"); }
Status mul_decompose(DecomposeContext& c) { return decompose_as(c, "mul"); }

std::vector<Case> binary_cases() {
  const auto codes = [](DType dtype, Dims dims, uint64_t seed) {
    return dtype == DType::int8 ? random_tensor(dtype, std::move(dims), seed, -128, 128)
                                : random_tensor(dtype, std::move(dims), seed, 0, 256);
  };
  const Tensor scales = Tensor::of<float>({0.02f, 0.03f, 0.05f}, {3}), zeros = Tensor::of<int32_t>({3, -7, 1}, {3});
  return {{.inputs = {codes(DType::int8, {2, 3, 40}, 1), codes(DType::int8, {2, 3, 40}, 2), scales, zeros},
           .attributes = {{"to", DType::int8}},
           .differentiable = false},
          {.inputs = {codes(DType::uint8, {2, 3, 40}, 1), codes(DType::int8, {3, 1}, 2), scales, zeros},
           .attributes = {{"to", DType::uint8}, {"low", 1}, {"high", 200}},
           .differentiable = false,
           .note = "broadcast, limited"},
          {.inputs = {codes(DType::int8, {5}, 1), codes(DType::uint8, {2, 1, 5}, 2),
                      Tensor::of<float>({1.0f, 1.0f, 2.0f}, {3}), Tensor::of<int32_t>({0, 128, -128}, {3})},
           .attributes = {{"to", DType::int8}},
           .differentiable = false,
           .note = "halves"},
          {.inputs = {codes(DType::uint8, {0, 5}, 1), codes(DType::uint8, {5}, 2), scales,
                      Tensor::of<int32_t>({0, 0, 0}, {3})},
           .attributes = {{"to", DType::uint8}},
           .differentiable = false,
           .note = "empty"}};
}

OpDef binary(std::string_view name, std::string_view doc, Status (*decompose)(DecomposeContext&)) {
  return {.name = name,
          .doc = doc,
          .inputs = {4, 4},
          .attributes = {required("to", AttributeKind::text),
                         {"low", AttributeKind::integer},
                         {"high", AttributeKind::integer}},
          .infer = binary_infer,
          .decompose = decompose,
          .cases = binary_cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> quantized() {
  return {{.name = "lookup",
           .doc = "Entries of a table of 256, chosen by 8-bit codes counted from the lowest.",
           .inputs = {2, 2},
           .infer = lookup_infer,
           .reference = lookup_reference,
           .decompose = lookup_decompose,
           .cases = lookup_cases},
          binary("quantized_add", "Sum of two quantized tensors, quantized.", add_decompose),
          binary("quantized_sub", "Difference of two quantized tensors, quantized.", sub_decompose),
          binary("quantized_mul", "Product of two quantized tensors, quantized.", mul_decompose)};
}

}  // namespace minnow::ops
