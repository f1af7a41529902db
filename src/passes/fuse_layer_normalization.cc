// Layer normalization that exporters spell out: (x - mean) / sqrt(variance + epsilon) * scale + shift over the last
// axis, and as TensorFlow has it, x k + (shift - mean k) with k = scale / sqrt(variance + epsilon).
#include <optional>

#include "base/text.h"
#include "passes/match.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

constexpr std::string_view kPattern = "layer_normalization";

class Finder {
 public:
  Finder(const Graph& graph, const Formula& formula) : graph_(graph), formula_(formula) {}

  struct Normalized {
    ValueId x = kNoValue;
    float epsilon = 0;
  };

  // (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon), also with a reciprocal, also as a product.
  std::optional<Normalized> normalized(ValueId id) const {
    if (const Node* quotient = formula_.made_by(id, "div")) return of(quotient->inputs[0], quotient->inputs[1]);
    const Node* product = formula_.made_by(id, "mul");
    for (size_t i = 0; product != nullptr && i < 2; ++i) {
      if (const Node* inverse = formula_.made_by(product->inputs[i], "reciprocal")) {
        if (auto found = of(product->inputs[1 - i], inverse->inputs[0])) return found;
      }
      if (const Node* inverse = formula_.made_by(product->inputs[i], "div")) {
        if (!formula_.is_scalar(inverse->inputs[0], 1)) continue;
        if (auto found = of(product->inputs[1 - i], inverse->inputs[1])) return found;
      }
    }
    return std::nullopt;
  }

  struct Whole {
    ValueId x = kNoValue, scale = kNoValue, shift = kNoValue;
    float epsilon = 0;
  };

  // x k + (shift - mean(x) k).
  std::optional<Whole> folded(const Node& sum) const {
    for (size_t i = 0; i < 2; ++i) {
      const Node* product = formula_.made_by(sum.inputs[i], "mul");
      const Node* offset = formula_.made_by(sum.inputs[1 - i], "sub");
      const Node* moved = offset != nullptr ? formula_.made_by(offset->inputs[1], "mul") : nullptr;
      for (size_t j = 0; product != nullptr && moved != nullptr && j < 4; ++j) {
        const ValueId x = product->inputs[j % 2], k = product->inputs[1 - j % 2];
        if (moved->inputs[1 - j / 2] != k || x == k || mean_of(moved->inputs[j / 2]) != x) continue;
        std::optional<Whole> found = scaled_deviation(k, x);
        if (!found.has_value()) continue;
        found->shift = offset->inputs[0];
        return found;
      }
    }
    return std::nullopt;
  }

  // A constant or computed vector of x's last dimension.
  bool is_row(ValueId id, ValueId x) const {
    const Type &type = graph_.value(id).type, &of = graph_.value(x).type;
    return type.is_tensor() && type.dtype == of.dtype && type.shape.ranked && type.shape.rank() == 1 &&
           type.shape.dims[0].same(of.shape.dims.back());
  }

  // x of mean(x) over the last axis, kept as a dimension of 1.
  ValueId mean_of(ValueId id) const {
    if (const Node* pool = formula_.made_by(id, "global_average_pool")) {
      const Type& type = graph_.value(pool->inputs[0]).type;
      const Attribute* layout = pool->attributes.find("data_layout");
      const bool channels_first =
          layout == nullptr || (layout->get<std::string>() != nullptr && *layout->get<std::string>() == "NCHW");
      return channels_first && type.is_tensor() && type.shape.ranked && type.shape.rank() == 3 ? pool->inputs[0]
                                                                                               : kNoValue;
    }
    const Node* mean = formula_.made_by(id, "reduce_mean");
    if (mean == nullptr || mean->inputs.size() != 2 || mean->inputs[1] == kNoValue) return kNoValue;
    const Attribute* keep = mean->attributes.find("keepdims");
    if (keep != nullptr && keep->get<int64_t>() != nullptr && *keep->get<int64_t>() == 0) return kNoValue;
    const Tensor& axes = graph_.value(mean->inputs[1]).constant;
    const Type& type = graph_.value(mean->inputs[0]).type;
    if (!axes.valid() || axes.size() != 1 || !type.is_tensor() || !type.shape.ranked || type.shape.rank() == 0)
      return kNoValue;
    const int64_t axis = to_ints(axes)[0];
    return axis == -1 || axis == type.shape.rank() - 1 ? mean->inputs[0] : kNoValue;
  }

  // x of (x - mean(x))^2.
  ValueId squared(ValueId id) const {
    if (const Node* power = formula_.made_by(id, "pow")) {
      return formula_.is_scalar(power->inputs[1], 2) ? centered(power->inputs[0]) : kNoValue;
    }
    const Node* product = formula_.made_by(id, "mul");
    return product != nullptr && product->inputs[0] == product->inputs[1] ? centered(product->inputs[0]) : kNoValue;
  }

 private:
  // scale / sqrt(variance(x) + epsilon).
  std::optional<Whole> scaled_deviation(ValueId id, ValueId x) const {
    const auto found = [&](ValueId deviation, ValueId scale) -> std::optional<Whole> {
      const std::optional<float> epsilon = epsilon_of(deviation, x);
      if (!epsilon.has_value()) return std::nullopt;
      return Whole{x, scale, kNoValue, *epsilon};
    };
    if (const Node* quotient = formula_.made_by(id, "div")) return found(quotient->inputs[1], quotient->inputs[0]);
    const Node* product = formula_.made_by(id, "mul");
    for (size_t i = 0; product != nullptr && i < 2; ++i) {
      const Node* inverse = formula_.made_by(product->inputs[i], "reciprocal");
      if (inverse != nullptr) return found(inverse->inputs[0], product->inputs[1 - i]);
    }
    return std::nullopt;
  }

  ValueId centered(ValueId id) const {
    const Node* difference = formula_.made_by(id, "sub");
    if (difference == nullptr) return kNoValue;
    return mean_of(difference->inputs[1]) == difference->inputs[0] ? difference->inputs[0] : kNoValue;
  }

  std::optional<Normalized> of(ValueId difference, ValueId deviation) const {
    const ValueId x = centered(difference);
    const std::optional<float> epsilon = x != kNoValue ? epsilon_of(deviation, x) : std::nullopt;
    if (!epsilon.has_value()) return std::nullopt;
    return Normalized{x, *epsilon};
  }

  // Epsilon of sqrt(variance(x) + epsilon).
  std::optional<float> epsilon_of(ValueId deviation, ValueId x) const {
    const Node* root = formula_.made_by(deviation, "sqrt");
    const Node* sum = root != nullptr ? formula_.made_by(root->inputs[0], "add") : nullptr;
    for (size_t i = 0; sum != nullptr && i < 2; ++i) {
      const std::optional<double> epsilon = formula_.scalar(sum->inputs[i]);
      if (!epsilon.has_value() || *epsilon < 0) continue;
      const ValueId squares = mean_of(sum->inputs[1 - i]);
      if (squares != kNoValue && squared(squares) == x) return static_cast<float>(*epsilon);
    }
    return std::nullopt;
  }

  const Graph& graph_;
  const Formula& formula_;
};

// One that can be written as the operator: add(mul(normalized, scale), shift) or the product alone.
std::optional<Node> find(const Graph& graph, const Formula& formula, const Node& node) {
  const Finder finder(graph, formula);
  const auto scaled = [&](const Node& product) -> std::optional<Node> {
    for (size_t i = 0; i < 2; ++i) {
      const auto inner = finder.normalized(product.inputs[i]);
      if (!inner.has_value() || !finder.is_row(product.inputs[1 - i], inner->x)) continue;
      if (!same_float_rank(graph, product.outputs[0], inner->x)) continue;
      return Node{"layer_normalization",
                  "",
                  {inner->x, product.inputs[1 - i]},
                  {},
                  {{"axis", -1}, {"epsilon", inner->epsilon}}};
    }
    return std::nullopt;
  };
  if (node.op == "mul") return scaled(node);
  if (node.op != "add") return std::nullopt;
  if (const auto whole = finder.folded(node)) {
    if (!finder.is_row(whole->scale, whole->x) || !finder.is_row(whole->shift, whole->x)) return std::nullopt;
    if (!same_float_rank(graph, node.outputs[0], whole->x)) return std::nullopt;
    return Node{"layer_normalization",
                "",
                {whole->x, whole->scale, whole->shift},
                {},
                {{"axis", -1}, {"epsilon", whole->epsilon}}};
  }
  for (size_t i = 0; i < 2; ++i) {
    const Node* product = formula.made_by(node.inputs[i], "mul");
    if (product == nullptr) continue;
    std::optional<Node> found = scaled(*product);
    if (!found.has_value() || !finder.is_row(node.inputs[1 - i], found->inputs[0])) continue;
    found->inputs.push_back(node.inputs[1 - i]);
    return found;
  }
  return std::nullopt;
}

// What keeps sqrt(mean(squares) + epsilon) from being the deviation of a layer normalization; empty: it is none.
std::string why_not(const Graph& graph, const Formula& formula, const Finder& finder, const Node& root) {
  const Node* sum = formula.made_by(root.inputs[0], "add");
  for (size_t i = 0; sum != nullptr && i < 2; ++i) {
    const Node* mean = formula.made_by(sum->inputs[1 - i], "reduce_mean");
    if (mean == nullptr || !formula.scalar(sum->inputs[i]).has_value()) continue;
    const std::string averaged = concat({"'", printable(graph.value(mean->inputs[0]).name), "'"});
    if (finder.mean_of(sum->inputs[1 - i]) == kNoValue)
      return concat({"the mean of ", averaged, " is not over the last axis"});
    if (finder.squared(mean->inputs[0]) == kNoValue) return concat({averaged, " is not (x - mean(x))^2"});
    return "what divides by it is not (x - mean(x)) times a vector of the last dimension";
  }
  return "";
}

void note_misses(const Graph& graph, const PassContext& context) {
  const Formula formula(graph);
  const Finder finder(graph, formula);
  for (const Node& node : graph.nodes) {
    if (node.op != "sqrt") continue;
    std::string why = why_not(graph, formula, finder, node);
    if (!why.empty()) add_note(context, graph, kPattern, node, std::move(why));
  }
}

}  // namespace

Status fuse_layer_normalization(Graph& graph, const PassContext& context) {
  const Formula formula(graph);
  std::vector<std::pair<size_t, Node>> all;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (auto found = find(graph, formula, graph.nodes[i])) all.emplace_back(i, std::move(*found));
  }
  for (auto& [index, found] : all) {
    Node& node = graph.nodes[index];
    add_note(context, graph, kPattern, node);
    found.name = node.name;
    found.outputs = node.outputs;
    node = std::move(found);
  }
  if (!all.empty()) MN_TRY(remove_dead_code(graph, context));
  // Statistics that nobody reads: kernels write what a node lists.
  for (Node& node : graph.nodes) {
    if (node.op != "layer_normalization" && node.op != "rms_normalization") continue;
    while (node.outputs.size() > 1 && node.outputs.back() == kNoValue) node.outputs.pop_back();
  }
  if (context.notes != nullptr) note_misses(graph, context);
  return rewrite_subgraphs(graph, context, fuse_layer_normalization);
}

}  // namespace minnow::passes
