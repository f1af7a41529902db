#include "ops/microsoft_attention.h"

#include "ops/attention_parts.h"

namespace minnow::ops {
namespace {

// Additive mask from integers: 1 keeps, 0 adds `filter`; in the dtype of `like`.
ValueId filter_bias(Builder& b, ValueId keep, double filter, ValueId like) {
  if (b.type(keep).dtype != DType::boolean) keep = b.add("cast", {keep}, {{"to", DType::boolean}});
  return b.add("where", {keep, b.scalar_like(0, like), b.scalar_like(filter, like)});
}

// The masks of Attention and MultiHeadAttention, broadcastable to [batch, heads, queries, keys]. `keys` is a 0-d count.
Result<ValueId> padding_bias(Builder& b, ValueId mask, ValueId keys, ValueId like, double filter) {
  const Shape shape = b.type(mask).shape;
  MN_CHECK(shape.ranked && shape.rank() >= 1 && shape.rank() <= 3, "expected a mask of rank 1 to 3, got ",
           to_string(b.type(mask)));
  if (shape.rank() == 2) return filter_bias(b, b.add("unsqueeze", {mask, b.ints({1, 2})}), filter, like);
  if (shape.rank() == 3) return filter_bias(b, b.add("unsqueeze", {mask, b.ints({1})}), filter, like);
  // Lengths [batch], or ends and then starts [2 * batch].
  const int64_t batch = known_size(b, like, 0);
  const Dim& count = shape.dims[0];
  const bool both = count.known() && batch > 0 && count.value == 2 * batch;
  if (count.known() && batch > 0 && !both && count.value != batch) {
    return unsupported({"a 1-D mask of ", count.value, " elements for a batch of ", batch,
                        ": expected one length, or an end and a start, a row"});
  }
  const ValueId wide = b.add("cast", {mask}, {{"to", DType::int64}});
  const auto column = [&](ValueId id) { return reshaped(b, id, {-1, 1, 1, 1}); };
  const ValueId key = counting(b, keys);
  ValueId keep = b.add("less", {key, column(both ? sliced(b, wide, 0, 0, batch) : wide)});
  if (both) keep = b.add("and", {keep, b.add("greater_or_equal", {key, column(sliced(b, wide, 0, batch, 2 * batch))})});
  return filter_bias(b, keep, filter, like);
}

// Attention on projected operands: packed [batch, length, heads * size].
struct Operands {
  ValueId q, k, v;
  ValueId mask = kNoValue, bias = kNoValue, past_key = kNoValue, past_value = kNoValue;
  int64_t heads = 0, kv_heads = 0;
  bool causal = false;
};

// Y, present key, present value; the latter two where `cached`.
Result<std::vector<ValueId>> attend(ImportContext& c, const Operands& o, bool cached) {
  Builder& b = c.b;
  MN_ASSIGN(const float scale, c.float_attribute("scale", 0));
  MN_ASSIGN(const float filter, c.float_attribute("mask_filter_value", -10000));
  ValueId bias = o.bias;
  if (o.mask != kNoValue) {
    const int64_t length_axis = b.type(o.k).shape.rank() == 4 ? 2 : 1;
    ValueId keys = axis_size(b, o.k, length_axis);
    if (o.past_key != kNoValue) keys = b.add("add", {keys, axis_size(b, o.past_key, 2)});
    MN_ASSIGN(const ValueId padding, padding_bias(b, o.mask, keys, o.q, static_cast<double>(filter)));
    bias = bias == kNoValue ? padding : b.add("add", {padding, bias});
  }
  Attributes attributes = {{"is_causal", o.causal}};
  if (b.type(o.q).shape.rank() == 3) {
    attributes.set("q_num_heads", o.heads);
    attributes.set("kv_num_heads", o.kv_heads);
  }
  if (scale != 0) attributes.set("scale", scale);
  const ValueId inputs[] = {o.q, o.k, o.v, bias, o.past_key, o.past_value};
  std::vector<ValueId> outputs = b.add_many("attention", inputs, cached ? 3 : 1, attributes, c.node.name);
  MN_TRY(b.status());
  return outputs;
}

Result<int64_t> head_count(const ImportContext& c, std::string_view name) {
  MN_ASSIGN(const int64_t heads, c.int_attribute(name, 0));
  MN_CHECK(heads > 0, name, " must be positive, got ", heads);
  return heads;
}

Status refuse_attributes(const ImportContext& c, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    MN_ASSIGN(const int64_t value, c.int_attribute(name, 0));
    if (value != 0) return unsupported({c.node.op, " with ", name, " = ", value});
  }
  return {};
}

// `input` projected by `weights` [in, q + k + v] and `bias`, then attention; places: mask, past, attention_bias.
Status project_and_attend(ImportContext& c, ValueId input, ValueId weights, ValueId bias, int mask, int past,
                          int attention_bias) {
  Builder& b = c.b;
  MN_TRY(refuse_attributes(c, {"do_rotary", "past_present_share_buffer"}));
  MN_ASSIGN(const int64_t heads, head_count(c, "num_heads"));
  MN_ASSIGN(Ints sizes, c.ints_attribute("qkv_hidden_sizes"));
  if (sizes.empty()) {
    const int64_t width = known_size(b, weights, 1);
    MN_CHECK(width > 0 && width % 3 == 0, "expected weights [input, 3 * hidden] of known shape, got ",
             to_string(b.type(weights)));
    sizes = {width / 3, width / 3, width / 3};
  }
  MN_CHECK(sizes.size() == 3, "qkv_hidden_sizes must have 3 elements, got ", sizes.size());
  ValueId all = b.add("matmul", {input, weights});
  if (bias != kNoValue) all = b.add("add", {all, bias});
  const ValueId parts_inputs[] = {all, b.ints(sizes)};
  const std::vector<ValueId> parts = b.add_many("split", parts_inputs, 3, {{"axis", 2}});
  MN_TRY(b.status());
  Operands o{parts[0], parts[1], parts[2]};
  o.heads = o.kv_heads = heads;
  MN_ASSIGN(const int64_t causal, c.int_attribute("unidirectional", 0));
  o.causal = causal != 0;
  if (c.has_input(mask)) o.mask = c.input(mask);
  if (attention_bias >= 0 && c.has_input(attention_bias)) o.bias = c.input(attention_bias);
  if (c.has_input(past)) {
    o.past_key = b.add("gather", {c.input(past), int_scalar(b, 0)}, {{"axis", 0}});
    o.past_value = b.add("gather", {c.input(past), int_scalar(b, 1)}, {{"axis", 0}});
  }
  MN_ASSIGN(const std::vector<ValueId> outputs, attend(c, o, c.wants_output(1)));
  c.set_output(0, outputs[0]);
  if (c.wants_output(1)) {
    const ValueId key = b.add("unsqueeze", {outputs[1], b.ints({0})}),
                  value = b.add("unsqueeze", {outputs[2], b.ints({0})});
    c.set_output(1, b.add("concat", {key, value}, {{"axis", 0}}));
  }
  return b.status();
}

ValueId optional_input(const ImportContext& c, int i) { return c.has_input(i) ? c.input(i) : kNoValue; }

ValueId dequantized(ImportContext& c, int value, int scale, int zero_point) {
  std::vector<ValueId> inputs = {c.input(value), c.input(scale)};
  if (c.has_input(zero_point)) inputs.push_back(c.input(zero_point));
  return c.b.add("dequantize_linear", inputs, {{"axis", -1}});
}

// One of the operands in a 5-D packed tensor [batch, length, heads, count, size], as [batch, heads, length, size].
ValueId unpacked(Builder& b, ValueId id, int64_t index) {
  return transposed(b, b.add("gather", {id, int_scalar(b, index)}, {{"axis", 3}}), {0, 2, 1, 3});
}

// Adds each operand's part of the bias [q + k + v] to packed operands.
Status add_projection_bias(Builder& b, ValueId bias, Operands* o) {
  int64_t at = 0;
  for (ValueId* id : {&o->q, &o->k, &o->v}) {
    const Shape shape = b.type(*id).shape;
    MN_CHECK(shape.ranked && shape.rank() == 3 && shape.dims[2].known(),
             "a bias needs operands [batch, length, hidden] of known width, got ", to_string(shape));
    const int64_t width = shape.dims[2].value;
    *id = b.add("add", {*id, sliced(b, bias, 0, at, at + width)});
    at += width;
  }
  return b.status();
}

// Everything that GroupQueryAttention computes on: heads apart, positions of the first query of each row.
struct Grouped {
  ValueId q, k, v;           // [batch, heads, length, size]
  ValueId first = kNoValue;  // [batch, 1]: keys before the first query
  ValueId present_key = kNoValue, present_value = kNoValue;
};

Result<Grouped> split_grouped(ImportContext& c, int64_t heads, int64_t kv_heads) {
  Builder& b = c.b;
  ValueId q = c.input(0), k = optional_input(c, 1), v = optional_input(c, 2);
  if (k == kNoValue) {
    const int64_t width = known_size(b, q, 2);
    MN_CHECK(width > 0 && width % (heads + 2 * kv_heads) == 0, "packed query of ", to_string(b.type(q)),
             " does not split into ", heads, " + 2 * ", kv_heads, " heads");
    const int64_t size = width / (heads + 2 * kv_heads);
    const ValueId inputs[] = {q, b.ints({heads * size, kv_heads * size, kv_heads * size})};
    const std::vector<ValueId> parts = b.add_many("split", inputs, 3, {{"axis", 2}});
    MN_TRY(b.status());
    q = parts[0];
    k = parts[1];
    v = parts[2];
  }
  MN_CHECK(b.type(k).shape.rank() == 3 && v != kNoValue, "expected key and value [batch, length, hidden]");
  Grouped g{split_heads(b, q, heads), split_heads(b, k, kv_heads), split_heads(b, v, kv_heads)};
  // seqlens_k is the index of each row's last key; rows of a first prompt may be shorter than the block.
  const ValueId last = reshaped(b, b.add("cast", {c.input(5)}, {{"to", DType::int64}}), {-1, 1});
  const ValueId before = b.add("sub", {b.add("add", {last, int_scalar(b, 1)}), axis_size(b, g.q, 2)});
  g.first = b.add("max", {before, int_scalar(b, 0)});
  MN_TRY(b.status());
  return g;
}

Status rotate(ImportContext& c, Grouped* g) {
  MN_ASSIGN(const int64_t rotary, c.int_attribute("do_rotary", 0));
  if (rotary == 0) return {};
  Builder& b = c.b;
  MN_CHECK(c.has_input(7) && c.has_input(8), "do_rotary needs cos_cache and sin_cache");
  MN_ASSIGN(const int64_t interleaved, c.int_attribute("rotary_interleaved", 0));
  const int64_t half = known_size(b, c.input(7), 1);
  MN_CHECK(half > 0, "cos_cache needs a known width, got ", to_string(b.type(c.input(7))));
  const ValueId positions = c.has_input(9) ? b.add("cast", {c.input(9)}, {{"to", DType::int64}})
                                           : b.add("add", {counting(b, axis_size(b, g->q, 2)), g->first});
  const Attributes attributes = {{"interleaved", interleaved}, {"rotary_embedding_dim", 2 * half}};
  g->q = b.add("rotary_embedding", {g->q, c.input(7), c.input(8), positions}, attributes);
  g->k = b.add("rotary_embedding", {g->k, c.input(7), c.input(8), positions}, attributes);
  return b.status();
}

// The cache grown to total_sequence_length with the new rows written behind each row's past.
ValueId extended_cache(ImportContext& c, int past, ValueId fresh, ValueId first) {
  if (!c.has_input(past)) return fresh;
  Builder& b = c.b;
  const ValueId cache = c.input(past), have = axis_size(b, cache, 2);
  const ValueId total = b.add("reshape", {b.add("cast", {c.input(6)}, {{"to", DType::int64}}), b.ints({})});
  const ValueId missing = b.add("unsqueeze", {b.add("sub", {b.add("max", {have, total}), have}), b.ints({0})});
  const ValueId pads = b.add("concat", {b.ints({0, 0, 0, 0, 0, 0}), missing, b.ints({0})}, {{"axis", 0}});
  const ValueId grown = b.add("pad", {cache, pads, b.scalar_like(0, cache)});
  return b.add("tensor_scatter", {grown, fresh, reshaped(b, first, {-1})}, {{"axis", 2}});
}

}  // namespace

Status import_microsoft_attention(ImportContext& c) {
  MN_CHECK(c.has_input(0) && c.has_input(1), "expected inputs and weights");
  if (c.has_input(6)) return unsupported({"Attention with past_sequence_length (a shared cache buffer)"});
  return project_and_attend(c, c.input(0), c.input(1), optional_input(c, 2), 3, 4, 5);
}

Status import_quantized_attention(ImportContext& c) {
  for (const int i : {0, 1, 2, 3, 4})
    MN_CHECK(c.has_input(i), "expected input, weight, bias, input_scale and weight_scale");
  return project_and_attend(c, dequantized(c, 0, 3, 6), dequantized(c, 1, 4, 7), c.input(2), 5, 8, -1);
}

Status import_multi_head_attention(ImportContext& c) {
  Builder& b = c.b;
  MN_ASSIGN(const int64_t heads, head_count(c, "num_heads"));
  MN_CHECK(c.has_input(0) && b.type(c.input(0)).shape.ranked, "expected a query of known rank");
  for (const int i : {8, 9}) {
    if (c.has_input(i))
      return unsupported({"MultiHeadAttention with ", i == 8 ? "past_sequence_length" : "cache_indirection"});
  }
  if (c.wants_output(3)) return unsupported({"MultiHeadAttention with the output qk"});
  Operands o{c.input(0), optional_input(c, 1), optional_input(c, 2)};
  const auto rank = [&](ValueId id) { return b.type(id).shape.rank(); };
  if (rank(o.q) == 5) {
    const ValueId packed = o.q;
    o.q = unpacked(b, packed, 0);
    o.k = unpacked(b, packed, 1);
    o.v = unpacked(b, packed, 2);
  } else if (o.k != kNoValue && rank(o.k) == 5) {
    const ValueId packed = o.k;
    o.k = unpacked(b, packed, 0);
    o.v = unpacked(b, packed, 1);
  }
  MN_CHECK(o.k != kNoValue && o.v != kNoValue, "expected key and value, or packed operands");
  if (c.has_input(3)) MN_TRY(add_projection_bias(b, c.input(3), &o));
  if (rank(o.q) == 3 && rank(o.k) == 4) o.q = split_heads(b, o.q, heads);
  o.heads = o.kv_heads = heads;
  o.mask = optional_input(c, 4);
  o.bias = optional_input(c, 5);
  o.past_key = optional_input(c, 6);
  o.past_value = optional_input(c, 7);
  MN_ASSIGN(const int64_t causal, c.int_attribute("unidirectional", 0));
  o.causal = causal != 0;
  const bool cached = c.wants_output(1) || c.wants_output(2);
  MN_ASSIGN(const std::vector<ValueId> outputs, attend(c, o, cached));
  c.set_output(0, rank(o.q) == 4 ? join_heads(b, outputs[0]) : outputs[0]);
  if (c.wants_output(1)) c.set_output(1, outputs[1]);
  if (c.wants_output(2)) c.set_output(2, outputs[2]);
  return b.status();
}

Status import_group_query_attention(ImportContext& c) {
  Builder& b = c.b;
  MN_TRY(refuse_attributes(c, {"qk_output", "sliding_window_cache", "kv_cache_bit_width"}));
  MN_ASSIGN(const int64_t smooth, c.int_attribute("smooth_softmax", 0));
  if (smooth > 0) return unsupported({"GroupQueryAttention with smooth_softmax"});
  for (int i = 11; i < c.input_count(); ++i) {
    if (c.has_input(i))
      return unsupported({"GroupQueryAttention with input ", i, " (head_sink, quantized cache or query norms)"});
  }
  for (const int i : {0, 5, 6}) MN_CHECK(c.has_input(i), "expected query, seqlens_k and total_sequence_length");
  MN_ASSIGN(const int64_t heads, head_count(c, "num_heads"));
  MN_ASSIGN(const int64_t kv_heads, head_count(c, "kv_num_heads"));
  MN_ASSIGN(const float scale, c.float_attribute("scale", 0));
  MN_ASSIGN(const float softcap, c.float_attribute("softcap", 0));
  MN_ASSIGN(const int64_t window, c.int_attribute("local_window_size", -1));
  MN_ASSIGN(const int64_t causal, c.int_attribute("causal", 1));
  MN_ASSIGN(Grouped g, split_grouped(c, heads, kv_heads));
  MN_TRY(rotate(c, &g));
  g.present_key = extended_cache(c, 3, g.k, g.first);
  g.present_value = extended_cache(c, 4, g.v, g.first);
  // ahead[b, i, j] = j - (first + i): at most 0 for keys that are there and not in the future.
  const ValueId row = b.add("unsqueeze", {counting(b, axis_size(b, g.q, 2)), b.ints({1})});
  const ValueId position = b.add("add", {row, reshaped(b, g.first, {-1, 1, 1, 1})});
  const ValueId ahead = b.add("sub", {counting(b, axis_size(b, g.present_key, 2)), position});
  const ValueId limit =
      causal != 0 ? int_scalar(b, 0) : b.add("sub", {axis_size(b, g.q, 2), b.add("add", {row, int_scalar(b, 1)})});
  ValueId allowed = b.add("less_or_equal", {ahead, limit});
  if (window > 0) allowed = b.add("and", {allowed, b.add("greater", {ahead, int_scalar(b, -window)})});
  ValueId bias = mask_bias(b, allowed, g.q);
  if (c.has_input(10)) bias = b.add("add", {bias, c.input(10)});
  Attributes attributes = {{"softcap", softcap}};
  if (scale != 0) attributes.set("scale", scale);
  c.set_output(0,
               join_heads(b, b.add("attention", {g.q, g.present_key, g.present_value, bias}, attributes, c.node.name)));
  if (c.wants_output(1)) c.set_output(1, g.present_key);
  if (c.wants_output(2)) c.set_output(2, g.present_value);
  return b.status();
}

}  // namespace minnow::ops
