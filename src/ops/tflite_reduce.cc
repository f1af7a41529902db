// TensorFlow Lite's reductions and selections.
#include "ops/expression.h"
#include "ops/tflite.h"

namespace minnow::tflite {
namespace {

// No axes means no reduction.
Result<Attributes> reduce_attributes(const ImportContext& c) {
  MN_ASSIGN(const int64_t keep, c.int_attribute("keep_dims", 0));
  return Attributes{{"keepdims", keep}, {"noop_with_empty_axes", 1}};
}

}  // namespace

Status import_reduce(ImportContext& c) {
  MN_ASSIGN(const Attributes attributes, reduce_attributes(c));
  return finish(c, c.b.add(c.op.name, {real(c, 0), int64_list(c, 1)}, attributes));
}

// Largest and smallest: of codes as of what they stand for.
Status import_reduce_codes(ImportContext& c) {
  MN_ASSIGN(const Attributes attributes, reduce_attributes(c));
  return finish_codes(c, c.b.add(c.op.name, {carried(c, 0), int64_list(c, 1)}, attributes));
}

Status import_arg(ImportContext& c) {
  MN_ASSIGN(const Ints axis, constant_ints(c, 1, "the axis"));
  MN_CHECK(axis.size() == 1, "expected one axis, got ", axis.size());
  const bool truth = c.b.type(c.input(0)).dtype == DType::boolean;
  const ValueId x = truth ? c.b.add("cast", {c.input(0)}, {{"to", DType::uint8}}) : c.input(0);
  const ValueId position = c.b.add(c.op.name, {x}, {{"axis", axis[0]}, {"keepdims", 0}});
  c.set_output(0, as_declared(c, position));
  return c.b.status();
}

Status import_top_k(ImportContext& c) {
  const ValueId inputs[] = {carried(c, 0), int64_list(c, 1)};
  const std::vector<ValueId> out = c.b.add_many("top_k", inputs, 2);
  MN_TRY(c.b.status());
  c.set_output(0, out[0]);
  if (c.output_count() > 1) c.set_output(1, as_declared(c, out[1], 1));
  return c.b.status();
}

// SELECT's condition may be a vector that chooses whole rows; SELECT_V2's is broadcast.
Status import_select(ImportContext& c) {
  MN_CHECK(c.has_input(0) && c.has_input(1) && c.has_input(2), "expected a condition and two values");
  ValueId condition = c.input(0);
  if (c.node.op == "SELECT") {
    MN_ASSIGN(const int64_t rank, rank_of(c, 0));
    MN_ASSIGN(const int64_t values, rank_of(c, 1));
    if (rank == 1 && values > 1) {
      Ints dims(static_cast<size_t>(values), 1);
      dims[0] = -1;
      condition = reshaped(c.b, condition, dims);
    }
  }
  return finish_codes(c, c.b.add("where", {condition, carried(c, 1), carried(c, 2)}));
}

// Positions of what is not zero, a row each.
Status import_where(ImportContext& c) {
  const ValueId positions = c.b.add("non_zero", {c.input(0)});
  c.set_output(0, c.b.add("transpose", {positions}, {{"perm", Ints{1, 0}}}));
  return c.b.status();
}

Status import_one_hot(ImportContext& c) {
  MN_CHECK(c.input_count() == 4, "expected indices, depth and two values");
  MN_ASSIGN(const int64_t axis, c.int_attribute("axis", 0));
  const ValueId on = reshaped(c.b, c.input(2), {1}), off = reshaped(c.b, c.input(3), {1});
  const ValueId values = c.b.add("concat", {off, on}, {{"axis", 0}});
  const ValueId depth = int64_list(c, 1);
  const ValueId indices = c.b.add("cast", {c.input(0)}, {{"to", DType::int64}});
  // Indices below zero select nothing here; ours count them from the end.
  const ValueId low = c.b.add("less", {indices, c.b.constant(Tensor::scalar<int64_t>(0))});
  const ValueId safe = c.b.add("where", {low, depth, indices});
  c.set_output(0, c.b.add("one_hot", {safe, depth, values}, {{"axis", axis}}));
  return c.b.status();
}

Status import_range(ImportContext& c) {
  MN_CHECK(c.input_count() == 3, "expected start, limit and delta");
  std::vector<ValueId> scalars;
  for (int i = 0; i < 3; ++i)
    scalars.push_back(c.b.add("reshape", {c.input(i), c.b.ints(std::initializer_list<int64_t>{})}));
  c.set_output(0, c.b.add("range", scalars));
  return c.b.status();
}

}  // namespace minnow::tflite
