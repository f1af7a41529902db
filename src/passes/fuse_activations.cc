// Activations that exporters spell out: gelu (by erf and by tanh), swish, hard_swish.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "passes/match.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

struct Found {
  std::string_view op;
  ValueId x = kNoValue;
  Attributes attributes;
};

bool near(double a, double b) { return std::fabs(a - b) <= 1e-5 * std::fabs(b); }

// Takes `x` out of the factors once; false where it is not among them.
bool remove(std::vector<ValueId>& factors, ValueId x) {
  const auto at = std::find(factors.begin(), factors.end(), x);
  if (at == factors.end()) return false;
  factors.erase(at);
  return true;
}

// x^3 k as a product: k x x x, or k pow(x, 3).
bool is_cube(const Formula& formula, ValueId id, ValueId x, double k) {
  Formula::Product product = formula.product(id);
  if (!near(product.scale, k)) return false;
  if (product.factors.size() == 1) {
    const Node* power = formula.made_by(product.factors[0], "pow");
    return power != nullptr && power->inputs[0] == x && formula.is_scalar(power->inputs[1], 3);
  }
  return product.factors.size() == 3 &&
         std::all_of(product.factors.begin(), product.factors.end(), [x](ValueId id) { return id == x; });
}

// sqrt(2 / pi) (x + 0.044715 x^3), also as sqrt(2 / pi) x (1 + 0.044715 x^2).
bool is_tanh_argument(const Formula& formula, ValueId id, ValueId x) {
  constexpr double kCubic = 0.044715;
  Formula::Product product = formula.product(id);
  if (!near(product.scale, std::sqrt(2 / M_PI))) return false;
  const bool factored = product.factors.size() == 2 && remove(product.factors, x);
  if (product.factors.size() != 1) return false;
  const Node* sum = formula.made_by(product.factors[0], "add");
  if (sum == nullptr) return false;
  if (!factored) {
    for (size_t i = 0; i < 2; ++i) {
      if (sum->inputs[i] == x && is_cube(formula, sum->inputs[1 - i], x, kCubic)) return true;
    }
    return false;
  }
  const ValueId square = formula.beside_scalar(*sum, 1);
  if (square == kNoValue) return false;
  const Formula::Product squared = formula.product(square);
  return near(squared.scale, kCubic) && squared.factors == std::vector<ValueId>{x, x};
}

// x / 2 (1 + erf(x / sqrt 2)), x / 2 (1 + tanh(…)).
bool find_gelu(const Formula& formula, const Formula::Product& product, Found& found) {
  if (product.factors.size() != 2 || !near(product.scale, 0.5)) return false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId x = product.factors[i];
    const Node* sum = formula.made_by(product.factors[1 - i], "add");
    const ValueId inner = sum != nullptr ? formula.beside_scalar(*sum, 1) : kNoValue;
    if (const Node* erf = formula.made_by(inner, "erf")) {
      const Formula::Product argument = formula.product(erf->inputs[0]);
      if (argument.factors != std::vector<ValueId>{x} || !near(argument.scale, std::sqrt(0.5))) continue;
      found = {"gelu", x, {{"approximate", "none"}}};
      return true;
    }
    if (const Node* tanh = formula.made_by(inner, "tanh")) {
      if (!is_tanh_argument(formula, tanh->inputs[0], x)) continue;
      found = {"gelu", x, {{"approximate", "tanh"}}};
      return true;
    }
  }
  return false;
}

// x sigmoid(alpha x).
bool find_swish(const Formula& formula, const Formula::Product& product, Found& found) {
  if (product.factors.size() != 2 || product.scale != 1) return false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId x = product.factors[i];
    const Node* sigmoid = formula.made_by(product.factors[1 - i], "sigmoid");
    if (sigmoid == nullptr) continue;
    const Formula::Product argument = formula.product(sigmoid->inputs[0]);
    if (argument.factors != std::vector<ValueId>{x}) continue;
    found = {"swish", x, {{"alpha", static_cast<float>(argument.scale)}}};
    return true;
  }
  return false;
}

// x hard_sigmoid(x) with slope 1 / 6 and offset 1 / 2, or x clip(x + 3, 0, 6) / 6.
bool find_hard_swish(const Formula& formula, const Formula::Product& product, Found& found) {
  if (product.factors.size() != 2) return false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId x = product.factors[i];
    if (const Node* gate = formula.made_by(product.factors[1 - i], "hard_sigmoid")) {
      const Attribute *alpha = gate->attributes.find("alpha"), *beta = gate->attributes.find("beta");
      const bool slope = alpha != nullptr && alpha->get<float>() != nullptr && near(*alpha->get<float>(), 1.0 / 6);
      const bool offset = beta == nullptr || (beta->get<float>() != nullptr && *beta->get<float>() == 0.5f);
      if (gate->inputs[0] != x || !slope || !offset || product.scale != 1) continue;
      found = {"hard_swish", x, {}};
      return true;
    }
    if (const Node* gate = formula.made_by(product.factors[1 - i], "clip")) {
      const Node* sum = formula.made_by(gate->inputs[0], "add");
      if (sum == nullptr || formula.beside_scalar(*sum, 3) != x || !near(product.scale, 1.0 / 6)) continue;
      if (gate->inputs.size() != 3 || formula.scalar(gate->inputs[1]) != 0.0 || !formula.is_scalar(gate->inputs[2], 6))
        continue;
      found = {"hard_swish", x, {}};
      return true;
    }
  }
  return false;
}

// An erf that is left, or a tanh of gelu's argument.
void note_misses(const Graph& graph, const PassContext& context) {
  const Formula formula(graph);
  for (const Node& node : graph.nodes) {
    if (node.op != "erf" && node.op != "tanh") continue;
    const Formula::Product argument = formula.product(node.inputs[0]);
    const bool erf = node.op == "erf";
    const double expected = std::sqrt(erf ? 0.5 : 2 / M_PI);
    const bool scaled = near(argument.scale, expected);
    if (!erf && !scaled) continue;
    std::string why = erf ? "it is not read by x / 2 (1 + erf(x / sqrt 2)) with that x"
                          : "it is not read by x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) with that x";
    if (!scaled) why = concat({"its argument is scaled by ", argument.scale, ": gelu's by ", expected});
    add_note(context, graph, "gelu", node, std::move(why));
  }
}

}  // namespace

Status fuse_activations(Graph& graph, const PassContext& context) {
  const Formula formula(graph);
  std::vector<std::pair<size_t, Found>> all;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op != "mul" && node.op != "div") continue;
    const Formula::Product product = formula.product(node.outputs[0]);
    Found found;
    const bool any = find_gelu(formula, product, found) || find_swish(formula, product, found) ||
                     find_hard_swish(formula, product, found);
    if (any && same_float_rank(graph, node.outputs[0], found.x)) all.emplace_back(i, std::move(found));
  }
  for (auto& [index, found] : all) {
    Node& node = graph.nodes[index];
    add_note(context, graph, found.op, node);
    node.op = found.op;
    node.inputs = {found.x};
    node.attributes = std::move(found.attributes);
  }
  if (!all.empty()) MN_TRY(remove_dead_code(graph, context));
  if (context.notes != nullptr) note_misses(graph, context);
  return rewrite_subgraphs(graph, context, fuse_activations);
}

}  // namespace minnow::passes
