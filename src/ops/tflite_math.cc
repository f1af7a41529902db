// TensorFlow Lite's arithmetic, activations, matrix products and conversions.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

Expression operand(ImportContext& c, int i) { return {&c.b, real(c, i)}; }

// x mod y with the sign of y.
Expression floor_mod(const Expression& x, const Expression& y) {
  if (!is_float(x.b->type(x.id).dtype)) return x.apply("mod", y);
  const Expression rest = x.apply("mod", y, {{"fmod", 1}});
  const Expression zero = rest.number(0);
  const Expression other_sign = (rest * y.apply("sign")).apply("less", zero);
  return select(other_sign, rest + y, rest);
}

Result<float> required_float(const ImportContext& c, std::string_view name) { return c.float_attribute(name, 0.0f); }

}  // namespace

Status import_squared_difference(ImportContext& c) {
  const Expression difference = operand(c, 0) - operand(c, 1);
  return finish(c, (difference * difference).id);
}

Status import_square(ImportContext& c) {
  const Expression x = operand(c, 0);
  return finish(c, (x * x).id);
}

Status import_rsqrt(ImportContext& c) { return finish(c, sqrt(operand(c, 0)).apply("reciprocal").id); }

Status import_floor_div(ImportContext& c) {
  const Expression x = operand(c, 0), y = operand(c, 1);
  if (is_float(c.b.type(x.id).dtype)) return finish(c, (x / y).apply("floor").id);
  return finish(c, ((x - floor_mod(x, y)) / y).id);
}

Status import_floor_mod(ImportContext& c) { return finish(c, floor_mod(operand(c, 0), operand(c, 1)).id); }

Status import_add_n(ImportContext& c) {
  std::vector<ValueId> inputs;
  for (int i = 0; i < c.input_count(); ++i) inputs.push_back(real(c, i));
  return finish(c, c.b.add("sum", inputs));
}

Status import_not_equal(ImportContext& c) {
  c.set_output(0, operand(c, 0).apply("equal", operand(c, 1)).apply("not").id);
  return c.b.status();
}

// RELU6, RELU_N1_TO_1 and RELU_0_TO_1.
Status import_clip(ImportContext& c) {
  const Expression x = operand(c, 0);
  const double low = c.node.op == "RELU_N1_TO_1" ? -1 : 0, high = c.node.op == "RELU6" ? 6 : 1;
  MN_TRY(c.b.status());
  return finish(c, c.b.add("clip", {x.id, x.number(low).id, x.number(high).id}));
}

Status import_gelu(ImportContext& c) {
  MN_ASSIGN(const bool approximate, flag(c, "approximate"));
  return finish(c, c.b.add("gelu", {real(c, 0)}, {{"approximate", approximate ? "tanh" : "none"}}));
}

Status import_leaky_relu(ImportContext& c) {
  MN_ASSIGN(const float alpha, required_float(c, "alpha"));
  return finish(c, c.b.add("leaky_relu", {real(c, 0)}, {{"alpha", alpha}}));
}

Status import_softmax(ImportContext& c) {
  MN_ASSIGN(const float beta, required_float(c, "beta"));
  Expression x = operand(c, 0);
  if (beta != 1) x = x * double{beta};
  return finish(c, c.b.add("softmax", {x.id}, {{"axis", -1}}));
}

// x / max(|x|, 1e-6), with the Euclidean norm along the channels.
Status import_l2_normalization(ImportContext& c) {
  const Expression x = operand(c, 0);
  const Expression sum{&c.b, c.b.add("reduce_sum", {(x * x).id, c.b.ints({-1})})};
  MN_TRY(c.b.status());
  return finish(c, (x / sqrt(sum).apply("max", sum.number(1e-6))).id);
}

// Sums of squares over 2 radius + 1 channels; our lrn divides alpha by that number and has channels first.
Status import_local_response_normalization(ImportContext& c) {
  MN_ASSIGN(const int64_t radius, c.int_attribute("radius", 0));
  MN_ASSIGN(const float bias, required_float(c, "bias"));
  MN_ASSIGN(const float alpha, required_float(c, "alpha"));
  MN_ASSIGN(const float beta, required_float(c, "beta"));
  MN_CHECK(radius >= 0 && radius < (int64_t{1} << 30), "radius ", radius);
  const int64_t size = 2 * radius + 1;
  const ValueId first = c.b.add("transpose", {real(c, 0)}, {{"perm", Ints{0, 3, 1, 2}}});
  const ValueId normalized = c.b.add(
      "lrn", {first}, {{"size", size}, {"bias", bias}, {"alpha", alpha * static_cast<float>(size)}, {"beta", beta}});
  return finish(c, c.b.add("transpose", {normalized}, {{"perm", Ints{0, 2, 3, 1}}}));
}

// x [..., I] flattened to [N, I], times w [O, I] transposed.
Status import_fully_connected(ImportContext& c) {
  MN_TRY(expect_options(c, "FullyConnectedOptions"));
  MN_ASSIGN(const std::string format, c.string_attribute("weights_format", "DEFAULT"));
  if (format != "DEFAULT") return unsupported({"weights in format ", format, " are not supported"});
  MN_CHECK(c.has_input(0) && c.has_input(1), "expected an input and a weight");
  const Type x = c.b.type(c.input(0)), w = c.b.type(c.input(1));
  MN_CHECK(w.shape.ranked && w.shape.rank() == 2 && w.shape.dims[1].known(), "expected a 2-D weight, got ",
           to_string(w));
  MN_ASSIGN(const bool keep, flag(c, "keep_num_dims"));
  const Quantization &qx = c.node.input_quantization[0], &qw = c.node.input_quantization[1];
  MN_ASSIGN(const ValueId bias, real_bias(c, 2, qx, qw));
  const Dim inner = w.shape.dims[1];
  const bool flat = x.shape.ranked && x.shape.rank() == 2 && x.shape.dims[1].same(inner);
  if (keep && x.shape.ranked && x.shape.rank() > 2) {
    const ValueId turned = c.b.add("transpose", {real(c, 1)}, {{"perm", Ints{1, 0}}});
    const ValueId product = c.b.add("matmul", {real(c, 0), turned});
    return finish(c, bias == kNoValue ? product : c.b.add("add", {product, bias}));
  }
  ValueId input = flat ? c.input(0) : reshaped(c.b, c.input(0), {-1, inner.value});
  if (is_quantized(c, 0)) input = dequantize(c.b, input, qx);
  std::vector<ValueId> inputs{input, real(c, 1)};
  if (bias != kNoValue) inputs.push_back(bias);
  return finish(c, c.b.add("gemm", inputs, {{"transB", 1}}));
}

Status import_batch_matmul(ImportContext& c) {
  ValueId operands[2];
  for (int i = 0; i < 2; ++i) {
    MN_ASSIGN(const bool adjoint, flag(c, i == 0 ? "adj_x" : "adj_y"));
    operands[i] = real(c, i);
    if (!adjoint) continue;
    MN_ASSIGN(const int64_t rank, rank_of(c, i));
    MN_CHECK(rank >= 2, "expected a matrix, got ", rank, "-D");
    Ints perm;
    for (int64_t axis = 0; axis < rank; ++axis) perm.push_back(axis);
    std::swap(perm[static_cast<size_t>(rank - 1)], perm[static_cast<size_t>(rank - 2)]);
    operands[i] = c.b.add("transpose", {operands[i]}, {{"perm", perm}});
  }
  return finish(c, c.b.add("matmul", {operands[0], operands[1]}));
}

// Real numbers to codes, or codes to codes of another scale.
Status import_quantize(ImportContext& c) {
  MN_CHECK(is_quantized_output(c), "the output states no scale");
  return finish_codes(c, carried(c, 0));
}

Status import_dequantize(ImportContext& c) {
  return finish(c, as_declared(c, is_quantized(c, 0) ? real(c, 0) : c.input(0)));
}

// Rounds to num_bits between min and max, moved so that zero is one of the levels.
Status import_fake_quant(ImportContext& c) {
  MN_ASSIGN(const float min, required_float(c, "min"));
  MN_ASSIGN(const float max, required_float(c, "max"));
  MN_ASSIGN(const int64_t bits, c.int_attribute("num_bits", 8));
  MN_ASSIGN(const bool narrow, flag(c, "narrow_range"));
  MN_CHECK(bits >= 2 && bits <= 16 && min <= 0 && max >= 0 && min < max, "range ", double{min}, " to ", double{max},
           " in ", bits, " bits");
  const double low = narrow ? 1 : 0, high = static_cast<double>((1 << bits) - 1);
  const double scale = (double{max} - double{min}) / (high - low);
  const double zero = std::clamp(std::round(low - double{min} / scale), low, high);
  const double first = (low - zero) * scale, last = (high - zero) * scale;
  const Expression x = operand(c, 0);
  MN_TRY(c.b.status());
  const Expression limited{&c.b, c.b.add("clip", {x.id, x.number(first).id, x.number(last).id})};
  const Expression level = ((limited - first) / scale + 0.5).apply("floor");
  return finish(c, (level * scale + first).id);
}

Status import_cast(ImportContext& c) {
  MN_CHECK(c.has_input(0), "the input is absent");
  c.set_output(0, as_declared(c, c.input(0)));
  return c.b.status();
}

}  // namespace minnow::tflite
