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

// chunk [1, 2, length] -> concat(past, chunk) -> conv of 3 columns; the new past is the last 2 columns.
Graph streaming() {
  Graph graph;
  Builder b(graph);
  const ValueId chunk = b.input("chunk", Type::tensor(DType::float32, {1, 2, Dim(std::string("length"))}));
  const ValueId past = b.state("past", Tensor::of<float>({0, 0, 0, 0}, {1, 2, 2}));
  const ValueId window = b.add("concat", {past, chunk}, {{"axis", 2}});
  b.output(b.add("conv", {window, b.constant(random_tensor(DType::float32, {3, 2, 3}, 7))}));
  b.set_state("past", b.add("slice", {window, b.ints({-2}), b.ints({INT64_MAX}), b.ints({2})}));
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

std::vector<double> stream(Session& session, uint64_t first, uint64_t last) {
  std::vector<double> heard;
  for (uint64_t i = first; i < last; ++i) {
    const std::vector<Datum> chunk{random_tensor(DType::float32, {1, 2, 1 + static_cast<int64_t>(i % 3)}, i)};
    const auto outputs = session.run(chunk);
    EXPECT_TRUE(outputs.ok()) << outputs.error().message;
    const std::vector<double> values = to_doubles((*outputs)[0].tensor);
    heard.insert(heard.end(), values.begin(), values.end());
  }
  return heard;
}

TEST(Session, StatesAreSavedLoadedAndResetByName) {
  const auto model = Model::from_graph(streaming(), "stream");
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto a = Session::create(*model).value(), b = Session::create(*model).value();
  stream(*a, 1, 5);
  EXPECT_EQ((*model)->lowering().plan_count(), 3u) << "one for each length: these runs are planned";
  const auto saved = a->save_states();
  ASSERT_TRUE(saved.ok()) << saved.error().message;
  const std::vector<double> next = stream(*a, 5, 9);
  EXPECT_NE(stream(*b, 5, 9), next) << "the state matters";
  ASSERT_TRUE(b->load_states(Bytes::own(*saved), "saved").ok());
  EXPECT_EQ(stream(*b, 5, 9), next);
  const Tensor past = *a->state("past");
  ASSERT_TRUE(b->set_state("past", past).ok());
  EXPECT_EQ(stream(*b, 9, 12), stream(*a, 9, 12));
  ASSERT_TRUE(a->reset_states().ok());
  auto fresh = Session::create(*model).value();
  EXPECT_EQ(stream(*a, 1, 5), stream(*fresh, 1, 5));
  EXPECT_FALSE(a->set_state("future", past).ok());
  EXPECT_FALSE(a->set_state("past", Tensor::scalar(1.0f)).ok());
}

TEST(Session, ThreadsShareOnePlanButNoState) {
  const auto model = Model::from_graph(streaming(), "stream");
  ASSERT_TRUE(model.ok()) << model.error().message;
  constexpr uint64_t kThreads = 4;
  std::vector<std::vector<double>> heard(kThreads);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      auto session = Session::create(*model).value();
      heard[t] = stream(*session, 10 * t, 10 * t + 9);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ((*model)->lowering().plan_count(), 3u);
  for (uint64_t t = 0; t < kThreads; ++t) {
    auto alone = Session::create(*model).value();
    EXPECT_EQ(heard[t], stream(*alone, 10 * t, 10 * t + 9)) << "thread " << t;
  }
}

TEST(Session, ANewRunWritesOnlyWhatNobodyHolds) {
  const auto model = Model::from_graph(accumulator(), "sum");
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto session = Session::create(*model).value();
  const std::vector<Datum> one{Tensor::of<float>({1, 2, 3}, {3})};
  std::vector<Datum> outputs;
  ASSERT_TRUE(session->run_into(one, {}, outputs).ok());
  const void* memory = outputs[0].tensor.raw().data();
  const Datum held = outputs[0];
  ASSERT_TRUE(session->run_into(one, {}, outputs).ok());
  EXPECT_NE(outputs[0].tensor.raw().data(), memory);
  EXPECT_EQ(to_doubles(held.tensor), (std::vector<double>{1, 2, 3}));
  memory = outputs[0].tensor.raw().data();
  ASSERT_TRUE(session->run_into(one, {}, outputs).ok());
  EXPECT_EQ(outputs[0].tensor.raw().data(), memory);
  EXPECT_EQ(to_doubles(outputs[0].tensor), (std::vector<double>{3, 6, 9}));
}

// The caller's buffer may be any memory of the right size, an input's or another buffer's too.
TEST(Session, BuffersMayOverlapInputs) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 2}));
  const ValueId w = b.constant(Tensor::of<float>({0, 1, 1, 0}, {2, 2}));
  b.output(b.add("add", {b.add("matmul", {b.add("neg", {x}), w}), x}));
  b.output(b.add("neg", {x}));
  const auto model = Model::from_graph(std::move(graph), "net");
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto session = Session::create(*model).value();
  alignas(64) float memory[8] = {1, 2, 3, 5};
  const auto bytes = std::as_bytes(std::span(memory).first(4));
  const std::vector<Datum> inputs{*Tensor::view(DType::float32, {2, 2}, Bytes::borrow(bytes))};
  std::vector<Datum> outputs;
  const OutputBuffer buffers[] = {{memory, 16}, {memory + 4, 16}};
  ASSERT_TRUE(session->run_into(inputs, buffers, outputs).ok());
  EXPECT_EQ(std::vector<float>(memory, memory + 8), (std::vector<float>{-1, 1, -2, 2, -1, -2, -3, -5}));
  const OutputBuffer small[] = {{memory, 12}, {}};
  const Status status = session->run_into(inputs, small, outputs);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("its buffer has 12"), std::string::npos) << status.error().message;
  EXPECT_TRUE(outputs.empty());
}

// "N=3" in a file: a dimension with a name and a size.
TEST(Session, ADeclaredDimensionMayHaveANameAndASize) {
  Graph graph;
  Builder b(graph);
  Dim named(std::string("N"));
  named.value = 3;
  b.output(b.add("neg", {b.input("x", Type::tensor(DType::float32, {named}))}));
  const auto model = Model::from_graph(std::move(graph), "named");
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto session = Session::create(*model).value();
  EXPECT_TRUE(session->run(std::vector<Datum>{Tensor::of<float>({1, 2, 3}, {3})}).ok());
  EXPECT_FALSE(session->run(std::vector<Datum>{Tensor::of<float>({1, 2}, {2})}).ok());
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
