// gru: z and r gate the candidate h: H_t = (1 - z) h + z H_{t-1}; linear_before_reset applies R before r instead of
// after.
#include "ops/cases.h"
#include "ops/recurrent.h"

namespace minnow::ops {
namespace {

std::vector<Case> gru_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Strings linear = {"Affine", "Affine"};
  return {
      // x = 2, h0 = 4, W = [0.25, 0.5, 1], R = [0, 0.25, 3], B = 0:
      // z = 0.5, r = 1 + 1 = 2, h = 2 + (2*4)*3 = 26, H = 0.5*26 + 0.5*4 = 15.
      {.inputs = {Tensor::of<float>({2}, {1, 1, 1}), Tensor::of<float>({0.25f, 0.5f, 1}, {1, 3, 1}),
                  Tensor::of<float>({0, 0.25f, 3}, {1, 3, 1}), Datum(), Datum(), Tensor::of<float>({4}, {1, 1, 1})},
       .attributes = {{"activations", linear}, {"activation_alpha", Floats(2, 1.0f)}},
       .outputs = 2,
       .expected = {Tensor::of<float>({15}, {1, 1, 1, 1}), Tensor::of<float>({15}, {1, 1, 1})}},
      // As above with biases Wb_h = 1, Rb_h = 2 and R applied first: h = 2 + 1 + 2*(4*3 + 2) = 31, H = 0.5*31 + 2
      // = 17.5.
      {.inputs = {Tensor::of<float>({2}, {1, 1, 1}), Tensor::of<float>({0.25f, 0.5f, 1}, {1, 3, 1}),
                  Tensor::of<float>({0, 0.25f, 3}, {1, 3, 1}), Tensor::of<float>({0, 0, 1, 0, 0, 2}, {1, 6}), Datum(),
                  Tensor::of<float>({4}, {1, 1, 1})},
       .attributes = {{"activations", linear}, {"activation_alpha", Floats(2, 1.0f)}, {"linear_before_reset", 1}},
       .outputs = 2,
       .expected = {Tensor::of<float>({17.5f}, {1, 1, 1, 1}), Tensor::of<float>({17.5f}, {1, 1, 1})},
       .note = "linear_before_reset"},
      {.inputs = {f({3, 2, 4}, 1), f({2, 9, 4}, 2), f({2, 9, 3}, 3), f({2, 18}, 4), Tensor::of<int32_t>({2, 3}, {2}),
                  f({2, 2, 3}, 5)},
       .attributes = {{"direction", "bidirectional"}, {"hidden_size", 3}},
       .outputs = 2,
       .note = "bidirectional with lengths"},
      {.inputs = {f({2, 3, 4}, 1), f({1, 9, 4}, 2), f({1, 9, 3}, 3), f({1, 18}, 4)},
       .attributes = {{"layout", 1}, {"linear_before_reset", 1}, {"direction", "reverse"}},
       .outputs = 2,
       .note = "batch first, reverse"},
      {.inputs = {f({2, 2, 1}, 1), f({1, 6, 1}, 2), f({1, 6, 2}, 3)},
       .attributes = {{"activations", Strings{"HardSigmoid", "ScaledTanh"}},
                      {"activation_alpha", Floats{0.3f, 1.5f}},
                      {"activation_beta", Floats{0.4f, 0.7f}}},
       .outputs = 2,
       .note = "other activations"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> gru() {
  return {{
      .name = "gru",
      .doc = "Gated recurrent unit over a sequence, in one or both directions.",
      .inputs = {3, 6},
      .outputs = {1, 2},
      .attributes = recurrent_attributes({{"linear_before_reset", 0}}),
      .infer = [](InferContext& c) { return recurrent_infer(c, Cell::gru); },
      .reference = [](EvalContext& c) { return recurrent_reference(c, Cell::gru); },
      .decompose = [](DecomposeContext& c) { return recurrent_decompose(c, Cell::gru); },
      .cost = [](const InferContext& c) { return recurrent_cost(c, Cell::gru); },
      .imports = {{"ai.onnx", "GRU"}},
      .exports = {{"ai.onnx", "GRU", 14, recurrent_export}},
      .cases = gru_cases,
  }};
}

}  // namespace minnow::ops
