// causal_conv_with_state: depthwise 1-D convolution that sees the past only; what the next chunk needs comes out as a
// state.
#include <limits>

#include "base/text.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/spatial.h"

namespace minnow::ops {
namespace {

// input [N, C, L], weight [C, 1, k], bias [C], past_state [N, C, k - 1] -> output [N, C, L], present_state [N, C, k -
// 1].
Status causal_infer(InferContext& c) {
  const std::string& activation = c.string_attribute("activation");
  MN_CHECK(activation == "none" || activation == "silu" || activation == "swish",
           "attribute 'activation': expected none, silu or swish, got '", printable(activation), "'");
  MN_TRY(c.expect_rank(0, 3, "input"));
  MN_TRY(c.expect_rank(1, 3, "weight"));
  MN_TRY(c.expect_rank(2, 1, "bias"));
  MN_TRY(c.expect_rank(3, 3, "past_state"));
  Shape state = Shape::of_rank(3);
  if (c.shape(0).ranked) state.dims[0] = c.shape(0).dims[0], state.dims[1] = c.shape(0).dims[1];
  if (c.shape(1).ranked) {
    const std::vector<Dim>& weight = c.shape(1).dims;
    MN_CHECK(!weight[1].known() || weight[1].value == 1, "weight: expected [C, 1, k], got ", to_string(c.shape(1)));
    MN_CHECK(!weight[0].known() || !state.dims[1].known() || weight[0].value == state.dims[1].value, "weight ",
             to_string(c.shape(1)), " does not fit input ", to_string(c.shape(0)));
    MN_CHECK(!weight[2].known() || weight[2].value >= 1, "weight: the kernel must have at least one element, got ",
             to_string(c.shape(1)));
    if (weight[2].known()) state.dims[2] = Dim(weight[2].value - 1);
  }
  if (c.has_input(3) && c.shape(3).ranked) {
    for (size_t i = 0; i < 3; ++i) {
      const Dim &given = c.shape(3).dims[i], &expected = state.dims[i];
      MN_CHECK(!given.known() || !expected.known() || given.value == expected.value, "past_state: expected ",
               to_string(state), ", got ", to_string(c.shape(3)));
    }
  }
  c.set_output(0, c.dtype(0), c.shape(0));
  if (c.wants_output(1)) c.set_output(1, c.dtype(0), state);
  return {};
}

Status causal_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const Shape weight = c.type(c.input(1)).shape;
  MN_CHECK(weight.rank() == 3 && weight.dims[0].known() && weight.dims[2].known(),
           "needs a weight of known shape, got ", to_string(weight));
  const int64_t past = weight.dims[2].value - 1;
  const ValueId padded = c.has_input(3) ? b.add("concat", {c.input(3), c.input(0)}, {{"axis", 2}})
                                        : b.add("pad", {c.input(0), b.ints({0, 0, past, 0, 0, 0})});
  std::vector<ValueId> operands{padded, c.input(1)};
  if (c.has_input(2)) operands.push_back(c.input(2));
  ValueId out = b.add("conv", operands, {{"group", weight.dims[0].value}});
  if (c.string_attribute("activation") != "none") out = b.add("mul", {out, b.add("sigmoid", {out})});
  c.set_output(0, out);
  if (!c.wants_output(1)) return {};
  // The last `past` elements; none when the kernel is a single one.
  const ValueId end = b.ints({std::numeric_limits<int64_t>::max()}), start = past == 0 ? end : b.ints({-past});
  c.set_output(1, b.add("slice", {padded, start, end, b.ints({2})}));
  return {};
}

Cost causal_cost(const InferContext& c) {
  const Dims x = c.shape(0).to_dims(), w = c.shape(1).to_dims();
  return {element_count(x) * w[2],
          (2 * element_count(x) + element_count(w)) * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

std::vector<Case> causal_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor x = Tensor::of<float>({1, 2, 3}, {1, 1, 3}), w = Tensor::of<float>({10, 1}, {1, 1, 2});
  return {{.inputs = {x, w},
           .outputs = 2,
           .expected = {Tensor::of<float>({1, 12, 23}, {1, 1, 3}), Tensor::of<float>({3}, {1, 1, 1})}},
          {.inputs = {x, w, Tensor::of<float>({100}, {1}), Tensor::of<float>({5}, {1, 1, 1})},
           .expected = {Tensor::of<float>({151, 112, 123}, {1, 1, 3})}},
          {.inputs = {x, Tensor::of<float>({2}, {1, 1, 1})},
           .outputs = 2,
           .expected = {Tensor::of<float>({2, 4, 6}, {1, 1, 3}), Tensor::of<float>({}, {1, 1, 0})}},
          {.inputs = {f({2, 3, 2}, 1), f({3, 1, 4}, 2), f({3}, 3), f({2, 3, 3}, 4)},
           .attributes = {{"activation", "silu"}},
           .outputs = 2}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> causal_conv_with_state() {
  return {{
      .name = "causal_conv_with_state",
      .doc = "Causal depthwise 1-D convolution with a carried state.",
      .inputs = {2, 4},
      .outputs = {1, 2},
      .attributes = {{"activation", "none"}},
      .infer = causal_infer,
      .decompose = causal_decompose,
      .cost = causal_cost,
      .imports = {{"ai.onnx", "CausalConvWithState"}},
      .exports = {{"ai.onnx", "CausalConvWithState", 27}},
      .cases = causal_cases,
  }};
}

}  // namespace minnow::ops
