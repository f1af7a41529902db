// Shapes: concrete ones (Dims) and symbolic ones (Shape), where a dimension is a number, a name, or unknown.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minnow {

using Dims = std::vector<int64_t>;

// Number of elements (1 for 0-d), or an error for a negative dimension or a product over 2^63.
Result<int64_t> checked_element_count(std::span<const int64_t> dims);
// The same where dims are known to be good.
int64_t element_count(std::span<const int64_t> dims);
// "[1, 3, 224, 224]".
std::string to_string(std::span<const int64_t> dims);
// Dims also convert to Shape: this overload settles it.
inline std::string to_string(const Dims& dims) { return to_string(std::span<const int64_t>(dims)); }
// Row-major strides in elements.
Dims row_major_strides(std::span<const int64_t> dims);
// Maps axis in [-rank, rank) to [0, rank); the error names axis and rank.
Result<int64_t> normalize_axis(int64_t axis, int64_t rank);
// NumPy broadcasting of two concrete shapes.
Result<Dims> broadcast_dims(std::span<const int64_t> a, std::span<const int64_t> b);

struct Dim {
  int64_t value = -1;  // -1: not known
  std::string symbol;  // a name such as "batch", or empty
  Dim();
  ~Dim();
  Dim(const Dim&);
  Dim(Dim&&) noexcept;
  Dim& operator=(const Dim&);
  Dim& operator=(Dim&&) noexcept;
  Dim(int64_t v) : value(v) {}
  explicit Dim(std::string name);
  bool known() const { return value >= 0; }
  friend bool operator==(const Dim&, const Dim&) = default;
  // Surely the same size: both known and equal, or the same symbol.
  bool same(const Dim& other) const {
    return known() ? value == other.value : !symbol.empty() && symbol == other.symbol;
  }
};

// A symbolic shape. `ranked` false: nothing is known, not even the rank.
struct Shape {
  bool ranked = false;
  std::vector<Dim> dims;
  // Copies and destructors stand in the .cc file: inline, they would be built again in every file.
  Shape();
  ~Shape();
  Shape(const Shape&);
  Shape(Shape&&) noexcept;
  Shape& operator=(const Shape&);
  Shape& operator=(Shape&&) noexcept;
  Shape(std::vector<Dim> d);
  Shape(const Dims& d);
  Shape(std::initializer_list<Dim> d);
  static Shape of_rank(int64_t rank);
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  bool static_dims() const;  // ranked and every dimension known
  Dims to_dims() const;      // requires static_dims()
  friend bool operator==(const Shape&, const Shape&) = default;
};

std::string to_string(const Shape& shape);  // "[batch, 3, ?, 224]", "?" where unranked
Result<Shape> broadcast_shapes(const Shape& a, const Shape& b);

}  // namespace minnow
