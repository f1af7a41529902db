#include "ops/elementwise.h"

#include "ops/builder.h"

namespace minnow {

bool is_real_number(DType dtype) { return is_float(dtype) || is_integer(dtype); }
bool is_float_or_integer_signed(DType dtype) { return is_float(dtype) || is_signed_integer(dtype); }
bool is_boolean(DType dtype) { return dtype == DType::boolean; }

Status expect_dtype(const InferContext& c, int i, bool (*accepts)(DType), std::string_view expected) {
  const DType dtype = c.dtype(i);
  if (dtype == DType::undefined) return {};
  MN_CHECK(accepts(dtype), "input ", i, ": expected ", expected, ", got ", to_string(dtype), " (convert it with Cast)");
  return {};
}

namespace {

constexpr std::string_view kFloatText = "a floating-point type", kNumberText = "a numeric type",
                           kIntegerText = "an integer type", kBooleanText = "boolean";

Status infer_same_checked(InferContext& c, bool (*accepts)(DType), std::string_view expected) {
  MN_TRY(expect_dtype(c, 0, accepts, expected));
  return infer_same(c);
}

Status infer_broadcast_checked(InferContext& c, bool (*accepts)(DType), std::string_view expected) {
  for (int i = 0; i < c.input_count(); ++i) MN_TRY(expect_dtype(c, i, accepts, expected));
  return infer_broadcast(c);
}

}  // namespace

Status infer_same(InferContext& c) {
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

Status infer_same_float(InferContext& c) { return infer_same_checked(c, is_float, kFloatText); }
Status infer_same_number(InferContext& c) { return infer_same_checked(c, is_real_number, kNumberText); }

Result<Shape> broadcast_inputs(const InferContext& c, int first, int count) {
  Shape shape = c.shape(first);
  for (int i = first + 1; i < first + count; ++i) {
    MN_ASSIGN(shape, broadcast_shapes(shape, c.shape(i)));
  }
  return shape;
}

Status infer_broadcast(InferContext& c) {
  DType dtype = c.dtype(0);
  for (int i = 1; i < c.input_count(); ++i) {
    MN_TRY(c.expect_same_dtype(0, i));
    if (dtype == DType::undefined) dtype = c.dtype(i);
  }
  MN_ASSIGN(Shape shape, broadcast_inputs(c, 0, c.input_count()));
  c.set_output(0, dtype, std::move(shape));
  return {};
}

Status infer_broadcast_number(InferContext& c) { return infer_broadcast_checked(c, is_real_number, kNumberText); }
Status infer_broadcast_float(InferContext& c) { return infer_broadcast_checked(c, is_float, kFloatText); }
Status infer_broadcast_integer(InferContext& c) { return infer_broadcast_checked(c, is_integer, kIntegerText); }
Status infer_broadcast_boolean(InferContext& c) { return infer_broadcast_checked(c, is_boolean, kBooleanText); }

Status infer_broadcast_compare(InferContext& c) {
  MN_TRY(infer_broadcast_number(c));
  Type type = c.outputs()[0];
  type.dtype = DType::boolean;
  c.set_output(0, std::move(type));
  return {};
}

Status import_legacy_broadcast(ImportContext& c) {
  const ValueId a = c.input(0);
  ValueId b = c.input(1);
  MN_ASSIGN(const int64_t broadcast, c.int_attribute("broadcast", 0));
  if (broadcast != 0 && c.node.attributes.find("axis") != nullptr) {
    const Shape &left = c.b.type(a).shape, &right = c.b.type(b).shape;
    MN_CHECK(left.ranked && right.ranked, "broadcasting along an axis needs operands of known rank");
    MN_ASSIGN(int64_t axis, c.int_attribute("axis", 0));
    MN_ASSIGN(axis, normalize_axis(axis, left.rank()));
    MN_CHECK(axis + right.rank() <= left.rank(), "a ", right.rank(), "-D operand does not fit at axis ", axis, " of a ",
             left.rank(), "-D one");
    Ints axes;
    for (int64_t i = right.rank(); i < left.rank() - axis; ++i) axes.push_back(i);
    if (!axes.empty()) b = c.b.add("unsqueeze", {b, c.b.ints(axes)});
  }
  return c.take_over({a, b});
}

DType unsigned_twin(DType dtype) {
  switch (dtype) {
    case DType::int8: return DType::uint8;
    case DType::int16: return DType::uint16;
    case DType::int32: return DType::uint32;
    case DType::int64: return DType::uint64;
    default: return dtype;
  }
}

}  // namespace minnow
