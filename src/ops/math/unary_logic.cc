// Tests and bit patterns of one operand: not, bitwise_not, is_nan, is_inf.
#include <cmath>

#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status not_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_boolean, "boolean"));
  return infer_same(c);
}

Status not_reference(EvalContext& c) {
  return map_elements<bool, bool>(c, [](bool x) { return !x; });
}

Status bitwise_not_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_integer, "an integer type"));
  return infer_same(c);
}

Status bitwise_not_reference(EvalContext& c) {
  using Words = TypeList<uint8_t, uint16_t, uint32_t, uint64_t>;
  return dispatch<Words>(unsigned_twin(c.input(0).dtype()),
                         [&]<class T>() { return map_elements<T, T>(c, [](T x) { return static_cast<T>(~x); }); });
}

Status test_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float, "a floating-point type"));
  c.set_output(0, DType::boolean, c.shape(0));
  return {};
}

Status is_nan_reference(EvalContext& c) {
  return dispatch<FloatTypes>(c.input(0).dtype(),
                              [&]<class T>() { return map_elements<T, bool>(c, [](T x) { return std::isnan(x); }); });
}

Status is_inf_reference(EvalContext& c) {
  const bool negative = c.int_attribute("detect_negative") != 0, positive = c.int_attribute("detect_positive") != 0;
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() {
    return map_elements<T, bool>(c, [=](T x) { return std::isinf(x) && (x > T(0) ? positive : negative); });
  });
}

const float kInfinity = HUGE_VALF;

std::vector<Case> not_cases() {
  return {{.inputs = {Tensor::of<bool>({true, false}, {2})}, .expected = {Tensor::of<bool>({false, true}, {2})}},
          {.inputs = {Tensor::of<bool>({}, {0})}, .note = "empty"}};
}

std::vector<Case> bitwise_not_cases() {
  return {
      {.inputs = {Tensor::of<uint8_t>({0, 0xf0}, {2})}, .expected = {Tensor::of<uint8_t>({0xff, 0x0f}, {2})}},
      {.inputs = {Tensor::of<int32_t>({0, -1, 5}, {3, 1})}, .expected = {Tensor::of<int32_t>({-1, 0, -6}, {3, 1})}}};
}

std::vector<Case> is_nan_cases() {
  return {{.inputs = {Tensor::of<float>({1, NAN, kInfinity}, {3})},
           .expected = {Tensor::of<bool>({false, true, false}, {3})},
           .differentiable = false},
          {.inputs = {random_tensor(DType::float16, {2, 2}, 1)}, .differentiable = false}};
}

std::vector<Case> is_inf_cases() {
  const Tensor x = Tensor::of<float>({1, NAN, kInfinity, -kInfinity}, {4});
  return {{.inputs = {x}, .expected = {Tensor::of<bool>({false, false, true, true}, {4})}, .differentiable = false},
          {.inputs = {x},
           .attributes = {{"detect_negative", 0}},
           .expected = {Tensor::of<bool>({false, false, true, false}, {4})},
           .differentiable = false},
          {.inputs = {x},
           .attributes = {{"detect_positive", 0}},
           .expected = {Tensor::of<bool>({false, false, false, true}, {4})},
           .differentiable = false}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> unary_logic() {
  return {
      {.name = "not",
       .doc = "Logical negation.",
       .infer = not_infer,
       .reference = not_reference,
       .imports = {{"ai.onnx", "Not"},
                   {"tflite", "NOT_EQUAL", 1, 1 << 20, tflite::import_not_equal},
                   {"tflite", "LOGICAL_NOT", 1, 1 << 20, tflite::compute}},
       .exports = {{"ai.onnx", "Not"}},
       .cases = not_cases},
      {.name = "bitwise_not",
       .doc = "Every bit flipped.",
       .infer = bitwise_not_infer,
       .reference = bitwise_not_reference,
       .imports = {{"ai.onnx", "BitwiseNot"}},
       .exports = {{"ai.onnx", "BitwiseNot", 18}},
       .cases = bitwise_not_cases},
      {.name = "is_nan",
       .doc = "True where x is not a number.",
       .infer = test_infer,
       .reference = is_nan_reference,
       .imports = {{"ai.onnx", "IsNaN"}},
       .exports = {{"ai.onnx", "IsNaN", 9}},
       .cases = is_nan_cases},
      {.name = "is_inf",
       .doc = "True where x is infinite.",
       .attributes = {{"detect_negative", 1}, {"detect_positive", 1}},
       .infer = test_infer,
       .reference = is_inf_reference,
       .imports = {{"ai.onnx", "IsInf"}},
       .exports = {{"ai.onnx", "IsInf", 10}},
       .cases = is_inf_cases},
  };
}

}  // namespace minnow::ops
