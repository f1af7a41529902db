// flex_attention: attention whose scores and probabilities pass through subgraphs. Both take the tensor and the
// captured values (the node's last `captures` inputs).
#include <cmath>

#include "ops/attention_parts.h"
#include "ops/cases.h"
#include "ops/onnx_dtype.h"

namespace minnow::ops {
namespace {

DType compute_dtype(const NodeView& node, DType input) {
  if (node.has_attribute("softmax_precision")) return node.dtype_attribute("softmax_precision");
  return is_narrow_float(input) ? DType::float32 : input;
}

Status flex_infer(InferContext& c) {
  const int64_t captures = c.int_attribute("captures");
  MN_CHECK(captures >= 0 && captures == c.input_count() - 3, "expected 3 inputs and ", captures,
           " captured values, got ", c.input_count(), " inputs");
  Dim value_size;
  for (int i = 0; i < 3; ++i) MN_TRY(c.expect_rank(i, 4, i == 0 ? "Q" : i == 1 ? "K" : "V"));
  MN_TRY(c.expect_same_dtype(0, 1));
  const DType precision = compute_dtype(c, c.dtype(0));
  MN_CHECK(precision == DType::undefined || is_float(precision),
           "softmax_precision must be a floating-point type, got ", to_string(precision));
  const auto same = [&](int i, int j, size_t axis_i, size_t axis_j) {
    if (!c.shape(i).ranked || !c.shape(j).ranked) return true;
    const Dim &a = c.shape(i).dims[axis_i], &b = c.shape(j).dims[axis_j];
    return !a.known() || !b.known() || a.value == b.value;
  };
  MN_CHECK(same(0, 1, 3, 3), "head sizes of Q and K differ: ", to_string(c.shape(0)), " and ", to_string(c.shape(1)));
  MN_CHECK(same(1, 2, 1, 1) && same(1, 2, 2, 2), "heads or lengths of K and V differ: ", to_string(c.shape(1)), " and ",
           to_string(c.shape(2)));
  MN_CHECK(same(0, 1, 0, 0) && same(0, 2, 0, 0), "batch sizes differ: ", to_string(c.shape(0)), ", ",
           to_string(c.shape(1)), " and ", to_string(c.shape(2)));
  if (c.shape(0).ranked && c.shape(1).ranked && c.shape(0).dims[1].known() && c.shape(1).dims[1].known()) {
    const int64_t heads = c.shape(0).dims[1].value, kv_heads = c.shape(1).dims[1].value;
    MN_CHECK(kv_heads > 0 && heads % kv_heads == 0, "query heads must be a multiple of key and value heads, got ",
             heads, " and ", kv_heads);
  }
  for (const std::string_view name : {"score_mod", "prob_mod"}) {
    const GraphRef& graph = c.graph_attribute(name);
    if (graph == nullptr) continue;
    MN_CHECK(static_cast<int64_t>(graph->inputs.size()) == 1 + captures && graph->outputs.size() == 1, name,
             " must take ", 1 + captures, " values and give one, got ", graph->inputs.size(), " and ",
             graph->outputs.size());
  }
  if (c.shape(2).ranked) value_size = c.shape(2).dims[3];
  const std::vector<Dim> q = c.shape(0).ranked ? c.shape(0).dims : std::vector<Dim>(4);
  c.set_output(0, c.dtype(2), Shape{q[0], q[1], q[2], value_size});
  return {};
}

Status flex_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const DType dtype = c.type(c.input(0)).dtype;
  const DType precision = compute_dtype(c, dtype);
  const int64_t heads = known_size(b, c.input(0), 1), kv_heads = known_size(b, c.input(1), 1),
                size = known_size(b, c.input(0), 3);
  MN_CHECK(heads >= 0 && kv_heads > 0 && (size > 0 || c.has_attribute("scale")),
           "needs known numbers of heads and a known head size");
  const double scale = c.has_attribute("scale") ? static_cast<double>(c.float_attribute("scale"))
                                                : 1 / std::sqrt(static_cast<double>(size));
  const double root = std::sqrt(std::abs(scale));
  const auto as = [&](ValueId id, DType to) { return b.type(id).dtype == to ? id : b.add("cast", {id}, {{"to", to}}); };
  const auto modified = [&](std::string_view name, ValueId id) -> Result<ValueId> {
    const GraphRef& graph = c.graph_attribute(name);
    if (graph == nullptr) return id;
    std::vector<ValueId> arguments = {id};
    for (int i = 3; i < c.input_count(); ++i) arguments.push_back(c.input(i));
    MN_ASSIGN(const std::vector<ValueId> outputs, inline_graph(b, *graph, arguments));
    return as(outputs.at(0), precision);
  };
  const ValueId q = b.add("mul", {c.input(0), b.scalar_like(scale < 0 ? -root : root, c.input(0))});
  const ValueId keys = transposed(b, repeat_heads(b, c.input(1), heads / kv_heads), {0, 1, 3, 2});
  const ValueId k = b.add("mul", {keys, b.scalar_like(root, c.input(0))});
  MN_TRY(b.status());
  MN_ASSIGN(const ValueId scores, modified("score_mod", as(b.add("matmul", {q, k}), precision)));
  MN_ASSIGN(const ValueId probabilities, modified("prob_mod", b.add("softmax", {scores}, {{"axis", -1}})));
  const ValueId values = as(repeat_heads(b, c.input(2), heads / kv_heads), precision);
  c.set_output(0, as(b.add("matmul", {probabilities, values}), c.type(c.input(2)).dtype));
  return b.status();
}

Status flex_import(ImportContext& c) {
  MN_ASSIGN(const int64_t precision, c.int_attribute("softmax_precision", 0));
  Attributes changed;
  changed.set("softmax_precision", precision != 0 ? Attribute(onnx_dtype(precision)) : Attribute());
  return c.take_over(c.node.inputs, changed);
}

std::vector<Case> flex_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  return {
      {.inputs = {Tensor::of<float>({0, 0}, {1, 1, 1, 2}), f({1, 1, 2, 2}, 1),
                  Tensor::of<float>({1, 2, 3, 6}, {1, 1, 2, 2})},
       .expected = {Tensor::of<float>({2, 4}, {1, 1, 1, 2})}},
      {.inputs = {f({2, 4, 3, 4}, 1), f({2, 2, 5, 4}, 2), f({2, 2, 5, 3}, 3)},
       .attributes = {{"scale", 0.25}},
       .note = "shared heads"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> flex_attention() {
  return {{
      .name = "flex_attention",
      .doc = "Attention with subgraphs that change scores and probabilities.",
      .inputs = {3, Arity::kMany},
      .attributes = {{"scale", AttributeKind::real},
                     {"score_mod", AttributeKind::graph},
                     {"prob_mod", AttributeKind::graph},
                     {"softmax_precision", AttributeKind::text},
                     {"captures", 0}},
      .infer = flex_infer,
      .decompose = flex_decompose,
      .imports = {{"ai.onnx.preview", "FlexAttention", 1, 1 << 20, flex_import}},
      .tolerance = {.relative = 1e-4, .absolute = 1e-5},
      .cases = flex_cases,
  }};
}

}  // namespace minnow::ops
