// dynamic_quantize_linear: 8-bit codes of a tensor with the scale and zero point that its own range asks for.
#include <algorithm>
#include <cmath>

#include "ops/cases.h"
#include "ops/elementwise.h"

namespace minnow::ops {
namespace {

Status dynamic_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float, "a floating-point type"));
  c.set_output(0, DType::uint8, c.shape(0));
  c.set_output(1, DType::float32, Shape(Dims()));
  c.set_output(2, DType::uint8, Shape(Dims()));
  return {};
}

Status dynamic_reference(EvalContext& c) {
  MN_ASSIGN(const Tensor x, convert_dtype(c.input(0), DType::float32, c.budget()));
  float low = 0, high = 0;  // the range must hold 0, so that 0 has an exact code
  for (const float value : x.values<float>()) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const float scale = high == low ? 1.0f : (high - low) / 255.0f;
  const auto limited = [](float value) { return value > 0 ? std::min(value, 255.0f) : 0.0f; };
  const float point = std::nearbyint(limited(-low / scale));
  if (c.wants_output(1)) *c.output(1).mutable_data<float>() = scale;
  if (c.wants_output(2)) *c.output(2).mutable_data<uint8_t>() = static_cast<uint8_t>(point);
  if (!c.wants_output(0)) return {};
  uint8_t* codes = c.output(0).mutable_data<uint8_t>();
  Pace pace(c.budget());
  for (int64_t i = 0; i < x.size(); ++i) {
    codes[i] = static_cast<uint8_t>(limited(std::nearbyint(x.data<float>()[i] / scale) + point));
    MN_TRY(pace.work(1));
  }
  return {};
}

std::vector<Case> dynamic_cases() {
  return {{.inputs = {Tensor::of<float>({0, 2, -3, -2.5f, 1.34f, 0.5f}, {6})},
           .outputs = 3,
           .expected = {Tensor::of<uint8_t>({153, 255, 0, 26, 221, 179}, {6}), Tensor::scalar(5.0f / 255),
                        Tensor::scalar<uint8_t>(153)}},
          {.inputs = {random_tensor(DType::float32, {2, 3}, 1, 1, 2)}, .outputs = 3, .note = "positive"},
          {.inputs = {Tensor::of<float>({0, 0}, {2})},
           .outputs = 3,
           .expected = {Tensor::of<uint8_t>({0, 0}, {2})},
           .note = "all zero"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> dynamic_quantize_linear() {
  return {{
      .name = "dynamic_quantize_linear",
      .doc = "uint8 codes of x, with the scale and zero point of its range.",
      .outputs = {3, 3},
      .infer = dynamic_infer,
      .reference = dynamic_reference,
      .imports = {{"ai.onnx", "DynamicQuantizeLinear"}},
      .exports = {{"ai.onnx", "DynamicQuantizeLinear", 11}},
      .cases = dynamic_cases,
  }};
}

}  // namespace minnow::ops
