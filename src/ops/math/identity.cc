// identity: the input as it is, of any type.
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status identity_infer(InferContext& c) {
  c.set_output(0, c.type(0));
  return {};
}

Status identity_reference(EvalContext& c) {
  c.set_output(0, c.datum(0));
  return {};
}

Status identity_gradient(GradientContext& c) {
  c.set_input_gradient(0, c.output_gradient(0));
  return {};
}

std::vector<Case> identity_cases() {
  return {{.inputs = {Tensor::of<float>({1, -2}, {2, 1})}, .expected = {Tensor::of<float>({1, -2}, {2, 1})}},
          {.inputs = {random_tensor(DType::bfloat16, {3}, 1)}},
          {.inputs = {Tensor::of_strings({"a"}, {1})}, .expected = {Tensor::of_strings({"a"}, {1})}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> identity() {
  return {{
      .name = "identity",
      .doc = "The input as it is.",
      .narrow_floats = NarrowFloats::native,
      .takes_sequences = true,
      .infer = identity_infer,
      .reference = identity_reference,
      .gradient = identity_gradient,
      .imports = {{"ai.onnx", "Identity"}, {"tflite", "DENSIFY", 1, 1 << 20, tflite::move}},
      .exports = {{"ai.onnx", "Identity"}},
      .cases = identity_cases,
  }};
}

}  // namespace minnow::ops
