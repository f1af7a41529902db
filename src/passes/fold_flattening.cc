// Products with a weight matrix of tensors that exporters flatten first, reshape(reshape(x, [-1, k]) W, [.., n]): the
// product reads x itself. What follows (a bias, a residual, an activation) then has the product's own shape, and a
// kernel can take it in.
#include <algorithm>
#include <unordered_map>

#include "ops/builder.h"
#include "passes/match.h"
#include "passes/rewrite.h"
#include "passes/size_classes.h"

namespace minnow::passes {
namespace {

struct Found {
  ValueId x = kNoValue, weight = kNoValue, bias = kNoValue;
  bool transposed = false;  // the weight is [n, k]
  // The input of the node that reads the unflattened product; for a reshape that the product replaces: -1.
  int input = -1;
};

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph), formula_(graph), sizes_(graph), uses_(use_counts(graph)) {}

  bool find(const Node& node, Found& found) const {
    if (node.outputs.size() != 1 || node.outputs[0] == kNoValue) return false;
    const auto* after = sizes_.dims(node.outputs[0]);
    if (after == nullptr || after->size() < 3) return false;
    if (node.op == "reshape") return product_of(node.inputs[0], found) && restores(*after, found);
    // Broadcasting gives a flat product the leading dimensions of 1 back that flattening took.
    constexpr std::string_view kBinary[] = {"add", "sub", "mul", "div"};
    if (std::find(std::begin(kBinary), std::end(kBinary), node.op) == std::end(kBinary)) return false;
    for (int i = 0; i < 2; ++i) {
      if (!product_of(node.inputs[static_cast<size_t>(i)], found)) continue;
      const auto& x = *sizes_.dims(found.x);
      const bool ones = std::all_of(x.begin(), x.end() - 2, [](SizeClasses::Class size) { return size == 1; });
      if (!ones || x.size() != after->size()) continue;
      found.input = i;
      return true;
    }
    return false;
  }

 private:
  static bool is(const Node& node, std::string_view name, double expected) {
    const Attribute* attribute = node.attributes.find(name);
    if (attribute == nullptr) return false;
    if (const float* real = attribute->get<float>()) return static_cast<double>(*real) == expected;
    const int64_t* integer = attribute->get<int64_t>();
    return integer != nullptr && static_cast<double>(*integer) == expected;
  }

  // The product as reshape(x, [rows, k]) W + bias.
  bool product_of(ValueId id, Found& found) const {
    if (id == kNoValue || uses_[static_cast<size_t>(id)] != 1) return false;
    const Node* product = formula_.made_by(id, "matmul");
    found = {};
    if (product == nullptr) {
      product = formula_.made_by(id, "gemm");
      if (product == nullptr || !plain(*product)) return false;
      found.transposed = is(*product, "transB", 1);
      if (product->inputs.size() > 2) found.bias = product->inputs[2];
    }
    const Node* flat = formula_.made_by(product->inputs[0], "reshape");
    if (flat == nullptr) return false;
    found.x = flat->inputs[0];
    found.weight = product->inputs[1];
    const auto *x = sizes_.dims(found.x), *rows = sizes_.dims(flat->outputs[0]), *out = sizes_.dims(id);
    const auto *weight = sizes_.dims(found.weight), *bias = sizes_.dims(found.bias);
    if (x == nullptr || rows == nullptr || weight == nullptr || out == nullptr) return false;
    if (x->size() < 3 || rows->size() != 2 || weight->size() != 2 || out->size() != 2) return false;
    if (!graph_.value(found.weight).is_constant() || (*weight)[0] == 0 || (*weight)[1] == 0) return false;
    if (found.bias != kNoValue && (bias == nullptr || bias->size() != 1 || bias->front() != out->back())) return false;
    return x->back() == rows->back() && SizeClasses::is_number(x->back());
  }

  // As gemm's defaults have it, but for a transposed weight.
  static bool plain(const Node& gemm) {
    for (const auto& [name, value] : gemm.attributes) {
      if (name == "alpha" || name == "beta") {
        if (!is(gemm, name, 1)) return false;
      } else if (name == "transA" && !is(gemm, name, 0)) {
        return false;
      }
    }
    return true;
  }

  // The shape is x's but for the last dimension.
  bool restores(const std::vector<SizeClasses::Class>& after, const Found& found) const {
    const auto& x = *sizes_.dims(found.x);
    const SizeClasses::Class columns = (*sizes_.dims(found.weight))[found.transposed ? 0 : 1];
    return after.size() == x.size() && after.back() == columns && std::equal(x.begin(), x.end() - 1, after.begin());
  }

  const Graph& graph_;
  Formula formula_;
  SizeClasses sizes_;
  std::vector<int32_t> uses_;
};

Status write(Builder& builder, const Found& found, Node node) {
  const ValueId weight =
      found.transposed ? builder.add("transpose", {found.weight}, {{"perm", Ints{1, 0}}}) : found.weight;
  if (found.input < 0 && found.bias == kNoValue) {
    MN_TRY(builder.status());
    return builder.append({"matmul", node.name, {found.x, weight}, node.outputs, {}});
  }
  ValueId product = builder.add("matmul", {found.x, weight}, {}, node.name);
  if (found.input < 0) {
    MN_TRY(builder.status());
    return builder.append({"add", node.name, {product, found.bias}, node.outputs, {}});
  }
  if (found.bias != kNoValue) product = builder.add("add", {product, found.bias});
  MN_TRY(builder.status());
  node.inputs[static_cast<size_t>(found.input)] = product;
  return builder.append(std::move(node));
}

}  // namespace

Status fold_flattening(Graph& graph, const PassContext& context) {
  std::unordered_map<size_t, Found> all;
  {
    const Finder finder(graph);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      Found found;
      if (finder.find(graph.nodes[i], found)) all.emplace(i, found);
    }
  }
  if (all.empty()) return rewrite_subgraphs(graph, context, fold_flattening);
  const Graph before = graph;  // shares all tensors
  std::vector<Node> nodes = std::exchange(graph.nodes, {});
  Builder builder(graph, context.registry);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto at = all.find(i);
    if (at == all.end()) {
      graph.nodes.push_back(std::move(nodes[i]));
    } else if (!write(builder, at->second, std::move(nodes[i])).ok()) {
      // Declared sizes contradict each other: a run, if it ever comes here, says so better.
      graph = before;
      return {};
    }
  }
  MN_TRY(remove_dead_code(graph, context));
  return rewrite_subgraphs(graph, context, fold_flattening);
}

}  // namespace minnow::passes
