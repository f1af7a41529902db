// Optionals: a value or nothing. At run time an optional that holds something is that something.
#include "ops/cases.h"
#include "ops/op.h"
#include "ops/subgraph.h"

namespace minnow::ops {
namespace {

Status optional_infer(InferContext& c) {
  c.set_output(0, Type::optional(c.has_input(0) ? c.type(0) : Type()));
  return {};
}

Status optional_reference(EvalContext& c) {
  c.set_output(0, c.has_input(0) ? c.datum(0) : Datum());
  return {};
}

Status has_element_infer(InferContext& c) {
  c.set_output(0, DType::boolean, Shape(Dims{}));
  return {};
}

Status has_element_reference(EvalContext& c) {
  c.output(0).mutable_data<bool>()[0] = c.has_input(0);
  return {};
}

Status get_element_infer(InferContext& c) {
  c.set_output(0, c.type(0).kind == Type::Kind::optional ? element_type(c.type(0)) : c.type(0));
  return {};
}

Status get_element_reference(EvalContext& c) {
  MN_CHECK(c.has_input(0), "the optional is empty; test it with OptionalHasElement first");
  c.set_output(0, c.datum(0));
  return {};
}

const Tensor& sample() {
  static const Tensor tensor = Tensor::of<float>({1, 2}, {2});
  return tensor;
}

std::vector<Case> optional_cases() {
  return {{.inputs = {sample()}, .expected = {sample()}, .differentiable = false}, {.inputs = {}, .note = "empty"}};
}
std::vector<Case> has_element_cases() {
  return {{.inputs = {sample()}, .expected = {Tensor::scalar(true)}, .differentiable = false},
          {.inputs = {}, .expected = {Tensor::scalar(false)}},
          {.inputs = {Datum(std::vector<Datum>())},
           .expected = {Tensor::scalar(true)},
           .note = "an empty sequence is something"}};
}
std::vector<Case> get_element_cases() {
  return {{.inputs = {sample()}, .expected = {sample()}, .differentiable = false},
          {.inputs = {Datum(std::vector<Datum>{sample()})}, .differentiable = false, .note = "a sequence"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> optional() {
  return {{
              .name = "optional",
              .doc = "An optional that holds the input, or nothing.",
              .inputs = {0, 1},
              .attributes = {{"type", AttributeKind::text}},
              .narrow_floats = NarrowFloats::native,
              .takes_sequences = true,
              .infer = optional_infer,
              .reference = optional_reference,
              .imports = {{"ai.onnx", "Optional"}},
              .cases = optional_cases,
          },
          {
              .name = "optional_has_element",
              .doc = "Whether an optional holds something.",
              .inputs = {0, 1},
              .narrow_floats = NarrowFloats::native,
              .takes_sequences = true,
              .infer = has_element_infer,
              .reference = has_element_reference,
              .imports = {{"ai.onnx", "OptionalHasElement"}},
              .exports = {{"ai.onnx", "OptionalHasElement", 18}},
              .cases = has_element_cases,
          },
          {
              .name = "optional_get_element",
              .doc = "What an optional holds; an error when it is empty.",
              .narrow_floats = NarrowFloats::native,
              .takes_sequences = true,
              .infer = get_element_infer,
              .reference = get_element_reference,
              .imports = {{"ai.onnx", "OptionalGetElement"}},
              .exports = {{"ai.onnx", "OptionalGetElement", 18}},
              .cases = get_element_cases,
          }};
}

}  // namespace minnow::ops
