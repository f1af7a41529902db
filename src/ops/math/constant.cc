// Tensors that a model states: constant (becomes a value of the graph on import), constant_of_shape, eye_like.
#include <algorithm>

#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/op.h"
#include "ops/random_source.h"

namespace minnow::ops {
namespace {

Status constant_infer(InferContext& c) {
  const Tensor& value = c.tensor_attribute("value");
  MN_CHECK(value.valid(), "attribute 'value' holds no tensor");
  c.set_output(0, value.dtype(), value.dims());
  return {};
}

Status constant_reference(EvalContext& c) {
  c.set_output(0, c.tensor_attribute("value"));
  return {};
}

Result<Tensor> stated_tensor(const Attributes& attributes) {
  if (const Attribute* a = attributes.find("value"); a != nullptr && a->get<Tensor>() != nullptr)
    return *a->get<Tensor>();
  if (const Attribute* a = attributes.find("value_float"); a != nullptr && a->get<float>() != nullptr)
    return Tensor::scalar(*a->get<float>());
  if (const Attribute* a = attributes.find("value_int"); a != nullptr && a->get<int64_t>() != nullptr)
    return Tensor::scalar(*a->get<int64_t>());
  if (const Attribute* a = attributes.find("value_floats"); a != nullptr && a->get<Floats>() != nullptr) {
    return Tensor::of<float>(*a->get<Floats>(), {static_cast<int64_t>(a->get<Floats>()->size())});
  }
  if (const Attribute* a = attributes.find("value_ints"); a != nullptr && a->get<Ints>() != nullptr)
    return Tensor::of_ints(*a->get<Ints>());
  if (const Attribute* a = attributes.find("value_string"); a != nullptr && a->get<std::string>() != nullptr) {
    return Tensor::of_strings({*a->get<std::string>()}, {});
  }
  if (const Attribute* a = attributes.find("value_strings"); a != nullptr && a->get<Strings>() != nullptr) {
    return Tensor::of_strings(*a->get<Strings>(), {static_cast<int64_t>(a->get<Strings>()->size())});
  }
  return bad_input({"none of the attributes value, value_float(s), value_int(s), value_string(s) holds a tensor"});
}

Status constant_import(ImportContext& c) {
  MN_ASSIGN(Tensor tensor, stated_tensor(c.node.attributes));
  c.set_output(0, c.b.constant(std::move(tensor), c.node.outputs.empty() ? c.node.name : c.node.outputs[0]));
  return c.b.status();
}

Status fill_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 1, "shape"));
  MN_CHECK(c.dtype(0) == DType::undefined || is_integer(c.dtype(0)), "the shape must hold integers, got ",
           to_string(c.dtype(0)));
  const Tensor& value = c.tensor_attribute("value");
  MN_CHECK(!value.valid() || value.size() == 1, "attribute 'value' must hold one element, got ", value.size());
  const DType dtype = value.valid() ? value.dtype() : DType::float32;
  if (const auto dims = c.ints(0)) {
    MN_TRY(checked_element_count(*dims));
    c.set_output(0, dtype, Shape(*dims));
    return {};
  }
  const Shape& shape = c.shape(0);
  c.set_output(0, dtype, shape.ranked && shape.dims[0].known() ? Shape::of_rank(shape.dims[0].value) : Shape());
  return {};
}

Status fill_reference(EvalContext& c) {
  const Tensor& value = c.tensor_attribute("value");
  Tensor& out = c.output(0);
  if (out.dtype() == DType::string) {
    std::fill(out.mutable_strings().begin(), out.mutable_strings().end(), value.strings()[0]);
    return {};
  }
  return dispatch_by_size(out.dtype(), [&]<class T>() -> Status {
    T* elements = out.mutable_data<T>();
    std::fill(elements, elements + out.size(), value.valid() ? *value.data<T>() : T{});
    return {};
  });
}

Status eye_like_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 2, "input"));
  const DType dtype = c.has_attribute("dtype") ? c.dtype_attribute("dtype") : c.dtype(0);
  MN_CHECK(!c.has_attribute("dtype") || is_float(dtype) || is_integer(dtype) || dtype == DType::boolean,
           "dtype must be numeric or boolean, got '", printable(c.string_attribute("dtype")), "'");
  MN_CHECK(dtype != DType::string && !is_complex(dtype), "no identity matrix of ", to_string(dtype));
  c.set_output(0, dtype, c.shape(0).ranked ? c.shape(0) : Shape::of_rank(2));
  return {};
}

Status eye_like_reference(EvalContext& c) {
  const int64_t rows = c.input(0).dim(0), columns = c.input(0).dim(1), k = c.int_attribute("k");
  MN_ASSIGN(Tensor ones, c.scratch(DType::boolean, {rows, columns}));
  std::fill(ones.mutable_data<bool>(), ones.mutable_data<bool>() + ones.size(), false);
  for (int64_t row = k < 0 ? (k < -rows ? rows : -k) : 0; row < rows && k < columns - row; ++row) {
    ones.mutable_data<bool>()[row * columns + row + k] = true;
  }
  MN_ASSIGN(Tensor out, convert_dtype(ones, c.output(0).dtype(), c.budget()));
  c.set_output(0, Datum(std::move(out)));
  return {};
}

std::vector<Case> constant_cases() {
  const Tensor value = Tensor::of<float>({1, 2}, {2});
  return {{.attributes = {{"value", value}}, .expected = {value}},
          {.attributes = {{"value", Tensor::scalar<int8_t>(3)}}, .expected = {Tensor::scalar<int8_t>(3)}}};
}
std::vector<Case> fill_cases() {
  const auto shape = [](std::initializer_list<int64_t> dims) {
    return Tensor::of<int64_t>(dims, {static_cast<int64_t>(dims.size())});
  };
  return {{.inputs = {shape({2, 1})},
           .attributes = {{"value", Tensor::of<int32_t>({7}, {1})}},
           .expected = {Tensor::of<int32_t>({7, 7}, {2, 1})}},
          {.inputs = {shape({3})}, .expected = {Tensor::of<float>({0, 0, 0}, {3})}},
          {.inputs = {shape({})}, .expected = {Tensor::scalar(0.0f)}},
          {.inputs = {shape({0, 4})}, .note = "empty"}};
}
std::vector<Case> eye_like_cases() {
  const Tensor x = Tensor::of<int32_t>({0, 0, 0, 0, 0, 0}, {2, 3});
  return {{.inputs = {x}, .expected = {Tensor::of<int32_t>({1, 0, 0, 0, 1, 0}, {2, 3})}},
          {.inputs = {x},
           .attributes = {{"k", 1}, {"dtype", DType::float32}},
           .expected = {Tensor::of<float>({0, 1, 0, 0, 0, 1}, {2, 3})}},
          {.inputs = {x}, .attributes = {{"k", -1}}, .expected = {Tensor::of<int32_t>({0, 0, 0, 1, 0, 0}, {2, 3})}},
          {.inputs = {x}, .attributes = {{"k", INT64_MAX}}, .expected = {x}, .note = "beyond"},
          {.inputs = {x}, .attributes = {{"k", INT64_MIN}}, .expected = {x}, .note = "beyond"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> constant() {
  std::vector<OpDef> ops = {
      {.name = "constant",
       .doc = "A stated tensor.",
       .inputs = {0, 0},
       .attributes = {required("value", AttributeKind::tensor)},
       .narrow_floats = NarrowFloats::native,
       .infer = constant_infer,
       .reference = constant_reference,
       .imports = {{"ai.onnx", "Constant", 1, 1 << 20, constant_import}},
       .exports = {{"ai.onnx", "Constant"}},
       .cases = constant_cases},
      {.name = "constant_of_shape",
       .doc = "A tensor of the given shape that holds one value everywhere.",
       .attributes = {{"value", AttributeKind::tensor}},
       .narrow_floats = NarrowFloats::native,
       .infer = fill_infer,
       .reference = fill_reference,
       .imports = {{"ai.onnx", "ConstantOfShape"}},
       .exports = {{"ai.onnx", "ConstantOfShape", 9}},
       .cases = fill_cases},
      {.name = "eye_like",
       .doc = "Ones on diagonal k of a matrix of the input's shape.",
       .attributes = {{"k", 0}, {"dtype", AttributeKind::text}},
       .infer = eye_like_infer,
       .reference = eye_like_reference,
       .imports = {{"ai.onnx", "EyeLike", 1, 1 << 20, import_with_dtype}},
       .exports = {{"ai.onnx", "EyeLike", 9, export_with_dtype}},
       .cases = eye_like_cases},
  };
  return ops;
}

}  // namespace minnow::ops
