#include "api/session.h"

#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "ops/builder.h"
#include "ops/cases.h"
#include "passes/random_graph_test_util.h"

namespace minnow {
namespace {

std::vector<Datum> run(const std::shared_ptr<const Model>& model, std::span<const Datum> inputs, bool plan) {
  SessionOptions options;
  options.plan = plan;
  auto session = Session::create(model, options);
  EXPECT_TRUE(session.ok()) << session.error().message;
  auto outputs = (*session)->run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.error().message;
  return outputs.ok() ? std::move(outputs).value() : std::vector<Datum>();
}

void expect_close(const Tensor& actual, const Tensor& expected, uint64_t seed) {
  ASSERT_EQ(actual.dims(), expected.dims()) << "seed " << seed;
  ASSERT_EQ(actual.dtype(), expected.dtype()) << "seed " << seed;
  const std::vector<double> a = to_doubles(actual), e = to_doubles(expected);
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(e[i])) {
      EXPECT_TRUE(std::isnan(a[i])) << "seed " << seed;
    } else if (std::isinf(e[i])) {
      EXPECT_EQ(a[i], e[i]) << "seed " << seed;
    } else {
      ASSERT_NEAR(a[i], e[i], 1e-5 * std::max(1.0, std::fabs(e[i]))) << "seed " << seed << ", element " << i;
    }
  }
}

TEST(Session, PlansGiveWhatTheInterpreterGives) {
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    RandomGraphOptions make;
    make.seed = seed;
    make.symbolic = seed % 2 == 0;
    Result<RandomGraph> made = random_graph(make);
    ASSERT_TRUE(made.ok()) << made.error().message;
    const auto model = Model::from_graph(made->graph, "random");
    ASSERT_TRUE(model.ok()) << model.error().message;
    const std::vector<Datum> expected = run(*model, made->inputs, false), actual = run(*model, made->inputs, true);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) expect_close(actual[i].tensor, expected[i].tensor, seed);
  }
}

// y = x + state; state := y.
Graph accumulator() {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {3}));
  const ValueId sum = b.add("add", {x, b.state("total", Tensor::of<float>({0, 0, 0}, {3}))});
  b.set_state("total", sum);
  b.output(sum);
  return graph;
}

TEST(Session, StatesLastAndAreNobodyElses) {
  const auto model = Model::from_graph(accumulator(), "sum");
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto a = Session::create(*model), b = Session::create(*model);
  ASSERT_TRUE(a.ok() && b.ok());
  const std::vector<Datum> one{Tensor::of<float>({1, 2, 3}, {3})};
  ASSERT_TRUE((*a)->run(one).ok());
  const Tensor kept = *(*a)->state("total");
  ASSERT_TRUE((*a)->run(one).ok());
  EXPECT_EQ(to_doubles(kept), (std::vector<double>{1, 2, 3})) << "what was read stays as it was";
  EXPECT_EQ(to_doubles(*(*a)->state("total")), (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(to_doubles(*(*b)->state("total")), (std::vector<double>{0, 0, 0}));
  ASSERT_TRUE((*a)->reset_states().ok());
  EXPECT_EQ(to_doubles(*(*a)->state("total")), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(to_doubles((*model)->graph().states[0].initial), (std::vector<double>{0, 0, 0}));
}

TEST(Session, ThreadsShareOneModel) {
  RandomGraphOptions make;
  make.seed = 11;
  make.symbolic = true;
  Result<RandomGraph> made = random_graph(make);
  ASSERT_TRUE(made.ok());
  const auto model = Model::from_graph(made->graph, "random");
  ASSERT_TRUE(model.ok());
  const std::vector<Datum> expected = run(*model, made->inputs, true);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const std::vector<Datum> outputs = run(*model, made->inputs, true);
        ASSERT_EQ(outputs.size(), expected.size());
        for (size_t o = 0; o < outputs.size(); ++o) {
          EXPECT_EQ(to_doubles(outputs[o].tensor), to_doubles(expected[o].tensor));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Session, AnInputMayBeAnOutput) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2}));
  const ValueId y = b.add("neg", {x});
  for (ValueId id : {x, y, y, b.constant(Tensor::of<float>({5}, {1}))}) b.output(id);
  const auto model = Model::from_graph(graph, "same");
  ASSERT_TRUE(model.ok()) << model.error().message;
  const std::vector<Datum> outputs = run(*model, std::vector<Datum>{Tensor::of<float>({1, -2}, {2})}, true);
  ASSERT_EQ(outputs.size(), 4u);
  EXPECT_EQ(to_doubles(outputs[0].tensor), (std::vector<double>{1, -2}));
  EXPECT_EQ(to_doubles(outputs[1].tensor), (std::vector<double>{-1, 2}));
  EXPECT_EQ(to_doubles(outputs[2].tensor), (std::vector<double>{-1, 2}));
  EXPECT_EQ(to_doubles(outputs[3].tensor), (std::vector<double>{5}));
}

}  // namespace
}  // namespace minnow
