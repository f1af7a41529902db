#include "lower/lowering.h"

#include <vector>

#include <gtest/gtest.h>

#include "lower/placement.h"
#include "passes/random_graph_test_util.h"

namespace minnow {
namespace {

std::vector<Type> types_of(std::span<const Datum> inputs) {
  std::vector<Type> types;
  for (const Datum& input : inputs) types.push_back(Type::of(input));
  return types;
}

// That they also compute the right thing is a test of the session (api/session_test.cc).
TEST(Lowering, PlansOfRandomGraphsAreSound) {
  int planned = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    RandomGraphOptions make;
    make.seed = seed;
    make.symbolic = seed % 2 == 0;
    Result<RandomGraph> made = random_graph(make);
    ASSERT_TRUE(made.ok()) << made.error().message;
    Lowering lowering(made->graph, Registry::builtin(), {});
    PlanOptions options;
    options.fusion.fuse = seed % 3 != 0;
    const auto lowered = lowering.lower(types_of(made->inputs), options);
    if (lowered == nullptr) continue;
    ++planned;
    const Status verified = verify_plan(lowered->plan);
    ASSERT_TRUE(verified.ok()) << seed << ": " << verified.error().message;
    EXPECT_GE(lowered->plan.arena_bytes, lowered->plan.live_bytes);
    EXPECT_EQ(lowered->graph.inputs.size(), made->graph.inputs.size());
  }
  EXPECT_GE(planned, 50);
}

// Weights that are codes beside real numbers become real once, not in every run.
TEST(Lowering, DequantizesWeightsOnce) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 4}));
  const ValueId codes = b.constant(random_tensor(DType::int8, {4, 3}, 1, -128, 128));
  b.output(b.add("matmul", {x, b.add("dequantize_linear", {codes, b.constant(0.5f)})}));
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  Lowering lowering(graph, Registry::builtin(), {});
  const Type type = Type::tensor(DType::float32, {2, 4});
  const auto lowered = lowering.lower(std::span(&type, 1), {});
  ASSERT_NE(lowered, nullptr);
  ASSERT_EQ(lowered->plan.steps.size(), 1u);
  EXPECT_EQ(lowered->plan.steps[0].operation, "matmul");
}

TEST(Lowering, KeepsAFewPlans) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {Dim(std::string("n")), 4}));
  b.output(b.add("relu", {b.add("matmul", {x, b.constant(random_tensor(DType::float32, {4, 3}, 1))})}));
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  Lowering lowering(graph, Registry::builtin(), {});
  const auto of_rows = [&](int64_t rows, int threads = 1) {
    const Type type = Type::tensor(DType::float32, {rows, 4});
    PlanOptions options;
    options.threads = threads;
    return lowering.lower(std::span(&type, 1), options);
  };
  const auto first = of_rows(1);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(of_rows(1), first);
  EXPECT_NE(of_rows(1, 2), first);
  const int64_t packed = lowering.pack_bytes();
  for (int64_t rows = 2; rows < 40; ++rows) ASSERT_NE(of_rows(rows), nullptr);
  EXPECT_EQ(lowering.plan_count(), Lowering::kMaxPlans);
  EXPECT_EQ(lowering.pack_bytes(), packed) << "a new size packs nothing again";
  EXPECT_NE(of_rows(1), first) << "the oldest plan went";
}

TEST(Lowering, SizesThatDependOnDataAreLeftAlone) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {4}));
  b.output(b.add("non_zero", {x}));
  Lowering lowering(graph, Registry::builtin(), {});
  const Type type = Type::tensor(DType::float32, {4});
  EXPECT_EQ(lowering.lower(std::span(&type, 1), {}), nullptr);
}

// A file may declare sizes that are not so, and the caller may give inputs that do not fit: no plan may trust either.
TEST(Lowering, DeclaredSizesAreNotTrusted) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, Dim()}));
  const ValueId y = b.add("add", {x, b.constant(random_tensor(DType::float32, {2, 3}, 1))});
  const ValueId found = b.add("non_zero", {x});
  graph.value(y).type = Type::tensor(DType::float32, {2, 3});
  graph.value(found).type = Type::tensor(DType::int64, {2, 4});
  b.output(y);
  Lowering sums(graph, Registry::builtin(), {});
  const Type wrong = Type::tensor(DType::float32, {2, 2}), right = Type::tensor(DType::float32, {2, 3});
  EXPECT_EQ(sums.lower(std::span(&wrong, 1), {}), nullptr);
  EXPECT_NE(sums.lower(std::span(&right, 1), {}), nullptr);
  graph.outputs = {found};
  Lowering counts(graph, Registry::builtin(), {});
  EXPECT_EQ(counts.lower(std::span(&right, 1), {}), nullptr);
}

TEST(Lowering, ViewsTakeNoSteps) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 6}));
  const ValueId y = b.add("reshape", {b.add("relu", {x}), b.ints({3, 4})});
  b.output(b.add("neg", {y}));
  Lowering lowering(graph, Registry::builtin(), {});
  const Type type = Type::tensor(DType::float32, {2, 6});
  const auto lowered = lowering.lower(std::span(&type, 1), {});
  ASSERT_NE(lowered, nullptr);
  EXPECT_EQ(lowered->plan.steps.size(), 2u);
  EXPECT_EQ(lowered->plan.arena_bytes, 64) << "48 bytes, rounded up to a cache line";
}

TEST(Lowering, AChainWorksInPlace) {
  Graph graph;
  Builder b(graph);
  ValueId x = b.input("x", Type::tensor(DType::float32, {256}));
  for (int i = 0; i < 6; ++i) x = b.add(i % 2 == 0 ? "neg" : "abs", {x});
  b.output(x);
  Lowering lowering(graph, Registry::builtin(), {});
  const Type type = Type::tensor(DType::float32, {256});
  const auto lowered = lowering.lower(std::span(&type, 1), {});
  ASSERT_NE(lowered, nullptr);
  EXPECT_EQ(lowered->plan.arena_bytes, 1024);
}

TEST(Placement, BuffersAliveTogetherDoNotOverlap) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> buffers;
    for (int i = 0; i < 40; ++i) {
      const auto first = static_cast<int32_t>(random.below(30));
      buffers.push_back(
          {static_cast<int64_t>(random.below(5000)), first, first + static_cast<int32_t>(random.below(8)), -1});
    }
    const int64_t arena = place_buffers(buffers, 64);
    EXPECT_GE(arena, most_alive(buffers, 64));
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(buffers[i].offset % 64, 0);
      EXPECT_LE(buffers[i].offset + buffers[i].bytes, arena);
      for (size_t j = 0; j < i; ++j) {
        const Lifetime &a = buffers[i], &b = buffers[j];
        if (a.first > b.last || b.first > a.last) continue;
        EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset);
      }
    }
  }
}

// A plan that was tampered with is refused.
TEST(VerifyPlan, RefusesWhatReachesOutside) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {8, 8}));
  const ValueId w = b.constant(random_tensor(DType::float32, {8, 8}, 1));
  b.output(b.add("matmul", {b.add("add", {b.add("matmul", {x, w}), x}), x}));
  Lowering lowering(graph, Registry::builtin(), {});
  const Type type = Type::tensor(DType::float32, {8, 8});
  const auto lowered = lowering.lower(std::span(&type, 1), {});
  ASSERT_NE(lowered, nullptr);
  ASSERT_TRUE(verify_plan(lowered->plan).ok());
  using Change = void (*)(Plan&);
  const Change changes[] = {
      [](Plan& p) { p.steps[0].operands[0].offset = 4; },
      [](Plan& p) { p.steps[0].operands[0].offset = -64; },
      [](Plan& p) { p.steps[0].operands[1].index = 99; },
      [](Plan& p) { p.steps[0].operands.back() = p.steps[0].operands[0]; },
      [](Plan& p) { p.steps.back().operands.back().region = Region::constant; },
      [](Plan& p) { p.steps[0].bytes[0] = int64_t{1} << 62; },
      [](Plan& p) { p.steps[0].problem.operands[0].dims[0] = 9; },
      [](Plan& p) { p.steps[0].problem.operands[0].strides[0] = int64_t{1} << 61; },
      [](Plan& p) { p.steps[0].problem.operands[0].rank = 12; },
      [](Plan& p) { p.steps[0].problem.input_count = 7; },
      [](Plan& p) { p.steps[0].operands.pop_back(); },
      [](Plan& p) { p.steps[0].packs.push_back(3); },
      [](Plan& p) { p.steps[0].packs[0] = 5; },
      [](Plan& p) { p.arena_bytes = 0; },
      [](Plan& p) { p.threads = 0; },
      [](Plan& p) {
        p.copies.push_back({{Region::input, 0, 0}, {Region::arena, 0, 0}, 4});
      },
      [](Plan& p) {
        p.copies.push_back({{Region::input, 0, 0}, {Region::output, 0, 0}, 1024});
      },
  };
  int number = 0;
  for (const Change change : changes) {
    Plan plan = lowered->plan;
    change(plan);
    EXPECT_FALSE(verify_plan(plan).ok()) << "change " << number;
    ++number;
  }
}

}  // namespace
}  // namespace minnow
