// rnn: H_t = f(X_t W^T + H_{t-1} R^T + Wb + Rb).
#include "ops/cases.h"
#include "ops/recurrent.h"
#include "ops/tflite_recurrent.h"

namespace minnow::ops {
namespace {

std::vector<Case> rnn_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {
      // h1 = 2*1 + 3*0 + 1 = 3, h2 = 2*2 + 3*3 + 1 = 14.
      {.inputs = {Tensor::of<float>({1, 2}, {2, 1, 1}), Tensor::of<float>({2}, {1, 1, 1}),
                  Tensor::of<float>({3}, {1, 1, 1}), Tensor::of<float>({0.25f, 0.75f}, {1, 2})},
       .attributes = {{"activations", Strings{"Affine"}}, {"activation_alpha", Floats{1}}},
       .outputs = 2,
       .expected = {Tensor::of<float>({3, 14}, {2, 1, 1, 1}), Tensor::of<float>({14}, {1, 1, 1})}},
      // Backwards: h(t=1) = 2*2 = 4, h(t=0) = 2*1 + 3*4 = 14.
      {.inputs = {Tensor::of<float>({1, 2}, {2, 1, 1}), Tensor::of<float>({2}, {1, 1, 1}),
                  Tensor::of<float>({3}, {1, 1, 1})},
       .attributes = {{"activations", Strings{"Affine"}}, {"activation_alpha", Floats{1}}, {"direction", "reverse"}},
       .outputs = 2,
       .expected = {Tensor::of<float>({14, 4}, {2, 1, 1, 1}), Tensor::of<float>({14}, {1, 1, 1})},
       .note = "reverse"},
      {.inputs = {f({3, 2, 4}, 1), f({2, 3, 4}, 2), f({2, 3, 3}, 3), f({2, 6}, 4), Tensor::of<int32_t>({3, 2}, {2}),
                  f({2, 2, 3}, 5)},
       .attributes = {{"direction", "bidirectional"}, {"hidden_size", 3}},
       .outputs = 2,
       .note = "bidirectional with lengths"},
      {.inputs = {f({2, 3, 4}, 1), f({1, 3, 4}, 2), f({1, 3, 3}, 3)},
       .attributes = {{"layout", 1}, {"clip", 0.5}},
       .outputs = 2,
       .note = "batch first, clipped"},
      {.inputs = {f({2, 0, 4}, 1), f({1, 3, 4}, 2), f({1, 3, 3}, 3)}, .outputs = 2, .note = "empty batch"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> rnn() {
  return {{
      .name = "rnn",
      .doc = "Elman network over a sequence, in one or both directions.",
      .inputs = {3, 6},
      .outputs = {1, 2},
      .attributes = recurrent_attributes(),
      .infer = [](InferContext& c) { return recurrent_infer(c, Cell::rnn); },
      .reference = [](EvalContext& c) { return recurrent_reference(c, Cell::rnn); },
      .decompose = [](DecomposeContext& c) { return recurrent_decompose(c, Cell::rnn); },
      .cost = [](const InferContext& c) { return recurrent_cost(c, Cell::rnn); },
      .imports = {{"ai.onnx", "RNN"},
                  {"tflite", "RNN", 1, 1 << 20, tflite::import_rnn},
                  {"tflite", "UNIDIRECTIONAL_SEQUENCE_RNN", 1, 1 << 20, tflite::import_rnn},
                  {"tflite", "SVDF", 1, 1 << 20, tflite::import_svdf}},
      .exports = {{"ai.onnx", "RNN", 14, recurrent_export}},
      .cases = rnn_cases,
  }};
}

}  // namespace minnow::ops
