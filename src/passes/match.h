// Reading a graph backwards, for passes that look for a formula.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace minnow {

class Formula {
 public:
  explicit Formula(const Graph& graph);

  // The node that produces the value, if it is of that operator.
  const Node* made_by(ValueId id, std::string_view op) const;
  // A constant of one element.
  std::optional<double> scalar(ValueId id) const;
  // Whether that constant is `expected`, up to how float32 rounds what exporters compute (a relative 1e-6).
  bool is_scalar(ValueId id, double expected) const;
  // Of a node with two inputs in any order: the input that is not the scalar `expected`; kNoValue where none is.
  ValueId beside_scalar(const Node& node, double expected) const;
  // The factors of a product, products among them taken apart; divisors that are scalars count as factors 1 / d.
  struct Product {
    std::vector<ValueId> factors;
    double scale = 1;
  };
  Product product(ValueId id) const;

 private:
  void multiply(ValueId id, int depth, Product& product) const;
  const Graph& graph_;
  std::vector<int32_t> producer_;
};

// Both tensors of one float dtype and one known rank. For a value computed from `x`, constants of one element and rows
// of x's last dimension alone this means: x's shape.
bool same_float_rank(const Graph& graph, ValueId value, ValueId x);

}  // namespace minnow
