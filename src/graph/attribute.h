// Attributes of a node: named, typed constants fixed when the graph is built.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/tensor.h"

namespace minnow {

struct Graph;

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Strings = std::vector<std::string>;
using GraphRef = std::shared_ptr<const Graph>;  // a closed subgraph: all that it uses comes in through its inputs

// The order is that of the variant below.
enum class AttributeKind : uint8_t {
  none,
  integer,
  real,
  text,
  tensor,
  graph,
  integers,
  reals,
  texts,
  tensors,
  graphs,
};
std::string_view to_string(AttributeKind kind);

class Attribute {
 public:
  using Storage = std::variant<std::monostate, int64_t, float, std::string, Tensor, GraphRef, Ints, Floats, Strings,
                               std::vector<Tensor>, std::vector<GraphRef>>;
  // Copies and destructors stand in the .cc file: inline, they would be built again in every file.
  Attribute();
  ~Attribute();
  Attribute(const Attribute&);
  Attribute(Attribute&&) noexcept;
  Attribute& operator=(const Attribute&);
  Attribute& operator=(Attribute&&) noexcept;
  Attribute(bool value);
  Attribute(int value);
  Attribute(int64_t value);
  Attribute(float value);
  Attribute(double value);
  Attribute(const char* value);
  Attribute(std::string value);
  Attribute(Tensor value);
  Attribute(GraphRef value);
  Attribute(Ints value);
  Attribute(Floats value);
  Attribute(Strings value);
  Attribute(std::vector<Tensor> value);
  Attribute(std::vector<GraphRef> value);
  // Dtypes are written by name: {"to", DType::float32}.
  Attribute(DType value);

  AttributeKind kind() const { return static_cast<AttributeKind>(value_.index()); }
  bool present() const { return kind() != AttributeKind::none; }
  template <class T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }
  const Storage& storage() const { return value_; }

 private:
  Storage value_;
};

// Bitwise equality (floats by bits, tensors by dtype, dims and bytes, subgraphs by identity).
bool operator==(const Attribute& a, const Attribute& b);

// A small map in insertion order.
class Attributes {
 public:
  struct Entry {
    std::string name;
    Attribute value;
    Entry(std::string n, Attribute v);
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  Attributes();
  ~Attributes();
  Attributes(const Attributes&);
  Attributes(Attributes&&) noexcept;
  Attributes& operator=(const Attributes&);
  Attributes& operator=(Attributes&&) noexcept;
  Attributes(std::initializer_list<Entry> entries);
  const Attribute* find(std::string_view name) const;
  void set(std::string name, Attribute value);
  void erase(std::string_view name);
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  friend bool operator==(const Attributes&, const Attributes&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace minnow
