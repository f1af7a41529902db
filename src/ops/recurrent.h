// What rnn, gru and lstm share: their operands, the activation functions that a node may choose, inference, the
// reference and the unrolled form that gradients use. Gate order in W, R and B: rnn [i], gru [z r h], lstm [i o f c];
// P: [i o f].
#pragma once

#include <vector>

#include "ops/op.h"

namespace minnow::ops {

enum class Cell : uint8_t { rnn, gru, lstm };

inline int64_t gate_count(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 3 : 4; }
// Activations a direction takes: rnn f; gru f g; lstm f g h.
inline int64_t activation_count(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 2 : 3; }

enum class CellActivation : uint8_t {
  relu,
  tanh,
  sigmoid,
  affine,
  leaky_relu,
  thresholded_relu,
  scaled_tanh,
  hard_sigmoid,
  elu,
  softsign,
  softplus,
};

struct CellFunction {
  CellActivation kind = CellActivation::tanh;
  double alpha = 0, beta = 0;
};

// The operands' places; sequence_lens, initial_h, initial_c and peepholes are optional, as is the bias.
inline constexpr int kInputX = 0, kInputW = 1, kInputR = 2, kInputB = 3, kInputLengths = 4, kInputHidden = 5,
                     kInputCell = 6, kInputPeepholes = 7;

// One function per activation and direction, defaults filled in.
Result<std::vector<CellFunction>> cell_functions(const NodeView& node, Cell cell);
// 1 or 2 directions; the error names the attribute.
Result<int64_t> direction_count(const NodeView& node);

// Attributes common to the three, then the cell's own.
std::vector<AttributeSpec> recurrent_attributes(std::initializer_list<AttributeSpec> own = {});

Status recurrent_infer(InferContext& c, Cell cell);
Status recurrent_reference(EvalContext& c, Cell cell);
Status recurrent_decompose(DecomposeContext& c, Cell cell);
// hidden_size, which the weights tell as well, is written: ONNX Runtime refuses nodes without it.
Status recurrent_export(ExportContext& c);
Cost recurrent_cost(const InferContext& c, Cell cell);

}  // namespace minnow::ops
