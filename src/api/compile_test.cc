#include "api/compile.h"

#include <cstring>

#include <gtest/gtest.h>

#include "api/session.h"
#include "minnow/runtime.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "plan/mnw.h"

namespace minnow {
namespace {

// A convolution, a residual addition, a product with a matrix, a constant as first operand, and a state that counts up.
Graph network() {
  Graph graph;
  Builder b(graph);
  const ValueId x = b.input("x", Type::tensor(DType::float32, {Dim(std::string("n")), 4, 6, 6}));
  const ValueId w = b.constant(random_tensor(DType::float32, {4, 4, 3, 3}, 1), "w");
  const ValueId y = b.add("conv", {x, w}, {{"pads", Ints{1, 1, 1, 1}}}, "conv");
  const ValueId z = b.add("relu", {b.add("add", {y, x})});
  const ValueId flat = b.add("reshape", {z, b.ints({-1, 144})});
  const ValueId product = b.add("matmul", {flat, b.constant(random_tensor(DType::float32, {144, 5}, 2), "m")});
  const ValueId count = b.add("add", {b.state("count", Tensor::of<float>({0}, {1})), b.constant(1.0f)});
  b.set_state("count", count);
  const ValueId rest = b.add("sub", {b.constant(random_tensor(DType::float32, {5}, 4), "whole"), product});
  b.output(b.add("add", {rest, count}));
  EXPECT_TRUE(b.status().ok()) << b.status().error().message;
  return graph;
}

std::string compiled(const std::shared_ptr<const Model>& model) {
  const Type type = Type::tensor(DType::float32, {2, 4, 6, 6});
  CompileOptions options;
  options.isas = {best_isa(), Isa::generic};
  const Result<Compiled> result = compile_model(*model, std::span(&type, 1), options);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? result->bytes : std::string();
}

TEST(Compile, TheRuntimeComputesWhatASessionComputes) {
  const auto model = Model::from_graph(network(), "network");
  ASSERT_TRUE(model.ok()) << model.error().message;
  const std::string file = compiled(*model);
  mn_runtime* runtime = nullptr;
  ASSERT_EQ(mn_runtime_open_memory(file.data(), file.size(), &runtime), MN_OK) << mn_runtime_error();
  mn_runtime_value input, output;
  ASSERT_EQ(mn_runtime_input(runtime, 0, &input), MN_OK);
  ASSERT_EQ(mn_runtime_output(runtime, 0, &output), MN_OK);
  EXPECT_STREQ(input.name, "x");
  EXPECT_EQ(input.dtype, MN_FLOAT32);
  EXPECT_EQ(input.bytes, 2u * 4 * 36 * 4);
  ASSERT_EQ(output.bytes, 2u * 5 * 4);
  EXPECT_EQ(mn_runtime_input(runtime, 1, &input), MN_BAD_INPUT);

  auto session = Session::create(*model);
  ASSERT_TRUE(session.ok());
  const Tensor x = random_tensor(DType::float32, {2, 4, 6, 6}, 3);
  for (int run = 0; run < 3; ++run) {
    const auto expected = (*session)->run(std::vector<Datum>{x});
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    float y[10];
    const void* inputs[] = {x.data<float>()};
    void* outputs[] = {y};
    ASSERT_EQ(mn_runtime_run(runtime, inputs, outputs), MN_OK) << mn_runtime_error();
    EXPECT_EQ(std::memcmp(y, (*expected)[0].tensor.data<float>(), sizeof y), 0) << "run " << run;
    if (run == 1) {
      ASSERT_EQ(mn_runtime_reset(runtime), MN_OK);
      ASSERT_TRUE((*session)->reset_states().ok());
    }
  }
  const void* inputs[] = {nullptr};
  EXPECT_EQ(mn_runtime_run(runtime, inputs, nullptr), MN_BAD_INPUT);
  mn_runtime_release(runtime);
}

TEST(Compile, TheLibraryReadsTheGraphBack) {
  const auto model = Model::from_graph(network(), "network");
  ASSERT_TRUE(model.ok());
  const auto again = Model::open_bytes(Bytes::own(compiled(*model)), "network.mnw");
  ASSERT_TRUE(again.ok()) << again.error().message;
  const std::vector<Datum> x{random_tensor(DType::float32, {3, 4, 6, 6}, 4)};
  auto a = Session::create(*model), b = Session::create(*again);
  ASSERT_TRUE(a.ok() && b.ok());
  const auto expected = (*a)->run(x), actual = (*b)->run(x);
  ASSERT_TRUE(expected.ok() && actual.ok());
  EXPECT_EQ(to_doubles((*actual)[0].tensor), to_doubles((*expected)[0].tensor))
      << "for sizes without a plan in the file";
}

TEST(Compile, OperatorsWithoutKernelsAreNamed) {
  Graph graph;
  Builder b(graph);
  b.output(b.add("lp_normalization", {b.input("x", Type::tensor(DType::float32, {2, 3}))}));
  ASSERT_TRUE(b.status().ok()) << b.status().error().message;
  const auto model = Model::from_graph(graph, "network");
  ASSERT_TRUE(model.ok());
  const Type type = Type::tensor(DType::float32, {2, 3});
  const Result<Compiled> result = compile_model(**model, std::span(&type, 1), {{Isa::generic}, 1});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::unsupported);
  EXPECT_NE(result.error().message.find("network"), std::string::npos);
}

// Whatever is cut, added or changed outside the weights is noticed when the file is opened; in the weights on demand.
TEST(Compile, DamageIsNoticed) {
  const auto model = Model::from_graph(network(), "network");
  ASSERT_TRUE(model.ok());
  const std::string file = compiled(*model);
  for (size_t size = 0; size < file.size(); size += 61) {
    EXPECT_FALSE(read_mnw(Bytes::own(file.substr(0, size)), "cut.mnw").ok()) << size;
  }
  EXPECT_FALSE(read_mnw(Bytes::own(file + "x"), "long.mnw").ok());
  int accepted = 0, weights = 0;
  for (size_t at = 0; at < file.size(); at += 7) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    if (!read_mnw(Bytes::own(changed), "changed.mnw").ok()) continue;
    ++accepted;
    weights += verify_weights(Bytes::own(changed), "changed.mnw").ok() ? 0 : 1;
  }
  EXPECT_GT(weights, 0);
  EXPECT_EQ(accepted, weights);
}

}  // namespace
}  // namespace minnow
