// The graph: values, nodes in topological order, inputs, outputs and named states. Plain data; what an operator means
// lives in ops. Subgraphs (branches, loop bodies) are attributes and closed: what they use from outside is passed as an
// input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/limits.h"
#include "base/shape.h"
#include "base/tensor.h"
#include "graph/attribute.h"

namespace minnow {

using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional input that is absent, an output that nobody wants

struct Type {
  enum class Kind : uint8_t { unknown, tensor, sequence, optional };
  Kind kind = Kind::unknown;
  DType dtype = DType::undefined;       // tensor; undefined: not known
  Shape shape;                          // tensor
  std::shared_ptr<const Type> element;  // sequence, optional
  static Type tensor(DType dtype, Shape shape = {}) { return {Kind::tensor, dtype, std::move(shape), nullptr}; }
  static Type sequence(Type of) { return {Kind::sequence, {}, {}, std::make_shared<const Type>(std::move(of))}; }
  static Type optional(Type of) { return {Kind::optional, {}, {}, std::make_shared<const Type>(std::move(of))}; }
  // The type of a run-time value: concrete dims; for an empty sequence the element stays unknown.
  static Type of(const Datum& datum);
  bool is_tensor() const { return kind == Kind::tensor; }
};
std::string to_string(const Type& type);  // "float32[N, 3]", "sequence(float32[?])"
bool operator==(const Type& a, const Type& b);
// What is certain of a value that has one of two types: parts that differ become unknown.
Type common_type(const Type& a, const Type& b);

struct Value {
  std::string name;  // unique in its graph, never empty
  Type type;
  Tensor constant;  // valid(): this value is a constant and no node produces it
  bool is_constant() const { return constant.valid(); }
};

struct Node {
  std::string op;    // name of an OpDef
  std::string name;  // for messages and profiles; may be empty
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
};

// A persistent value owned by a session: read as `in` at the start of a run, replaced by `out` at its end, saved,
// loaded and reset (to `initial`) by name. Trained weights, streaming caches, random generators (design, contract 4).
struct State {
  std::string name;
  ValueId in = kNoValue;
  ValueId out = kNoValue;
  Tensor initial;
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<State> states;
  std::vector<std::pair<std::string, std::string>> metadata;

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values[static_cast<size_t>(id)]; }
  ValueId add_value(Value value);
  // The value with that name, or kNoValue. Linear: for tests and command lines.
  ValueId find_value(std::string_view name) const;
};

// What every graph must satisfy before it is run or transformed: ids in range, every value produced once (input, state,
// constant or node output), nodes in topological order, outputs produced, names unique and not empty, subgraphs closed,
// counts within limits. Errors name the node. Operators and types are checked by ops (check.h).
Status verify_graph(const Graph& graph, const Limits& limits = {});

// Per value: index of the node that produces it, or -1 (input, constant, state).
std::vector<int32_t> producers(const Graph& graph);
// Per value: how many node inputs, graph outputs and states read it.
std::vector<int32_t> use_counts(const Graph& graph);
// Bytes of all constants, subgraphs included; number of parameters likewise.
int64_t constant_bytes(const Graph& graph);
int64_t node_count(const Graph& graph);  // subgraphs included
// "node 'conv_3' (conv)", names made printable.
std::string describe(const Node& node);

}  // namespace minnow
