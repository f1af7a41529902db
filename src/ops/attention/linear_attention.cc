// linear_attention: attention as a recurrence over a matrix state S [d_k, d_v] per head, with decay gates and delta
// updates:
//   S = exp(g) S;  S = S + k (beta (v - S^T k))^T  (delta rules)  or  S + k v^T;  o = scale S^T q.
#include <algorithm>
#include <cmath>

#include "ops/attention_parts.h"
#include "ops/cases.h"
#include "ops/dispatch.h"

namespace minnow::ops {
namespace {

constexpr int kQuery = 0, kKey = 1, kValue = 2, kPast = 3, kDecay = 4, kBeta = 5;
constexpr int64_t kMaxUnrolledSteps = 4096;

struct Rule {
  bool gated, delta;
};

Result<Rule> update_rule(const NodeView& node) {
  const std::string& rule = node.string_attribute("update_rule");
  if (rule == "linear") return Rule{false, false};
  if (rule == "gated") return Rule{true, false};
  if (rule == "delta") return Rule{false, true};
  MN_CHECK(rule == "gated_delta", "update_rule must be linear, gated, delta or gated_delta, got '", rule, "'");
  return Rule{true, true};
}

// Width of one head, -1 where not known.
Result<int64_t> width_per_head(const InferContext& c, int i, int64_t heads, std::string_view what) {
  MN_TRY(c.expect_rank(i, 3, what));
  if (!c.shape(i).ranked || !c.shape(i).dims[2].known()) return -1;
  MN_CHECK(c.shape(i).dims[2].value % heads == 0, what, " of shape ", to_string(c.shape(i)), " does not split into ",
           heads, " heads");
  return c.shape(i).dims[2].value / heads;
}

Status expect_rows(const InferContext& c, int i, std::string_view what) {
  if (!c.has_input(i) || !c.shape(i).ranked || !c.shape(kQuery).ranked) return {};
  MN_TRY(c.expect_rank(i, 3, what));
  for (size_t axis = 0; axis < 2; ++axis) {
    const Dim& have = c.shape(i).dims[axis];
    const Dim& want = c.shape(kQuery).dims[axis];
    MN_CHECK(!have.known() || !want.known() || have.value == want.value, what, " has shape ", to_string(c.shape(i)),
             ", expected batch and length of query ", to_string(c.shape(kQuery)));
  }
  return {};
}

Status check_gates(const InferContext& c, int64_t kv_heads, int64_t key_size) {
  MN_ASSIGN(const Rule rule, update_rule(c));
  const std::string& name = c.string_attribute("update_rule");
  MN_CHECK(c.has_input(kDecay) == rule.gated, "update_rule ", name,
           rule.gated ? " needs the input decay" : " takes no input decay");
  MN_CHECK(c.has_input(kBeta) == rule.delta, "update_rule ", name,
           rule.delta ? " needs the input beta" : " takes no input beta");
  MN_TRY(expect_rows(c, kDecay, "decay"));
  MN_TRY(expect_rows(c, kBeta, "beta"));
  if (rule.gated && c.shape(kDecay).ranked && c.shape(kDecay).dims[2].known()) {
    const int64_t width = c.shape(kDecay).dims[2].value;
    MN_CHECK(width == kv_heads || key_size < 0 || width == kv_heads * key_size, "decay has ", width,
             " columns, expected one or ", key_size, " for each of ", kv_heads, " heads");
  }
  if (rule.delta && c.shape(kBeta).ranked && c.shape(kBeta).dims[2].known()) {
    const int64_t width = c.shape(kBeta).dims[2].value;
    MN_CHECK(width == kv_heads || width == 1, "beta has ", width, " columns, expected 1 or ", kv_heads);
  }
  return {};
}

Status linear_infer(InferContext& c) {
  const int64_t heads = c.int_attribute("q_num_heads"), kv_heads = c.int_attribute("kv_num_heads");
  MN_CHECK(heads > 0 && kv_heads > 0 && heads % kv_heads == 0,
           "q_num_heads must be a positive multiple of kv_num_heads, got ", heads, " and ", kv_heads);
  MN_ASSIGN(const int64_t query_size, width_per_head(c, kQuery, heads, "query"));
  MN_ASSIGN(const int64_t key_size, width_per_head(c, kKey, kv_heads, "key"));
  MN_ASSIGN(const int64_t value_size, width_per_head(c, kValue, kv_heads, "value"));
  MN_CHECK(query_size < 0 || key_size < 0 || query_size == key_size, "heads of query have ", query_size,
           " elements, of key ", key_size);
  for (const int i : {kKey, kValue, kDecay, kBeta}) {
    if (c.has_input(i)) MN_TRY(c.expect_same_dtype(kQuery, i));
  }
  MN_TRY(expect_rows(c, kKey, "key"));
  MN_TRY(expect_rows(c, kValue, "value"));
  MN_TRY(check_gates(c, kv_heads, std::max(query_size, key_size)));
  const Dim batch = c.shape(kQuery).ranked ? c.shape(kQuery).dims[0] : Dim(),
            length = c.shape(kQuery).ranked ? c.shape(kQuery).dims[1] : Dim();
  const int64_t size = std::max(query_size, key_size);
  const auto dim = [](int64_t value) { return value >= 0 ? Dim(value) : Dim(); };
  const Shape state{batch, Dim(kv_heads), dim(size), dim(value_size)};
  if (c.has_input(kPast)) {
    MN_TRY(c.expect_rank(kPast, 4, "past_state"));
    for (size_t i = 0; i < 4 && c.shape(kPast).ranked; ++i) {
      const Dim& have = c.shape(kPast).dims[i];
      MN_CHECK(!have.known() || !state.dims[i].known() || have.value == state.dims[i].value, "past_state has shape ",
               to_string(c.shape(kPast)), ", expected ", to_string(state));
    }
  }
  c.set_output(0, c.dtype(kQuery), Shape{batch, length, value_size >= 0 ? Dim(value_size * heads) : Dim()});
  if (c.output_count() > 1) c.set_output(1, c.has_input(kPast) ? c.dtype(kPast) : c.dtype(kQuery), state);
  return {};
}

double output_scale(const NodeView& node, int64_t key_size) {
  const double scale = static_cast<double>(node.float_attribute("scale"));
  return scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(key_size));
}

template <class T>
struct Head {
  const T *q, *k, *v, *decay, *beta;  // rows of the first step; strides below, in elements
  int64_t q_stride, k_stride, v_stride, decay_stride, beta_stride, o_stride;
  int64_t decay_width, group, key_size, value_size;
  T scale;
  T* state;   // [key_size, value_size]
  T* update;  // [value_size]
  T* out;
};

// One step of one key-value head; writes the outputs of its group of query heads.
template <class T>
void linear_step(const Head<T>& h, int64_t t) {
  const T* k = h.k + t * h.k_stride;
  const T* v = h.v + t * h.v_stride;
  for (int64_t i = 0; i < h.key_size && h.decay; ++i) {
    const T factor = std::exp(h.decay[t * h.decay_stride + (h.decay_width == 1 ? 0 : i)]);
    for (int64_t j = 0; j < h.value_size; ++j) h.state[i * h.value_size + j] *= factor;
  }
  std::copy(v, v + h.value_size, h.update);
  if (h.beta) {
    for (int64_t i = 0; i < h.key_size; ++i) {
      for (int64_t j = 0; j < h.value_size; ++j) h.update[j] -= h.state[i * h.value_size + j] * k[i];
    }
    for (int64_t j = 0; j < h.value_size; ++j) h.update[j] *= h.beta[t * h.beta_stride];
  }
  for (int64_t i = 0; i < h.key_size; ++i) {
    for (int64_t j = 0; j < h.value_size; ++j) h.state[i * h.value_size + j] += k[i] * h.update[j];
  }
  for (int64_t g = 0; g < h.group; ++g) {
    const T* q = h.q + t * h.q_stride + g * h.key_size;
    T* out = h.out + t * h.o_stride + g * h.value_size;
    std::fill(out, out + h.value_size, T(0));
    for (int64_t i = 0; i < h.key_size; ++i) {
      const T scale = h.scale * q[i];
      for (int64_t j = 0; j < h.value_size; ++j) out[j] += scale * h.state[i * h.value_size + j];
    }
  }
}

template <class T>
Status linear_typed(EvalContext& c) {
  const int64_t heads = c.int_attribute("q_num_heads"), kv_heads = c.int_attribute("kv_num_heads");
  const int64_t batch = c.input(kQuery).dim(0), length = c.input(kQuery).dim(1);
  Head<T> h{};
  h.q_stride = c.input(kQuery).dim(2);
  h.k_stride = c.input(kKey).dim(2);
  h.v_stride = c.input(kValue).dim(2);
  h.key_size = h.k_stride / kv_heads;
  h.value_size = h.v_stride / kv_heads;
  h.group = heads / kv_heads;
  h.o_stride = heads * h.value_size;
  h.scale = static_cast<T>(output_scale(c, h.key_size));
  MN_ASSIGN(Tensor state, c.scratch(dtype_of<T>(), {batch, kv_heads, h.key_size, h.value_size}));
  MN_ASSIGN(Tensor update, c.scratch(dtype_of<T>(), {h.value_size}));
  h.update = update.mutable_data<T>();
  std::fill(state.mutable_data<T>(), state.mutable_data<T>() + state.size(), T(0));
  if (c.has_input(kPast)) {
    MN_ASSIGN(const Tensor past, convert_dtype(c.input(kPast), dtype_of<T>(), c.budget()));
    std::copy_n(past.data<T>(), past.size(), state.mutable_data<T>());
  }
  if (c.has_input(kDecay)) {
    h.decay_stride = c.input(kDecay).dim(2);
    h.decay_width = h.decay_stride == kv_heads ? 1 : h.key_size;
  }
  if (c.has_input(kBeta)) h.beta_stride = c.input(kBeta).dim(2);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t head = 0; head < kv_heads; ++head) {
      MN_TRY(c.budget()->step(0));
      h.q = c.input(kQuery).data<T>() + b * length * h.q_stride + head * h.group * h.key_size;
      h.k = c.input(kKey).data<T>() + b * length * h.k_stride + head * h.key_size;
      h.v = c.input(kValue).data<T>() + b * length * h.v_stride + head * h.value_size;
      h.decay = c.has_input(kDecay) ? c.input(kDecay).data<T>() + b * length * h.decay_stride + head * h.decay_width
                                    : nullptr;
      h.beta = c.has_input(kBeta)
                   ? c.input(kBeta).data<T>() + b * length * h.beta_stride + (h.beta_stride == 1 ? 0 : head)
                   : nullptr;
      h.out = c.output(0).mutable_data<T>() + b * length * h.o_stride + head * h.group * h.value_size;
      h.state = state.mutable_data<T>() + (b * kv_heads + head) * h.key_size * h.value_size;
      for (int64_t t = 0; t < length; ++t) linear_step(h, t);
    }
  }
  if (!c.wants_output(1)) return {};
  MN_ASSIGN(Tensor present, convert_dtype(state, c.output(1).dtype(), c.budget()));
  c.set_output(1, Datum(std::move(present)));
  return {};
}

Status linear_reference(EvalContext& c) {
  return dispatch<FloatTypes>(c.input(kQuery).dtype(), [&]<class T>() -> Status { return linear_typed<T>(c); });
}

// Unrolled in time for gradients: heads [batch, kv_heads, group, …], state [batch, kv_heads, key_size, value_size].
Status linear_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  MN_ASSIGN(const Rule rule, update_rule(c));
  const int64_t heads = c.int_attribute("q_num_heads"), kv_heads = c.int_attribute("kv_num_heads");
  const ValueId query = c.input(kQuery), key = c.input(kKey), value = c.input(kValue);
  const int64_t batch = known_size(b, query, 0), length = known_size(b, query, 1), q_width = known_size(b, query, 2),
                v_width = known_size(b, value, 2);
  MN_CHECK(batch >= 0 && length >= 1 && length <= kMaxUnrolledSteps && q_width > 0 && v_width > 0,
           "unrolling needs known shapes and 1 to ", kMaxUnrolledSteps, " steps, got query ", to_string(b.type(query)));
  const int64_t key_size = q_width / heads, value_size = v_width / kv_heads;
  const DType dtype = b.type(query).dtype;
  ValueId state;
  if (c.has_input(kPast)) {
    state = c.input(kPast);
    if (b.type(state).dtype != dtype) state = b.add("cast", {state}, {{"to", dtype}});
  } else {
    MN_ASSIGN(const int64_t count, checked_element_count(Dims{batch, kv_heads, key_size, value_size}));
    MN_ASSIGN(Tensor zeros, convert_dtype(Tensor::of<float>(std::vector<float>(static_cast<size_t>(count)),
                                                            {batch, kv_heads, key_size, value_size}),
                                          dtype));
    state = b.constant(std::move(zeros));
  }
  const auto at = [&](ValueId id, int64_t t, std::initializer_list<int64_t> sizes) {
    return reshaped(b, sliced(b, id, 1, t, t + 1), sizes);
  };
  const ValueId scale = b.scalar_like(output_scale(c, key_size), query);
  std::vector<ValueId> outputs;
  for (int64_t t = 0; t < length; ++t) {
    const ValueId q = at(query, t, {batch, kv_heads, heads / kv_heads, key_size});
    const ValueId k = at(key, t, {batch, kv_heads, key_size, 1});
    ValueId v = at(value, t, {batch, kv_heads, 1, value_size});
    if (rule.gated) {
      const int64_t width = known_size(b, c.input(kDecay), 2) == kv_heads ? 1 : key_size;
      state = b.add("mul", {state, b.add("exp", {at(c.input(kDecay), t, {batch, kv_heads, width, 1})})});
    }
    if (rule.delta) {
      const int64_t width = known_size(b, c.input(kBeta), 2);
      const ValueId seen = b.add("matmul", {transposed(b, k, {0, 1, 3, 2}), state});
      v = b.add("mul", {b.add("sub", {v, seen}), at(c.input(kBeta), t, {batch, width, 1, 1})});
    }
    state = b.add("add", {state, b.add("matmul", {k, v})});
    outputs.push_back(reshaped(b, b.add("mul", {b.add("matmul", {q, state}), scale}), {batch, 1, heads * value_size}));
  }
  c.set_output(0, outputs.size() == 1 ? outputs[0] : b.add("concat", outputs, {{"axis", 1}}));
  if (c.wants_output(1)) {
    const DType state_dtype = c.has_input(kPast) ? b.type(c.input(kPast)).dtype : dtype;
    c.set_output(1, state_dtype == dtype ? state : b.add("cast", {state}, {{"to", state_dtype}}));
  }
  return b.status();
}

Cost linear_cost(const InferContext& c) {
  const Dims q = c.shape(kQuery).to_dims(), v = c.shape(kValue).to_dims(), out = c.outputs()[0].shape.to_dims();
  const int64_t kv_heads = c.int_attribute("kv_num_heads"), key_size = q[2] / c.int_attribute("q_num_heads");
  const int64_t per_state = key_size * (v[2] / std::max<int64_t>(kv_heads, 1));
  return {q[0] * q[1] * per_state * (2 * kv_heads + c.int_attribute("q_num_heads")),
          (element_count(q) + 2 * element_count(v) + element_count(out)) *
              static_cast<int64_t>(element_bytes(c.dtype(kQuery)))};
}

std::vector<Case> linear_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor past = f({2, 2, 3, 2}, 4);
  return {
      // S1 = 1*3 = 3, o1 = 2*3 = 6; S2 = 3 + 2*5 = 13, o2 = 1*13.
      {.inputs = {Tensor::of<float>({2, 1}, {1, 2, 1}), Tensor::of<float>({1, 2}, {1, 2, 1}),
                  Tensor::of<float>({3, 5}, {1, 2, 1})},
       .attributes = {{"q_num_heads", 1}, {"kv_num_heads", 1}, {"update_rule", "linear"}},
       .outputs = 2,
       .expected = {Tensor::of<float>({6, 13}, {1, 2, 1}), Tensor::of<float>({13}, {1, 1, 1, 1})}},
      {.inputs = {f({2, 3, 12}, 1), f({2, 3, 6}, 2), f({2, 3, 4}, 3), past, f({2, 3, 6}, 5), f({2, 3, 2}, 6)},
       .attributes = {{"q_num_heads", 4}, {"kv_num_heads", 2}},
       .outputs = 2,
       .note = "gated delta, shared heads"},
      {.inputs = {f({1, 2, 4}, 1), f({1, 2, 4}, 2), f({1, 2, 4}, 3), Datum(), f({1, 2, 2}, 5)},
       .attributes = {{"q_num_heads", 2}, {"kv_num_heads", 2}, {"update_rule", "gated"}, {"scale", 0.7}},
       .outputs = 2,
       .note = "one decay a head"},
      {.inputs = {f({2, 2, 6}, 1), f({2, 2, 6}, 2), f({2, 2, 4}, 3), past, Datum(), f({2, 2, 1}, 6)},
       .attributes = {{"q_num_heads", 2}, {"kv_num_heads", 2}, {"update_rule", "delta"}},
       .outputs = 2,
       .note = "delta"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> linear_attention() {
  return {{
      .name = "linear_attention",
      .doc = "Attention as a recurrence over a matrix state, with decay gates and delta updates.",
      .inputs = {3, 6},
      .outputs = {1, 2},
      .attributes = {required("q_num_heads", AttributeKind::integer),
                     required("kv_num_heads", AttributeKind::integer),
                     {"update_rule", "gated_delta"},
                     {"scale", 0.0},
                     {"chunk_size", 64}},
      .infer = linear_infer,
      .reference = linear_reference,
      .decompose = linear_decompose,
      .cost = linear_cost,
      .imports = {{"ai.onnx", "LinearAttention", 27}},
      .exports = {{"ai.onnx", "LinearAttention", 27}},
      .tolerance = {.relative = 1e-4, .absolute = 1e-5},
      .cases = linear_cases,
  }};
}

}  // namespace minnow::ops
