// quantize_linear moves up past operators that move or choose elements, dequantize_linear moves down past them: the
// elements move as codes, and where the two meet nothing but a change of scale is left.
#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "passes/quantization.h"
#include "passes/rewrite.h"

namespace minnow::passes {
namespace {

struct Mover {
  std::string_view op;
  int data = 1;  // the first inputs whose elements it moves, or of which it chooses the largest or smallest; 0: all
};

constexpr Mover kMovers[] = {
    {"concat", 0}, {"depth_to_space"}, {"expand"}, {"flatten"},    {"gather"},     {"global_max_pool"}, {"max", 0},
    {"max_pool"},  {"min", 0},         {"pad"},    {"reduce_max"}, {"reduce_min"}, {"reshape"},         {"resize"},
    {"slice"},     {"space_to_depth"}, {"split"},  {"squeeze"},    {"tile"},       {"transpose"},       {"unsqueeze"},
};

std::string text(const Node& node, std::string_view name, std::string_view fallback) {
  const Attribute* attribute = node.attributes.find(name);
  const std::string* value = attribute != nullptr ? attribute->get<std::string>() : nullptr;
  return value != nullptr ? *value : std::string(fallback);
}

// The operator as one that moves elements, or null. Of several outputs only split's are elements.
const Mover* mover_of(const Node& node) {
  const auto* mover =
      std::find_if(std::begin(kMovers), std::end(kMovers), [&](const Mover& m) { return m.op == node.op; });
  if (mover == std::end(kMovers) || node.outputs.empty() || node.inputs.empty()) return nullptr;
  if (node.op != "split" && node.outputs.size() != 1) return nullptr;
  // Outside a cropped region stands a number; other modes mix elements.
  if (node.op == "resize" && (text(node, "mode", "nearest") != "nearest" ||
                              text(node, "coordinate_transformation_mode", "") == "tf_crop_and_resize"))
    return nullptr;
  return mover;
}

size_t data_count(const Mover& mover, const Node& node) {
  return mover.data == 0 ? node.inputs.size() : static_cast<size_t>(mover.data);
}

class Movement {
 public:
  explicit Movement(Graph& graph) : graph_(graph), matcher_(graph) {}

  // One walk: every node moves at most once.
  bool run() {
    const size_t count = graph_.nodes.size();
    replaced_.resize(count);
    touched_.assign(count, false);
    bool changed = false;
    for (size_t i = 0; i < count; ++i) changed = (raise(i) || lower(i)) || changed;
    if (!changed) return false;
    std::vector<Node> nodes;
    for (size_t i = 0; i < count; ++i) {
      if (replaced_[i].empty()) nodes.push_back(std::move(graph_.nodes[i]));
      for (Node& node : replaced_[i]) {
        if (!node.op.empty()) nodes.push_back(std::move(node));
      }
    }
    graph_.nodes = std::move(nodes);
    for (Value& value : values_) graph_.values.push_back(std::move(value));
    return true;
  }

 private:
  ValueId codes_like(ValueId real, DType dtype) {
    Value value;
    value.name = name_for(graph_.value(real).name);
    value.type = graph_.value(real).type;
    value.type.dtype = dtype;
    values_.push_back(std::move(value));
    return static_cast<ValueId>(graph_.values.size() + values_.size() - 1);
  }

  std::string name_for(const std::string& base) {
    if (names_.empty()) {
      for (const Value& value : graph_.values) names_.insert(value.name);
    }
    std::string name = concat({base, "_codes"});
    for (int i = 1; !names_.insert(name).second; ++i) name = concat({base, "_codes_", i});
    return name;
  }

  const Tensor* constant(ValueId id) const {
    return id != kNoValue && graph_.value(id).is_constant() ? &graph_.value(id).constant : nullptr;
  }

  // Comparisons of codes are those of numbers: the scale is positive. Constants can be read from anywhere.
  bool is_plain(ValueId scale, ValueId zero_point) const {
    const Tensor *s = constant(scale), *z = constant(zero_point);
    return s != nullptr && s->size() == 1 && s->dtype() == DType::float32 && *s->data<float>() > 0 &&
           (zero_point == kNoValue || (z != nullptr && z->size() == 1));
  }

  bool is_float(ValueId id) const {
    return id != kNoValue && graph_.value(id).type.is_tensor() && graph_.value(id).type.dtype == DType::float32;
  }

  // Zeros around numbers are zero points around codes. False: something else stands there.
  bool pad_with(Node& node, ValueId zero_point) const {
    if (node.op != "pad" || text(node, "mode", "constant") != "constant") return true;
    if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
      const Tensor* value = constant(node.inputs[2]);
      if (value == nullptr || value->size() != 1 || to_doubles(*value)[0] != 0) return false;
    }
    if (node.inputs.size() < 3) node.inputs.resize(3, kNoValue);
    node.inputs[2] = zero_point;
    return true;
  }

  // mover -> quantize_linear becomes quantize_linear of every input -> mover.
  bool raise(size_t index) {
    const Node& node = graph_.nodes[index];
    const Mover* mover = mover_of(node);
    if (mover == nullptr || touched_[index] || node.outputs.size() != 1) return false;
    const Node* reader = matcher_.quantizing_reader(node.outputs[0]);
    if (reader == nullptr || touched_[matcher_.index_of(*reader)] || !is_plain(reader->inputs[1], reader->inputs[2]))
      return false;
    const size_t data = data_count(*mover, node);
    for (size_t i = 0; i < data; ++i) {
      if (!is_float(node.inputs[i])) return false;
    }
    const DType dtype = graph_.value(reader->outputs[0]).type.dtype;
    Node moved = node;
    if (!pad_with(moved, reader->inputs[2])) return false;
    for (size_t i = 0; i < data; ++i) {
      Node quantize = *reader;
      quantize.inputs[0] = node.inputs[i];
      moved.inputs[i] = quantize.outputs[0] = codes_like(node.inputs[i], dtype);
      replaced_[index].push_back(std::move(quantize));
    }
    moved.outputs = reader->outputs;
    const size_t at = matcher_.index_of(*reader);
    touched_[index] = touched_[at] = true;
    replaced_[index].push_back(std::move(moved));
    replaced_[at] = {Node{}};
    return true;
  }

  // dequantize_linear of every input -> mover becomes mover -> dequantize_linear, where the mover alone reads them.
  bool lower(size_t index) {
    const Node& node = graph_.nodes[index];
    const Mover* mover = mover_of(node);
    if (mover == nullptr || touched_[index]) return false;
    const size_t data = data_count(*mover, node);
    const Node* first = nullptr;
    Node moved = node;
    for (size_t i = 0; i < data; ++i) {
      const auto value = matcher_.dequantized(node.inputs[i]);
      if (!value.has_value() || !value->per_tensor || !is_plain(value->scale, value->zero_point)) return false;
      if (matcher_.only_reader(node.inputs[i]) != &node || !is_byte(graph_.value(value->codes).type.dtype))
        return false;
      const Node* producer = matcher_.producer(node.inputs[i]);
      if (touched_[matcher_.index_of(*producer)] || (first != nullptr && !same_meaning(*first, *producer)))
        return false;
      first = producer;
      moved.inputs[i] = value->codes;
    }
    if (!pad_with(moved, first->inputs.size() > 2 ? first->inputs[2] : kNoValue)) return false;
    const Node pattern = *first;
    const DType dtype = graph_.value(pattern.inputs[0]).type.dtype;
    std::vector<Node> after;
    for (ValueId& id : moved.outputs) {
      if (id == kNoValue) continue;
      Node dequantize = pattern;
      dequantize.outputs = {id};
      dequantize.inputs[0] = id = codes_like(id, dtype);
      after.push_back(std::move(dequantize));
    }
    touched_[index] = true;
    replaced_[index] = {std::move(moved)};
    for (Node& one : after) replaced_[index].push_back(std::move(one));
    return true;
  }

  // Both nodes have constant operands: the same bits.
  bool same_meaning(const Node& a, const Node& b) const {
    if (a.inputs.size() != b.inputs.size()) return false;
    if (graph_.value(a.inputs[0]).type.dtype != graph_.value(b.inputs[0]).type.dtype) return false;
    for (size_t i = 1; i < a.inputs.size(); ++i) {
      const Tensor *x = constant(a.inputs[i]), *y = constant(b.inputs[i]);
      if ((x == nullptr) != (y == nullptr)) return false;
      if (x != nullptr && !std::equal(x->raw().begin(), x->raw().end(), y->raw().begin(), y->raw().end())) return false;
    }
    return true;
  }

  Graph& graph_;
  const QuantizationMatcher matcher_;
  std::vector<std::vector<Node>> replaced_;  // by what, in order; an empty node: by nothing
  std::vector<bool> touched_;
  std::vector<Value> values_;  // new ones
  std::unordered_set<std::string> names_;
};

}  // namespace

Status move_quantization(Graph& graph, const PassContext& context) {
  // Elements rarely move more often between two operators that compute.
  constexpr int kMaxWalks = 8;
  bool changed = false;
  for (int i = 0; i < kMaxWalks && has_codes(graph) && Movement(graph).run(); ++i) changed = true;
  if (changed) MN_TRY(remove_dead_code(graph, context));
  return rewrite_subgraphs(graph, context, move_quantization);
}

}  // namespace minnow::passes
