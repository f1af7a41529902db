// Every operator with operands that its cases do not have: too few, absent ones, other ranks, other types, no elements.
// Each is refused with a message, or runs; sanitizers decide whether anything was read that is not there.
#include <gtest/gtest.h>

#include <algorithm>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/interpreter.h"
#include "ops/registry.h"

namespace minnow {
namespace {

constexpr size_t kCases = 3;  // of an operator; more repeat what the first ones show

std::vector<Datum> replacements(const Datum& given) {
  std::vector<Datum> list{Datum(), Datum(Tensor::of<int64_t>({-1, 3, 0}, {3})),
                          Datum(Tensor::of_strings({"a", "b"}, {2, 1})),
                          Datum(std::vector<Datum>{Tensor::of<float>({1}, {1})}),
                          Datum(random_tensor(DType::float32, {1, 2, 1, 2, 1, 2, 1, 2}, 1))};
  if (given.kind != Datum::Kind::tensor || given.tensor.dtype() == DType::string) return list;
  const DType dtype = given.tensor.dtype();
  list.emplace_back(random_tensor(dtype, {}, 1));
  list.emplace_back(random_tensor(dtype, {0}, 1));
  Dims dims = given.tensor.dims();
  dims.push_back(2);
  if (dims.size() <= 8) list.emplace_back(random_tensor(dtype, dims, 1));
  dims.pop_back();
  if (dims.empty()) return list;
  dims.back() += 1;
  list.emplace_back(random_tensor(dtype, dims, 1));
  dims.front() = 0;
  list.emplace_back(random_tensor(dtype, dims, 1));
  dims.erase(dims.begin());
  list.emplace_back(random_tensor(dtype, dims, 1));
  return list;
}

// Once with the values, once with nothing but their types.
void try_operands(const OpDef& op, const std::vector<Datum>& inputs, const Case& test_case, int outputs) {
  const Result<std::vector<Datum>> result = evaluate(op.name, inputs, test_case.attributes, outputs);
  if (!result.ok()) {
    EXPECT_FALSE(result.error().message.empty());
  }
  Graph graph;
  Builder builder(graph);
  std::vector<ValueId> ids;
  for (const Datum& datum : inputs) ids.push_back(datum.present() ? builder.input("x", Type::of(datum)) : kNoValue);
  builder.add_many(op.name, ids, outputs, test_case.attributes);
  if (!builder.status().ok()) {
    EXPECT_FALSE(builder.status().error().message.empty());
  }
}

class OperandsTest : public testing::TestWithParam<const OpDef*> {};

TEST_P(OperandsTest, OthersAreRefusedOrRun) {
  const OpDef& op = *GetParam();
  std::vector<Case> cases = op.cases();
  cases.resize(std::min(cases.size(), kCases));
  for (const Case& test_case : cases) {
    for (size_t count = 0; count < test_case.inputs.size(); ++count) {
      const std::vector<Datum> fewer(test_case.inputs.begin(), test_case.inputs.begin() + static_cast<int64_t>(count));
      try_operands(op, fewer, test_case, test_case.outputs);
    }
    for (size_t i = 0; i < test_case.inputs.size(); ++i) {
      for (const Datum& other : replacements(test_case.inputs[i])) {
        std::vector<Datum> inputs = test_case.inputs;
        inputs[i] = other;
        try_operands(op, inputs, test_case, test_case.outputs);
      }
    }
    for (int outputs : {0, 1, test_case.outputs + 1}) try_operands(op, test_case.inputs, test_case, outputs);
  }
}

INSTANTIATE_TEST_SUITE_P(All, OperandsTest, testing::ValuesIn([] {
                           std::vector<const OpDef*> list;
                           for (const OpDef* op : Registry::builtin().all()) {
                             // A loop without a count and a condition goes on until its budget ends.
                             if (op->cases != nullptr && op->name != "loop") list.push_back(op);
                           }
                           return list;
                         }()),
                         [](const testing::TestParamInfo<const OpDef*>& info) {
                           return std::string(info.param->name);
                         });

}  // namespace
}  // namespace minnow
