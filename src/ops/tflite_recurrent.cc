#include "ops/tflite_recurrent.h"

#include "base/text.h"
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

// Layers whose activations are codes compute in fixed point between their steps, which real numbers do not follow.
Status expect_real_activations(const ImportContext& c) {
  if (is_quantized(c, 0)) return unsupported({"recurrent layers on codes are not supported"});
  return {};
}

// The variable behind an input.
Result<std::string> state_of(const ImportContext& c, int i) {
  const ValueId id = c.has_input(i) ? c.input(i) : kNoValue;
  for (const State& state : c.b.graph().states) {
    if (state.in == id && id != kNoValue) return state.name;
  }
  return bad_input({"input ", i, " must be a variable"});
}

// x as [T, N, I], and the way back. `sequence`: x has a time axis.
ValueId time_major(ImportContext& c, ValueId x, bool sequence, bool major) {
  if (!sequence) return c.b.add("unsqueeze", {x, c.b.ints({0})});
  return major ? x : c.b.add("transpose", {x}, {{"perm", Ints{1, 0, 2}}});
}
// y: [T, 1, N, H].
ValueId restored(ImportContext& c, ValueId y, bool sequence, bool major) {
  const ValueId steps = c.b.add("squeeze", {y, c.b.ints({1})});
  if (!sequence) return c.b.add("squeeze", {steps, c.b.ints({0})});
  return major ? steps : c.b.add("transpose", {steps}, {{"perm", Ints{1, 0, 2}}});
}

// Weights with the axis of directions that our layers have.
ValueId directed(ImportContext& c, ValueId weights) { return c.b.add("unsqueeze", {weights, c.b.ints({0})}); }

// Those of an LSTM's gates, in our order, one below the other. Coupled gates have no input gate of their own: it is 1 -
// the forget gate, and 1 - sigmoid(x) = sigmoid(-x).
ValueId gates(ImportContext& c, int input, int output, int forget, int cell) {
  std::vector<ValueId> parts;
  for (const int i : {input, output, forget, cell}) {
    if (i < 0) continue;
    const bool coupled = i == input && !c.has_input(i);
    parts.push_back(coupled ? c.b.add("neg", {real(c, forget)}) : real(c, i));
  }
  return directed(c, c.b.add("concat", parts, {{"axis", 0}}));
}

// Biases of the input, then zeros for those of the recurrence.
ValueId with_zeros(ImportContext& c, ValueId bias) {
  const ValueId zeros = c.b.add("mul", {bias, c.b.scalar_like(0, bias)});
  return c.b.add("concat", {bias, zeros}, {{"axis", 1}});
}

Status expect_plain_lstm(const ImportContext& c) {
  MN_TRY(expect_real_activations(c));
  MN_CHECK(c.input_count() >= 20, "expected 20 or 24 inputs, got ", c.input_count());
  MN_ASSIGN(const std::string activation, c.string_attribute("fused_activation_function", "NONE"));
  if (activation != "TANH") return unsupported({"activation ", printable(activation), " of an LSTM"});
  for (const int i : {2, 3, 4, 6, 7, 8, 13, 14, 15})
    MN_CHECK(c.has_input(i), "the weights or biases of input ", i, " are absent");
  for (const int i : {5, 12})
    MN_CHECK(c.has_input(i) == c.has_input(1), "input ", i, " is ", c.has_input(i) ? "given" : "absent",
             ", but input 1, of the same gate, is ", c.has_input(1) ? "given" : "absent");
  for (const int i : {9, 11})
    MN_CHECK(c.has_input(i) == (c.has_input(10) && (i == 11 || c.has_input(1))), "input ", i, " is ",
             c.has_input(i) ? "given" : "absent", ": peepholes belong to all gates or to none");
  if (c.has_input(16)) return unsupported({"an LSTM with a projection is not supported"});
  for (const int i : {20, 21, 22, 23}) {
    if (c.has_input(i)) return unsupported({"an LSTM with layer normalization is not supported"});
  }
  for (const char* name : {"cell_clip", "proj_clip"}) {
    MN_ASSIGN(const float clip, c.float_attribute(name, 0.0f));
    if (clip != 0) return unsupported({"an LSTM with ", name, " is not supported"});
  }
  MN_ASSIGN(const std::string kernel, c.string_attribute("kernel_type", "FULL"));
  if (kernel != "FULL") return unsupported({"LSTM kernels of type ", kernel, " are not supported"});
  return {};
}

}  // namespace

// Gates in the file: input, forget, cell, output; in ours: input, output, forget, cell.
Status import_lstm(ImportContext& c) {
  MN_TRY(expect_plain_lstm(c));
  const bool sequence = c.node.op != "LSTM";
  MN_ASSIGN(const bool major, flag(c, "time_major"));
  MN_ASSIGN(const std::string output_state, state_of(c, 18));
  MN_ASSIGN(const std::string cell_state, state_of(c, 19));
  const ValueId w = gates(c, 1, 4, 2, 3), r = gates(c, 5, 8, 6, 7);
  const ValueId bias = with_zeros(c, gates(c, 12, 15, 13, 14));
  const bool peepholes = c.has_input(10);
  const ValueId p = peepholes ? gates(c, 9, 11, 10, -1) : kNoValue;
  const ValueId first = c.b.ints({0});
  const ValueId h = c.b.add("unsqueeze", {c.input(18), first}), cell = c.b.add("unsqueeze", {c.input(19), first});
  const Type recurrent = c.b.type(c.input(6));
  MN_CHECK(recurrent.shape.ranked && recurrent.shape.rank() == 2 && recurrent.shape.dims[1].known(),
           "recurrent weights: expected 2-D, got ", to_string(recurrent));
  const ValueId inputs[] = {time_major(c, real(c, 0), sequence, major), w, r, bias, kNoValue, h, cell, p};
  const size_t count = peepholes ? 8 : 7;
  const std::vector<ValueId> out = c.b.add_many("lstm", std::span<const ValueId>(inputs, count), 3,
                                                {{"hidden_size", recurrent.shape.dims[1].value}});
  MN_TRY(c.b.status());
  c.b.set_state(output_state, c.b.add("squeeze", {out[1], first}));
  c.b.set_state(cell_state, c.b.add("squeeze", {out[2], first}));
  c.set_output(0, restored(c, out[0], sequence, major));
  return c.b.status();
}

Status import_rnn(ImportContext& c) {
  MN_TRY(expect_real_activations(c));
  MN_CHECK(c.input_count() == 5, "expected 5 inputs, got ", c.input_count());
  const bool sequence = c.node.op != "RNN";
  MN_ASSIGN(const bool major, flag(c, "time_major"));
  MN_ASSIGN(const std::string activation, c.string_attribute("fused_activation_function", "NONE"));
  const char* name = activation == "TANH" ? "Tanh" : activation == "RELU" ? "Relu" : nullptr;
  if (name == nullptr) return unsupported({"activation ", printable(activation), " of a recurrent layer"});
  MN_ASSIGN(const std::string state, state_of(c, 4));
  const Type recurrent = c.b.type(c.input(2));
  MN_CHECK(recurrent.shape.ranked && recurrent.shape.rank() == 2 && recurrent.shape.dims[1].known(),
           "recurrent weights: expected 2-D, got ", to_string(recurrent));
  const ValueId first = c.b.ints({0});
  const ValueId inputs[] = {time_major(c, real(c, 0), sequence, major),
                            directed(c, real(c, 1)),
                            directed(c, real(c, 2)),
                            with_zeros(c, directed(c, real(c, 3))),
                            kNoValue,
                            c.b.add("unsqueeze", {c.input(4), first})};
  const std::vector<ValueId> out =
      c.b.add_many("rnn", inputs, 2, {{"hidden_size", recurrent.shape.dims[1].value}, {"activations", Strings{name}}});
  MN_TRY(c.b.status());
  c.b.set_state(state, c.b.add("squeeze", {out[1], first}));
  c.set_output(0, restored(c, out[0], sequence, major));
  return c.b.status();
}

// x [N, I], feature weights [F, I], time weights [F, T], bias [F / rank], the last T features [N, F * T].
Status import_svdf(ImportContext& c) {
  MN_TRY(expect_real_activations(c));
  MN_CHECK(c.input_count() == 5, "expected 5 inputs, got ", c.input_count());
  MN_ASSIGN(const int64_t rank, c.int_attribute("rank", 0));
  MN_ASSIGN(const std::string state, state_of(c, 4));
  const Shape shape = c.b.type(c.input(2)).shape;
  MN_CHECK(shape.static_dims() && shape.rank() == 2, "time weights: expected 2-D, got ", to_string(shape));
  const int64_t features = shape.dims[0].value, memory = shape.dims[1].value;
  MN_CHECK(rank >= 1 && features % rank == 0 && memory >= 1, "rank ", rank, " does not divide ", features, " features");
  const ValueId current = c.b.add("gemm", {real(c, 0), real(c, 1)}, {{"transB", 1}});
  const ValueId before = reshaped(c.b, c.input(4), {-1, features, memory});
  const ValueId kept = c.b.add("slice", {before, c.b.ints({1}), c.b.ints({memory}), c.b.ints({2})});
  const ValueId now = c.b.add("concat", {kept, c.b.add("unsqueeze", {current, c.b.ints({2})})}, {{"axis", 2}});
  c.b.set_state(state, reshaped(c.b, now, {-1, features * memory}));
  const ValueId weighted = c.b.add("mul", {now, real(c, 2)});
  const ValueId filtered = c.b.add("reduce_sum", {weighted, c.b.ints({2})}, {{"keepdims", 0}});
  const ValueId grouped = reshaped(c.b, filtered, {-1, features / rank, rank});
  ValueId out = c.b.add("reduce_sum", {grouped, c.b.ints({2})}, {{"keepdims", 0}});
  if (c.has_input(3)) out = c.b.add("add", {out, real(c, 3)});
  return finish(c, out);
}

}  // namespace minnow::tflite
