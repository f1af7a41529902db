// lstm and gru in float32: the inputs of all steps are multiplied by their weights at once; what is left for each step
// is the product of the state with the recurrent weights, which are packed once a call where several rows share them.
#include <algorithm>

#include "kernels/blocked_gemm.h"
#include "kernels/families.h"

namespace minnow::kernels {
namespace {

enum Operands { kX, kW, kR, kB, kLengths, kHidden0, kCell0 };

int64_t dim(const Operand& x, int32_t d) { return x.dims[static_cast<size_t>(d)]; }

struct RecurrentShape {
  int64_t steps, batch, input, hidden, directions;
  bool lstm, batch_first, reset_last;  // reset_last: gru's r gates the product instead of the state
  int64_t gates() const { return (lstm ? 4 : 3) * hidden; }
  // The gates that one product with the state gives; gru's candidate is another one.
  int64_t first_gates() const { return (lstm ? 4 : 2) * hidden; }
  int64_t row(int64_t t, int64_t b) const { return batch_first ? b * steps + t : t * batch + b; }
  int64_t batch_step() const { return batch_first ? steps : 1; }  // in rows
  int64_t y_at(int64_t t, int64_t d, int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  int64_t state_at(int64_t d, int64_t b) const { return (batch_first ? b * directions + d : d * batch + b) * hidden; }
};

RecurrentShape shape_of(const Problem& p) {
  RecurrentShape s{};
  s.lstm = p.op == "lstm";
  s.batch_first = p.ints[kBatchFirst] != 0;
  s.reset_last = p.ints[kResetLast] != 0;
  s.steps = dim(p.input(kX), s.batch_first ? 1 : 0);
  s.batch = dim(p.input(kX), s.batch_first ? 0 : 1);
  s.input = dim(p.input(kX), 2);
  s.hidden = dim(p.input(kR), 2);
  s.directions = dim(p.input(kR), 0);
  return s;
}

bool given(const Problem& p, int i) { return i < p.input_count && p.input(i).dtype != DType::undefined; }

bool has_dims(const Operand& x, DType dtype, std::initializer_list<int64_t> dims) {
  return x.dtype == dtype && x.rank == static_cast<int32_t>(dims.size()) &&
         std::equal(dims.begin(), dims.end(), x.dims.begin());
}

bool accepts(const Problem& p) {
  const int outputs = p.operand_count - p.input_count;
  const bool lstm = p.op == "lstm";
  if (!p.epilogue.none() || p.input_count < 3 || p.input_count > (lstm ? 7 : 6) || outputs < 1 ||
      outputs > (lstm ? 3 : 2))
    return false;
  if (p.input(kX).rank != 3 || p.input(kR).rank != 3 || p.input(kX).elements() == 0 || p.input(kR).elements() == 0)
    return false;
  const RecurrentShape s = shape_of(p);
  // The gates of all steps are scratch: their bytes must fit 64 bits.
  if (static_cast<double>(s.steps) * static_cast<double>(s.batch) * static_cast<double>(s.gates()) > 0x1p40)
    return false;
  constexpr DType f = DType::float32;
  if (s.directions > 2 || p.input(kX).dtype != f || !has_dims(p.input(kW), f, {s.directions, s.gates(), s.input}) ||
      !has_dims(p.input(kR), f, {s.directions, s.gates(), s.hidden}))
    return false;
  const int64_t outer = s.batch_first ? s.batch : s.directions, inner = s.batch_first ? s.directions : s.batch;
  const auto state = [&](const Operand& x) { return has_dims(x, f, {outer, inner, s.hidden}); };
  if (given(p, kB) && !has_dims(p.input(kB), f, {s.directions, 2 * s.gates()})) return false;
  if (given(p, kLengths) && !has_dims(p.input(kLengths), DType::int32, {s.batch})) return false;
  for (int i : {kHidden0, kCell0}) {
    if (given(p, i) && !state(p.input(i))) return false;
  }
  const auto absent = [](const Operand& x) { return x.dtype == DType::undefined; };
  const bool y_fits = s.batch_first ? has_dims(p.output(0), f, {s.batch, s.steps, s.directions, s.hidden})
                                    : has_dims(p.output(0), f, {s.steps, s.directions, s.batch, s.hidden});
  if (!absent(p.output(0)) && !y_fits) return false;
  for (int i = 1; i < outputs; ++i) {
    if (!absent(p.output(i)) && !state(p.output(i))) return false;
  }
  return true;
}

// The scratch of one call, each part on a cache line of its own.
struct Memory {
  char* base;
  int64_t bytes = 0;
  float* take(int64_t floats) {
    float* part = base != nullptr ? reinterpret_cast<float*>(base + bytes) : nullptr;
    bytes += (floats + 15) / 16 * 64;
    return part;
  }
};

struct Parts {
  float *gates, *bias, *hidden, *cell, *recurrent, *reset, *panels, *candidate_panels;
  char* products;
  int64_t bytes;
};

Parts parts_of(const KernelRow& row, const Problem& p, int threads, void* scratch) {
  const RecurrentShape s = shape_of(p);
  Memory memory{static_cast<char*>(scratch)};
  const bool packs = s.batch > 1 && !given(p, kLengths);
  const auto panel_floats = [&](int64_t columns) {
    return packs ? panel_bytes(row, s.hidden, columns) / static_cast<int64_t>(sizeof(float)) : 0;
  };
  Parts parts{};
  parts.gates = memory.take(s.steps * s.batch * s.gates());
  parts.bias = memory.take(s.gates());
  parts.hidden = memory.take(s.batch * s.hidden);
  parts.cell = memory.take(s.batch * s.hidden);
  parts.recurrent = memory.take(s.lstm ? 0 : s.batch * s.gates());
  parts.reset = memory.take(s.lstm ? 0 : s.batch * s.hidden);
  parts.panels = memory.take(panel_floats(s.first_gates()));
  parts.candidate_panels = memory.take(s.lstm ? 0 : panel_floats(s.hidden));
  parts.products = reinterpret_cast<char*>(memory.take(product_scratch_bytes(threads) / 4));
  parts.bytes = memory.bytes;
  return parts;
}

int64_t scratch_bytes(const KernelRow& row, const Problem& p, int threads, uint32_t) {
  return parts_of(row, p, threads, nullptr).bytes;
}

class Direction {
 public:
  Direction(const KernelCall& call, const Parts& parts, int64_t d)
      : call_(call),
        s_(shape_of(*call.problem)),
        parts_(parts),
        d_(d),
        reverse_(d == 1 || call.problem->ints[kReverse] != 0),
        recurrent_(call.input(kR) + d * s_.gates() * s_.hidden) {
    const Problem& p = *call.problem;
    if (given(p, kB)) recurrent_bias_ = call.input(kB) + (2 * d + 1) * s_.gates();
    if (given(p, kLengths)) lengths_ = static_cast<const int32_t*>(call.inputs[kLengths]);
  }

  KernelStatus run() {
    load(kHidden0, parts_.hidden);
    if (s_.lstm) load(kCell0, parts_.cell);
    add_biases();
    if (all_inputs() == kStopped) return kStopped;
    if (s_.batch > 1 && lengths_ == nullptr) {
      pack_panels(*call_.row, s_.hidden, s_.first_gates(), recurrent_, 1, s_.hidden, parts_.panels);
      if (!s_.lstm)
        pack_panels(*call_.row, s_.hidden, s_.hidden, candidate_weights(), 1, s_.hidden, parts_.candidate_panels);
    }
    // Rows of one length go together, others one by one.
    const int64_t together = lengths_ == nullptr ? s_.batch : 1;
    for (int64_t b = 0; b < s_.batch; b += together) {
      const int64_t length = lengths_ == nullptr ? s_.steps : lengths_[b];
      for (int64_t step = 0; step < length; ++step) {
        if (call_.stopped()) return kStopped;
        const int64_t t = reverse_ ? length - 1 - step : step;
        if (s_.lstm) lstm_step(b, together, t);
        if (!s_.lstm) gru_step(b, together, t);
        write(b, together, t);
      }
      if (float* y = output(0); y != nullptr) {
        for (int64_t t = length; t < s_.steps; ++t) std::fill_n(y + s_.y_at(t, d_, b), s_.hidden, 0.0f);
      }
    }
    store_state(1, parts_.hidden);
    if (s_.lstm) store_state(2, parts_.cell);
    return kDone;
  }

 private:
  // Null where absent, which the problem says: a place without a type may be anywhere.
  float* output(int i) const { return call_.problem->output(i).dtype == DType::undefined ? nullptr : call_.output(i); }
  const float* candidate_weights() const { return recurrent_ + 2 * s_.hidden * s_.hidden; }
  float* gates_of(int64_t t, int64_t b) const { return parts_.gates + s_.row(t, b) * s_.gates(); }

  void load(int input, float* state) const {
    for (int64_t b = 0; b < s_.batch; ++b, state += s_.hidden) {
      if (given(*call_.problem, input)) std::copy_n(call_.input(input) + s_.state_at(d_, b), s_.hidden, state);
      else std::fill_n(state, s_.hidden, 0.0f);
    }
  }

  void store_state(int output, const float* state) const {
    const Problem& p = *call_.problem;
    if (output >= p.operand_count - p.input_count || this->output(output) == nullptr) return;
    for (int64_t b = 0; b < s_.batch; ++b, state += s_.hidden)
      std::copy_n(state, s_.hidden, this->output(output) + s_.state_at(d_, b));
  }

  void write(int64_t b, int64_t count, int64_t t) const {
    float* y = output(0);
    for (int64_t i = b; y != nullptr && i < b + count; ++i)
      std::copy_n(parts_.hidden + i * s_.hidden, s_.hidden, y + s_.y_at(t, d_, i));
  }

  // Both biases where they are added to the same sum: all but that of gru's candidate if r gates its product.
  void add_biases() const {
    std::fill_n(parts_.bias, s_.gates(), 0.0f);
    if (recurrent_bias_ == nullptr) return;
    const float* own = recurrent_bias_ - s_.gates();
    const int64_t both = s_.reset_last ? s_.first_gates() : s_.gates();
    for (int64_t j = 0; j < s_.gates(); ++j) parts_.bias[j] = own[j] + (j < both ? recurrent_bias_[j] : 0.0f);
  }

  KernelStatus multiply(const Product& product, bool worth_threads) const {
    KernelCall inner = call_;
    if (!worth_threads) inner.threads = nullptr;
    inner.scratch = parts_.products;
    return run_products(
        inner, 1, [](const void* one, int64_t) { return *static_cast<const Product*>(one); }, &product);
  }

  KernelStatus all_inputs() const {
    Product product{.m = s_.steps * s_.batch, .n = s_.gates(), .k = s_.input};
    product.a = call_.input(kX);
    product.a_row = s_.input;
    product.b = call_.input(kW) + d_ * s_.gates() * s_.input;
    product.b_row = 1;
    product.b_col = s_.input;
    product.c = parts_.gates;
    product.c_row = s_.gates();
    product.col_bias = parts_.bias;
    return multiply(product, true);
  }

  // out[count, columns] (+)= a[count, hidden] times the transposed weights[columns, hidden].
  void recur(int64_t count, int64_t columns, const float* a, const float* weights, const float* panels, float* out,
             int64_t out_row, bool add) const {
    constexpr int64_t kWorthThreads = 1 << 18;  // multiply-adds: some 10 us, several times what waking threads takes
    Product product{.m = count, .n = columns, .k = s_.hidden};
    product.a = a;
    product.a_row = s_.hidden;
    if (count > 1) product.b_panels = panels;
    if (count == 1) product.b = weights;
    product.b_row = 1;
    product.b_col = s_.hidden;
    product.c = out;
    product.c_row = out_row;
    if (add) product.residual = out;
    multiply(product, count * columns * s_.hidden >= kWorthThreads);
  }

  void lstm_step(int64_t b, int64_t count, int64_t t) const {
    const int64_t stride = s_.batch_step() * s_.gates();
    float* gates = gates_of(t, b);
    recur(count, s_.gates(), parts_.hidden + b * s_.hidden, recurrent_, parts_.panels, gates, stride, true);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = (b + i) * s_.hidden;
      call_.row->f32->recurrent->lstm(s_.hidden, gates + i * stride, parts_.cell + at, parts_.hidden + at);
    }
  }

  void gru_step(int64_t b, int64_t count, int64_t t) const {
    const simd::F32Table& f32 = *call_.row->f32;
    const int64_t n = s_.hidden, stride = s_.batch_step() * s_.gates();
    float* gates = gates_of(t, b);
    float* hidden = parts_.hidden + b * n;
    float* candidates = parts_.recurrent;  // [count, n]
    recur(count, 2 * n, hidden, recurrent_, parts_.panels, gates, stride, true);
    for (int64_t i = 0; i < count; ++i) {
      float* row = gates + i * stride;
      f32.activations[simd::kActSigmoid](2 * n, row, nullptr, 0, 0, row);
      if (!s_.reset_last) f32.binary[simd::kMul](n, row + n, 1, hidden + i * n, 1, parts_.reset + i * n);
    }
    recur(count, n, s_.reset_last ? hidden : parts_.reset, candidate_weights(), parts_.candidate_panels, candidates, n,
          false);
    for (int64_t i = 0; i < count; ++i) {
      float *row = gates + i * stride, *candidate = candidates + i * n;
      if (s_.reset_last) {
        if (recurrent_bias_ != nullptr) f32.rows->add_to(n, recurrent_bias_ + 2 * n, candidate);
        f32.add_products(n, row + n, candidate, row + 2 * n);
      } else {
        f32.rows->add_to(n, candidate, row + 2 * n);
      }
      f32.recurrent->gru(n, row, row + 2 * n, hidden + i * n);
    }
  }

  const KernelCall& call_;
  RecurrentShape s_;
  Parts parts_;
  int64_t d_;
  bool reverse_;
  const float* recurrent_;                 // weights [gates, hidden]
  const float* recurrent_bias_ = nullptr;  // behind the inputs' own
  const int32_t* lengths_ = nullptr;
};

KernelStatus run(const KernelCall& call) {
  const Problem& p = *call.problem;
  const RecurrentShape s = shape_of(p);
  if (given(p, kLengths)) {
    const int32_t* lengths = static_cast<const int32_t*>(call.inputs[kLengths]);
    if (std::any_of(lengths, lengths + s.batch, [&](int32_t length) { return length < 0 || length > s.steps; }))
      return kBadIndex;
  }
  const Parts parts = parts_of(*call.row, p, call.thread_count(), call.scratch);
  for (int64_t d = 0; d < s.directions; ++d) {
    if (Direction(call, parts, d).run() == kStopped) return kStopped;
  }
  return kDone;
}

}  // namespace

const std::array<KernelRow, 2> kRecurrentRows = {{
    {.op = "lstm", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run},
    {.op = "gru", .accepts = accepts, .scratch_bytes = scratch_bytes, .run = run},
}};

}  // namespace minnow::kernels
