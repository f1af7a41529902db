// The recurrences unrolled in time, in operators that know their gradients. A node a step: meant for training, where
// the number of steps is known and moderate.
#include <limits>

#include "ops/builder.h"
#include "ops/recurrent.h"

namespace minnow::ops {
namespace {

// Above this the unrolled graph costs more to build than it is worth.
constexpr int64_t kMaxUnrolledSteps = 4096;

class Unroller {
 public:
  Unroller(DecomposeContext& c, Cell cell, std::vector<CellFunction> functions)
      : c_(c), b_(c.b), cell_(cell), functions_(std::move(functions)), gates_(gate_count(cell)) {
    batch_first_ = c.int_attribute("layout") == 1;
    clip_ = c.has_attribute("clip") ? static_cast<double>(c.float_attribute("clip")) : 0;
  }

  Status run(int64_t directions, int64_t steps, int64_t hidden);

 private:
  // Row `index` of axis 0, that axis kept.
  ValueId row(ValueId id, int64_t index) {
    return b_.add("slice", {id, b_.ints({index}), b_.ints({index + 1}), b_.ints({0})});
  }
  ValueId matrix(ValueId id, int64_t index) {  // [n, m] of [directions, n, m], transposed
    return b_.add("transpose", {b_.add("squeeze", {row(id, index), b_.ints({0})})}, {{"perm", Ints{1, 0}}});
  }
  ValueId swap_batch(ValueId id) { return batch_first_ ? b_.add("transpose", {id}, {{"perm", Ints{1, 0, 2}}}) : id; }
  ValueId scalar(double value) { return b_.scalar_like(value, c_.input(kInputX)); }
  ValueId reversed(ValueId id) {
    if (c_.has_input(kInputLengths)) {
      const ValueId lengths = b_.add("cast", {c_.input(kInputLengths)}, {{"to", DType::int64}});
      return b_.add("reverse_sequence", {id, lengths}, {{"time_axis", 0}, {"batch_axis", 1}});
    }
    return b_.add("slice",
                  {id, b_.ints({-1}), b_.ints({std::numeric_limits<int64_t>::min()}), b_.ints({0}), b_.ints({-1})});
  }
  std::vector<ValueId> split(ValueId id, int64_t parts, int64_t axis) {
    if (parts == 1) return {id};
    return b_.add_many("split", std::initializer_list<ValueId>{id}, static_cast<int>(parts),
                       {{"axis", axis}, {"num_outputs", parts}});
  }
  ValueId function(size_t index, ValueId x, bool clip = true);
  ValueId step_rnn(ValueId x, ValueId h);
  ValueId step_gru(ValueId x, ValueId h);
  ValueId step_lstm(ValueId x, ValueId h, ValueId* cell);
  Status direction(int64_t d, int64_t steps);
  void load_weights(int64_t d);
  ValueId initial(int input, int64_t d);

  DecomposeContext& c_;
  Builder& b_;
  Cell cell_;
  std::vector<CellFunction> functions_;
  int64_t gates_, hidden_ = 0;
  bool batch_first_ = false;
  double clip_ = 0;
  size_t first_function_ = 0;
  ValueId zero_state_ = kNoValue;
  // Of the direction at hand.
  ValueId w_ = kNoValue, r_ = kNoValue, r_gates_ = kNoValue, r_candidate_ = kNoValue;
  ValueId bias_ = kNoValue, candidate_bias_ = kNoValue;
  std::vector<ValueId> peepholes_;
  std::vector<ValueId> y_, y_h_, y_c_;
};

ValueId Unroller::function(size_t index, ValueId x, bool clip) {
  if (clip && clip_ > 0) x = b_.add("clip", {x, scalar(-clip_), scalar(clip_)});
  const CellFunction& f = functions_[first_function_ + index];
  switch (f.kind) {
    case CellActivation::relu: return b_.add("relu", {x});
    case CellActivation::tanh: return b_.add("tanh", {x});
    case CellActivation::sigmoid: return b_.add("sigmoid", {x});
    case CellActivation::affine: return b_.add("add", {b_.add("mul", {x, scalar(f.alpha)}), scalar(f.beta)});
    case CellActivation::leaky_relu: return b_.add("leaky_relu", {x}, {{"alpha", f.alpha}});
    case CellActivation::thresholded_relu: return b_.add("thresholded_relu", {x}, {{"alpha", f.alpha}});
    case CellActivation::scaled_tanh:
      return b_.add("mul", {b_.add("tanh", {b_.add("mul", {x, scalar(f.beta)})}), scalar(f.alpha)});
    case CellActivation::hard_sigmoid: return b_.add("hard_sigmoid", {x}, {{"alpha", f.alpha}, {"beta", f.beta}});
    case CellActivation::elu: return b_.add("elu", {x}, {{"alpha", f.alpha}});
    case CellActivation::softsign: return b_.add("softsign", {x});
    case CellActivation::softplus: return b_.add("softplus", {x});
  }
  return x;
}

ValueId Unroller::step_rnn(ValueId x, ValueId h) { return function(0, b_.add("add", {x, b_.add("matmul", {h, r_})})); }

ValueId Unroller::step_gru(ValueId x, ValueId h) {
  const std::vector<ValueId> from_input = split(x, 3, -1);
  const std::vector<ValueId> from_state = split(b_.add("matmul", {h, r_gates_}), 2, -1);
  const ValueId z = function(0, b_.add("add", {from_input[0], from_state[0]}));
  const ValueId reset = function(0, b_.add("add", {from_input[1], from_state[1]}));
  ValueId candidate;
  if (c_.int_attribute("linear_before_reset") != 0) {
    ValueId linear = b_.add("matmul", {h, r_candidate_});
    if (candidate_bias_ != kNoValue) linear = b_.add("add", {linear, candidate_bias_});
    candidate = b_.add("mul", {reset, linear});
  } else {
    candidate = b_.add("matmul", {b_.add("mul", {reset, h}), r_candidate_});
    if (candidate_bias_ != kNoValue) candidate = b_.add("add", {candidate, candidate_bias_});
  }
  candidate = function(1, b_.add("add", {from_input[2], candidate}));
  const ValueId kept = b_.add("mul", {z, h});
  return b_.add("add", {b_.add("mul", {b_.add("sub", {scalar(1), z}), candidate}), kept});
}

ValueId Unroller::step_lstm(ValueId x, ValueId h, ValueId* cell) {
  const std::vector<ValueId> gates = split(b_.add("add", {x, b_.add("matmul", {h, r_})}), 4, -1);
  const auto with_peephole = [&](ValueId gate, size_t index, ValueId state) {
    return peepholes_.empty() ? gate : b_.add("add", {gate, b_.add("mul", {peepholes_[index], state})});
  };
  const ValueId input = function(0, with_peephole(gates[0], 0, *cell));
  const ValueId forget = c_.int_attribute("input_forget") != 0 ? b_.add("sub", {scalar(1), input})
                                                               : function(0, with_peephole(gates[2], 2, *cell));
  const ValueId candidate = function(1, gates[3]);
  *cell = b_.add("add", {b_.add("mul", {forget, *cell}), b_.add("mul", {input, candidate})});
  const ValueId output = function(0, with_peephole(gates[1], 1, *cell));
  return b_.add("mul", {output, function(2, *cell, false)});
}

void Unroller::load_weights(int64_t d) {
  w_ = matrix(c_.input(kInputW), d);
  r_ = matrix(c_.input(kInputR), d);
  bias_ = candidate_bias_ = kNoValue;
  const int64_t width = gates_ * hidden_;
  const auto columns = [&](ValueId id, int64_t begin, int64_t end) {
    return b_.add("slice", {id, b_.ints({begin}), b_.ints({end}), b_.ints({1})});
  };
  if (c_.has_input(kInputB)) {
    const ValueId both = row(c_.input(kInputB), d);  // [1, 2 * width]
    const ValueId w_bias = columns(both, 0, width);
    if (cell_ == Cell::gru) {
      // The candidate's recurrent bias stays apart: the reset gate may scale it.
      const std::vector<ValueId> joined = {columns(both, width, width + 2 * hidden_),
                                           b_.add("squeeze", {zero_state_, b_.ints({0})})};
      bias_ = b_.add("add", {w_bias, b_.add("concat", joined, {{"axis", 1}})});
      candidate_bias_ = columns(both, width + 2 * hidden_, 2 * width);
    } else {
      bias_ = b_.add("add", {w_bias, columns(both, width, 2 * width)});
    }
  }
  if (cell_ == Cell::gru) {
    r_gates_ = columns(r_, 0, 2 * hidden_);
    r_candidate_ = columns(r_, 2 * hidden_, width);
  }
  peepholes_.clear();
  if (c_.has_input(kInputPeepholes)) peepholes_ = split(row(c_.input(kInputPeepholes), d), 3, 1);
}

ValueId Unroller::initial(int input, int64_t d) {
  return c_.has_input(input) ? row(swap_batch(c_.input(input)), d) : zero_state_;
}

Status Unroller::direction(int64_t d, int64_t steps) {
  const bool reverse = d == 1 || c_.string_attribute("direction") == "reverse";
  first_function_ = static_cast<size_t>(d * activation_count(cell_));
  load_weights(d);
  ValueId x = swap_batch(c_.input(kInputX));
  if (reverse) x = reversed(x);
  x = b_.add("matmul", {x, w_});
  if (bias_ != kNoValue) x = b_.add("add", {x, bias_});
  ValueId h = initial(kInputHidden, d), cell = initial(kInputCell, d);
  ValueId lengths = kNoValue;
  if (c_.has_input(kInputLengths)) {
    lengths = b_.add("cast", {c_.input(kInputLengths)}, {{"to", DType::int64}});
    lengths = b_.add("unsqueeze", {lengths, b_.ints({0, 2})});  // [1, batch, 1]
  }
  std::vector<ValueId> outputs;
  const std::vector<ValueId> rows = split(x, steps, 0);
  for (int64_t t = 0; t < steps; ++t) {
    const ValueId x_t = rows[static_cast<size_t>(t)];
    ValueId new_cell = cell;
    ValueId new_h = cell_ == Cell::rnn   ? step_rnn(x_t, h)
                    : cell_ == Cell::gru ? step_gru(x_t, h)
                                         : step_lstm(x_t, h, &new_cell);
    if (lengths == kNoValue) {
      outputs.push_back(new_h);
      h = new_h;
      cell = new_cell;
      continue;
    }
    const ValueId running = b_.add("greater", {lengths, b_.constant(Tensor::scalar<int64_t>(t))});
    outputs.push_back(b_.add("where", {running, new_h, scalar(0)}));
    h = b_.add("where", {running, new_h, h});
    if (cell_ == Cell::lstm) cell = b_.add("where", {running, new_cell, cell});
  }
  ValueId y = outputs.size() == 1 ? outputs[0] : b_.add("concat", outputs, {{"axis", 0}});
  if (reverse) y = reversed(y);
  y_.push_back(b_.add("unsqueeze", {y, b_.ints({1})}));  // [steps, 1, batch, hidden]
  y_h_.push_back(h);
  y_c_.push_back(cell);
  return {};
}

Status Unroller::run(int64_t directions, int64_t steps, int64_t hidden) {
  hidden_ = hidden;
  MN_ASSIGN(const Tensor zeros,
            convert_dtype(Tensor::of<float>(std::vector<float>(static_cast<size_t>(hidden)), {1, 1, hidden}),
                          c_.type(c_.input(kInputX)).dtype));
  zero_state_ = b_.constant(zeros);
  for (int64_t d = 0; d < directions; ++d) MN_TRY(direction(d, steps));
  const auto joined = [&](const std::vector<ValueId>& parts, int64_t axis, Ints perm) {
    const ValueId all = parts.size() == 1 ? parts[0] : b_.add("concat", parts, {{"axis", axis}});
    return batch_first_ ? b_.add("transpose", {all}, {{"perm", std::move(perm)}}) : all;
  };
  if (c_.wants_output(0)) c_.set_output(0, joined(y_, 1, {2, 0, 1, 3}));
  if (c_.wants_output(1)) c_.set_output(1, joined(y_h_, 0, {1, 0, 2}));
  if (c_.wants_output(2)) c_.set_output(2, joined(y_c_, 0, {1, 0, 2}));
  return b_.status();
}

}  // namespace

Status recurrent_decompose(DecomposeContext& c, Cell cell) {
  MN_ASSIGN(const int64_t directions, direction_count(c));
  MN_ASSIGN(std::vector<CellFunction> functions, cell_functions(c, cell));
  const Shape& x = c.type(c.input(kInputX)).shape;
  const Shape& r = c.type(c.input(kInputR)).shape;
  MN_CHECK(x.ranked && x.rank() == 3 && r.ranked && r.rank() == 3 && r.dims[2].known(),
           "unrolling needs inputs of known rank");
  const Dim& steps = x.dims[c.int_attribute("layout") == 1 ? 1 : 0];
  MN_CHECK(steps.known(), "unrolling needs a fixed number of steps, got ", to_string(x));
  MN_CHECK(steps.value >= 1 && steps.value <= kMaxUnrolledSteps, "unrolling takes 1 to ", kMaxUnrolledSteps,
           " steps, got ", steps.value);
  Unroller unroller(c, cell, std::move(functions));
  return unroller.run(directions, steps.value, r.dims[2].value);
}

}  // namespace minnow::ops
