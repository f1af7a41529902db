// The recurrences step by step, as their equations read. Weights are transposed once so that the inner loop runs over
// gates.
#include <algorithm>
#include <cmath>

#include "ops/dispatch.h"
#include "ops/recurrent.h"

namespace minnow::ops {
namespace {

template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <class T>
T activate(const CellFunction& f, T x) {
  const T alpha = static_cast<T>(f.alpha), beta = static_cast<T>(f.beta);
  switch (f.kind) {
    case CellActivation::relu: return x > 0 ? x : T(0);
    case CellActivation::tanh: return std::tanh(x);
    case CellActivation::sigmoid: return sigmoid(x);
    case CellActivation::affine: return alpha * x + beta;
    case CellActivation::leaky_relu: return x >= 0 ? x : alpha * x;
    case CellActivation::thresholded_relu: return x > alpha ? x : T(0);
    case CellActivation::scaled_tanh: return alpha * std::tanh(beta * x);
    case CellActivation::hard_sigmoid: return std::min(std::max(alpha * x + beta, T(0)), T(1));
    case CellActivation::elu: return x >= 0 ? x : alpha * std::expm1(x);
    case CellActivation::softsign: return x / (1 + std::abs(x));
    case CellActivation::softplus: return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x)));
  }
  return x;
}

struct Sizes {
  Cell cell;
  int64_t steps, batch, input, hidden, directions, gates;
  bool batch_first, linear_before_reset, input_forget;
  int64_t x_row(int64_t t, int64_t b) const { return (batch_first ? b * steps + t : t * batch + b) * input; }
  int64_t y_row(int64_t t, int64_t d, int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  int64_t state_row(int64_t d, int64_t b) const { return (batch_first ? b * directions + d : d * batch + b) * hidden; }
};

// out[j] += sum over i of x[i] m[i, j] for j in [0, columns); rows of m are `stride` apart.
template <class T>
void accumulate(T* out, const T* x, const T* m, int64_t rows, int64_t columns, int64_t stride) {
  for (int64_t i = 0; i < rows; ++i) {
    const T scale = x[i];
    const T* row = m + i * stride;
    for (int64_t j = 0; j < columns; ++j) out[j] += scale * row[j];
  }
}

template <class T>
void transpose(const T* in, T* out, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) out[j * rows + i] = in[i * columns + j];
  }
}

// One direction's weights, ready to use.
template <class T>
struct Weights {
  const T* w;          // [input, gates * hidden]
  const T* r;          // [hidden, gates * hidden]
  const T* w_bias;     // [gates * hidden]
  const T* r_bias;     // [gates * hidden]
  const T* peepholes;  // [3 * hidden] or null
  const CellFunction* functions;
  T clip;  // infinity: none
};

template <class T>
T limited(const Weights<T>& p, int function, T x) {
  return activate(p.functions[function], std::min(std::max(x, -p.clip), p.clip));
}

template <class T>
void rnn_step(const Sizes& s, const Weights<T>& p, const T* gates, const T* h, T* h_new, T* recurrent) {
  for (int64_t j = 0; j < s.hidden; ++j) recurrent[j] = gates[j] + p.r_bias[j];
  accumulate(recurrent, h, p.r, s.hidden, s.hidden, s.hidden);
  for (int64_t j = 0; j < s.hidden; ++j) h_new[j] = limited(p, 0, recurrent[j]);
}

template <class T>
void gru_step(const Sizes& s, const Weights<T>& p, T* gates, const T* h, T* h_new, T* recurrent) {
  const int64_t n = s.hidden;
  std::copy(p.r_bias, p.r_bias + 3 * n, recurrent);
  accumulate(recurrent, h, p.r, n, s.linear_before_reset ? 3 * n : 2 * n, 3 * n);
  for (int64_t j = 0; j < 2 * n; ++j) gates[j] = limited(p, 0, gates[j] + recurrent[j]);
  if (s.linear_before_reset) {
    for (int64_t j = 0; j < n; ++j) gates[2 * n + j] += gates[n + j] * recurrent[2 * n + j];
  } else {
    for (int64_t j = 0; j < n; ++j) recurrent[j] = gates[n + j] * h[j];
    accumulate(recurrent + 2 * n, recurrent, p.r + 2 * n, n, n, 3 * n);
    for (int64_t j = 0; j < n; ++j) gates[2 * n + j] += recurrent[2 * n + j];
  }
  for (int64_t j = 0; j < n; ++j) {
    const T z = gates[j];
    h_new[j] = (1 - z) * limited(p, 1, gates[2 * n + j]) + z * h[j];
  }
}

template <class T>
void lstm_step(const Sizes& s, const Weights<T>& p, T* gates, const T* h, T* h_new, T* cell) {
  const int64_t n = s.hidden;
  for (int64_t j = 0; j < 4 * n; ++j) gates[j] += p.r_bias[j];
  accumulate(gates, h, p.r, n, 4 * n, 4 * n);
  const auto peephole = [&](int64_t gate, int64_t j, T c) {
    return p.peepholes ? p.peepholes[gate * n + j] * c : T(0);
  };
  for (int64_t j = 0; j < n; ++j) {
    const T input = limited(p, 0, gates[j] + peephole(0, j, cell[j]));
    const T forget = s.input_forget ? 1 - input : limited(p, 0, gates[2 * n + j] + peephole(2, j, cell[j]));
    cell[j] = forget * cell[j] + input * limited(p, 1, gates[3 * n + j]);
    const T output = limited(p, 0, gates[n + j] + peephole(1, j, cell[j]));
    h_new[j] = output * activate(p.functions[2], cell[j]);
  }
}

// Buffers of one direction, all of the operator's dtype.
template <class T>
struct Work {
  Tensor w, r, gates, recurrent, hidden, hidden_new, cell, zeros;
};

template <class T>
Status make_work(const EvalContext& c, const Sizes& s, Work<T>* work) {
  const DType dtype = dtype_of<T>();
  const auto make = [&](Tensor* out, Dims dims) -> Status {
    MN_ASSIGN(*out, c.scratch(dtype, std::move(dims)));
    std::fill(out->mutable_data<T>(), out->mutable_data<T>() + out->size(), T(0));
    return {};
  };
  MN_TRY(make(&work->w, {s.input, s.gates * s.hidden}));
  MN_TRY(make(&work->r, {s.hidden, s.gates * s.hidden}));
  MN_TRY(make(&work->gates, {s.gates * s.hidden}));
  MN_TRY(make(&work->recurrent, {s.gates * s.hidden}));
  MN_TRY(make(&work->hidden, {s.batch, s.hidden}));
  MN_TRY(make(&work->hidden_new, {s.hidden}));
  MN_TRY(make(&work->cell, {s.batch, s.hidden}));
  return make(&work->zeros, {s.gates * s.hidden});
}

template <class T>
Status run_direction(EvalContext& c, const Sizes& s, const Weights<T>& p, int64_t d, bool reverse,
                     const std::vector<int64_t>& lengths, Work<T>& work) {
  T* y = c.wants_output(0) ? c.output(0).mutable_data<T>() : nullptr;
  T* gates = work.gates.template mutable_data<T>();
  T* recurrent = work.recurrent.template mutable_data<T>();
  T* h_new = work.hidden_new.template mutable_data<T>();
  const int64_t width = s.gates * s.hidden;
  const int64_t work_per_step = std::max<int64_t>(1, width * (s.input + s.hidden));
  int64_t since_check = 0;
  for (int64_t b = 0; b < s.batch; ++b) {
    T* h = work.hidden.template mutable_data<T>() + b * s.hidden;
    T* cell = work.cell.template mutable_data<T>() + b * s.hidden;
    const int64_t length = lengths[static_cast<size_t>(b)];
    for (int64_t step = 0; step < s.steps; ++step) {
      if ((since_check += work_per_step) > 1'000'000) {
        MN_TRY(c.budget()->step(0));
        since_check = 0;
      }
      const int64_t t = step < length && reverse ? length - 1 - step : step;
      if (step < length) {
        std::copy(p.w_bias, p.w_bias + width, gates);
        accumulate(gates, c.input(kInputX).data<T>() + s.x_row(t, b), p.w, s.input, width, width);
        if (s.cell == Cell::rnn) rnn_step(s, p, gates, h, h_new, recurrent);
        else if (s.cell == Cell::gru) gru_step(s, p, gates, h, h_new, recurrent);
        else lstm_step(s, p, gates, h, h_new, cell);
        std::copy(h_new, h_new + s.hidden, h);
      }
      if (y == nullptr) continue;
      T* row = y + s.y_row(t, d, b);
      if (step < length) std::copy(h, h + s.hidden, row);
      else std::fill(row, row + s.hidden, T(0));
    }
  }
  return {};
}

template <class T>
Status run_typed(EvalContext& c, const Sizes& s, const std::vector<int64_t>& lengths) {
  MN_ASSIGN(const std::vector<CellFunction> functions, cell_functions(c, s.cell));
  Work<T> work;
  MN_TRY(make_work(c, s, &work));
  const int64_t width = s.gates * s.hidden;
  for (int64_t d = 0; d < s.directions; ++d) {
    transpose(c.input(kInputW).data<T>() + d * width * s.input, work.w.template mutable_data<T>(), width, s.input);
    transpose(c.input(kInputR).data<T>() + d * width * s.hidden, work.r.template mutable_data<T>(), width, s.hidden);
    Weights<T> p{work.w.template data<T>(),
                 work.r.template data<T>(),
                 work.zeros.template data<T>(),
                 work.zeros.template data<T>(),
                 nullptr,
                 functions.data() + d * activation_count(s.cell),
                 std::numeric_limits<T>::infinity()};
    if (c.has_input(kInputB)) {
      p.w_bias = c.input(kInputB).data<T>() + d * 2 * width;
      p.r_bias = p.w_bias + width;
    }
    if (c.has_input(kInputPeepholes)) p.peepholes = c.input(kInputPeepholes).data<T>() + d * 3 * s.hidden;
    if (c.has_attribute("clip") && c.float_attribute("clip") > 0) p.clip = static_cast<T>(c.float_attribute("clip"));
    // State rows come from the initial values and end in Y_h and Y_c.
    const auto load = [&](int input, T* state) {
      for (int64_t b = 0; b < s.batch; ++b) {
        T* row = state + b * s.hidden;
        if (!c.has_input(input)) std::fill(row, row + s.hidden, T(0));
        else std::copy_n(c.input(input).data<T>() + s.state_row(d, b), s.hidden, row);
      }
    };
    const auto store = [&](int output, const T* state) {
      if (!c.wants_output(output)) return;
      for (int64_t b = 0; b < s.batch; ++b)
        std::copy_n(state + b * s.hidden, s.hidden, c.output(output).template mutable_data<T>() + s.state_row(d, b));
    };
    load(kInputHidden, work.hidden.template mutable_data<T>());
    load(kInputCell, work.cell.template mutable_data<T>());
    const bool reverse = d == 1 || c.string_attribute("direction") == "reverse";
    MN_TRY(run_direction(c, s, p, d, reverse, lengths, work));
    store(1, work.hidden.template data<T>());
    if (s.cell == Cell::lstm) store(2, work.cell.template data<T>());
  }
  return {};
}

}  // namespace

Status recurrent_reference(EvalContext& c, Cell cell) {
  const Dims& x = c.input(kInputX).dims();
  const Dims& r = c.input(kInputR).dims();
  Sizes s{};
  s.cell = cell;
  s.batch_first = c.int_attribute("layout") == 1;
  s.steps = x[s.batch_first ? 1 : 0];
  s.batch = x[s.batch_first ? 0 : 1];
  s.input = x[2];
  s.hidden = r[2];
  s.directions = r[0];
  s.gates = gate_count(cell);
  s.linear_before_reset = cell == Cell::gru && c.int_attribute("linear_before_reset") != 0;
  s.input_forget = cell == Cell::lstm && c.int_attribute("input_forget") != 0;
  std::vector<int64_t> lengths(static_cast<size_t>(s.batch), s.steps);
  if (c.has_input(kInputLengths)) lengths = to_ints(c.input(kInputLengths));
  for (const int64_t length : lengths) {
    MN_CHECK(length >= 0 && length <= s.steps, "sequence_lens has ", length, ", expected 0 to ", s.steps,
             " (the number of steps)");
  }
  return dispatch<FloatTypes>(c.input(kInputX).dtype(),
                              [&]<class T>() -> Status { return run_typed<T>(c, s, lengths); });
}

}  // namespace minnow::ops
