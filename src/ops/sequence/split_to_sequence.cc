// split_to_sequence and concat_from_sequence: a tensor cut into a sequence, and joined again.
#include <algorithm>

#include "base/checked.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/subgraph.h"

namespace minnow::ops {
namespace {

// Without `split`, single slices, of which keepdims 0 drops the axis.
bool drops_axis(const NodeView& c, bool has_split) { return !has_split && c.int_attribute("keepdims") == 0; }

Status split_infer(InferContext& c) {
  const Shape& in = c.shape(0);
  if (c.has_input(1)) MN_TRY(check_shape_input(c.type(1), "split"));
  Shape element = in;
  if (in.ranked) {
    MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), in.rank()));
    if (drops_axis(c, c.has_input(1))) {
      element.dims.erase(element.dims.begin() + axis);
    } else {
      element.dims[static_cast<size_t>(axis)] = c.has_input(1) ? Dim() : Dim(1);
    }
  }
  c.set_output(0, Type::sequence(Type::tensor(c.dtype(0), std::move(element))));
  return {};
}

Result<Ints> lengths_of(const EvalContext& c, int64_t extent) {
  if (!c.has_input(1)) return Ints(static_cast<size_t>(extent), 1);
  const Ints given = to_ints(c.input(1));
  Ints lengths;
  if (c.input(1).rank() == 0) {
    const int64_t chunk = given[0];
    MN_CHECK(chunk > 0, "split must be positive, got ", chunk);
    for (int64_t begin = 0; begin < extent; begin += std::min(chunk, extent - begin))
      lengths.push_back(std::min(chunk, extent - begin));
    return lengths;
  }
  int64_t sum = 0;
  for (int64_t length : given)
    MN_CHECK(length >= 0 && checked_add(sum, length, &sum), "split has a bad length in ", to_string(given));
  MN_CHECK(sum == extent, "split lengths ", to_string(given), " sum to ", sum, ", but the axis has ", extent);
  return given;
}

Status split_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), in.rank()));
  // Every element of the sequence costs memory of its own, however small it is.
  MN_ASSIGN(const Tensor reserved, c.scratch(DType::int64, {c.has_input(1) ? 0 : in.dim(axis)}));
  MN_ASSIGN(const Ints lengths, lengths_of(c, in.dim(axis)));
  const Dims strides = row_major_strides(in.dims());
  std::vector<Datum> list;
  int64_t begin = 0;
  for (int64_t length : lengths) {
    MN_TRY(c.budget()->step(0));
    Dims dims = in.dims();
    dims[static_cast<size_t>(axis)] = length;
    MN_ASSIGN(Tensor part, c.scratch(in.dtype(), dims));
    MN_TRY(copy_from_strides(in, begin * strides[static_cast<size_t>(axis)], strides, part, *c.budget()));
    begin += length;
    if (drops_axis(c, c.has_input(1))) {
      dims.erase(dims.begin() + axis);
      part = part.reshaped(dims);
    }
    list.push_back(std::move(part));
  }
  c.set_output(0, std::move(list));
  return {};
}

Status concat_infer(InferContext& c) {
  const Type element = element_type(c.type(0));
  MN_CHECK(c.type(0).kind == Type::Kind::unknown || c.type(0).kind == Type::Kind::sequence, "expected a sequence, got ",
           to_string(c.type(0)));
  Shape out = element.shape;
  if (out.ranked) {
    const bool stacks = c.int_attribute("new_axis") != 0;
    MN_ASSIGN(const int64_t axis, normalize_axis(c.int_attribute("axis"), out.rank() + (stacks ? 1 : 0)));
    if (stacks) out.dims.insert(out.dims.begin() + axis, Dim());
    else out.dims[static_cast<size_t>(axis)] = Dim();
  }
  c.set_output(0, element.dtype, std::move(out));
  return {};
}

// Dims of one element as they enter the joined tensor.
Result<Dims> entering_dims(const NodeView& c, const Datum& element, int64_t* axis) {
  MN_CHECK(element.kind == Datum::Kind::tensor, "the sequence must hold tensors");
  Dims dims = element.tensor.dims();
  const bool stacks = c.int_attribute("new_axis") != 0;
  MN_ASSIGN(*axis, normalize_axis(c.int_attribute("axis"), static_cast<int64_t>(dims.size()) + (stacks ? 1 : 0)));
  if (stacks) dims.insert(dims.begin() + *axis, 1);
  return dims;
}

Status concat_reference(EvalContext& c) {
  MN_CHECK(c.datum(0).kind == Datum::Kind::sequence, "expected a sequence, got ", to_string(Type::of(c.datum(0))));
  const std::vector<Datum>& list = *c.datum(0).sequence;
  MN_CHECK(!list.empty(), "cannot join an empty sequence");
  int64_t axis = 0;
  MN_ASSIGN(Dims dims, entering_dims(c, list[0], &axis));
  const DType dtype = list[0].tensor.dtype();
  int64_t total = 0;
  for (const Datum& element : list) {
    MN_ASSIGN(Dims other, entering_dims(c, element, &axis));
    MN_CHECK(other.size() == dims.size() && element.tensor.dtype() == dtype,
             "elements of the sequence differ in rank or element type");
    MN_CHECK(checked_add(total, other[static_cast<size_t>(axis)], &total), "the joined axis exceeds 2^63");
    other[static_cast<size_t>(axis)] = dims[static_cast<size_t>(axis)];
    MN_CHECK(other == dims, "elements ", to_string(dims), " and ", to_string(element.tensor.dims()),
             " differ outside axis ", axis);
  }
  dims[static_cast<size_t>(axis)] = total;
  MN_ASSIGN(Tensor * out, c.allocate_output(0, dims, dtype));
  const Dims strides = row_major_strides(dims);
  int64_t offset = 0;
  for (const Datum& element : list) {
    MN_ASSIGN(const Dims part, entering_dims(c, element, &axis));
    MN_TRY(copy_to_strides(element.tensor.reshaped(part), *out, offset, strides, *c.budget()));
    offset += part[static_cast<size_t>(axis)] * strides[static_cast<size_t>(axis)];
  }
  return {};
}

std::vector<Case> split_cases() {
  const Tensor x = random_tensor(DType::float32, {4, 3}, 1);
  return {
      {.inputs = {x}, .differentiable = false},
      {.inputs = {x}, .attributes = {{"axis", -1}, {"keepdims", 0}}, .differentiable = false},
      {.inputs = {x, Tensor::scalar<int64_t>(3)}, .differentiable = false, .note = "shorter last part"},
      {.inputs = {x, Tensor::of<int64_t>({1, 0, 2}, {3})}, .attributes = {{"axis", 1}}, .differentiable = false},
  };
}

std::vector<Case> concat_cases() {
  const Tensor a = Tensor::of<float>({1, 2}, {1, 2}), b = Tensor::of<float>({3, 4}, {1, 2});
  const Datum list = std::vector<Datum>{a, b};
  return {
      {.inputs = {list},
       .attributes = {{"axis", -1}},
       .expected = {Tensor::of<float>({1, 2, 3, 4}, {1, 4})},
       .differentiable = false},
      {.inputs = {list},
       .attributes = {{"axis", 2}, {"new_axis", 1}},
       .expected = {Tensor::of<float>({1, 3, 2, 4}, {1, 2, 2})},
       .differentiable = false},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> split_to_sequence() {
  return {{
              .name = "split_to_sequence",
              .doc = "Cuts a tensor along an axis into a sequence.",
              .inputs = {1, 2},
              .attributes = {{"axis", 0}, {"keepdims", 1}},
              .narrow_floats = NarrowFloats::native,
              .infer = split_infer,
              .reference = split_reference,
              .imports = {{"ai.onnx", "SplitToSequence"}},
              .exports = {{"ai.onnx", "SplitToSequence", 11}},
              .cases = split_cases,
          },
          {
              .name = "concat_from_sequence",
              .doc = "Joins the elements of a sequence along an axis, or along a new one.",
              .attributes = {required("axis", AttributeKind::integer), {"new_axis", 0}},
              .narrow_floats = NarrowFloats::native,
              .takes_sequences = true,
              .infer = concat_infer,
              .reference = concat_reference,
              .imports = {{"ai.onnx", "ConcatFromSequence"}},
              .exports = {{"ai.onnx", "ConcatFromSequence", 11}},
              .cases = concat_cases,
          }};
}

}  // namespace minnow::ops
