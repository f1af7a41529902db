// Operators that have both a reference and a decomposition must mean the same by both.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/interpreter.h"
#include "ops/registry.h"

namespace minnow {
namespace {

std::vector<const OpDef*> ops_with_both() {
  std::vector<const OpDef*> list;
  for (const OpDef* op : Registry::builtin().all()) {
    if (op->reference != nullptr && op->decompose != nullptr && op->cases != nullptr && op->pure) list.push_back(op);
  }
  return list;
}

class DecomposeTest : public testing::TestWithParam<const OpDef*> {};

TEST_P(DecomposeTest, AgreesWithTheReference) {
  const OpDef& op = *GetParam();
  OpDef spelled = op;
  spelled.name = "spelled";
  spelled.reference = nullptr;
  spelled.imports.clear();
  Registry registry(&Registry::builtin());
  ASSERT_TRUE(registry.add(spelled).ok());
  for (const Case& test_case : op.cases()) {
    SCOPED_TRACE(std::string(op.name) + " case: " + std::string(test_case.note));
    const auto expected = evaluate(op.name, test_case.inputs, test_case.attributes, test_case.outputs);
    const auto actual = evaluate(spelled.name, test_case.inputs, test_case.attributes, test_case.outputs, registry);
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    ASSERT_TRUE(actual.ok()) << actual.error().message;
    for (size_t o = 0; o < expected->size(); ++o) {
      const Tensor &a = (*actual)[o].tensor, &e = (*expected)[o].tensor;
      ASSERT_EQ(to_string(a.dtype()), to_string(e.dtype())) << "output " << o;
      ASSERT_EQ(a.dims(), e.dims()) << "output " << o;
      const std::vector<double> actual_values = to_doubles(a), expected_values = to_doubles(e);
      for (size_t i = 0; i < expected_values.size(); ++i) {
        if (std::isnan(expected_values[i])) {
          ASSERT_TRUE(std::isnan(actual_values[i])) << "output " << o << " at " << i;
          continue;
        }
        const double allowed = op.tolerance.absolute + op.tolerance.relative * std::abs(expected_values[i]);
        ASSERT_NEAR(actual_values[i], expected_values[i], allowed) << "output " << o << " at " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DecomposeTest, testing::ValuesIn(ops_with_both()),
                         [](const testing::TestParamInfo<const OpDef*>& info) {
                           return std::string(info.param->name);
                         });

}  // namespace
}  // namespace minnow
