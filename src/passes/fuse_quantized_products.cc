// Convolutions and matrix products between dequantize_linear and quantize_linear become products of integers
// (ops/integer_product.h): (x - x_zero) (w - w_zero) + bias in int32, times x_scale w_scale / y_scale. A relu or clip
// in between becomes limits of codes, which is exact, because rounding keeps the order. So do integer products that are
// cast to float and scaled (dynamic quantization).
#include <algorithm>
#include <cmath>

#include "ops/builder.h"
#include "passes/quantization.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

// What stands in place of several nodes, at the place of the last of them.
struct Fusion {
  std::vector<size_t> nodes;
  std::vector<Node> replacement;
};

const Tensor* constant_of(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.value(id).is_constant() ? &graph.value(id).constant : nullptr;
}

DType dtype_of(const Graph& graph, ValueId id) {
  return graph.value(id).type.is_tensor() ? graph.value(id).type.dtype : DType::undefined;
}

int64_t int_attribute(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attributes.find(name);
  return attribute != nullptr && attribute->get<int64_t>() != nullptr ? *attribute->get<int64_t>() : 0;
}
bool is_one_or_absent(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attributes.find(name);
  return attribute == nullptr || (attribute->get<float>() != nullptr && *attribute->get<float>() == 1.0f);
}

class Fuser {
 public:
  Fuser(Graph& graph, const Registry& registry) : graph_(graph), builder_(graph, registry), match_(graph) {}

  // The node as the start of a fusion, if it is one.
  std::optional<Fusion> find(size_t index) {
    const Node& node = graph_.nodes[index];
    Product p{.start = index, .op = node.op == "conv" ? "conv_integer" : "matmul_integer"};
    if (node.op == "conv_integer" || node.op == "matmul_integer") return find_scaled(node, index);
    if (node.op == "conv" || node.op == "matmul" || node.op == "gemm") {
      if (node.inputs.size() >= 2 && take_factors(node, p) && take_bias(node, p)) return find_codes(node, p);
    }
    return std::nullopt;
  }

 private:
  struct Product {
    size_t start;
    std::string_view op;
    QuantizedValue x{}, w{};
    bool transposed = false;
    ValueId bias = kNoValue;  // in real numbers, one a channel
    std::vector<size_t> nodes{};
    ValueId result = kNoValue;
    float low = -INFINITY, high = INFINITY;
    const Node* quantize = nullptr;
  };

  bool is_byte_value(const QuantizedValue& value) const { return is_byte(dtype_of(graph_, value.codes)); }

  // Both factors from codes: x with one scale, w with one or one an output channel.
  bool take_factors(const Node& node, Product& p) {
    const auto x = match_.dequantized(node.inputs[0]);
    ValueId weight = node.inputs[1];
    if (const Node* turn = match_.producer(weight); node.op == "matmul" && turn != nullptr && turn->op == "transpose") {
      const Attribute* perm = turn->attributes.find("perm");
      if (perm == nullptr || perm->get<Ints>() == nullptr || *perm->get<Ints>() != Ints{1, 0}) return false;
      weight = turn->inputs[0];
      p.transposed = true;
    }
    const auto w = match_.dequantized(weight);
    if (!x || !w || !x->per_tensor || !is_byte_value(*x) || !is_byte_value(*w)) return false;
    if (node.op == "gemm") {
      if (int_attribute(node, "transA") != 0 || !is_one_or_absent(node, "alpha") || !is_one_or_absent(node, "beta"))
        return false;
      p.transposed = int_attribute(node, "transB") != 0;
    }
    const int64_t rank = graph_.value(w->codes).type.shape.rank();
    if (rank < 2) return false;
    const int64_t axis = node.op == "conv" ? 0 : p.transposed ? rank - 2 : rank - 1;
    const bool by_channel = w->axis == axis && (node.op == "conv" || rank == 2);
    if (!w->per_tensor && !by_channel) return false;
    p.x = *x;
    p.w = *w;
    p.result = node.outputs[0];
    p.nodes = {p.start};
    return constant_of(graph_, x->scale) != nullptr && constant_of(graph_, w->scale) != nullptr;
  }

  bool is_row(ValueId id) const {
    const Type& type = graph_.value(id).type;
    return type.is_tensor() && type.dtype == DType::float32 && type.shape.ranked && type.shape.rank() == 1;
  }

  // The product's own, or what is added to a matmul.
  bool take_bias(const Node& node, Product& p) {
    if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
      p.bias = node.inputs[2];
      return is_row(p.bias);
    }
    const Node* next = match_.only_reader(p.result);
    if (node.op != "matmul" || next == nullptr || next->op != "add") return true;
    const ValueId other = next->inputs[0] == p.result ? next->inputs[1] : next->inputs[0];
    if (other == p.result || !is_row(other)) return true;
    p.bias = other;
    take(*next, p);
    return true;
  }

  void take(const Node& node, Product& p) const {
    p.nodes.push_back(match_.index_of(node));
    p.result = node.outputs[0];
  }

  std::optional<double> scalar(const Node& node, size_t i) const {
    const Tensor* value = i < node.inputs.size() ? constant_of(graph_, node.inputs[i]) : nullptr;
    if (value == nullptr || value->size() != 1) return std::nullopt;
    return to_doubles(*value)[0];
  }

  // A limit that follows. False: a clip with limits that are computed.
  bool take_limits(Product& p) const {
    const Node* next = match_.only_reader(p.result);
    if (next == nullptr || next->inputs[0] != p.result || (next->op != "relu" && next->op != "clip")) return true;
    if (next->op == "relu") p.low = 0;
    for (size_t i = 1; next->op == "clip" && i < next->inputs.size(); ++i) {
      if (next->inputs[i] == kNoValue) continue;
      const auto limit = scalar(*next, i);
      if (!limit.has_value() || std::isnan(*limit)) return false;
      (i == 1 ? p.low : p.high) = static_cast<float>(*limit);
    }
    take(*next, p);
    return p.low <= p.high;
  }

  std::optional<Fusion> find_codes(const Node& node, Product& p) {
    if (!take_limits(p)) return std::nullopt;
    p.quantize = match_.quantizing_reader(p.result);
    if (p.quantize == nullptr) return std::nullopt;
    // By value: adding constants moves the graph's values.
    const Tensor y_scale = graph_.value(p.quantize->inputs[1]).constant;
    const Tensor y_zero = graph_.value(p.quantize->inputs[2]).constant;
    if (!y_scale.valid() || !y_zero.valid()) return std::nullopt;
    ValueId bias = kNoValue;
    if (p.bias != kNoValue && !integer_bias(p, bias) && !real_bias(p, *y_scale.data<float>(), bias))
      return std::nullopt;
    Fusion fusion{p.nodes, {}};
    fusion.nodes.push_back(match_.index_of(*p.quantize));
    Node product{std::string(p.op), node.name, {}, {p.quantize->outputs[0]}, {}};
    product.inputs = {p.x.codes, p.w.codes,         p.x.zero_point,       p.w.zero_point,
                      bias,      ratio(p, y_scale), p.quantize->inputs[2]};
    if (node.op == "conv") product.attributes = node.attributes;
    else if (p.transposed) product.attributes.set("transB", int64_t{1});
    add_limits(p, product, *y_scale.data<float>(), y_zero, fusion);
    return fusion;
  }

  // x_scale w_scale / y_scale as float32 operators would compute it.
  ValueId ratio(const Product& p, const Tensor& y_scale) {
    const Tensor x = graph_.value(p.x.scale).constant, w = graph_.value(p.w.scale).constant;
    std::vector<float> values;
    for (int64_t i = 0; i < w.size(); ++i)
      values.push_back(*x.data<float>() * w.data<float>()[i] / *y_scale.data<float>());
    const Dims dims = p.w.per_tensor ? Dims{} : w.dims();
    return builder_.constant(Tensor::of<float>(values, dims), concat({graph_.value(p.w.scale).name, "_ratio"}));
  }

  // int32 codes with the scale of the product.
  bool integer_bias(const Product& p, ValueId& bias) const {
    const auto codes = match_.dequantized(p.bias);
    if (!codes || dtype_of(graph_, codes->codes) != DType::int32) return false;
    const Tensor* scale = constant_of(graph_, codes->scale);
    const Tensor* zero = constant_of(graph_, codes->zero_point);
    if (scale == nullptr || (codes->zero_point != kNoValue && zero == nullptr)) return false;
    if (zero != nullptr) {
      const std::vector<double> zeros = to_doubles(*zero);
      if (std::any_of(zeros.begin(), zeros.end(), [](double value) { return value != 0; })) return false;
    }
    const Tensor &x = graph_.value(p.x.scale).constant, &w = graph_.value(p.w.scale).constant;
    for (int64_t i = 0; i < std::max(scale->size(), w.size()); ++i) {
      const double have = scale->data<float>()[scale->size() == 1 ? 0 : i];
      const double want = double{*x.data<float>()} * w.data<float>()[w.size() == 1 ? 0 : i];
      // As float32 rounds the product, and no further.
      if (!(std::fabs(have - want) <= 1e-6 * std::fabs(want))) return false;
    }
    bias = codes->codes;
    return true;
  }

  // A constant in real numbers, in steps of y.
  bool real_bias(const Product& p, float y_scale, ValueId& bias) {
    const Tensor* real = constant_of(graph_, p.bias);
    if (real == nullptr || real->dtype() != DType::float32) return false;
    std::vector<float> values(real->values<float>().begin(), real->values<float>().end());
    for (float& value : values) value /= y_scale;
    bias = builder_.constant(Tensor::of<float>(values, real->dims()), concat({graph_.value(p.bias).name, "_steps"}));
    return true;
  }

  void add_limits(const Product& p, Node product, float y_scale, const Tensor& y_zero, Fusion& fusion) {
    const DType dtype = y_zero.dtype();
    const auto least = static_cast<double>(integer_min(dtype)), most = static_cast<double>(integer_max(dtype));
    const auto code = [&](float limit) {
      return std::clamp(std::nearbyint(double{limit / y_scale}) + to_doubles(y_zero)[0], least, most);
    };
    const double low = code(p.low), high = code(p.high);
    if (low > least || high < most) {
      const ValueId codes = product.outputs[0];
      Value inner{builder_.unique_name(concat({graph_.value(codes).name, "_unlimited"})), graph_.value(codes).type, {}};
      const ValueId unlimited = graph_.add_value(std::move(inner));
      const ValueId limits[2] = {builder_.scalar_like(low, codes), builder_.scalar_like(high, codes)};
      product.outputs = {unlimited};
      fusion.replacement.push_back(std::move(product));
      fusion.replacement.push_back({"clip", "", {unlimited, limits[0], limits[1]}, {codes}, {}});
    } else {
      fusion.replacement.push_back(std::move(product));
    }
  }

  // A scale for all, or for matrices one a column.
  bool is_scale(const Node& product, ValueId id) const {
    if (has_elements(graph_, id, 1)) return graph_.value(id).type.shape.rank() <= 1;
    if (product.op != "matmul_integer" || !is_row(id)) return false;
    const Shape &w = graph_.value(product.inputs[1]).type.shape, &scale = graph_.value(id).type.shape;
    return w.ranked && w.rank() >= 2 && w.dims.back().known() && scale.dims[0].known() &&
           w.dims.back().value == scale.dims[0].value && int_attribute(product, "transB") == 0;
  }

  // cast to float32, mul by a scale, and for matrices the addition of a row.
  std::optional<Fusion> find_scaled(const Node& product, size_t index) {
    if (product.inputs.size() > 4) return std::nullopt;
    const Node* cast = match_.only_reader(product.outputs[0]);
    if (cast == nullptr || cast->op != "cast" || dtype_of(graph_, cast->outputs[0]) != DType::float32)
      return std::nullopt;
    const Node* scaled = match_.only_reader(cast->outputs[0]);
    if (scaled == nullptr || scaled->op != "mul") return std::nullopt;
    const ValueId scale = scaled->inputs[0] == cast->outputs[0] ? scaled->inputs[1] : scaled->inputs[0];
    if (dtype_of(graph_, scale) != DType::float32 || !is_scale(product, scale)) return std::nullopt;
    Fusion fusion{{index, match_.index_of(*cast), match_.index_of(*scaled)}, {product}};
    Node& node = fusion.replacement[0];
    node.inputs.resize(6, kNoValue);
    node.inputs[5] = scale;
    node.outputs = scaled->outputs;
    const Node* add = match_.only_reader(scaled->outputs[0]);
    if (add == nullptr || add->op != "add" || product.op != "matmul_integer") return fusion;
    const ValueId bias = add->inputs[0] == scaled->outputs[0] ? add->inputs[1] : add->inputs[0];
    if (bias == scaled->outputs[0] || !is_row(bias) || !is_scale(product, bias)) return fusion;
    node.inputs[4] = bias;
    node.outputs = add->outputs;
    fusion.nodes.push_back(match_.index_of(*add));
    return fusion;
  }

  Graph& graph_;
  Builder builder_;
  QuantizationMatcher match_;
};

}  // namespace

Status fuse_quantized_products(Graph& graph, const PassContext& context) {
  Fuser fuser(graph, context.registry);
  std::vector<bool> removed(graph.nodes.size(), false);
  std::vector<std::vector<Node>> replacements(graph.nodes.size());
  bool any = false;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    std::optional<Fusion> fusion = fuser.find(i);
    // Two products may lead to one addition: the first takes it.
    if (!fusion || std::any_of(fusion->nodes.begin(), fusion->nodes.end(), [&](size_t node) { return removed[node]; }))
      continue;
    any = true;
    for (size_t node : fusion->nodes) removed[node] = true;
    replacements[*std::max_element(fusion->nodes.begin(), fusion->nodes.end())] = std::move(fusion->replacement);
  }
  if (any) {
    std::vector<Node> kept;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (Node& node : replacements[i]) kept.push_back(std::move(node));
      if (!removed[i]) kept.push_back(std::move(graph.nodes[i]));
    }
    graph.nodes = std::move(kept);
    MN_TRY(remove_dead_code(graph, context));
  }
  return rewrite_subgraphs(graph, context, fuse_quantized_products);
}

}  // namespace minnow::passes
