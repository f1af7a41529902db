#include "passes/match.h"

#include <cmath>

namespace minnow {

namespace {
// Exporters write no deeper products than x * 0.5 * (1 + erf(x / sqrt 2)); hostile graphs could.
constexpr int kMaxDepth = 5;
}  // namespace

Formula::Formula(const Graph& graph) : graph_(graph), producer_(producers(graph)) {}

const Node* Formula::made_by(ValueId id, std::string_view op) const {
  if (id == kNoValue) return nullptr;
  const int32_t index = producer_[static_cast<size_t>(id)];
  if (index < 0) return nullptr;
  const Node& node = graph_.nodes[static_cast<size_t>(index)];
  return node.op == op ? &node : nullptr;
}

std::optional<double> Formula::scalar(ValueId id) const {
  if (id == kNoValue) return std::nullopt;
  const Tensor& tensor = graph_.value(id).constant;
  if (!tensor.valid() || tensor.size() != 1 || tensor.dtype() == DType::string || is_complex(tensor.dtype()))
    return std::nullopt;
  return to_doubles(tensor)[0];
}

bool Formula::is_scalar(ValueId id, double expected) const {
  const std::optional<double> value = scalar(id);
  return value.has_value() && std::fabs(*value - expected) <= 1e-6 * std::fabs(expected);
}

ValueId Formula::beside_scalar(const Node& node, double expected) const {
  if (node.inputs.size() != 2) return kNoValue;
  if (is_scalar(node.inputs[1], expected)) return node.inputs[0];
  return is_scalar(node.inputs[0], expected) ? node.inputs[1] : kNoValue;
}

void Formula::multiply(ValueId id, int depth, Product& product) const {
  if (const std::optional<double> value = scalar(id)) {
    product.scale *= *value;
    return;
  }
  if (const Node* node = made_by(id, "mul"); node != nullptr && depth < kMaxDepth) {
    for (ValueId input : node->inputs) multiply(input, depth + 1, product);
    return;
  }
  if (const Node* node = made_by(id, "div"); node != nullptr && depth < kMaxDepth) {
    const std::optional<double> divisor = scalar(node->inputs[1]);
    if (divisor.has_value() && *divisor != 0) {
      product.scale /= *divisor;
      return multiply(node->inputs[0], depth + 1, product);
    }
  }
  product.factors.push_back(id);
}

Formula::Product Formula::product(ValueId id) const {
  Product result;
  multiply(id, 0, result);
  return result;
}

bool same_float_rank(const Graph& graph, ValueId value, ValueId x) {
  const Type &a = graph.value(value).type, &b = graph.value(x).type;
  return a.is_tensor() && b.is_tensor() && is_float(a.dtype) && a.dtype == b.dtype && a.shape.ranked &&
         b.shape.ranked && a.shape.rank() == b.shape.rank();
}

}  // namespace minnow
