#include "api/lint.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/sha256.h"
#include "base/text.h"
#include "graph/tensor_equal.h"

namespace minnow {
namespace {

constexpr int64_t kLargeConstantBytes = 4096;  // duplicates below this cost nothing worth a line

class Linter {
 public:
  Linter(const Graph& graph, const Registry& registry) : graph_(graph), registry_(registry), uses_(use_counts(graph)) {}

  std::vector<Finding> run() {
    for (size_t id = 0; id < graph_.values.size(); ++id) {
      if (graph_.values[id].is_constant()) check_constant(graph_.values[id], uses_[id]);
    }
    for (const Node& node : graph_.nodes) check_node_use(node);
    check_interface();
    check_duplicates();
    check_types();
    return std::move(findings_);
  }

 private:
  void add(Finding::Severity severity, std::string rule, std::string_view where, std::string message) {
    findings_.push_back({severity, std::move(rule), printable(where), std::move(message)});
  }

  void check_constant(const Value& value, int32_t uses) {
    const Tensor& tensor = value.constant;
    if (uses == 0)
      add(Finding::Severity::note, "unused-constant", value.name,
          concat({"nothing reads this constant of ", human_bytes(tensor.bytes())}));
    if (tensor.dtype() == DType::float64)
      add(Finding::Severity::note, "float64-weight", value.name, "float64 weights take twice the memory of float32");
    if (!is_float(tensor.dtype())) return;
    int64_t not_finite = 0, denormal = 0;
    const double smallest =
        tensor.dtype() == DType::float64 ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
    for (double x : to_doubles(tensor)) {
      if (!std::isfinite(x)) ++not_finite;
      else if (x != 0 && std::abs(x) < smallest) ++denormal;
    }
    // A lone infinity is how masks and padding values are written.
    const bool plain_mask = tensor.size() == 1;
    if (not_finite > 0 && !plain_mask) {
      add(Finding::Severity::warning, "weight-not-finite", value.name,
          concat({not_finite, " of ", tensor.size(), " values are NaN or infinite"}));
    }
    if (denormal > 0) {
      add(Finding::Severity::warning, "weight-denormal", value.name,
          concat({denormal, " of ", tensor.size(), " values are denormal: slow on many processors; flush them to 0"}));
    }
  }

  void check_node_use(const Node& node) {
    const bool used = std::any_of(node.outputs.begin(), node.outputs.end(),
                                  [&](ValueId id) { return id != kNoValue && uses_[static_cast<size_t>(id)] > 0; });
    if (!used) add(Finding::Severity::note, "dead-node", describe(node), "no output depends on this node");
    if (starts_with(node.op, "quantize_linear") || starts_with(node.op, "dequantize_linear")) check_scale(node);
    if (node.op == "dropout")
      add(Finding::Severity::note, "training-node", describe(node),
          "dropout does nothing when a model is used: export in evaluation mode");
    const OpDef* op = registry_.find(node.op);
    if (op != nullptr && !op->pure && op->custom == nullptr) {
      add(Finding::Severity::note, "random-node", describe(node), "the result depends on the seed (--seed)");
    }
  }

  void check_scale(const Node& node) {
    if (node.inputs.size() < 2 || node.inputs[1] == kNoValue || !graph_.value(node.inputs[1]).is_constant()) return;
    for (double scale : to_doubles(graph_.value(node.inputs[1]).constant)) {
      if (std::isfinite(scale) && scale > 0) continue;
      add(Finding::Severity::warning, "bad-scale", describe(node),
          concat({"a quantization scale is ", scale, ", expected a positive number"}));
      return;
    }
  }

  void check_interface() {
    for (ValueId id : graph_.inputs) {
      const Value& value = graph_.value(id);
      if (uses_[static_cast<size_t>(id)] == 0)
        add(Finding::Severity::warning, "unused-input", value.name, "nothing reads this input");
      if (value.type.is_tensor() && !value.type.shape.ranked)
        add(Finding::Severity::warning, "unknown-rank", value.name, "the input declares no shape");
    }
    for (ValueId id : graph_.outputs) {
      const Value& value = graph_.value(id);
      if (std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end()) {
        add(Finding::Severity::warning, "output-is-input", value.name, "the output is an input, unchanged");
      } else if (value.is_constant()) {
        add(Finding::Severity::warning, "output-is-constant", value.name, "the output does not depend on any input");
      }
    }
    if (graph_.outputs.empty()) add(Finding::Severity::warning, "no-outputs", "", "the model has no outputs");
  }

  void check_duplicates() {
    std::map<std::string, const Value*> seen;
    for (const Value& value : graph_.values) {
      if (!value.is_constant() || value.constant.bytes() < kLargeConstantBytes ||
          value.constant.dtype() == DType::string)
        continue;
      const auto [entry, added] = seen.emplace(sha256_hex(value.constant.raw()), &value);
      if (added || !same_bits(entry->second->constant, value.constant)) continue;
      add(Finding::Severity::note, "duplicate-constant", value.name,
          concat({"the same ", human_bytes(value.constant.bytes()), " as '", printable(entry->second->name), "'"}));
    }
  }

  void check_types() {
    int64_t unknown = 0;
    for (const Node& node : graph_.nodes) {
      for (ValueId id : node.outputs) {
        if (id == kNoValue) continue;
        const Type& type = graph_.value(id).type;
        if (type.kind == Type::Kind::unknown || (type.is_tensor() && !type.shape.ranked)) ++unknown;
      }
    }
    if (unknown > 0)
      add(Finding::Severity::note, "unknown-shapes", "",
          concat({unknown, " values have a rank known only when the model runs"}));
  }

  const Graph& graph_;
  const Registry& registry_;
  std::vector<int32_t> uses_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view to_string(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::error: return "error";
    case Finding::Severity::warning: return "warning";
    case Finding::Severity::note: return "note";
  }
  return "note";
}

std::vector<Finding> lint_graph(const Graph& graph, const Registry& registry) { return Linter(graph, registry).run(); }

}  // namespace minnow
