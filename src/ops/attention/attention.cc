// attention: softmax(scale Q K^T + bias) V over heads, with a key-value cache, shared heads, masks, windows and a soft
// cap.
#include <cmath>
#include <limits>

#include "ops/attention_parts.h"
#include "ops/cases.h"
#include "ops/microsoft_attention.h"
#include "ops/onnx_dtype.h"

namespace minnow::ops {
namespace {

constexpr int kQ = 0, kK = 1, kV = 2, kMask = 3, kPastKey = 4, kPastValue = 5, kValidLengths = 6;

// Sizes as far as types tell them; -1 where they do not.
struct Sizes {
  Dim batch, heads, kv_heads, queries, keys, past, size, value_size;
  bool packed = false;  // 3-D operands
  Dim total() const {
    if (!past.known() || !keys.known()) return Dim();
    return Dim(past.value + keys.value);
  }
};

Status merge(Dim* into, const Dim& dim, std::string_view what) {
  MN_CHECK(!into->known() || !dim.known() || into->value == dim.value, what, " differs between inputs: ", into->value,
           " and ", dim.value);
  if (!into->known() && (dim.known() || into->symbol.empty())) *into = dim;
  return {};
}

Status read_packed(const InferContext& c, int i, int64_t heads, Dim* length, Dim* size, std::string_view what) {
  MN_TRY(c.expect_rank(i, 3, what));
  const Shape& shape = c.shape(i);
  if (!shape.ranked) return {};
  *length = shape.dims[1];
  if (!shape.dims[2].known()) return {};
  MN_CHECK(shape.dims[2].value % heads == 0, what, " of shape ", to_string(shape), " does not split into ", heads,
           " heads");
  *size = Dim(shape.dims[2].value / heads);
  return {};
}

Status read_operands(const InferContext& c, Sizes* s) {
  Dim value_keys, key_size;
  if (s->packed) {
    for (const std::string_view name : {"q_num_heads", "kv_num_heads"}) {
      MN_CHECK(c.has_attribute(name), "3-D operands need the attribute ", name);
      MN_CHECK(c.int_attribute(name) > 0, name, " must be positive, got ", c.int_attribute(name));
    }
    s->heads = Dim(c.int_attribute("q_num_heads"));
    s->kv_heads = Dim(c.int_attribute("kv_num_heads"));
    MN_TRY(read_packed(c, kQ, s->heads.value, &s->queries, &s->size, "Q"));
    MN_TRY(read_packed(c, kK, s->kv_heads.value, &s->keys, &key_size, "K"));
    MN_TRY(read_packed(c, kV, s->kv_heads.value, &value_keys, &s->value_size, "V"));
  } else {
    MN_TRY(c.expect_rank(kK, 4, "K"));
    MN_TRY(c.expect_rank(kV, 4, "V"));
    const auto dims = [&](int i) { return c.shape(i).ranked ? c.shape(i).dims : std::vector<Dim>(4); };
    const std::vector<Dim> q = dims(kQ), k = dims(kK), v = dims(kV);
    s->heads = q[1];
    s->queries = q[2];
    s->size = q[3];
    s->kv_heads = k[1];
    s->keys = k[2];
    key_size = k[3];
    value_keys = v[2];
    s->value_size = v[3];
    MN_TRY(merge(&s->kv_heads, v[1], "number of key and value heads"));
  }
  MN_TRY(merge(&s->keys, value_keys, "length of keys and values"));
  MN_TRY(merge(&s->size, key_size, "head size of Q and K"));
  for (const int i : {kQ, kK, kV}) {
    if (c.shape(i).ranked) MN_TRY(merge(&s->batch, c.shape(i).dims[0], "batch size"));
  }
  return {};
}

Status read_past(const InferContext& c, Sizes* s) {
  MN_CHECK(c.has_input(kPastKey) == c.has_input(kPastValue), "past_key and past_value must be given together");
  s->past = Dim(0);
  if (!c.has_input(kPastKey)) return {};
  MN_CHECK(!c.has_input(kValidLengths), "nonpad_kv_seqlen cannot be combined with past_key and past_value");
  s->past = Dim();
  MN_TRY(c.expect_rank(kPastKey, 4, "past_key"));
  MN_TRY(c.expect_rank(kPastValue, 4, "past_value"));
  for (const int i : {kPastKey, kPastValue}) {
    if (!c.shape(i).ranked) continue;
    const std::vector<Dim>& dims = c.shape(i).dims;
    MN_TRY(merge(&s->batch, dims[0], "batch size"));
    MN_TRY(merge(&s->kv_heads, dims[1], "number of key and value heads"));
    MN_TRY(merge(&s->past, dims[2], "length of past_key and past_value"));
    MN_TRY(merge(i == kPastKey ? &s->size : &s->value_size, dims[3], "head size of the cache"));
  }
  return {};
}

Status check_mask(const InferContext& c, const Sizes& s) {
  if (!c.has_input(kMask)) return {};
  const DType dtype = c.dtype(kMask);
  MN_CHECK(dtype == DType::undefined || dtype == DType::boolean || is_float(dtype),
           "attn_mask must be boolean or floating point, got ", to_string(dtype));
  if (!c.shape(kMask).ranked) return {};
  const Shape& mask = c.shape(kMask);
  MN_CHECK(mask.rank() >= 1 && mask.rank() <= 4, "attn_mask must be 1-D to 4-D, got ", to_string(mask));
  const Dim expected[4] = {s.batch, s.heads, s.queries, s.total()};
  for (int64_t i = 0; i < mask.rank(); ++i) {
    const Dim& have = mask.dims[static_cast<size_t>(i)];
    const Dim& want = expected[4 - mask.rank() + i];
    if (!have.known() || !want.known()) continue;
    const bool last = i == mask.rank() - 1;
    MN_CHECK(have.value == want.value || (last ? have.value < want.value : have.value == 1), "attn_mask of shape ",
             to_string(mask), " does not fit [batch, heads, queries, keys] = ",
             to_string(Shape{s.batch, s.heads, s.queries, s.total()}));
  }
  return {};
}

Status check_attributes(const InferContext& c) {
  for (const std::string_view name : {"left_window_size", "right_window_size"}) {
    MN_CHECK(c.int_attribute(name) >= -1, name, " must be -1 (unbounded) or not negative, got ", c.int_attribute(name));
  }
  const int64_t mode = c.int_attribute("qk_matmul_output_mode");
  MN_CHECK(mode >= 0 && mode <= 3, "qk_matmul_output_mode must be 0 to 3, got ", mode);
  if (!c.has_attribute("softmax_precision")) return {};
  const DType precision = c.dtype_attribute("softmax_precision");
  MN_CHECK(precision == DType::float32 || precision == DType::float64 || precision == DType::float16 ||
               precision == DType::bfloat16,
           "softmax_precision must be float32, float64, float16 or bfloat16, got ",
           c.string_attribute("softmax_precision"));
  return {};
}

Result<Sizes> attention_sizes(const InferContext& c) {
  Sizes s;
  if (c.shape(kQ).ranked) {
    const int64_t rank = c.shape(kQ).rank();
    MN_CHECK(rank == 3 || rank == 4, "Q must be 3-D or 4-D, got ", to_string(c.shape(kQ)));
    s.packed = rank == 3;
  } else {
    s.packed = c.shape(kK).ranked && c.shape(kK).rank() == 3;
  }
  MN_TRY(read_operands(c, &s));
  MN_TRY(read_past(c, &s));
  if (s.heads.known() && s.kv_heads.known()) {
    MN_CHECK(s.kv_heads.value > 0 && s.heads.value % s.kv_heads.value == 0,
             "query heads must be a multiple of key and value heads, got ", s.heads.value, " and ", s.kv_heads.value);
  }
  MN_TRY(check_mask(c, s));
  if (c.has_input(kValidLengths)) MN_TRY(c.expect_rank(kValidLengths, 1, "nonpad_kv_seqlen"));
  if (c.has_input(kValidLengths) && c.shape(kValidLengths).ranked)
    MN_TRY(merge(&s.batch, c.shape(kValidLengths).dims[0], "batch size"));
  return s;
}

Status attention_infer(InferContext& c) {
  MN_TRY(check_attributes(c));
  MN_TRY(c.expect_same_dtype(kQ, kK));
  if (c.has_input(kPastKey)) MN_TRY(c.expect_same_dtype(kK, kPastKey));
  if (c.has_input(kPastValue)) MN_TRY(c.expect_same_dtype(kV, kPastValue));
  if (!c.shape(kQ).ranked && !c.shape(kK).ranked) {
    for (int i = 0; i < c.output_count(); ++i) c.set_output(i, c.dtype(i == 2 ? kV : kQ), Shape());
    return {};
  }
  MN_ASSIGN(const Sizes s, attention_sizes(c));
  Dim hidden;
  if (s.heads.known() && s.value_size.known()) hidden = Dim(s.heads.value * s.value_size.value);
  c.set_output(0, c.dtype(kQ),
               s.packed ? Shape{s.batch, s.queries, hidden} : Shape{s.batch, s.heads, s.queries, s.value_size});
  if (c.output_count() > 1) c.set_output(1, c.dtype(kK), Shape{s.batch, s.kv_heads, s.total(), s.size});
  if (c.output_count() > 2) c.set_output(2, c.dtype(kV), Shape{s.batch, s.kv_heads, s.total(), s.value_size});
  if (c.output_count() > 3) c.set_output(3, c.dtype(kQ), Shape{s.batch, s.heads, s.queries, s.total()});
  return {};
}

Cost attention_cost(const InferContext& c) {
  const Result<Sizes> sizes = attention_sizes(c);
  if (!sizes.ok() || !sizes->total().known()) return {};
  Cost cost;
  cost.multiply_adds = sizes->batch.value * sizes->heads.value * sizes->queries.value * sizes->total().value *
                       (sizes->size.value + sizes->value_size.value);
  int64_t elements = element_count(c.outputs()[0].shape.to_dims());
  for (const int i : {kQ, kK, kV}) elements += element_count(c.shape(i).to_dims());
  cost.bytes = elements * static_cast<int64_t>(element_bytes(c.dtype(kQ)));
  return cost;
}

class Spelled {
 public:
  explicit Spelled(DecomposeContext& c) : c_(c), b_(c.b), q_(c.input(kQ)), k_(c.input(kK)), v_(c.input(kV)) {}

  Status run() {
    const Shape& q = c_.type(q_).shape;
    MN_CHECK(q.ranked, "attention needs operands of known rank");
    const bool packed = q.rank() == 3;
    if (packed) {
      q_ = split_heads(b_, q_, c_.int_attribute("q_num_heads"));
      k_ = split_heads(b_, k_, c_.int_attribute("kv_num_heads"));
      v_ = split_heads(b_, v_, c_.int_attribute("kv_num_heads"));
    }
    MN_TRY(b_.status());
    extend_cache();
    MN_TRY(share_heads());
    MN_TRY(scores());
    const ValueId probabilities = softmax();
    ValueId values = v_;
    if (c_.type(v_).dtype != c_.type(q_).dtype) values = b_.add("cast", {v_}, {{"to", c_.type(q_).dtype}});
    ValueId y = b_.add("matmul", {probabilities, values});
    if (seen_ != kNoValue) y = b_.add("mul", {y, seen_});
    c_.set_output(0, packed ? join_heads(b_, y) : y);
    if (c_.wants_output(3)) c_.set_output(3, shown_);
    return b_.status();
  }

 private:
  void extend_cache() {
    if (c_.has_input(kPastKey)) {
      offset_ = axis_size(b_, c_.input(kPastKey), 2);
      k_ = b_.add("concat", {c_.input(kPastKey), k_}, {{"axis", 2}});
      v_ = b_.add("concat", {c_.input(kPastValue), v_}, {{"axis", 2}});
    } else if (c_.has_input(kValidLengths)) {
      valid_ = reshaped(b_, c_.input(kValidLengths), {-1, 1, 1, 1});
      offset_ = b_.add("sub", {valid_, axis_size(b_, q_, 2)});
    }
    if (c_.wants_output(1)) c_.set_output(1, k_);
    if (c_.wants_output(2)) c_.set_output(2, v_);
  }

  Status share_heads() {
    const int64_t heads = known_size(b_, q_, 1), kv_heads = known_size(b_, k_, 1);
    MN_CHECK(heads >= 0 && kv_heads > 0, "attention needs known numbers of heads");
    k_ = repeat_heads(b_, k_, heads / kv_heads);
    v_ = repeat_heads(b_, v_, heads / kv_heads);
    return b_.status();
  }

  // Additive masks, broadcastable to [batch, heads, queries, keys]; kNoValue when everything is allowed.
  ValueId bias() {
    ValueId total = kNoValue;
    const auto add = [&](ValueId term) { total = total == kNoValue ? term : b_.add("add", {total, term}); };
    if (c_.has_input(kMask)) add(padded_mask());
    ValueId allowed = kNoValue;
    const auto restrict = [&](ValueId condition) {
      allowed = allowed == kNoValue ? condition : b_.add("and", {allowed, condition});
    };
    const int64_t left = c_.int_attribute("left_window_size"), right = c_.int_attribute("right_window_size");
    const bool causal = c_.int_attribute("is_causal") != 0;
    const bool bounded = causal || left >= 0 || right >= 0;
    const ValueId key = bounded || valid_ != kNoValue ? counting(b_, axis_size(b_, k_, 2)) : kNoValue;
    if (bounded) {
      ValueId position = b_.add("unsqueeze", {counting(b_, axis_size(b_, q_, 2)), b_.ints({1})});
      if (offset_ != kNoValue) position = b_.add("add", {position, offset_});
      const ValueId ahead = b_.add("sub", {key, position});  // [queries, keys], or with the batch in front
      if (causal) restrict(b_.add("less_or_equal", {ahead, int_scalar(b_, 0)}));
      if (right >= 0) restrict(b_.add("less_or_equal", {ahead, int_scalar(b_, right)}));
      if (left >= 0) restrict(b_.add("greater_or_equal", {ahead, int_scalar(b_, -left)}));
    }
    if (valid_ != kNoValue) restrict(b_.add("less", {key, valid_}));
    if (allowed != kNoValue) add(mask_bias(b_, allowed, q_));
    return total;
  }

  // The mask as an additive bias over all keys: positions that it does not reach are forbidden.
  ValueId padded_mask() {
    ValueId mask = c_.input(kMask);
    const Type type = c_.type(mask);
    if (type.dtype == DType::boolean) mask = mask_bias(b_, mask, q_);
    else if (type.dtype != c_.type(q_).dtype) mask = b_.add("cast", {mask}, {{"to", c_.type(q_).dtype}});
    const int64_t have = known_size(b_, mask, -1), want = known_size(b_, k_, 2);
    if (have >= 0 && have == want) return mask;
    const int64_t rank = type.shape.rank();
    const ValueId missing =
        b_.add("unsqueeze", {b_.add("sub", {axis_size(b_, k_, 2), axis_size(b_, mask, rank - 1)}), b_.ints({0})});
    const ValueId none = b_.ints(Ints(static_cast<size_t>(2 * rank - 1), 0));
    const ValueId pads = b_.add("concat", {none, missing}, {{"axis", 0}});
    return b_.add("pad", {mask, pads, b_.scalar_like(-std::numeric_limits<double>::infinity(), mask)});
  }

  Status scores() {
    double scale = c_.has_attribute("scale") ? static_cast<double>(c_.float_attribute("scale")) : 0;
    if (!c_.has_attribute("scale")) {
      const int64_t size = known_size(b_, q_, 3);
      MN_CHECK(size > 0, "attention without a scale needs a known head size");
      scale = 1 / std::sqrt(static_cast<double>(size));
    }
    // Both operands take the root, as ONNX does, so that narrow products do not overflow; a negative scale has none.
    const double root = std::sqrt(std::abs(scale));
    const ValueId q = b_.add("mul", {q_, b_.scalar_like(scale < 0 ? -root : root, q_)});
    const ValueId k = b_.add("mul", {transposed(b_, k_, {0, 1, 3, 2}), b_.scalar_like(root, q_)});
    scores_ = b_.add("matmul", {q, k});
    const int64_t mode = c_.int_attribute("qk_matmul_output_mode");
    if (mode == 0) shown_ = scores_;
    const double cap = static_cast<double>(c_.float_attribute("softcap"));
    if (cap > 0) {
      const ValueId limit = b_.scalar_like(cap, q_);
      scores_ = b_.add("mul", {b_.add("tanh", {b_.add("div", {scores_, limit})}), limit});
    }
    if (mode == 1) shown_ = scores_;
    bias_ = bias();
    if (mode == 2) shown_ = bias_ != kNoValue ? b_.add("add", {scores_, bias_}) : scores_;
    return b_.status();
  }

  // Rows in which every key is forbidden become zeros. For the softmax they are allowed instead, so that it and its
  // gradient stay finite. All of that is done to the bias, which is smaller than the scores, and often the same in all
  // layers of a network; the zeros come last, where rows have the values' size instead of the keys' length.
  ValueId softmax() {
    const DType dtype = c_.type(q_).dtype;
    ValueId scores = scores_;
    if (bias_ != kNoValue) {
      const ValueId zero = b_.scalar_like(0, q_);
      const ValueId highest = b_.add("reduce_max", {bias_, b_.ints({-1})}, {{"keepdims", 1}});
      const ValueId empty = b_.add("equal", {highest, b_.scalar_like(-std::numeric_limits<double>::infinity(), q_)});
      scores = b_.add("add", {scores, b_.add("where", {empty, zero, bias_})});
      seen_ = b_.add("where", {empty, zero, b_.scalar_like(1, q_)});
    }
    const DType precision = c_.has_attribute("softmax_precision") ? c_.dtype_attribute("softmax_precision") : dtype;
    if (precision != dtype) scores = b_.add("cast", {scores}, {{"to", precision}});
    ValueId out = b_.add("softmax", {scores}, {{"axis", -1}});
    if (precision != dtype) out = b_.add("cast", {out}, {{"to", dtype}});
    if (c_.int_attribute("qk_matmul_output_mode") == 3)
      shown_ = seen_ != kNoValue ? b_.add("mul", {out, seen_}) : out;
    return out;
  }

  DecomposeContext& c_;
  Builder& b_;
  ValueId q_, k_, v_;          // [batch, heads, length, size]
  ValueId offset_ = kNoValue;  // keys before the first query: 0-d or [batch, 1, 1, 1]
  ValueId valid_ = kNoValue;   // [batch, 1, 1, 1]
  ValueId scores_ = kNoValue, bias_ = kNoValue, shown_ = kNoValue;
  ValueId seen_ = kNoValue;  // [.., queries or 1, 1]: 0 for rows in which every key is forbidden, else 1
};

Status attention_import(ImportContext& c) {
  MN_ASSIGN(const int64_t precision, c.int_attribute("softmax_precision", 0));
  Attributes changed;
  if (precision != 0) changed.set("softmax_precision", onnx_dtype(precision));
  std::vector<ValueId> inputs = c.node.inputs;
  if (precision != 0) return c.take_over(std::move(inputs), changed);
  // An explicit 0 means "not given".
  changed.set("softmax_precision", Attribute());
  return c.take_over(std::move(inputs), changed);
}

Status attention_export(ExportContext& c) {
  Attributes attributes = c.node().attributes;
  attributes.erase("softmax_precision");
  if (c.has_attribute("softmax_precision"))
    attributes.set("softmax_precision", onnx_dtype_code(c.dtype_attribute("softmax_precision")));
  const bool windows = c.int_attribute("left_window_size") >= 0 || c.int_attribute("right_window_size") >= 0;
  if (windows)
    return unsupported({"attention with a window needs opset 25, which is not written yet: use a mask instead"});
  attributes.erase("left_window_size");
  attributes.erase("right_window_size");
  std::vector<std::string> inputs, outputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  for (size_t i = 0; i < c.node().outputs.size(); ++i) outputs.push_back(c.output_name(static_cast<int>(i)));
  c.add("ai.onnx", "Attention", std::move(inputs), std::move(outputs), attributes);
  return {};
}

std::vector<Case> attention_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor mask = Tensor::of<bool>({true, false, true, false, false, false}, {2, 3});
  return {
      // Equal scores: the mean of the values.
      {.inputs = {Tensor::of<float>({0, 0}, {1, 1, 1, 2}), f({1, 1, 2, 2}, 1),
                  Tensor::of<float>({1, 2, 3, 6}, {1, 1, 2, 2})},
       .expected = {Tensor::of<float>({2, 4}, {1, 1, 1, 2})}},
      {.inputs = {f({2, 2, 3, 4}, 1), f({2, 2, 5, 4}, 2), f({2, 2, 5, 3}, 3)}, .outputs = 1, .note = "4-D"},
      {.inputs = {f({2, 3, 8}, 1), f({2, 3, 4}, 2), f({2, 3, 6}, 3)},
       .attributes = {{"q_num_heads", 4}, {"kv_num_heads", 2}, {"is_causal", 1}, {"softcap", 2.0}},
       .note = "3-D, shared heads, causal, soft cap"},
      {.inputs = {f({1, 2, 2, 4}, 1), f({1, 2, 1, 4}, 2), f({1, 2, 1, 3}, 3), f({2, 3}, 4), f({1, 2, 2, 4}, 5),
                  f({1, 2, 2, 3}, 6)},
       .attributes = {{"scale", 0.3}, {"qk_matmul_output_mode", 2}},
       .outputs = 4,
       .note = "cache, float mask"},
      {.inputs = {f({1, 1, 2, 4}, 1), f({1, 1, 3, 4}, 2), f({1, 1, 3, 2}, 3), mask},
       .note = "boolean mask with a row that forbids all"},
      {.inputs = {f({2, 1, 2, 4}, 1), f({2, 1, 4, 4}, 2), f({2, 1, 4, 2}, 3), Datum(), Datum(), Datum(),
                  Tensor::of<int64_t>({3, 4}, {2})},
       .attributes = {{"is_causal", 1}, {"left_window_size", 1}},
       .note = "external cache, window"},
      {.inputs = {f({1, 2, 0, 4}, 1), f({1, 2, 3, 4}, 2), f({1, 2, 3, 4}, 3)}, .note = "no queries"},
      {.inputs = {f({1, 2, 1, 4}, 1), f({1, 1, 0, 4}, 2), f({1, 1, 0, 3}, 3)},
       .expected = {Tensor::of<float>({0, 0, 0, 0, 0, 0}, {1, 2, 1, 3})},
       .note = "no keys"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> attention() {
  return {{
      .name = "attention",
      .doc = "Scaled dot-product attention over heads, with masks, windows and a key-value cache.",
      .inputs = {3, 7},
      .outputs = {1, 4},
      .attributes = {{"is_causal", 0},
                     {"q_num_heads", AttributeKind::integer},
                     {"kv_num_heads", AttributeKind::integer},
                     {"scale", AttributeKind::real},
                     {"softcap", 0.0},
                     {"softmax_precision", AttributeKind::text},
                     {"qk_matmul_output_mode", 0},
                     {"left_window_size", -1},
                     {"right_window_size", -1}},
      .infer = attention_infer,
      .decompose = [](DecomposeContext& c) { return Spelled(c).run(); },
      .cost = attention_cost,
      .imports = {{"ai.onnx", "Attention", 23, 1 << 20, attention_import},
                  {"com.microsoft", "Attention", 1, 1 << 20, import_microsoft_attention},
                  {"com.microsoft", "QAttention", 1, 1 << 20, import_quantized_attention},
                  {"com.microsoft", "MultiHeadAttention", 1, 1 << 20, import_multi_head_attention},
                  {"com.microsoft", "GroupQueryAttention", 1, 1 << 20, import_group_query_attention}},
      .exports = {{"ai.onnx", "Attention", 24, attention_export}},
      .tolerance = {.relative = 1e-4, .absolute = 1e-5},
      .cases = attention_cases,
  }};
}

}  // namespace minnow::ops
