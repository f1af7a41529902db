// Sequences: lists of tensors as values. Elements are shared, so that inserting copies the list but no tensor.
#include <algorithm>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/onnx_dtype.h"
#include "ops/op.h"
#include "ops/subgraph.h"

namespace minnow::ops {
namespace {

Status expect_sequence(const InferContext& c, int i) {
  const Type& type = c.type(i);
  MN_CHECK(type.kind == Type::Kind::unknown || type.kind == Type::Kind::sequence || type.kind == Type::Kind::optional,
           "input ", i, " must be a sequence, got ", to_string(type));
  return {};
}

Result<const std::vector<Datum>*> elements_of(const Datum& datum) {
  MN_CHECK(datum.kind == Datum::Kind::sequence && datum.sequence != nullptr, "expected a sequence, got ",
           to_string(Type::of(datum)));
  return datum.sequence.get();
}

// The position input; `extent` is how many positions there are.
Result<int64_t> position_of(const Datum& datum, int64_t extent) {
  MN_ASSIGN(const int64_t position, single_count(datum, "the position"));
  MN_CHECK(position >= -extent && position < extent, "position ", position, " is outside [", -extent, ", ", extent,
           ")");
  return position < 0 ? position + extent : position;
}

Status construct_infer(InferContext& c) {
  Type element = c.type(0);
  for (int i = 1; i < c.input_count(); ++i) element = common_type(element, c.type(i));
  c.set_output(0, Type::sequence(std::move(element)));
  return {};
}

Status construct_reference(EvalContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    MN_CHECK(c.has_input(i), "element ", i, " is absent");
    MN_CHECK(c.input(i).dtype() == c.input(0).dtype(), "elements must have one type, got ",
             to_string(c.input(0).dtype()), " and ", to_string(c.input(i).dtype()));
  }
  c.set_output(0, std::vector<Datum>(c.inputs().begin(), c.inputs().end()));
  return {};
}

Status empty_infer(InferContext& c) {
  const DType dtype = c.dtype_attribute("dtype");
  MN_CHECK(dtype != DType::undefined, "dtype '", c.string_attribute("dtype"), "' is not an element type");
  c.set_output(0, Type::sequence(Type::tensor(dtype)));
  return {};
}

Status empty_reference(EvalContext& c) {
  c.set_output(0, std::vector<Datum>());
  return {};
}

Status import_empty(ImportContext& c) {
  MN_ASSIGN(const int64_t code, c.int_attribute("dtype", 1));
  const DType dtype = onnx_dtype(code);
  MN_CHECK(dtype != DType::undefined, "dtype ", code, " is not an element type");
  return c.take_over({}, {{"dtype", dtype}});
}

Status export_empty(ExportContext& c) {
  c.add("ai.onnx", "SequenceEmpty", {}, {c.output_name(0)}, {{"dtype", onnx_dtype_code(c.dtype_attribute("dtype"))}});
  return {};
}

Status at_infer(InferContext& c) {
  MN_TRY(expect_sequence(c, 0));
  c.set_output(0, element_type(c.type(0)));
  return {};
}

Status at_reference(EvalContext& c) {
  MN_ASSIGN(const std::vector<Datum>* elements, elements_of(c.datum(0)));
  MN_ASSIGN(const int64_t position, position_of(c.datum(1), static_cast<int64_t>(elements->size())));
  c.set_output(0, (*elements)[static_cast<size_t>(position)]);
  return {};
}

Status insert_infer(InferContext& c) {
  MN_TRY(expect_sequence(c, 0));
  const Type known = element_type(c.type(0));
  MN_CHECK(known.dtype == DType::undefined || c.dtype(1) == DType::undefined || known.dtype == c.dtype(1),
           "cannot insert ", to_string(c.type(1)), " into ", to_string(c.type(0)));
  c.set_output(0, Type::sequence(known.kind == Type::Kind::unknown ? c.type(1) : common_type(known, c.type(1))));
  return {};
}

Status insert_reference(EvalContext& c) {
  MN_ASSIGN(const std::vector<Datum>* elements, elements_of(c.datum(0)));
  int64_t position = static_cast<int64_t>(elements->size());
  if (c.has_input(2)) {
    MN_ASSIGN(position, single_count(c.datum(2), "the position"));
    const int64_t count = static_cast<int64_t>(elements->size());
    MN_CHECK(position >= -count && position <= count, "position ", position, " is outside [", -count, ", ", count, "]");
    if (position < 0) position += count;
  }
  MN_TRY(c.budget()->step(position / 1024));  // the list is copied
  std::vector<Datum> list = *elements;
  list.insert(list.begin() + position, c.datum(1));
  c.set_output(0, std::move(list));
  return {};
}

Status erase_infer(InferContext& c) {
  MN_TRY(expect_sequence(c, 0));
  c.set_output(0, c.type(0).kind == Type::Kind::sequence ? c.type(0) : Type::sequence({}));
  return {};
}

Status erase_reference(EvalContext& c) {
  MN_ASSIGN(const std::vector<Datum>* elements, elements_of(c.datum(0)));
  const int64_t count = static_cast<int64_t>(elements->size());
  MN_CHECK(count > 0, "cannot erase from an empty sequence");
  int64_t position = count - 1;
  if (c.has_input(1)) {
    MN_ASSIGN(position, position_of(c.datum(1), count));
  }
  std::vector<Datum> list = *elements;
  list.erase(list.begin() + position);
  c.set_output(0, std::move(list));
  return {};
}

Status length_infer(InferContext& c) {
  MN_TRY(expect_sequence(c, 0));
  c.set_output(0, DType::int64, Shape(Dims{}));
  return {};
}

Status length_reference(EvalContext& c) {
  MN_ASSIGN(const std::vector<Datum>* elements, elements_of(c.datum(0)));
  c.output(0).mutable_data<int64_t>()[0] = static_cast<int64_t>(elements->size());
  return {};
}

Datum letters() { return std::vector<Datum>{Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({3}, {1})}; }

std::vector<Case> construct_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2}, {2}), Tensor::of<float>({3}, {1})}, .differentiable = false},
          {.inputs = {Tensor::scalar<int64_t>(1)}, .note = "one element"}};
}
std::vector<Case> empty_cases() { return {{.inputs = {}}, {.inputs = {}, .attributes = {{"dtype", DType::int64}}}}; }
std::vector<Case> at_cases() {
  return {{.inputs = {letters(), Tensor::scalar<int64_t>(0)},
           .expected = {Tensor::of<float>({1, 2}, {2})},
           .differentiable = false},
          {.inputs = {letters(), Tensor::scalar<int32_t>(-1)},
           .expected = {Tensor::of<float>({3}, {1})},
           .differentiable = false}};
}
std::vector<Case> insert_cases() {
  return {{.inputs = {letters(), Tensor::of<float>({7}, {1})}, .differentiable = false, .note = "at the end"},
          {.inputs = {letters(), Tensor::of<float>({7}, {1}), Tensor::scalar<int64_t>(-2)},
           .differentiable = false,
           .note = "in front"}};
}
std::vector<Case> erase_cases() {
  return {{.inputs = {letters()}, .differentiable = false},
          {.inputs = {letters(), Tensor::scalar<int64_t>(-2)}, .differentiable = false}};
}
std::vector<Case> length_cases() {
  return {{.inputs = {letters()}, .expected = {Tensor::scalar<int64_t>(2)}},
          {.inputs = {Datum(std::vector<Datum>())}, .expected = {Tensor::scalar<int64_t>(0)}}};
}

OpDef sequence_op(std::string_view name, std::string_view doc, Arity inputs, Status (*infer)(InferContext&),
                  Status (*reference)(EvalContext&), std::string_view onnx, std::vector<Case> (*cases)()) {
  return {.name = name,
          .doc = doc,
          .inputs = inputs,
          .narrow_floats = NarrowFloats::native,
          .takes_sequences = true,
          .infer = infer,
          .reference = reference,
          .imports = {{"ai.onnx", onnx}},
          .exports = {{"ai.onnx", onnx, 11}},
          .cases = cases};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> sequence() {
  std::vector<OpDef> ops = {
      sequence_op("sequence_construct", "A sequence of the inputs.", {1, Arity::kMany}, construct_infer,
                  construct_reference, "SequenceConstruct", construct_cases),
      sequence_op("sequence_empty", "A sequence without elements.", {0, 0}, empty_infer, empty_reference,
                  "SequenceEmpty", empty_cases),
      sequence_op("sequence_at", "The element at a position (negative: from the end).", {2, 2}, at_infer, at_reference,
                  "SequenceAt", at_cases),
      sequence_op("sequence_insert", "A sequence with one more element.", {2, 3}, insert_infer, insert_reference,
                  "SequenceInsert", insert_cases),
      sequence_op("sequence_erase", "A sequence without the element at a position (the last).", {1, 2}, erase_infer,
                  erase_reference, "SequenceErase", erase_cases),
      sequence_op("sequence_length", "Number of elements of a sequence.", {1, 1}, length_infer, length_reference,
                  "SequenceLength", length_cases),
  };
  ops[0].takes_sequences = false;
  ops[1].attributes = {{"dtype", DType::float32}};
  ops[1].imports = {{"ai.onnx", "SequenceEmpty", 11, 1 << 20, import_empty}};
  ops[1].exports = {{"ai.onnx", "SequenceEmpty", 11, export_empty}};
  return ops;
}

}  // namespace minnow::ops
