// dequantize_linear of two tensors -> add, sub or mul -> (relu, clip) -> quantize_linear as one operator on codes.
#include <algorithm>
#include <cmath>

#include "ops/builder.h"
#include "passes/quantization.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

struct Name {
  std::string_view real, quantized;
};
constexpr Name kNames[] = {{"add", "quantized_add"}, {"sub", "quantized_sub"}, {"mul", "quantized_mul"}};

// One tensor's scale and zero point, as numbers.
struct Step {
  float scale = 0;
  int32_t zero = 0;
};

std::optional<Step> step_of(const Graph& graph, ValueId scale, ValueId zero_point) {
  const Tensor& s = graph.value(scale).constant;
  if (!s.valid() || s.size() != 1 || s.dtype() != DType::float32) return std::nullopt;
  // What kernels take: products and quotients of such scales and of codes are normal numbers.
  if (!(*s.data<float>() >= 0x1p-40f && *s.data<float>() <= 0x1p40f)) return std::nullopt;
  Step step{*s.data<float>(), 0};
  if (zero_point == kNoValue) return step;
  const Tensor& z = graph.value(zero_point).constant;
  if (!z.valid() || z.size() != 1) return std::nullopt;
  step.zero = static_cast<int32_t>(to_ints(z)[0]);
  return step;
}

// quantize_linear of one number.
int64_t code_of(double x, const Step& step, DType dtype) {
  const float code = std::nearbyint(static_cast<float>(x) / step.scale) + static_cast<float>(step.zero);
  return static_cast<int64_t>(
      std::clamp(code, static_cast<float>(integer_min(dtype)), static_cast<float>(integer_max(dtype))));
}

struct Fusion {
  size_t arithmetic = 0, quantize = 0;
  std::string_view op;
  ValueId a = kNoValue, b = kNoValue;
  Step steps[3];
  Attributes attributes;
};

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph), matcher_(graph) {}

  std::optional<Fusion> find(size_t index) const {
    const Node& node = graph_.nodes[index];
    const auto* name =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) { return n.real == node.op; });
    if (name == std::end(kNames)) return std::nullopt;
    Fusion fusion{index, 0, name->quantized, kNoValue, kNoValue, {}, {}};
    for (size_t i = 0; i < 2; ++i) {
      const auto value = matcher_.dequantized(node.inputs[i]);
      if (!value.has_value() || !value->per_tensor || !is_byte(graph_.value(value->codes).type.dtype))
        return std::nullopt;
      const auto step = step_of(graph_, value->scale, value->zero_point);
      if (!step.has_value()) return std::nullopt;
      fusion.steps[i] = *step;
      (i == 0 ? fusion.a : fusion.b) = value->codes;
    }
    const Node* limit = nullptr;
    const Node* quantize = matcher_.quantizing_reader(node.outputs[0]);
    if (quantize == nullptr) {
      limit = matcher_.only_reader(node.outputs[0]);
      if (limit == nullptr || limit->inputs[0] != node.outputs[0] || limit->outputs.empty()) return std::nullopt;
      quantize = matcher_.quantizing_reader(limit->outputs[0]);
    }
    if (quantize == nullptr) return std::nullopt;
    const auto target = step_of(graph_, quantize->inputs[1], quantize->inputs[2]);
    if (!target.has_value()) return std::nullopt;
    fusion.steps[2] = *target;
    fusion.quantize = matcher_.index_of(*quantize);
    const DType dtype = graph_.value(quantize->outputs[0]).type.dtype;
    fusion.attributes.set("to", dtype);
    if (limit != nullptr && !add_limits(*limit, *target, dtype, fusion.attributes)) return std::nullopt;
    return fusion;
  }

 private:
  // Quantization keeps the order of numbers: limits of the result are limits of its codes.
  bool add_limits(const Node& node, const Step& target, DType dtype, Attributes& attributes) const {
    if (node.op == "relu") {
      attributes.set("low", code_of(0, target, dtype));
      return true;
    }
    if (node.op != "clip") return false;
    constexpr std::string_view kLimits[] = {"low", "high"};
    int64_t codes[2] = {integer_min(dtype), static_cast<int64_t>(integer_max(dtype))};
    for (size_t i = 0; i < 2; ++i) {
      if (i + 1 >= node.inputs.size() || node.inputs[i + 1] == kNoValue) continue;
      const Tensor* value = constant_input(graph_, node, i + 1);
      if (value == nullptr || value->size() != 1 || std::isnan(to_doubles(*value)[0])) return false;
      codes[i] = code_of(to_doubles(*value)[0], target, dtype);
      attributes.set(std::string(kLimits[i]), codes[i]);
    }
    return codes[0] <= codes[1];
  }

  const Graph& graph_;
  const QuantizationMatcher matcher_;
};

Status fuse_all(Graph& graph, const PassContext& context) {
  std::vector<Fusion> all;
  const Finder finder(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (auto fusion = finder.find(i)) all.push_back(std::move(*fusion));
  }
  if (all.empty()) return {};
  Builder builder(graph, context.registry);
  for (Fusion& fusion : all) {
    float scales[3];
    int32_t zeros[3];
    for (int i = 0; i < 3; ++i) scales[i] = fusion.steps[i].scale, zeros[i] = fusion.steps[i].zero;
    const ValueId scale = builder.constant(Tensor::of<float>(std::span<const float>(scales), {3}), "scales");
    const ValueId zero = builder.constant(Tensor::of<int32_t>(std::span<const int32_t>(zeros), {3}), "zero_points");
    Node& node = graph.nodes[fusion.quantize];
    if (node.name.empty()) node.name = graph.nodes[fusion.arithmetic].name;
    node.op = fusion.op;
    node.inputs = {fusion.a, fusion.b, scale, zero};
    node.attributes = std::move(fusion.attributes);
  }
  return remove_dead_code(graph, context);
}

}  // namespace

Status fuse_quantized_arithmetic(Graph& graph, const PassContext& context) {
  if (has_codes(graph)) MN_TRY(fuse_all(graph, context));
  return rewrite_subgraphs(graph, context, fuse_quantized_arithmetic);
}

}  // namespace minnow::passes
