// lstm: C_t = f C_{t-1} + i g(c), H_t = o h(C_t); peepholes let the gates see C; input_forget couples f = 1 - i.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/recurrent.h"
#include "ops/tflite_recurrent.h"

namespace minnow::ops {
namespace {

// ONNX Runtime's DynamicQuantizeLSTM: int8 weights [directions, in, 4 * hidden] with scales per direction or column.
// The weights are dequantized; activations stay floats, where ONNX Runtime rounds them to 8 bits at every step.
Status quantized_import(ImportContext& c) {
  Builder& b = c.b;
  for (const int i : {0, 1, 2, 8, 9, 10, 11}) MN_CHECK(c.has_input(i), "input ", i, " is missing");
  const auto weight = [&](int value, int scale_input) -> Result<ValueId> {
    const auto spread = [&](ValueId id) -> Result<ValueId> {
      const Shape shape = b.type(id).shape;
      MN_CHECK(shape.ranked && (shape.rank() == 1 || shape.rank() == 2),
               "expected scales and zero points [directions] or [directions, columns]");
      return b.add("unsqueeze", {id, shape.rank() == 1 ? b.ints({1, 2}) : b.ints({1})});
    };
    MN_ASSIGN(const ValueId scale, spread(c.input(scale_input)));
    MN_ASSIGN(const ValueId zero, spread(b.add("cast", {c.input(scale_input + 1)}, {{"to", DType::float32}})));
    const ValueId codes = b.add("cast", {c.input(value)}, {{"to", DType::float32}});
    const ValueId real = b.add("mul", {b.add("sub", {codes, zero}), scale});
    return b.add("transpose", {real}, {{"perm", Ints{0, 2, 1}}});
  };
  std::vector<ValueId> inputs(c.node.inputs.begin(), c.node.inputs.begin() + 8);
  MN_ASSIGN(inputs[1], weight(1, 8));
  MN_ASSIGN(inputs[2], weight(2, 10));
  return c.take_over(std::move(inputs));
}

std::vector<Case> lstm_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Strings linear = {"Affine", "Affine", "Affine"};
  return {
      // x = 1, h0 = 1, c0 = 2, W = [1 2 3 4], R = [1 0 1 0] (i o f c): i = 2, f = 4, c = 4, C = 4*2 + 2*4 = 16, o = 2,
      // H = 32.
      {.inputs = {Tensor::of<float>({1}, {1, 1, 1}), Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1}),
                  Tensor::of<float>({1, 0, 1, 0}, {1, 4, 1}), Datum(), Datum(), Tensor::of<float>({1}, {1, 1, 1}),
                  Tensor::of<float>({2}, {1, 1, 1})},
       .attributes = {{"activations", linear}, {"activation_alpha", Floats(3, 1.0f)}},
       .outputs = 3,
       .expected = {Tensor::of<float>({32}, {1, 1, 1, 1}), Tensor::of<float>({32}, {1, 1, 1}),
                    Tensor::of<float>({16}, {1, 1, 1})}},
      // Peepholes P = [1 1 1] on the same: i = 2 + 2 = 4, f = 4 + 2 = 6, C = 6*2 + 4*4 = 28, o = 2 + 28 = 30, H = 840.
      {.inputs = {Tensor::of<float>({1}, {1, 1, 1}), Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1}),
                  Tensor::of<float>({1, 0, 1, 0}, {1, 4, 1}), Datum(), Datum(), Tensor::of<float>({1}, {1, 1, 1}),
                  Tensor::of<float>({2}, {1, 1, 1}), Tensor::of<float>({1, 1, 1}, {1, 3})},
       .attributes = {{"activations", linear}, {"activation_alpha", Floats(3, 1.0f)}},
       .outputs = 3,
       .expected = {Tensor::of<float>({840}, {1, 1, 1, 1}), Tensor::of<float>({840}, {1, 1, 1}),
                    Tensor::of<float>({28}, {1, 1, 1})},
       .note = "peepholes"},
      {.inputs = {f({3, 2, 4}, 1), f({2, 12, 4}, 2), f({2, 12, 3}, 3), f({2, 24}, 4), Tensor::of<int32_t>({2, 3}, {2}),
                  f({2, 2, 3}, 5), f({2, 2, 3}, 6), f({2, 9}, 7)},
       .attributes = {{"direction", "bidirectional"}, {"hidden_size", 3}},
       .outputs = 3,
       .note = "bidirectional with everything"},
      {.inputs = {f({3, 2, 4}, 1), f({2, 12, 4}, 2), f({2, 12, 3}, 3), f({2, 24}, 4), Tensor::of<int32_t>({2, 3}, {2}),
                  f({2, 2, 3}, 5), f({2, 2, 3}, 6)},
       .attributes = {{"direction", "bidirectional"}, {"hidden_size", 3}},
       .outputs = 3,
       .note = "bidirectional with lengths and states"},
      {.inputs = {f({2, 3, 4}, 1), f({1, 12, 4}, 2), f({1, 12, 3}, 3), f({1, 24}, 4)},
       .attributes = {{"layout", 1}, {"input_forget", 1}, {"clip", 1.0}},
       .outputs = 3,
       .note = "batch first, coupled gates"},
      {.inputs = {f({2, 2, 1}, 1), f({1, 4, 1}, 2), f({1, 4, 1}, 3)},
       .attributes = {{"activations", Strings{"Sigmoid", "Softsign", "LeakyRelu"}}, {"activation_alpha", Floats{0.2f}}},
       .outputs = 1,
       .note = "other activations, first output only"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> lstm() {
  return {{
      .name = "lstm",
      .doc = "Long short-term memory over a sequence, in one or both directions.",
      .inputs = {3, 8},
      .outputs = {1, 3},
      .attributes = recurrent_attributes({{"input_forget", 0}}),
      .infer = [](InferContext& c) { return recurrent_infer(c, Cell::lstm); },
      .reference = [](EvalContext& c) { return recurrent_reference(c, Cell::lstm); },
      .decompose = [](DecomposeContext& c) { return recurrent_decompose(c, Cell::lstm); },
      .cost = [](const InferContext& c) { return recurrent_cost(c, Cell::lstm); },
      .imports = {{"ai.onnx", "LSTM"},
                  {"com.microsoft", "DynamicQuantizeLSTM", 1, 1 << 20, quantized_import},
                  {"tflite", "LSTM", 1, 1 << 20, tflite::import_lstm},
                  {"tflite", "UNIDIRECTIONAL_SEQUENCE_LSTM", 1, 1 << 20, tflite::import_lstm}},
      .exports = {{"ai.onnx", "LSTM", 14, recurrent_export}},
      .cases = lstm_cases,
  }};
}

}  // namespace minnow::ops
