// Attention, layer normalization and flattened products: what is one, what is not, and why.
#include <gtest/gtest.h>

#include "base/text.h"
#include "graph/text.h"
#include "ops/check.h"
#include "passes/pipeline.h"

namespace minnow {
namespace {

struct After {
  std::string text;
  std::vector<PassNote> notes;
  bool has(std::string_view part) const { return text.find(part) != std::string::npos; }
};

After after(std::string_view pass_name, std::string_view text) {
  After result;
  Result<Graph> graph = parse_graph(concat({"minnow graph 1\n", text}), "test.mng");
  EXPECT_TRUE(graph.ok()) << graph.error().message;
  if (!graph.ok()) return result;
  const Status checked = check_graph(*graph, Registry::builtin());
  EXPECT_TRUE(checked.ok()) << checked.error().message;
  PassContext context;
  context.notes = &result.notes;
  for (const Pass& pass : standard_passes()) {
    if (pass.name != pass_name) continue;
    const Status status = pass.run(*graph, context);
    EXPECT_TRUE(status.ok()) << status.error().message;
  }
  const Status valid = check_graph(*graph, Registry::builtin());
  EXPECT_TRUE(valid.ok()) << valid.error().message;
  result.text = print_graph(*graph);
  return result;
}

// Attention with packed operands; `shape` is what splits the heads, `rest` stands between the scores and the softmax
// %p.
std::string spelled(std::string_view q, std::string_view shape, std::string_view rest, std::string_view inputs = "") {
  return concat(
      {"input %q: float32", q, "\ninput %k: float32[b, t, 4]\ninput %v: float32[b, t, 4]\n", inputs,
       "\nconst %split = int64[4](", shape, ")\nconst %join = int64[3](0, 0, 4)\nconst %half = float32[](0.5)",
       "\n%q4 = reshape(%q, %split)\n%qh = transpose(%q4) {perm=[0, 2, 1, 3]}\n%k4 = reshape(%k, %split)\n",
       "%kt = transpose(%k4) {perm=[0, 2, 3, 1]}\n%v4 = reshape(%v, %split)\n",
       "%vh = transpose(%v4) {perm=[0, 2, 1, 3]}\n%s = matmul(%qh, %kt)\n%c = mul(%half, %s)\n", rest,
       "\n%a = matmul(%p, %vh)\n%at = transpose(%a) {perm=[0, 2, 1, 3]}\n%y = reshape(%at, %join)\noutput %y"});
}

TEST(FuseAttention, TakesProjectionsWhereTheSplitIsKnown) {
  const After whole = after("fuse_attention", spelled("[b, s, 4]", "0, 0, 2, 2", "%p = softmax(%c)"));
  EXPECT_TRUE(whole.has("= attention(%q, %k, %v) {scale=0.5, q_num_heads=2, kv_num_heads=2}")) << whole.text;
  EXPECT_FALSE(whole.has("transpose")) << whole.text;
  ASSERT_EQ(whole.notes.size(), 1u);
  EXPECT_EQ(whole.notes[0].why_not, "");
  // Nothing says that the first dimension stays the batch.
  const After apart = after("fuse_attention", spelled("[n, s, 4]", "5, -1, 2, 2", "%p = softmax(%c)"));
  EXPECT_TRUE(apart.has("= attention(%")) << apart.text;
  EXPECT_FALSE(apart.has("q_num_heads")) << apart.text;
  EXPECT_TRUE(apart.has("reshape(%q, %split)")) << apart.text;
}

TEST(FuseAttention, AddsMasksAndStretchesThoseWithOneKey) {
  const auto masked = [](std::string_view mask, std::string_view q = "[b, s, 4]") {
    return after("fuse_attention", spelled(q, "0, 0, 2, 2", "%m = add(%c, %mask)\n%p = softmax(%m)",
                                           concat({"input %mask: float32", mask})));
  };
  EXPECT_TRUE(masked("[b, 1, 1, t]").has("= attention(%q, %k, %v, %mask)"));
  // Attention forbids keys that a mask does not reach; an addition repeats a mask's only key.
  EXPECT_TRUE(masked("[b, 1, 1, 1]").has("= expand(%mask, "));
  EXPECT_TRUE(masked("[b, 1, 1, other]").has("= expand(%mask, "));
  const After large = masked("[b, 1, 5, t]", "[b, 1, 4]");
  EXPECT_FALSE(large.has("attention("));
  ASSERT_EQ(large.notes.size(), 1u);
  EXPECT_EQ(large.notes[0].why_not, "its mask 'mask' is larger than the scores");
}

TEST(FuseAttention, ReadsAChoiceAsAMask) {
  const auto chosen = [](std::string_view filler) {
    return after("fuse_attention",
                 spelled("[b, s, 4]", "0, 0, 2, 2", "%m = where(%seen, %c, %filler)\n%p = softmax(%m)",
                         concat({"input %seen: boolean[b, 1, 1, t]\nconst %filler = float32[](", filler, ")"})));
  };
  EXPECT_TRUE(chosen("-3e38").has("= where(%seen, %"));
  EXPECT_TRUE(chosen("-3e38").has("= attention("));
  // A score may matter beside -100.
  EXPECT_FALSE(chosen("-100").has("= attention("));
}

TEST(FuseAttention, SaysWhyNot) {
  const auto why = [](std::string_view rest) {
    const After result = after("fuse_attention", spelled("[b, s, 4]", "0, 0, 2, 2", rest));
    EXPECT_FALSE(result.has("attention("));
    return result.notes.size() == 1 ? result.notes[0].why_not : concat({result.notes.size(), " notes"});
  };
  EXPECT_EQ(why("%p = softmax(%c) {axis=2}"), "it is not along the last axis");
  EXPECT_EQ(why("%t = sin(%c)\n%p = softmax(%t)"), "its input 't' is not a scaled matrix product plus masks");
  EXPECT_EQ(why("%d = matmul(%qh, %kt)\n%t = add(%c, %d)\n%p = softmax(%t)"),
            "its input is the sum of two matrix products");
  EXPECT_EQ(why("%p = softmax(%c)\noutput %p"), "its probabilities are not read by one node alone");
  // A classifier's softmax is no near miss.
  EXPECT_TRUE(after("fuse_attention", "input %x: float32[2, 3]\n%y = softmax(%x)\noutput %y").notes.empty());
}

// As TensorFlow has it: x k + (shift - mean k) with k = scale / deviation.
TEST(FuseLayerNormalization, KnowsTheFoldedForm) {
  const auto folded = [](std::string_view mean, std::string_view moved) {
    return after(
        "fuse_layer_normalization",
        concat({"input %x: float32[2, 5, 4]\nconst %g = float32[4](1, 2, 3, 4)\nconst %b = float32[4](5, 6, 7, 8)",
                "\nconst %a = int64[1](2)\nconst %eps = float32[](1e-12)\n%m = ", mean,
                "\n%d = sub(%x, %m)\n%q = mul(%d, %d)\n%w = reduce_mean(%q, %a)\n%e = add(%w, %eps)\n",
                "%s = sqrt(%e)\n%r = reciprocal(%s)\n%k = mul(%r, %g)\n%xk = mul(%x, %k)\n%mk = mul(", moved,
                ", %k)\n%o = sub(%b, %mk)\n%y = add(%xk, %o)\noutput %y"}));
  };
  EXPECT_TRUE(folded("reduce_mean(%x, %a)", "%m").has("= layer_normalization(%x, %g, %b)"));
  EXPECT_TRUE(folded("global_average_pool(%x)", "%m").has("= layer_normalization(%x, %g, %b)"));
  const After other = folded("reduce_mean(%x, %a)", "%w");
  EXPECT_FALSE(other.has("layer_normalization"));
  ASSERT_EQ(other.notes.size(), 1u);
  EXPECT_EQ(other.notes[0].why_not, "what divides by it is not (x - mean(x)) times a vector of the last dimension");
}

TEST(FoldFlattening, NeedsTheShapeBack) {
  const auto product = [](std::string_view to, std::string_view shape) {
    return after(
        "fold_flattening",
        concat({"input %x: float32[n, t, 2]\nconst %w = float32[2, 3](1, 2, 3, 4, 5, 6)\n",
                "const %rows = int64[2](-1, 2)\nconst %minus = int64[1](-1)\nconst %three = int64[1](3)\n",
                "%f = reshape(%x, %rows)\n%p = matmul(%f, %w)\n", shape, "\n%y = reshape(%p, ", to, ")\noutput %y"}));
  };
  const std::string both = "%d = shape(%x) {end=2}\n%s = concat(%d, %three) {axis=0}";
  EXPECT_TRUE(product("%s", both).has("= matmul(%x, %w)"));
  const std::string first = "%d = shape(%x) {end=1}\n%s = concat(%d, %minus, %three) {axis=0}";
  EXPECT_FALSE(product("%s", first).has("= matmul(%x, %w)")) << "rows n t leave t only where n is known to cancel";
  const std::string turned = "%d = shape(%x) {start=1, end=2}\n%s = concat(%d, %minus, %three) {axis=0}";
  EXPECT_FALSE(product("%s", turned).has("= matmul(%x, %w)"));
}

}  // namespace
}  // namespace minnow
