// Loops over every operator's cases: inference and reference agree, results match what is expected, and gradients match
// central differences in float64. An operator gets these tests by being in the list.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/text.h"
#include "ops/builder.h"
#include "ops/check.h"
#include "ops/interpreter.h"
#include "ops/registry.h"

namespace minnow {
namespace {

std::vector<const OpDef*> ops_where(bool (*keep)(const OpDef&)) {
  std::vector<const OpDef*> list;
  for (const OpDef* op : Registry::builtin().all()) {
    if (keep(*op)) list.push_back(op);
  }
  return list;
}

std::string param_name(const testing::TestParamInfo<const OpDef*>& info) { return std::string(info.param->name); }

std::string case_name(const OpDef& op, size_t index, const Case& test_case) {
  return concat({op.name, " case ", index, test_case.note.empty() ? "" : ": ", test_case.note});
}

void expect_close(const Tensor& actual, const Tensor& expected, const Tolerance& tolerance) {
  ASSERT_EQ(to_string(actual.dtype()), to_string(expected.dtype()));
  ASSERT_EQ(actual.dims(), expected.dims());
  if (expected.dtype() == DType::string) {
    for (int64_t i = 0; i < expected.size(); ++i) ASSERT_EQ(actual.strings()[i], expected.strings()[i]) << "at " << i;
    return;
  }
  const std::vector<double> a = to_doubles(actual), e = to_doubles(expected);
  for (size_t i = 0; i < e.size(); ++i) {
    if (std::isnan(e[i])) {
      ASSERT_TRUE(std::isnan(a[i])) << "at " << i;
    } else if (std::isinf(e[i])) {
      ASSERT_EQ(a[i], e[i]) << "at " << i;
    } else {
      ASSERT_NEAR(a[i], e[i], tolerance.absolute + tolerance.relative * std::abs(e[i])) << "at " << i;
    }
  }
}

class OpTest : public testing::TestWithParam<const OpDef*> {};

TEST_P(OpTest, CasesRunAndMatch) {
  const OpDef& op = *GetParam();
  const std::vector<Case> cases = op.cases();
  ASSERT_FALSE(cases.empty());
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(case_name(op, i, cases[i]));
    auto result = evaluate(op.name, cases[i].inputs, cases[i].attributes, cases[i].outputs);
    ASSERT_TRUE(result.ok()) << result.error().message;
    for (size_t o = 0; o < cases[i].expected.size(); ++o)
      expect_close((*result)[o].tensor, cases[i].expected[o], op.tolerance);
  }
}

// What inference says without looking at values must not contradict what the reference computes.
TEST_P(OpTest, SymbolicInferenceAgrees) {
  const OpDef& op = *GetParam();
  const std::vector<Case> cases = op.cases();
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(case_name(op, i, cases[i]));
    auto result = evaluate(op.name, cases[i].inputs, cases[i].attributes, cases[i].outputs);
    if (!result.ok()) continue;  // reported above
    for (const bool ranked : {true, false}) {
      Graph graph;
      Builder builder(graph);
      std::vector<ValueId> inputs;
      for (const Datum& datum : cases[i].inputs) {
        Type type = Type::of(datum);
        if (!ranked) type.shape = Shape();
        for (Dim& dim : type.shape.dims) dim = Dim();
        inputs.push_back(datum.present() ? builder.input("x", type) : kNoValue);
      }
      const auto outputs = builder.add_many(op.name, inputs, cases[i].outputs, cases[i].attributes);
      ASSERT_TRUE(builder.status().ok()) << builder.status().error().message;
      for (size_t o = 0; o < outputs.size(); ++o) {
        const Type& inferred = builder.type(outputs[o]);
        if (!inferred.is_tensor() || (*result)[o].kind != Datum::Kind::tensor) continue;
        const Tensor& actual = (*result)[o].tensor;
        if (inferred.dtype != DType::undefined) {
          EXPECT_EQ(to_string(inferred.dtype), to_string(actual.dtype()));
        }
        if (!inferred.shape.ranked) continue;
        ASSERT_EQ(inferred.shape.rank(), actual.rank());
        for (int64_t d = 0; d < actual.rank(); ++d) {
          const Dim& dim = inferred.shape.dims[static_cast<size_t>(d)];
          if (dim.known()) {
            EXPECT_EQ(dim.value, actual.dim(d)) << "dimension " << d;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, OpTest, testing::ValuesIn(ops_where([](const OpDef& op) { return op.cases != nullptr; })),
                         param_name);

// loss = sum over outputs of weights * output, with fixed weights that differ from element to element.
double weight_of(int64_t i) { return 0.5 + std::sin(1.0 + 0.7 * static_cast<double>(i)); }

double loss_of(const std::vector<Datum>& outputs) {
  double loss = 0;
  for (const Datum& datum : outputs) {
    if (datum.kind != Datum::Kind::tensor || datum.tensor.dtype() != DType::float64) continue;
    const double* data = datum.tensor.data<double>();
    for (int64_t i = 0; i < datum.tensor.size(); ++i) loss += weight_of(i) * data[i];
  }
  return loss;
}

Tensor weights_like(const Tensor& tensor) {
  Tensor out = Tensor::allocate(DType::float64, tensor.dims()).value();
  for (int64_t i = 0; i < out.size(); ++i) out.mutable_data<double>()[i] = weight_of(i);
  return out;
}

// Gradients of one case by the operator's gradient function, run in float64.
Result<std::vector<Datum>> analytic_gradients(const OpDef& op, const Case& test_case, std::span<const Datum> inputs,
                                              std::span<const Datum> outputs) {
  Graph graph;
  Builder builder(graph);
  Node node{std::string(op.name), "op", {}, {}, test_case.attributes};
  for (const Datum& datum : inputs)
    node.inputs.push_back(datum.present() ? builder.constant(datum.tensor, "x") : kNoValue);
  node.outputs = builder.add_many(op.name, node.inputs, test_case.outputs, test_case.attributes, "op");
  std::vector<ValueId> output_gradients;
  for (const Datum& datum : outputs) {
    const bool real = datum.kind == Datum::Kind::tensor && datum.tensor.dtype() == DType::float64;
    output_gradients.push_back(real ? builder.constant(weights_like(datum.tensor), "dy") : kNoValue);
  }
  GradientContext context(op, node, builder, output_gradients);
  MN_TRY(op.gradient(context));
  MN_TRY(builder.status());
  std::vector<size_t> positions;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (context.input_gradients()[i] == kNoValue) continue;
    graph.outputs.push_back(context.input_gradients()[i]);
    positions.push_back(i);
  }
  MN_TRY(verify_graph(graph));
  MN_ASSIGN(const Interpreter interpreter, Interpreter::prepare(graph));
  MN_ASSIGN(std::vector<Datum> results, interpreter.run({}, {}));
  std::vector<Datum> gradients(inputs.size());
  for (size_t i = 0; i < positions.size(); ++i) gradients[positions[i]] = results[i];
  return gradients;
}

class GradientTest : public testing::TestWithParam<const OpDef*> {};

TEST_P(GradientTest, MatchesCentralDifferences) {
  const OpDef& op = *GetParam();
  const std::vector<Case> cases = op.cases();
  int checked = 0;
  for (size_t n = 0; n < cases.size(); ++n) {
    if (!cases[n].differentiable) continue;
    SCOPED_TRACE(case_name(op, n, cases[n]));
    std::vector<Datum> inputs = cases[n].inputs;
    bool any_float = false;
    for (Datum& datum : inputs) {
      if (datum.kind != Datum::Kind::tensor || !is_float(datum.tensor.dtype())) continue;
      datum.tensor = convert_dtype(datum.tensor, DType::float64).value();
      any_float = any_float || datum.tensor.size() > 0;
    }
    if (!any_float) continue;
    auto outputs = evaluate(op.name, inputs, cases[n].attributes, cases[n].outputs);
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    auto gradients = analytic_gradients(op, cases[n], inputs, *outputs);
    ASSERT_TRUE(gradients.ok()) << gradients.error().message;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!(*gradients)[i].present() || inputs[i].tensor.dtype() != DType::float64) continue;
      const Tensor gradient = (*gradients)[i].tensor;
      ASSERT_EQ(gradient.dims(), inputs[i].tensor.dims()) << "gradient of input " << i;
      const Tensor original = inputs[i].tensor;
      for (int64_t e = 0; e < original.size(); ++e) {
        const double h = 1e-6;
        double loss[2];
        for (int side = 0; side < 2; ++side) {
          Tensor moved = Tensor::of<double>(original.values<double>(), original.dims());
          moved.mutable_data<double>()[e] += side == 0 ? h : -h;
          inputs[i] = Datum(moved);
          auto result = evaluate(op.name, inputs, cases[n].attributes, cases[n].outputs);
          ASSERT_TRUE(result.ok()) << result.error().message;
          loss[side] = loss_of(*result);
        }
        inputs[i] = Datum(original);
        const double numeric = (loss[0] - loss[1]) / (2 * h);
        ASSERT_NEAR(gradient.data<double>()[e], numeric, 1e-6 + 1e-5 * std::abs(numeric))
            << "input " << i << " element " << e;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 0) << op.name << " has a gradient but no case that checks it";
}

INSTANTIATE_TEST_SUITE_P(All, GradientTest, testing::ValuesIn(ops_where([](const OpDef& op) {
                           return op.gradient != nullptr && op.cases != nullptr;
                         })),
                         param_name);

TEST(Registry, EveryOperatorIsComplete) {
  std::set<std::string> rows;
  for (const OpDef* op : Registry::builtin().all()) {
    EXPECT_FALSE(op->doc.empty()) << op->name;
    EXPECT_NE(op->cases, nullptr) << op->name << " has no test cases";
    EXPECT_TRUE(op->infer != nullptr || op->decompose != nullptr) << op->name;
    for (const ImportRow& row : op->imports) {
      EXPECT_LE(row.first, row.last) << op->name;
      for (int version = row.first; version <= std::min(row.last, 40); ++version) {
        EXPECT_TRUE(rows.insert(concat({row.domain, ".", row.name, "@", version})).second)
            << row.domain << "." << row.name << " version " << version << " is imported twice (" << op->name << ")";
      }
    }
  }
}

TEST(Registry, FindsByNameAndVersion) {
  const Registry& registry = Registry::builtin();
  ASSERT_NE(registry.find("matmul"), nullptr);
  EXPECT_EQ(registry.find("mat_mul"), nullptr);
  EXPECT_EQ(registry.find_import("ai.onnx", "MatMul", 13).op, registry.find("matmul"));
  EXPECT_FALSE(registry.find_import("ai.onnx", "NoSuchOperator", 13));
}

TEST(Check, ErrorsNameNodeAndCause) {
  Graph graph;
  Builder builder(graph);
  const ValueId a = builder.input("a", Type::tensor(DType::float32, Shape{2, 3}));
  const ValueId b = builder.input("b", Type::tensor(DType::float32, Shape{4, 5}));
  builder.add("matmul", {a, b}, {}, "product");
  ASSERT_FALSE(builder.status().ok());
  EXPECT_EQ(builder.status().error().code, ErrorCode::bad_input);
  EXPECT_NE(
      builder.status().error().message.find("node 'product' (MatMul): inner dimensions differ: [2, 3] times [4, 5]"),
      std::string::npos)
      << builder.status().error().message;
}

TEST(Check, WrongAttributeKindIsRefused) {
  Graph graph;
  Builder builder(graph);
  const ValueId a = builder.input("a", Type::tensor(DType::float32, Shape{2, 3}));
  const ValueId b = builder.input("b", Type::tensor(DType::float32, Shape{3, 5}));
  builder.add("matmul", {a, b}, {{"transA", 1}}, "product");
  ASSERT_FALSE(builder.status().ok());
  EXPECT_NE(builder.status().error().message.find("unknown attribute 'transA'"), std::string::npos);
}

}  // namespace
}  // namespace minnow
