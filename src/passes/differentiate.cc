#include "passes/differentiate.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "ops/builder.h"
#include "ops/contexts.h"
#include "passes/rewrite.h"

namespace minnow {
namespace {

// Decompositions of decompositions; ours are a few levels deep, a user's operator that spells itself would never end.
constexpr int kMaxDecompositions = 32;

bool may_carry_gradient(const Type& type) {
  if (type.kind != Type::Kind::tensor) return true;  // sequences and optionals of tensors; unknown types
  return type.dtype == DType::undefined || is_float(type.dtype);
}

class Differentiator {
 public:
  Differentiator(Graph& graph, const Registry& registry)
      : graph_(graph), registry_(registry), builder_(graph, registry) {
    builder_.scope = "gradient";
  }

  Result<std::vector<ValueId>> run(ValueId loss, std::span<const ValueId> wrt) {
    grow();
    for (ValueId id : wrt) depends_[static_cast<size_t>(id)] = true;
    const size_t forward_nodes = graph_.nodes.size();
    mark_dependent(0, forward_nodes);
    gradients_[static_cast<size_t>(loss)] = filled_like(1.0, loss);
    MN_TRY(backward(0, forward_nodes, 0));
    std::vector<ValueId> results;
    for (ValueId id : wrt) {
      const ValueId gradient = gradients_[static_cast<size_t>(id)];
      results.push_back(gradient != kNoValue ? gradient : filled_like(0.0, id));
    }
    MN_TRY(builder_.status());
    return results;
  }

 private:
  void grow() {
    depends_.resize(graph_.values.size(), false);
    gradients_.resize(graph_.values.size(), kNoValue);
  }

  // Which values of these nodes depend on one of `wrt`.
  void mark_dependent(size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const Node& node = graph_.nodes[i];
      const bool any = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return depends(id); });
      for (ValueId id : node.outputs) {
        if (!any || id == kNoValue || !may_carry_gradient(graph_.value(id).type)) continue;
        depends_[static_cast<size_t>(id)] = true;
      }
    }
  }

  bool depends(ValueId id) const { return id != kNoValue && depends_[static_cast<size_t>(id)]; }

  // A tensor of one number with the type of `like`.
  ValueId filled_like(double number, ValueId like) {
    const Type type = graph_.value(like).type;  // a copy: adding values moves them
    const ValueId scalar = builder_.scalar_like(number, like);
    if (type.shape.ranked && type.shape.dims.empty()) return scalar;
    if (!type.shape.static_dims()) return builder_.add("expand", {scalar, builder_.add("shape", {like})});
    return builder_.add("expand", {scalar, builder_.ints(type.shape.to_dims())});
  }

  Status accumulate(ValueId id, ValueId gradient, const Node& node) {
    const Type& type = graph_.value(id).type;
    const Type& given = graph_.value(gradient).type;
    if (type.shape.static_dims() && given.shape.static_dims() && type.shape.to_dims() != given.shape.to_dims()) {
      return internal_error({"the gradient of operator '", node.op, "' has shape ", to_string(given.shape),
                             " for an input of shape ", to_string(type.shape)});
    }
    // A gradient's shape is often computed from its value's, which inference cannot see through.
    refine_type(graph_.value(gradient).type, type);
    ValueId& sum = gradients_[static_cast<size_t>(id)];
    sum = sum == kNoValue ? gradient : builder_.add("add", {sum, gradient});
    return {};
  }

  // Carries gradients from the outputs of nodes [first, last) to their inputs, last node first. Nodes that this adds
  // lie behind `last`.
  Status backward(size_t first, size_t last, int decompositions) {
    for (size_t i = last; i-- > first;) {
      const Node node = graph_.nodes[i];  // a copy: adding nodes moves them
      std::vector<ValueId> output_gradients;
      bool any = false;
      for (ValueId id : node.outputs) {
        output_gradients.push_back(depends(id) ? gradients_[static_cast<size_t>(id)] : kNoValue);
        any = any || output_gradients.back() != kNoValue;
      }
      if (!any) continue;
      Status status = backward(node, output_gradients, decompositions);
      if (status.ok()) status = builder_.status();
      if (!status.ok()) return std::move(status.error()).in(concat({"gradient of ", describe(node)}));
    }
    return {};
  }

  Status backward(const Node& node, const std::vector<ValueId>& output_gradients, int decompositions) {
    const OpDef* op = registry_.find(node.op);
    if (op == nullptr) return unsupported({"unknown operator '", printable(node.op), "'"});
    if (std::none_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return depends(id); })) return {};
    if (op->gradient == nullptr) return through_decomposition(*op, node, output_gradients, decompositions);
    GradientContext context(*op, node, builder_, output_gradients);
    for (ValueId id : node.inputs) context.wanted.push_back(depends(id));
    MN_TRY(op->gradient(context));
    MN_TRY(builder_.status());
    grow();
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId gradient = context.input_gradients()[i];
      if (gradient != kNoValue && depends(node.inputs[i])) MN_TRY(accumulate(node.inputs[i], gradient, node));
    }
    grow();
    return {};
  }

  // Spells the operator in simpler ones once more, behind what is there, and differentiates those. What the operator
  // itself computed stays as it is: the sharing and dead-code passes keep whichever copy is of use.
  Status through_decomposition(const OpDef& op, const Node& node, const std::vector<ValueId>& output_gradients,
                               int decompositions) {
    if (op.decompose == nullptr) return unsupported({"this operator has no gradient"});
    if (decompositions >= kMaxDecompositions) {
      return over_limit({"decompositions are nested deeper than ", kMaxDecompositions, " levels"});
    }
    const size_t first = graph_.nodes.size();
    DecomposeContext context(op, node, builder_);
    MN_TRY(op.decompose(context));
    MN_TRY(builder_.status());
    const size_t last = graph_.nodes.size();
    grow();
    mark_dependent(first, last);
    for (size_t i = 0; i < output_gradients.size(); ++i) {
      const ValueId output = context.outputs()[i];
      if (output_gradients[i] != kNoValue && depends(output)) MN_TRY(accumulate(output, output_gradients[i], node));
    }
    grow();
    return backward(first, last, decompositions + 1);
  }

  Graph& graph_;
  const Registry& registry_;
  Builder builder_;
  std::vector<bool> depends_;       // on one of wrt
  std::vector<ValueId> gradients_;  // of the loss, summed so far
};

Status check_arguments(const Graph& graph, ValueId loss, std::span<const ValueId> wrt) {
  const auto exists = [&](ValueId id) { return id >= 0 && static_cast<size_t>(id) < graph.values.size(); };
  MN_CHECK(exists(loss), "the loss is value ", loss, ", but the graph has ", graph.values.size(), " values");
  for (ValueId id : wrt) {
    MN_CHECK(exists(id), "cannot differentiate by value ", id, ": the graph has ", graph.values.size(), " values");
  }
  return {};
}

Status check_floating(const Graph& graph, ValueId id, std::string_view what) {
  const Type& type = graph.value(id).type;
  MN_CHECK(type.is_tensor() && is_float(type.dtype), what, " '", printable(graph.value(id).name), "' is ",
           to_string(type), "; expected a floating-point tensor");
  return {};
}

}  // namespace

Result<std::vector<ValueId>> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wrt,
                                           const Registry& registry) {
  MN_TRY(check_arguments(graph, loss, wrt));
  MN_TRY(check_floating(graph, loss, "the loss"));
  for (ValueId id : wrt) MN_TRY(check_floating(graph, id, "the variable"));
  Graph work = graph;
  MN_ASSIGN(std::vector<ValueId> gradients, Differentiator(work, registry).run(loss, wrt));
  graph = std::move(work);
  return gradients;
}

}  // namespace minnow
