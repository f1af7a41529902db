// Which version of each operator domain a model or function speaks, and the functions that a model brings along.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/onnx/onnx_proto.h"
#include "ops/registry.h"

namespace minnow::onnx {

// "" is the default domain, whose other name is "ai.onnx".
inline std::string_view canonical_domain(TextView domain) {
  return domain.empty() ? std::string_view("ai.onnx") : domain;
}

class Opsets {
 public:
  // Refuses versions newer than those known (of the domains that ONNX defines) and two versions of one domain.
  static Result<Opsets> from(const std::vector<OperatorSet>& imports);
  std::optional<int64_t> find(TextView domain) const;
  bool empty() const { return versions_.empty(); }
  void set_default(int64_t version) { versions_.emplace_back("ai.onnx", version); }
  std::string text() const;  // "ai.onnx 17, ai.onnx.ml 3"

 private:
  std::vector<std::pair<std::string, int64_t>> versions_;
};

struct Function {
  const FunctionProto* proto = nullptr;
  Opsets opsets;
};

class Functions {
 public:
  // The protos must outlive this.
  static Result<Functions> from(const std::vector<FunctionProto>& protos);
  const Function* find(const NodeProto& node) const;

 private:
  std::unordered_map<std::string, Function> by_key_;
};

// Every operator that the graph and the functions it reaches use must have an import row: one error lists all that do
// not.
Status check_operators(const Source& source, const GraphProto& graph, const Opsets& opsets, const Functions& functions,
                       const Registry& registry);

}  // namespace minnow::onnx
