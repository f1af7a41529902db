// embed_layer_normalization: BERT's first layer (ONNX Runtime's EmbedLayerNormalization): word, position and segment
// embeddings summed and normalized; the second output counts the tokens that the mask keeps.
#include "ops/attention_parts.h"
#include "ops/cases.h"

namespace minnow::ops {
namespace {

constexpr int kIds = 0, kSegments = 1, kWords = 2, kPositions = 3, kSegmentTable = 4, kGamma = 5, kBeta = 6, kMask = 7,
              kPositionIds = 8;

Status embed_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId positions =
      c.has_input(kPositionIds) ? c.input(kPositionIds) : counting(b, axis_size(b, c.input(kIds), 1));
  const auto rows = [&](int table, ValueId ids) { return b.add("gather", {c.input(table), ids}, {{"axis", 0}}); };
  ValueId sum = b.add("add", {rows(kWords, c.input(kIds)), rows(kPositions, positions)});
  MN_CHECK(c.has_input(kSegments) == c.has_input(kSegmentTable),
           "segment_ids and segment_embedding must be given together");
  if (c.has_input(kSegments)) sum = b.add("add", {sum, rows(kSegmentTable, c.input(kSegments))});
  c.set_output(0, b.add("layer_normalization", {sum, c.input(kGamma), c.input(kBeta)},
                        {{"axis", -1}, {"epsilon", c.float_attribute("epsilon")}}));
  if (c.wants_output(1)) {
    const ValueId ids = b.add("cast", {c.input(kIds)}, {{"to", DType::int32}});
    const ValueId kept = c.has_input(kMask) ? b.add("cast", {c.input(kMask)}, {{"to", DType::int32}})
                                            : b.add("sub", {ids, ids});  // without a mask ONNX Runtime counts none
    c.set_output(1, b.add("reduce_sum", {kept, b.ints({1})}, {{"keepdims", 0}}));
  }
  if (c.wants_output(2)) c.set_output(2, sum);
  return b.status();
}

// Quantized tables, all with a scale and a zero point; the operands' order differs from the float form's.
Status quantized_import(ImportContext& c) {
  Builder& b = c.b;
  const auto table = [&](int value, int scale, int zero_point) {
    if (!c.has_input(value)) return kNoValue;
    return b.add("dequantize_linear", {c.input(value), c.input(scale), c.input(zero_point)});
  };
  for (int i = 0; i < 18; ++i) {
    const bool optional = i == 1 || i == 4 || i == 7 || i == 10 || i == 15;
    MN_CHECK(optional || c.has_input(i), "input ", i, " is missing");
  }
  return c.take_over({c.input(0), c.input(1), table(2, 8, 13), table(3, 9, 14), table(4, 10, 15), table(5, 11, 16),
                      table(6, 12, 17), c.input(7)});
}

std::vector<Case> embed_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor ids = Tensor::of<int32_t>({0, 2, 1, 1}, {2, 2}), segments = Tensor::of<int32_t>({0, 1, 1, 0}, {2, 2});
  const Tensor mask = Tensor::of<int32_t>({1, 1, 1, 0}, {2, 2});
  return {
      // One token: word (1, 3) + position (0, 0) normalizes to (-1, 1).
      {.inputs = {Tensor::of<int32_t>({0}, {1, 1}), Datum(), Tensor::of<float>({1, 3}, {1, 2}),
                  Tensor::of<float>({0, 0}, {1, 2}), Datum(), Tensor::of<float>({1, 1}, {2}),
                  Tensor::of<float>({0, 0}, {2})},
       .attributes = {{"epsilon", 0.0}},
       .expected = {Tensor::of<float>({-1, 1}, {1, 1, 2})}},
      {.inputs = {ids, segments, f({3, 4}, 1), f({5, 4}, 2), f({2, 4}, 3), f({4}, 4), f({4}, 5), mask},
       .outputs = 3,
       .note = "segments, mask"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> embed_layer_normalization() {
  return {{
      .name = "embed_layer_normalization",
      .doc = "Sum of word, position and segment embeddings, normalized.",
      .inputs = {1, 9},
      .outputs = {1, 3},
      .attributes = {{"epsilon", 1e-12}, {"mask_index_type", 0}},
      .decompose = embed_decompose,
      .imports = {{"com.microsoft", "EmbedLayerNormalization"},
                  {"com.microsoft", "QEmbedLayerNormalization", 1, 1 << 20, quantized_import}},
      .exports = {{"com.microsoft", "EmbedLayerNormalization", 1}},
      .tolerance = {.relative = 1e-4, .absolute = 1e-5},
      .cases = embed_cases,
  }};
}

}  // namespace minnow::ops
