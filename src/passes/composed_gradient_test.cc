// Operators without a gradient of their own are differentiated through their decomposition: the result must match
// central differences, case by case. (Operators with a gradient are checked likewise in ops/ops_test.cc.)
#include <gtest/gtest.h>

#include <cmath>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/check.h"
#include "ops/interpreter.h"
#include "passes/differentiate.h"

namespace minnow {
namespace {

std::vector<const OpDef*> composed_ops() {
  std::vector<const OpDef*> list;
  for (const OpDef* op : Registry::builtin().all()) {
    if (op->gradient != nullptr || op->decompose == nullptr || op->cases == nullptr || !op->pure) continue;
    for (const Case& test_case : op->cases()) {
      bool any_float = false;
      for (const Datum& datum : test_case.inputs) {
        any_float = any_float || (datum.kind == Datum::Kind::tensor && is_float(datum.tensor.dtype()));
      }
      if (!test_case.differentiable || !any_float) continue;
      list.push_back(op);
      break;
    }
  }
  return list;
}

// A graph of one node whose floating-point inputs are float64 graph inputs; output 0 is a weighted sum of its outputs.
struct Problem {
  Graph graph;
  std::vector<Datum> inputs;
  std::vector<ValueId> ids;
};

Result<Problem> make_problem(const OpDef& op, const Case& test_case) {
  Problem p;
  Builder b(p.graph);
  std::vector<ValueId> arguments;
  for (const Datum& datum : test_case.inputs) {
    if (datum.kind != Datum::Kind::tensor) {
      arguments.push_back(kNoValue);
    } else if (!is_float(datum.tensor.dtype())) {
      arguments.push_back(b.constant(datum.tensor, "fixed"));
    } else {
      MN_ASSIGN(Tensor wide, convert_dtype(datum.tensor, DType::float64));
      p.ids.push_back(b.input("x", Type::tensor(DType::float64, Shape(wide.dims()))));
      arguments.push_back(p.ids.back());
      p.inputs.push_back(std::move(wide));
    }
  }
  const std::vector<ValueId> outputs = b.add_many(op.name, arguments, test_case.outputs, test_case.attributes, "node");
  MN_TRY(b.status());
  ValueId loss = kNoValue;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Type type = b.type(outputs[i]);
    if (type.dtype != DType::float64) continue;
    MN_CHECK(type.shape.static_dims(), "output ", i, " has the type ", to_string(type), ", expected known dimensions");
    const ValueId weights =
        b.constant(random_tensor(DType::float64, type.shape.to_dims(), 17 + i, 0.5, 1.5), "weights");
    const ValueId part = b.add("sum_to_shape", {b.add("mul", {outputs[i], weights}), b.ints({})});
    loss = loss == kNoValue ? part : b.add("add", {loss, part});
  }
  MN_TRY(b.status());
  if (loss != kNoValue) b.output(loss);  // else only integers come out
  return p;
}

Result<std::vector<Datum>> run(const Graph& graph, std::span<const Datum> inputs) {
  MN_ASSIGN(const Interpreter interpreter, Interpreter::prepare(graph));
  return interpreter.run(inputs, {});
}

double moved_loss(const Problem& p, size_t input, int64_t element, double step) {
  std::vector<Datum> inputs = p.inputs;
  Tensor moved = Tensor::of<double>(inputs[input].tensor.values<double>(), inputs[input].tensor.dims());
  moved.mutable_data<double>()[element] += step;
  inputs[input] = Datum(std::move(moved));
  const auto results = run(p.graph, inputs);
  EXPECT_TRUE(results.ok()) << results.error().message;
  return results.ok() ? (*results)[0].tensor.data<double>()[0] : NAN;
}

class ComposedGradient : public testing::TestWithParam<const OpDef*> {};

TEST_P(ComposedGradient, MatchesCentralDifferences) {
  const OpDef& op = *GetParam();
  int checked = 0;
  bool any_loss = false;
  for (const Case& test_case : op.cases()) {
    SCOPED_TRACE(std::string(op.name) + " case: " + std::string(test_case.note));
    if (!test_case.differentiable) continue;
    auto problem = make_problem(op, test_case);
    ASSERT_TRUE(problem.ok()) << problem.error().message;
    if (problem->graph.outputs.empty()) continue;
    any_loss = true;
    const Status status = check_graph(problem->graph, Registry::builtin());
    ASSERT_TRUE(status.ok()) << status.error().message;
    Graph with_gradients = problem->graph;
    const auto gradients = differentiate(with_gradients, with_gradients.outputs[0], problem->ids);
    ASSERT_TRUE(gradients.ok()) << gradients.error().message;
    for (const ValueId id : *gradients) with_gradients.outputs.push_back(id);
    const auto results = run(with_gradients, problem->inputs);
    ASSERT_TRUE(results.ok()) << results.error().message;
    for (size_t i = 0; i < problem->inputs.size(); ++i) {
      const Tensor& gradient = (*results)[i + 1].tensor;
      ASSERT_EQ(gradient.dims(), problem->inputs[i].tensor.dims()) << "gradient of input " << i;
      const int64_t stride = 1 + gradient.size() / 24;  // two dozen elements an input keep the test quick
      for (int64_t e = 0; e < gradient.size(); e += stride, ++checked) {
        const double h = 1e-6;
        const double numeric = (moved_loss(*problem, i, e, h) - moved_loss(*problem, i, e, -h)) / (2 * h);
        ASSERT_NEAR(gradient.data<double>()[e], numeric, 1e-6 + 1e-5 * std::abs(numeric))
            << "input " << i << " element " << e;
      }
    }
  }
  EXPECT_TRUE(!any_loss || checked > 0);
}

INSTANTIATE_TEST_SUITE_P(All, ComposedGradient, testing::ValuesIn(composed_ops()),
                         [](const testing::TestParamInfo<const OpDef*>& info) {
                           return std::string(info.param->name);
                         });

}  // namespace
}  // namespace minnow
