// OpDef: an operator is data (design, contract 1). One file under src/ops/*/ defines one operator or one family; the
// build collects them. A file NAME.cc defines `std::vector<OpDef> minnow::ops::NAME()`; nothing else needs to be
// edited.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "ops/contexts.h"

namespace minnow {

struct AttributeSpec {
  std::string name;
  AttributeKind kind = AttributeKind::none;
  Attribute fallback;  // value when the node has none; absent together with `required` false: an optional attribute
  bool required = false;
  // {"axis", 1}: an attribute with a default.
  AttributeSpec(std::string n, Attribute value);
  // {"perm", AttributeKind::integers}: optional, no default. optional/required kinds below.
  AttributeSpec(std::string n, AttributeKind k, bool is_required = false);
  AttributeSpec(const AttributeSpec&);
  AttributeSpec(AttributeSpec&&) noexcept;
  AttributeSpec& operator=(const AttributeSpec&);
  ~AttributeSpec();
};
AttributeSpec required(std::string name, AttributeKind kind);

struct Arity {
  int min = 1;
  int max = 1;
  static constexpr int kMany = 1 << 20;
};

// Where the operator comes from: `domain`.`name`, versions first…last. Without an adapter the node is taken over as it
// is: inputs, outputs, and the attributes that the operator knows.
struct ImportRow {
  std::string_view domain;
  std::string_view name;
  int first = 1;
  int last = 1 << 20;
  Status (*adapter)(ImportContext&) = nullptr;
};

// How the operator is written to ONNX: `domain`.`name`, with the meaning it has from version `first` on. An adapter may
// set another form (attributes to inputs, several nodes).
struct ExportRow {
  std::string_view domain;
  std::string_view name;
  int first = 1;
  Status (*adapter)(ExportContext&) = nullptr;
};

struct Tolerance {
  double relative = 1e-5;
  double absolute = 1e-6;
};

struct Cost {
  int64_t multiply_adds = 0;
  int64_t bytes = 0;  // read and written
};

// One test input. Tests run every case through inference and reference, compare with `expected` when given, check the
// gradient by central differences in float64 (floating-point inputs with `differentiable`), and feed kernel rows.
struct Case {
  std::vector<Datum> inputs;
  Attributes attributes;
  int outputs = 1;
  std::vector<Tensor> expected;
  bool differentiable = true;
  std::string_view note;
};

enum class NarrowFloats : uint8_t {
  widen,  // the interpreter converts float16, bfloat16 … inputs to float32 before the reference and rounds its outputs
  native,  // the reference handles every dtype itself (casts, data movement)
};

// An operator registered by the application at run time.
class CustomOp {
 public:
  virtual ~CustomOp() = default;
  virtual Status infer(InferContext& context) const = 0;
  virtual Status evaluate(EvalContext& context) const = 0;
};

struct OpDef {
  std::string_view name;  // snake_case, ONNX's word: "conv", "reduce_sum"
  std::string_view doc;   // one line
  Arity inputs;
  Arity outputs;
  std::vector<AttributeSpec> attributes;
  NarrowFloats narrow_floats = NarrowFloats::widen;
  bool pure = true;              // false: random or stateful, never folded or merged
  bool takes_sequences = false;  // true: inputs may be sequences or empty optionals; otherwise only tensors get here
  // Output types from input types, attributes and those input values that are known. Called with concrete types and all
  // values before every reference: all shape checks live here. null: by `decompose`.
  Status (*infer)(InferContext&) = nullptr;
  // Plain and obviously right. Outputs that infer resolved are allocated; trusts what infer checked; checks index
  // values.
  Status (*reference)(EvalContext&) = nullptr;
  // A user's operator: `reference` with a context of its own (include/minnow/minnow.h).
  std::shared_ptr<const CustomOp> custom;
  // Adds the nodes that compute gradients of the inputs; null: not differentiable (or decompose is).
  Status (*gradient)(GradientContext&) = nullptr;
  // Spells the operator in simpler ones. The fallback when there is no reference, and the gradient's when there is
  // none.
  Status (*decompose)(DecomposeContext&) = nullptr;
  Cost (*cost)(const InferContext&) = nullptr;  // null: no multiply-adds, bytes of inputs and outputs
  std::vector<ImportRow> imports;
  std::vector<ExportRow> exports;
  Tolerance tolerance;
  std::vector<Case> (*cases)() = nullptr;
};

}  // namespace minnow
