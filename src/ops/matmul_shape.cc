#include "ops/matmul_shape.h"

namespace minnow {

Result<Shape> matmul_shape(const Shape& a_shape, const Shape& b_shape) {
  if (!a_shape.ranked || !b_shape.ranked) return Shape();
  Shape a = a_shape, b = b_shape;
  MN_CHECK(a.rank() > 0 && b.rank() > 0, "operands must be at least 1-D, got ", to_string(a), " and ", to_string(b));
  const bool a_vector = a.rank() == 1, b_vector = b.rank() == 1;
  if (a_vector) a.dims.insert(a.dims.begin(), Dim(1));
  if (b_vector) b.dims.push_back(Dim(1));
  const Dim k_a = a.dims.back(), k_b = b.dims[b.dims.size() - 2];
  MN_CHECK(!k_a.known() || !k_b.known() || k_a.value == k_b.value, "inner dimensions differ: ", to_string(a_shape),
           " times ", to_string(b_shape));
  const Dim m = a.dims[a.dims.size() - 2], n = b.dims.back();
  a.dims.resize(a.dims.size() - 2);
  b.dims.resize(b.dims.size() - 2);
  MN_ASSIGN(Shape out, broadcast_shapes(a, b));
  if (!a_vector) out.dims.push_back(m);
  if (!b_vector) out.dims.push_back(n);
  return out;
}

}  // namespace minnow
