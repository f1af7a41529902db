// shape and size: what a tensor's dims are, as data.
#include <algorithm>

#include "ops/cases.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

struct Range {
  int64_t begin = 0, end = 0;
};

Range selected_dims(const NodeView& c, int64_t rank) {
  const auto clamped = [rank](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  const int64_t begin = clamped(c.int_attribute("start"));
  const int64_t end = c.has_attribute("end") ? clamped(c.int_attribute("end")) : rank;
  return {begin, std::max(begin, end)};
}

Status shape_infer(InferContext& c) {
  if (!c.shape(0).ranked) {
    c.set_output(0, DType::int64, Shape::of_rank(1));
    return {};
  }
  const Range range = selected_dims(c, c.shape(0).rank());
  c.set_output(0, DType::int64, Shape{Dim(range.end - range.begin)});
  return {};
}

Status shape_reference(EvalContext& c) {
  const Range range = selected_dims(c, c.input(0).rank());
  int64_t* out = c.output(0).mutable_data<int64_t>();
  for (int64_t i = range.begin; i < range.end; ++i) *out++ = c.input(0).dim(i);
  return {};
}

Status size_infer(InferContext& c) {
  c.set_output(0, DType::int64, Shape(Dims{}));
  return {};
}

Status size_reference(EvalContext& c) {
  c.output(0).mutable_data<int64_t>()[0] = c.input(0).size();
  return {};
}

std::vector<Case> shape_cases() {
  const Tensor x = random_tensor(DType::float32, {2, 0, 3}, 1);
  return {
      {.inputs = {x}, .expected = {Tensor::of<int64_t>({2, 0, 3}, {3})}},
      {.inputs = {x}, .attributes = {{"start", 1}}, .expected = {Tensor::of<int64_t>({0, 3}, {2})}},
      {.inputs = {x}, .attributes = {{"start", -9}, {"end", -1}}, .expected = {Tensor::of<int64_t>({2, 0}, {2})}},
      {.inputs = {x},
       .attributes = {{"start", 2}, {"end", 1}},
       .expected = {Tensor::of<int64_t>({}, {0})},
       .note = "empty range"},
      {.inputs = {Tensor::scalar(1.0f)}, .expected = {Tensor::of<int64_t>({}, {0})}, .note = "0-d"},
  };
}

std::vector<Case> size_cases() {
  return {
      {.inputs = {random_tensor(DType::float32, {2, 5, 3}, 1)}, .expected = {Tensor::scalar<int64_t>(30)}},
      {.inputs = {Tensor::scalar(1.0f)}, .expected = {Tensor::scalar<int64_t>(1)}, .note = "0-d"},
      {.inputs = {random_tensor(DType::int8, {4, 0}, 1, 0, 5)},
       .expected = {Tensor::scalar<int64_t>(0)},
       .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> shape() {
  return {{
              .name = "shape",
              .doc = "Dims of a tensor (from start up to end) as 1-D int64.",
              .attributes = {{"start", 0}, {"end", AttributeKind::integer}},
              .narrow_floats = NarrowFloats::native,
              .infer = shape_infer,
              .reference = shape_reference,
              .imports = {{"ai.onnx", "Shape"}, {"tflite", "SHAPE", 1, 1 << 20, tflite::import_shape}},
              .exports = {{"ai.onnx", "Shape", 15}},
              .cases = shape_cases,
          },
          {
              .name = "size",
              .doc = "Number of elements of a tensor.",
              .narrow_floats = NarrowFloats::native,
              .infer = size_infer,
              .reference = size_reference,
              .imports = {{"ai.onnx", "Size"}, {"tflite", "RANK", 1, 1 << 20, tflite::import_rank}},
              .exports = {{"ai.onnx", "Size", 1}},
              .cases = size_cases,
          }};
}

}  // namespace minnow::ops
