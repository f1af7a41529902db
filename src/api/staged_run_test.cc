#include "api/staged_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "api/session.h"
#include "ops/builder.h"
#include "ops/cases.h"

namespace minnow {
namespace {

std::shared_ptr<const Model> model_of(Graph graph) {
  auto model = Model::from_graph(std::move(graph), "net");
  EXPECT_TRUE(model.ok()) << model.error().message;
  return model.ok() ? *model : nullptr;
}

std::unique_ptr<Session> session_of(const std::shared_ptr<const Model>& model, bool plan) {
  SessionOptions options;
  options.plan = plan;
  auto session = Session::create(model, options);
  EXPECT_TRUE(session.ok()) << session.error().message;
  return std::move(session).value();
}

Lowerings lowerings_of(const Model& model, std::span<const Datum> inputs) {
  std::vector<Type> types;
  for (const Datum& input : inputs) types.push_back(Type::of(input));
  return model.lowering().choose(types, {});
}

// Runs by stages and node by node; the results must be the same.
void expect_same(Session& staged, Session& walked, std::span<const Datum> inputs, Trace* trace = nullptr) {
  const auto actual = staged.run(inputs, nullptr, trace), expected = walked.run(inputs);
  ASSERT_TRUE(actual.ok()) << actual.error().message;
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  ASSERT_EQ(actual->size(), expected->size());
  for (size_t i = 0; i < actual->size(); ++i) {
    const Tensor &a = (*actual)[i].tensor, &e = (*expected)[i].tensor;
    ASSERT_EQ(a.dims(), e.dims()) << "output " << i;
    ASSERT_EQ(a.dtype(), e.dtype()) << "output " << i;
    const std::vector<double> left = to_doubles(a), right = to_doubles(e);
    for (size_t k = 0; k < left.size(); ++k) ASSERT_NEAR(left[k], right[k], 1e-5) << "output " << i;
  }
}

ValueId conv(Builder& b, ValueId x, int64_t in, int64_t out, uint64_t seed, std::string name) {
  const ValueId weight = b.constant(random_tensor(DType::float32, {out, in, 3, 3}, seed));
  const ValueId y = b.add("conv", {x, weight}, {{"pads", Ints{1, 1, 1, 1}}});
  b.graph().nodes.back().name = std::move(name);
  return b.add("relu", {y});
}

// Two convolutions, then the positions of what is large: as many as there are.
Graph detector() {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {Dim(std::string("n")), 3, 8, 8}));
  const ValueId y = conv(b, conv(b, x, 3, 8, 1, "first"), 8, 4, 2, "second");
  const ValueId limit = b.constant(Tensor::scalar(0.5f));
  const ValueId found = b.add("transpose", {b.add("non_zero", {b.add("greater", {y, limit})})}, {{"perm", Ints{1, 0}}});
  b.output(b.add("gather_nd", {y, found}));
  b.output(found);
  b.output(y);
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

TEST(Stages, WhatComesBeforeTheFirstUnknownSizeIsPlanned) {
  const auto model = model_of(detector());
  const std::vector<Datum> inputs{random_tensor(DType::float32, {2, 3, 8, 8}, 3)};
  const Lowerings chosen = lowerings_of(*model, inputs);
  EXPECT_EQ(chosen.plan, nullptr);
  ASSERT_NE(chosen.stages, nullptr);
  ASSERT_NE(chosen.stages->head, nullptr);
  const std::vector<PlanStep>& steps = chosen.stages->head->plan.steps;
  EXPECT_EQ(std::count_if(steps.begin(), steps.end(), [](const PlanStep& step) { return step.op == "Conv"; }), 2);
  EXPECT_TRUE(verify_plan(chosen.stages->head->plan).ok());
  EXPECT_LE(chosen.stages->island.size(), 3u) << "non_zero, transpose, gather_nd";
  EXPECT_EQ(chosen.stages->rest, nullptr);
  const auto staged = session_of(model, true), walked = session_of(model, false);
  for (uint64_t seed = 1; seed < 6; ++seed) {
    Trace trace(64);
    const std::vector<Datum> other{random_tensor(DType::float32, {1 + static_cast<int64_t>(seed % 2), 3, 8, 8}, seed)};
    expect_same(*staged, *walked, other, &trace);
    std::vector<std::string_view> names, operators;
    for (const TraceEvent& event : trace.events()) {
      names.push_back(event.name);
      operators.push_back(event.op);
      EXPECT_EQ(event.depth, 0);
    }
    for (const char* name : {"first", "second"}) EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
    for (const char* op : {"greater", "non_zero", "gather_nd"})
      EXPECT_EQ(std::count(operators.begin(), operators.end(), op), 1) << op;
  }
}

// rows of x whose mark is set, times a matrix: the product's size is known when the rows were counted.
Graph chooser() {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {6, 4}));
  const ValueId marks = b.input("marks", Type::tensor(DType::float32, {6}));
  const ValueId rows = b.add("squeeze", {b.add("non_zero", {marks}), b.ints({0})});
  const ValueId w = b.constant(random_tensor(DType::float32, {4, 5}, 1), "w");
  b.output(b.add("relu", {b.add("matmul", {b.add("gather", {x, rows}), w})}));
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

std::vector<Datum> chosen_rows(int count, uint64_t seed) {
  std::vector<float> marks(6, 0.0f);
  for (int i = 0; i < count; ++i) marks[static_cast<size_t>(i)] = 1;
  return {random_tensor(DType::float32, {6, 4}, seed), Tensor::of<float>(marks, {6})};
}

TEST(Stages, HeavyNodesAfterAnUnknownSizeArePlannedOnceItIsKnown) {
  const auto model = model_of(chooser());
  const auto staged = session_of(model, true), walked = session_of(model, false);
  const Lowerings chosen = lowerings_of(*model, chosen_rows(3, 1));
  ASSERT_NE(chosen.stages, nullptr);
  ASSERT_NE(chosen.stages->rest, nullptr);
  EXPECT_EQ(chosen.stages->head, nullptr) << "nothing heavy comes before";
  Lowering& rest = *chosen.stages->rest;
  expect_same(*staged, *walked, chosen_rows(3, 2));
  EXPECT_EQ(rest.plan_count(), 1u);
  const int64_t packed = model->lowering().pack_bytes();
  expect_same(*staged, *walked, chosen_rows(3, 3));
  expect_same(*staged, *walked, chosen_rows(2, 4));
  EXPECT_EQ(rest.plan_count(), 1u) << "a size that came once may never come again";
  expect_same(*staged, *walked, chosen_rows(2, 5));
  EXPECT_EQ(rest.plan_count(), 2u);
  expect_same(*staged, *walked, chosen_rows(0, 6));
  EXPECT_EQ(model->lowering().pack_bytes(), packed) << "weights are packed once";
}

// A loop that multiplies its carried value by a matrix and keeps every one.
GraphRef multiplying_body() {
  auto graph = std::make_shared<Graph>();
  graph->name = "body";
  Builder b(*graph);
  b.input("iteration", Type::tensor(DType::int64, Dims{}));
  const ValueId condition = b.input("condition", Type::tensor(DType::boolean, Dims{}));
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 4}));
  const ValueId y = b.add("tanh", {b.add("matmul", {x, b.constant(random_tensor(DType::float32, {4, 4}, 9), "w")})});
  graph->nodes[0].name = "inside";
  b.output(b.add("identity", {condition}));
  b.output(y);
  b.output(b.add("neg", {y}));
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

Graph looping() {
  Graph graph;
  Builder b(graph);
  const ValueId trips = b.input("trips", Type::tensor(DType::int64, Dims{}));
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 4}));
  const ValueId yes = b.constant(Tensor::scalar(true));
  const ValueId inputs[] = {trips, yes, x};
  for (const ValueId id : b.add_many("loop", inputs, 2, {{"body", multiplying_body()}})) b.output(id);
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

TEST(Stages, LoopBodiesArePlanned) {
  const auto model = model_of(looping());
  const auto staged = session_of(model, true), walked = session_of(model, false);
  for (const int64_t trips : {0, 1, 5}) {
    Trace trace(256);
    const std::vector<Datum> inputs{Tensor::scalar<int64_t>(trips), random_tensor(DType::float32, {2, 4}, 3)};
    expect_same(*staged, *walked, inputs, &trace);
    int64_t inside = 0;
    for (const TraceEvent& event : trace.events()) {
      if (event.op != "matmul") continue;
      EXPECT_EQ(event.name, "inside");
      EXPECT_EQ(event.depth, 1);
      ++inside;
    }
    EXPECT_EQ(inside, trips);
  }
  EXPECT_GT(model->lowering().pack_bytes(), 0) << "the body's matrix was packed, so a plan ran";
}

// A branch whose results have other sizes than the other branch's.
GraphRef branch(int64_t columns, uint64_t seed) {
  auto graph = std::make_shared<Graph>();
  graph->name = "branch";
  Builder b(*graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 4}));
  b.output(b.add("matmul", {x, b.constant(random_tensor(DType::float32, {4, columns}, seed), "w")}));
  return graph;
}

TEST(Stages, BranchesArePlannedAndStatesKept) {
  Graph graph;
  Builder b(graph);
  const ValueId which = b.input("which", Type::tensor(DType::boolean, Dims{}));
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 4}));
  const ValueId total = b.add("add", {x, b.state("total", Tensor::of<float>(std::vector<float>(8), {2, 4}))});
  const ValueId mixed = b.add("matmul", {total, b.constant(random_tensor(DType::float32, {4, 4}, 1), "w")});
  b.set_state("total", total);
  b.output(
      b.add("if", {which, mixed}, {{"then_branch", branch(3, 2)}, {"else_branch", branch(5, 3)}, {"captures", 1}}));
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  const auto model = model_of(std::move(graph));
  const auto staged = session_of(model, true), walked = session_of(model, false);
  for (const bool yes : {true, false, true, true}) {
    const std::vector<Datum> inputs{Tensor::scalar(yes), random_tensor(DType::float32, {2, 4}, 5)};
    expect_same(*staged, *walked, inputs);
    EXPECT_EQ(to_doubles(*staged->state("total")), to_doubles(*walked->state("total")));
  }
  EXPECT_NE(to_doubles(*staged->state("total")), std::vector<double>(8, 0.0));
  ASSERT_TRUE(staged->reset_states().ok());
  EXPECT_EQ(to_doubles(*staged->state("total")), std::vector<double>(8, 0.0));
}

// An If whose branches agree on the size is a step of a plan; its branch runs by a plan while the outer one runs.
TEST(Stages, PlansNest) {
  Graph graph;
  Builder b(graph);
  const ValueId which = b.input("which", Type::tensor(DType::boolean, Dims{}));
  const ValueId x = b.input("x", Type::tensor(DType::float32, {2, 4}));
  const ValueId w = b.constant(random_tensor(DType::float32, {4, 4}, 1), "w");
  const ValueId before = b.add("relu", {b.add("matmul", {x, w})});
  const ValueId y =
      b.add("if", {which, before}, {{"then_branch", branch(4, 2)}, {"else_branch", branch(4, 3)}, {"captures", 1}});
  b.output(b.add("matmul", {b.add("add", {y, before}), w}));
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  const auto model = model_of(std::move(graph));
  const std::vector<Datum> inputs{Tensor::scalar(true), random_tensor(DType::float32, {2, 4}, 5)};
  ASSERT_NE(lowerings_of(*model, inputs).plan, nullptr);
  const auto staged = session_of(model, true), walked = session_of(model, false);
  for (int i = 0; i < 3; ++i) expect_same(*staged, *walked, inputs);
}

TEST(Stages, ThreadsShareThem) {
  const auto model = model_of(chooser());
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto staged = session_of(model, true), walked = session_of(model, false);
      for (uint64_t i = 0; i < 12; ++i) expect_same(*staged, *walked, chosen_rows(static_cast<int>(i % 4), 16 * t + i));
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Stages, FailuresNameTheNode) {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {1, 3, 8, 8}));
  const ValueId index = b.input("index", Type::tensor(DType::int64, {2}));
  const ValueId y = conv(b, x, 3, 4, 1, "first");
  const ValueId found = b.add("non_zero", {y});
  b.output(b.add("gather", {found, index}, {{"axis", 0}}));
  graph.nodes.back().name = "picker";
  const auto model = model_of(std::move(graph));
  const auto session = session_of(model, true);
  const std::vector<Datum> inputs{random_tensor(DType::float32, {1, 3, 8, 8}, 1), Tensor::of<int64_t>({0, 99}, {2})};
  const auto outputs = session->run(inputs);
  ASSERT_FALSE(outputs.ok());
  EXPECT_NE(outputs.error().message.find("picker"), std::string::npos) << outputs.error().message;
}

// Every draw counts the nodes before it: such graphs stay whole.
TEST(Stages, RandomGraphsAreNotCut) {
  Graph graph = detector();
  Builder b(graph);
  b.output(b.add("random_normal", {}, {{"shape", Ints{2}}}));
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  const auto model = model_of(std::move(graph));
  const std::vector<Datum> inputs{random_tensor(DType::float32, {1, 3, 8, 8}, 3)};
  const Lowerings chosen = lowerings_of(*model, inputs);
  EXPECT_EQ(chosen.plan, nullptr);
  EXPECT_EQ(chosen.stages, nullptr);
  const auto a = session_of(model, true), again = session_of(model, false);
  expect_same(*a, *again, inputs);
}

}  // namespace
}  // namespace minnow
