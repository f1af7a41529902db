#include "base/shape.h"

#include <algorithm>

#include "base/checked.h"

namespace minnow {

Dim::Dim() = default;
Dim::~Dim() = default;
Dim::Dim(const Dim&) = default;
Dim::Dim(Dim&&) noexcept = default;
Dim& Dim::operator=(const Dim&) = default;
Dim& Dim::operator=(Dim&&) noexcept = default;
Dim::Dim(std::string name) : symbol(std::move(name)) {}

Shape::Shape() = default;
Shape::~Shape() = default;
Shape::Shape(const Shape&) = default;
Shape::Shape(Shape&&) noexcept = default;
Shape& Shape::operator=(const Shape&) = default;
Shape& Shape::operator=(Shape&&) noexcept = default;
Shape::Shape(std::vector<Dim> d) : ranked(true), dims(std::move(d)) {}
Shape::Shape(const Dims& d) : ranked(true), dims(d.begin(), d.end()) {}
Shape::Shape(std::initializer_list<Dim> d) : ranked(true), dims(d) {}
Shape Shape::of_rank(int64_t rank) { return Shape(std::vector<Dim>(static_cast<size_t>(rank))); }

Result<int64_t> checked_element_count(std::span<const int64_t> dims) {
  int64_t count = 1;
  bool zero = false;
  for (int64_t dim : dims) {
    MN_CHECK(dim >= 0, "negative dimension ", dim, " in shape ", to_string(dims));
    if (dim == 0) zero = true;
    else MN_CHECK(checked_mul(count, dim, &count), "shape ", to_string(dims), " has more than 2^63 elements");
  }
  return zero ? 0 : count;
}

int64_t element_count(std::span<const int64_t> dims) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;  // the others' product need not fit
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  return count;
}

std::string to_string(std::span<const int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += concat({i ? ", " : "", dims[i]});
  return text + "]";
}

Dims row_major_strides(std::span<const int64_t> dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

Result<int64_t> normalize_axis(int64_t axis, int64_t rank) {
  MN_CHECK(axis >= -rank && axis < rank, "axis ", axis, " is outside [", -rank, ", ", rank, ") of a ", rank,
           "-D tensor");
  return axis < 0 ? axis + rank : axis;
}

Result<Dims> broadcast_dims(std::span<const int64_t> a, std::span<const int64_t> b) {
  const size_t rank = std::max(a.size(), b.size());
  Dims out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t x = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const int64_t y = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    MN_CHECK(x == y || x == 1 || y == 1, "shapes ", to_string(a), " and ", to_string(b), " do not broadcast");
    out[i] = x == 1 ? y : x;
  }
  return out;
}

bool Shape::static_dims() const {
  return ranked && std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.known(); });
}

Dims Shape::to_dims() const {
  assert(static_dims());
  Dims out;
  for (const Dim& dim : dims) out.push_back(dim.value);
  return out;
}

std::string to_string(const Shape& shape) {
  if (!shape.ranked) return "?";
  std::string text = "[";
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    const Dim& dim = shape.dims[i];
    if (i) text += ", ";
    if (dim.known()) text += concat({dim.value});
    else text += dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text + "]";
}

Result<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  if (!a.ranked || !b.ranked) return Shape();
  const int64_t rank = std::max(a.rank(), b.rank());
  Shape out = Shape::of_rank(rank);
  for (int64_t i = 0; i < rank; ++i) {
    const Dim x = i < rank - a.rank() ? Dim(1) : a.dims[i - (rank - a.rank())];
    const Dim y = i < rank - b.rank() ? Dim(1) : b.dims[i - (rank - b.rank())];
    if (x.value == 1) out.dims[i] = y;
    else if (y.value == 1 || x.same(y)) out.dims[i] = x;
    else if (x.known() && y.known())
      return bad_input({"shapes ", to_string(a), " and ", to_string(b), " do not broadcast"});
    // A known size other than 1 wins over an unknown one: the unknown must be 1 or equal to it.
    else if (x.known()) out.dims[i] = x;
    else if (y.known()) out.dims[i] = y;
  }
  return out;
}

}  // namespace minnow
