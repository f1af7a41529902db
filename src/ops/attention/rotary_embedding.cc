// rotary_embedding: rotates pairs of a head's elements by an angle that grows with the position (RoPE, arXiv
// 2104.09864).
#include "ops/attention_parts.h"
#include "ops/cases.h"

namespace minnow::ops {
namespace {

constexpr int kX = 0, kCos = 1, kSin = 2, kPositions = 3;

// Rotated elements of a head whose size is `size` (-1: not known).
int64_t rotated_size(const NodeView& node, int64_t size) {
  const int64_t chosen = node.int_attribute("rotary_embedding_dim");
  return chosen == 0 ? size : chosen;
}

Result<int64_t> head_size(const NodeView& node, const Shape& x) {
  if (!x.ranked) return -1;
  MN_CHECK(x.rank() == 3 || x.rank() == 4, "expected a 3-D or 4-D input, got ", to_string(x));
  const Dim& last = x.dims.back();
  if (x.rank() == 4) return last.known() ? last.value : -1;
  const int64_t heads = node.int_attribute("num_heads");
  MN_CHECK(heads > 0, "a 3-D input needs a positive num_heads, got ", heads);
  if (!last.known()) return -1;
  MN_CHECK(last.value % heads == 0, "input of shape ", to_string(x), " does not split into ", heads, " heads");
  return last.value / heads;
}

Status rotary_infer(InferContext& c) {
  MN_TRY(c.expect_same_dtype(kX, kCos));
  MN_TRY(c.expect_same_dtype(kX, kSin));
  MN_ASSIGN(const int64_t size, head_size(c, c.shape(kX)));
  const int64_t rotated = rotated_size(c, size);
  if (size >= 0) {
    MN_CHECK(rotated > 0 && rotated <= size && rotated % 2 == 0, "rotates ", rotated, " elements of heads of ", size,
             ": expected an even number of at most the head size");
  }
  const int64_t cache_rank = c.has_input(kPositions) ? 2 : 3;
  if (c.has_input(kPositions)) MN_TRY(c.expect_rank(kPositions, 2, "position_ids"));
  for (const int i : {kCos, kSin}) {
    const std::string_view what = i == kCos ? "cos_cache" : "sin_cache";
    MN_TRY(c.expect_rank(i, cache_rank, what));
    if (!c.shape(i).ranked || !c.shape(i).dims.back().known() || size < 0) continue;
    MN_CHECK(c.shape(i).dims.back().value * 2 == rotated, what, " has ", c.shape(i).dims.back().value,
             " columns, expected half of ", rotated);
  }
  c.set_output(0, c.type(kX));
  return {};
}

// The rotation's two halves of `x` along its last axis: by parity or first and second.
struct Halves {
  ValueId first, second;
};

Halves halves(Builder& b, ValueId x, int64_t rotated, bool interleaved) {
  if (interleaved) return {sliced(b, x, -1, 0, rotated, 2), sliced(b, x, -1, 1, rotated, 2)};
  return {sliced(b, x, -1, 0, rotated / 2), sliced(b, x, -1, rotated / 2, rotated)};
}

Status rotary_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const Shape shape = c.type(c.input(kX)).shape;
  MN_CHECK(shape.ranked, "needs an input of known rank");
  MN_ASSIGN(const int64_t size, head_size(c, shape));
  MN_CHECK(size >= 0, "needs a known head size, got ", to_string(shape));
  const bool packed = shape.rank() == 3;
  const int64_t rotated = rotated_size(c, size);
  // [batch, length, heads, size] or [batch, heads, length, size]; the angles get an axis for the heads.
  const ValueId x = packed ? reshaped(b, c.input(kX), {0, 0, c.int_attribute("num_heads"), size}) : c.input(kX);
  const auto angles = [&](int i) {
    const ValueId cache =
        c.has_input(kPositions) ? b.add("gather", {c.input(i), c.input(kPositions)}, {{"axis", 0}}) : c.input(i);
    return b.add("unsqueeze", {cache, b.ints({packed ? 2 : 1})});
  };
  const ValueId cosine = angles(kCos), sine = angles(kSin);
  const bool interleaved = c.int_attribute("interleaved") != 0;
  const Halves in = halves(b, x, rotated, interleaved);
  ValueId real = b.add("sub", {b.add("mul", {cosine, in.first}), b.add("mul", {sine, in.second})});
  ValueId imaginary = b.add("add", {b.add("mul", {sine, in.first}), b.add("mul", {cosine, in.second})});
  ValueId y;
  if (interleaved) {
    real = b.add("unsqueeze", {real, b.ints({-1})});
    imaginary = b.add("unsqueeze", {imaginary, b.ints({-1})});
    y = reshaped(b, b.add("concat", {real, imaginary}, {{"axis", -1}}), {0, 0, 0, rotated});
  } else {
    y = b.add("concat", {real, imaginary}, {{"axis", -1}});
  }
  if (rotated < size) y = b.add("concat", {y, sliced(b, x, -1, rotated, size)}, {{"axis", -1}});
  if (packed) y = reshaped(b, y, {0, 0, size * c.int_attribute("num_heads")});
  c.set_output(0, y);
  return b.status();
}

// com.microsoft: operand order (x, position_ids, cos, sin); position_ids [1] is the position of the first token.
Status microsoft_import(ImportContext& c) {
  MN_CHECK(c.has_input(1) && c.has_input(2) && c.has_input(3),
           "expected inputs x, position_ids, cos_cache and sin_cache");
  MN_ASSIGN(const int64_t packed_batch, c.int_attribute("is_packed_batching", 0));
  MN_ASSIGN(int64_t heads, c.int_attribute("num_heads", 0));
  MN_ASSIGN(const float scale, c.float_attribute("scale", 1));
  if (packed_batch != 0 || scale != 1) return unsupported({"RotaryEmbedding with is_packed_batching or a scale"});
  Builder& b = c.b;
  const ValueId x = c.input(0);
  const Shape shape = b.type(x).shape;
  MN_CHECK(shape.ranked && (shape.rank() == 3 || shape.rank() == 4), "expected a 3-D or 4-D input of known rank");
  if (shape.rank() == 3 && heads == 0) {
    const int64_t half = known_size(b, c.input(2), 1);
    MN_CHECK(half > 0 && shape.dims[2].known(), "num_heads is not given and cannot be told from the shapes");
    heads = shape.dims[2].value / (2 * half);
  }
  ValueId positions = c.input(1);
  const Shape position_shape = b.type(positions).shape;
  MN_CHECK(position_shape.ranked && position_shape.rank() <= 2, "expected 1-D or 2-D position_ids of known rank");
  if (position_shape.rank() < 2) {
    const ValueId length = axis_size(b, x, shape.rank() - 2), batch = axis_size(b, x, 0);
    const ValueId row = b.add("add", {counting(b, length), b.add("cast", {positions}, {{"to", DType::int64}})});
    const ValueId target = b.add("concat", {b.add("unsqueeze", {batch, b.ints({0})}), b.ints({1})}, {{"axis", 0}});
    positions = b.add("expand", {b.add("unsqueeze", {row, b.ints({0})}), target});
  }
  return c.take_over({x, c.input(2), c.input(3), positions}, {{"num_heads", shape.rank() == 3 ? heads : 0}});
}

std::vector<Case> rotary_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  // A quarter turn: (1, 2) becomes (-2, 1).
  const Tensor zero = Tensor::of<float>({0}, {1, 1, 1}), one = Tensor::of<float>({1}, {1, 1, 1});
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4}, {1, 2, 1, 2}), zero, one},
       .expected = {Tensor::of<float>({-2, 1, -4, 3}, {1, 2, 1, 2})}},
      {.inputs = {f({2, 3, 2, 6}, 1), f({5, 2}, 2), f({5, 2}, 3), Tensor::of<int64_t>({0, 4, 1, 2}, {2, 2})},
       .attributes = {{"rotary_embedding_dim", 4}},
       .note = "part of the head, positions"},
      {.inputs = {f({2, 3, 8}, 1), f({2, 3, 2}, 2), f({2, 3, 2}, 3)},
       .attributes = {{"num_heads", 2}, {"interleaved", 1}},
       .note = "3-D, interleaved"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> rotary_embedding() {
  return {{
      .name = "rotary_embedding",
      .doc = "Rotary position embedding of attention heads.",
      .inputs = {3, 4},
      .attributes = {{"interleaved", 0}, {"num_heads", 0}, {"rotary_embedding_dim", 0}},
      .infer = rotary_infer,
      .decompose = rotary_decompose,
      .imports = {{"ai.onnx", "RotaryEmbedding", 23},
                  {"com.microsoft", "RotaryEmbedding", 1, 1 << 20, microsoft_import}},
      .exports = {{"ai.onnx", "RotaryEmbedding", 23}},
      .cases = rotary_cases,
  }};
}

}  // namespace minnow::ops
