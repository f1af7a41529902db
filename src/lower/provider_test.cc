// Every kernel row against the reference in float64, over the operators' cases, random shapes and tails, on every
// instruction set of this machine, with one thread and with three.
#include "lower/provider.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/cases.h"

namespace minnow {
namespace {

std::vector<Isa> available_isas() {
  std::vector<Isa> list;
  for (Isa isa : {Isa::generic, Isa::avx2, Isa::avx512}) {
    if (isa_available(isa)) list.push_back(isa);
  }
  return list;
}

Result<Datum> in_double(const Datum& datum) {
  if (!datum.present()) return Datum();
  MN_ASSIGN(Tensor wide, convert_dtype(datum.tensor, DType::float64));
  return Datum(std::move(wide));
}

Node node_of(std::string_view op, size_t inputs, const Attributes& attributes) {
  Node node{std::string(op), "", {}, {0}, attributes};
  for (size_t i = 0; i < inputs; ++i) node.inputs.push_back(static_cast<ValueId>(i));
  return node;
}

// The first element that is further off than absolute + relative * |expected|, or "". NaN equals NaN.
std::string first_difference(const Tensor& actual, const Tensor& expected, double relative, double absolute) {
  const std::vector<double> a = to_doubles(actual), b = to_doubles(expected);
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (!(std::abs(a[i] - b[i]) <= absolute + relative * std::abs(b[i]))) {
      return concat({"element ", i, ": got ", a[i], ", expected ", b[i]});
    }
  }
  return "";
}

// Rounding errors of a sum of `depth` products of values in [-1, 1] grow with the depth: depth * 2^-24 bounds them
// amply.
void check_kernel(std::string_view op_name, const std::vector<Datum>& inputs, const Attributes& attributes,
                  int64_t depth, std::string_view note) {
  const OpDef* op = Registry::builtin().find(op_name);
  ASSERT_NE(op, nullptr) << op_name;
  std::vector<Datum> wide;
  for (const Datum& input : inputs) {
    auto converted = in_double(input);
    ASSERT_TRUE(converted.ok());
    wide.push_back(*converted);
  }
  auto expected = evaluate(op_name, wide, attributes);
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  auto rounded = convert_dtype((*expected)[0].tensor, DType::float32);
  ASSERT_TRUE(rounded.ok());
  const Node node = node_of(op_name, inputs.size(), attributes);
  ThreadPool three(3);
  for (Isa isa : available_isas()) {
    for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &three}) {
      auto tensor = Tensor::allocate(DType::float32, rounded->dims());
      ASSERT_TRUE(tensor.ok());
      std::fill_n(tensor->mutable_data<float>(), tensor->size(), std::numeric_limits<float>::quiet_NaN());
      std::vector<Datum> outputs{Datum(std::move(tensor).value())};
      auto done =
          make_kernel_provider(isa)->run(*op, node, inputs, outputs, std::make_shared<Budget>(Limits{}), threads);
      ASSERT_TRUE(done.ok()) << done.error().message;
      ASSERT_TRUE(*done) << op_name << " " << note << ": no kernel";
      EXPECT_EQ(first_difference(outputs[0].tensor, *rounded, 1e-6, static_cast<double>(depth) * 0x1p-24), "")
          << op_name << " " << note << " on " << to_string(isa);
    }
  }
}

Datum random(Dims dims, uint64_t seed) { return Datum(random_tensor(DType::float32, std::move(dims), seed)); }

// True where a kernel must take the case: float32, not empty, and a form that the families know.
bool has_kernel(const OpDef& op, const Case& test_case) {
  for (const Datum& input : test_case.inputs) {
    if (input.present() && (input.tensor.dtype() != DType::float32 || input.tensor.size() == 0)) return false;
  }
  if (op.name != "conv") return true;
  const Attribute* layout = test_case.attributes.find("data_layout");
  return test_case.inputs[0].tensor.rank() <= 4 && (layout == nullptr || *layout == Attribute("NCHW"));
}

TEST(Kernels, CasesOfTheOperators) {
  int checked = 0;
  for (const KernelRow& row : kernel_rows()) {
    if (row.isa != Isa::generic) continue;
    const OpDef* op = Registry::builtin().find(row.op);
    ASSERT_NE(op, nullptr) << row.op;
    ASSERT_NE(op->cases, nullptr) << row.op;
    for (const Case& test_case : op->cases()) {
      if (!has_kernel(*op, test_case)) continue;
      check_kernel(row.op, test_case.inputs, test_case.attributes, 1000, test_case.note);
      ++checked;
    }
  }
  EXPECT_GT(checked, 30);
}

TEST(Kernels, MatmulTails) {
  uint64_t seed = 1;
  for (int64_t m : {1, 2, 5, 6, 7, 12, 13, 95, 97}) {
    for (int64_t n : {1, 3, 8, 16, 17, 33, 64}) {
      for (int64_t k : {1, 4, 19}) {
        check_kernel("matmul", {random({m, k}, ++seed), random({k, n}, ++seed)}, {}, k, concat({m, "x", k, "x", n}));
      }
    }
  }
}

TEST(Kernels, MatmulBlocks) {  // more than one block along each dimension
  check_kernel("matmul", {random({200, 300}, 1), random({300, 520}, 2)}, {}, 300, "blocks");
  check_kernel("matmul", {random({3, 600}, 1), random({600, 700}, 2)}, {}, 600, "few rows");
  check_kernel("matmul", {random({130, 600}, 1), random({600, 5}, 2)}, {}, 600, "few columns");
  check_kernel("matmul", {random({2, 3, 40, 33}, 1), random({3, 33, 41}, 2)}, {}, 33, "batch");
  check_kernel("matmul", {random({2, 3, 10, 33}, 1), random({33, 41}, 2)}, {}, 33, "one matrix for a batch");
  check_kernel("matmul", {random({10, 33}, 1), random({2, 2, 33, 21}, 2)}, {}, 33, "a batch for one matrix");
}

TEST(Kernels, GemmForms) {
  uint64_t seed = 1;
  for (int64_t a : {0, 1}) {
    for (int64_t b : {0, 1}) {
      for (int64_t m : {1, 7, 50}) {
        const int64_t n = 37, k = 270;
        const Dims a_dims = a != 0 ? Dims{k, m} : Dims{m, k}, b_dims = b != 0 ? Dims{n, k} : Dims{k, n};
        for (const Dims& c_dims : {Dims{n}, Dims{m, 1}, Dims{1, n}, Dims{}, Dims{m, n}}) {
          const Attributes attributes{{"transA", a}, {"transB", b}, {"alpha", 0.5f}, {"beta", -2.0f}};
          check_kernel("gemm", {random(a_dims, ++seed), random(b_dims, ++seed), random(c_dims, ++seed)}, attributes, k,
                       to_string(c_dims));
        }
        check_kernel("gemm", {random(a_dims, ++seed), random(b_dims, ++seed)}, {{"transA", a}, {"transB", b}}, k,
                     "no c");
      }
    }
  }
}

struct ConvForm {
  Dims x, w;
  Ints strides, pads, dilations;
  int64_t group;
};

TEST(Kernels, ConvForms) {
  const ConvForm forms[] = {
      {{1, 3, 20, 31}, {8, 3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {{2, 3, 21, 20}, {5, 3, 3, 5}, {2, 3}, {0, 2, 1, 0}, {1, 1}, 1},
      {{1, 4, 17, 17}, {6, 2, 3, 3}, {1, 2}, {2, 2, 2, 2}, {2, 2}, 2},
      {{2, 6, 13, 40}, {6, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 6},
      {{1, 6, 14, 15}, {12, 1, 5, 5}, {2, 2}, {2, 2, 2, 2}, {1, 1}, 6},
      {{1, 4, 9, 30}, {4, 1, 3, 3}, {3, 3}, {4, 4, 4, 4}, {1, 2}, 4},
      {{1, 40, 7, 9}, {33, 40, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 40, 1, 1}, {33, 40, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 40, 9, 9}, {7, 40, 1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 30, 5, 70}, {70, 30, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {{1, 2, 3, 3}, {2, 2, 3, 3}, {1, 1}, {5, 5, 5, 5}, {1, 1}, 1},
      {{1, 3, 8, 8}, {4, 3, 2, 2}, {1, 1}, {-1, 0, 0, -2}, {1, 1}, 1},
  };
  uint64_t seed = 10;
  for (const ConvForm& form : forms) {
    const Attributes attributes{
        {"strides", form.strides}, {"pads", form.pads}, {"dilations", form.dilations}, {"group", form.group}};
    const int64_t depth = form.w[1] * form.w[2] * form.w[3];
    const std::string note = concat({to_string(form.x), " with ", to_string(form.w)});
    check_kernel("conv", {random(form.x, ++seed), random(form.w, ++seed), random({form.w[0]}, ++seed)}, attributes,
                 depth, note);
    check_kernel("conv", {random(form.x, ++seed), random(form.w, ++seed)}, attributes, depth, note);
  }
  check_kernel("conv", {random({2, 5, 50}, 3), random({7, 5, 3}, 4)}, {{"pads", Ints{1, 1}}, {"strides", Ints{2}}}, 15,
               "1-D");
}

TEST(Kernels, Broadcasting) {
  const std::pair<Dims, Dims> shapes[] = {
      {{2, 3, 4, 5}, {2, 3, 4, 5}},
      {{2, 3, 4, 5}, {3, 1, 1}},
      {{2, 1, 4, 1}, {3, 1, 5}},
      {{}, {7}},
      {{1, 1}, {1}},
      {{4, 1}, {1, 6}},
      {{300, 400}, {400}},
      {{1, 64, 50, 50}, {1, 64, 1, 1}},
      {{5, 1, 3}, {5, 4, 3}},
  };
  for (std::string_view op : {"add", "sub", "mul", "div"}) {
    uint64_t seed = 1;
    for (const auto& [a, b] : shapes) {
      const Datum right(random_tensor(DType::float32, b, ++seed, 0.5, 2.0));
      check_kernel(op, {random(a, ++seed), right}, {}, 2, concat({to_string(a), " ", to_string(b)}));
      check_kernel(op, {right, Datum(random_tensor(DType::float32, a, ++seed, 0.5, 2.0))}, {}, 2,
                   concat({to_string(b), " ", to_string(a)}));
    }
  }
}

TEST(Kernels, ReluKeepsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_kernel("relu", {Datum(Tensor::of<float>({nan, -1, 2, -0.0f, 5, -7, nan, 3, -2}, {9}))}, {}, 1, "NaN");
}

TEST(Kernels, CancelledBudgetStopsAProduct) {
  const OpDef* op = Registry::builtin().find("matmul");
  const std::vector<Datum> inputs{random({300, 300}, 1), random({300, 300}, 2)};
  auto tensor = Tensor::allocate(DType::float32, {300, 300});
  ASSERT_TRUE(tensor.ok());
  std::vector<Datum> outputs{Datum(std::move(tensor).value())};
  auto budget = std::make_shared<Budget>(Limits{});
  budget->cancel();
  const auto done = make_kernel_provider()->run(*op, node_of("matmul", 2, {}), inputs, outputs, budget, nullptr);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::cancelled);
}

TEST(Kernels, OtherTypesAreLeftToTheReference) {
  const OpDef* op = Registry::builtin().find("matmul");
  const std::vector<Datum> inputs{Datum(random_tensor(DType::float64, {3, 3}, 1)),
                                  Datum(random_tensor(DType::float64, {3, 3}, 2))};
  std::vector<Datum> outputs{Datum(random_tensor(DType::float64, {3, 3}, 3))};
  const auto done = make_kernel_provider()->run(*op, node_of("matmul", 2, {}), inputs, outputs,
                                                std::make_shared<Budget>(Limits{}), nullptr);
  ASSERT_TRUE(done.ok());
  EXPECT_FALSE(*done);
}

}  // namespace
}  // namespace minnow
