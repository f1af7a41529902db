// squeeze and unsqueeze: remove and insert dims of one.
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/reshaping.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status squeeze_infer(InferContext& c) {
  const Shape& in = c.shape(0);
  if (c.has_input(1)) MN_TRY(check_shape_input(c.type(1), "axes"));
  const auto axes = c.ints(1);
  c.set_output(0, c.dtype(0), Shape());
  if (!in.ranked) return {};
  if (c.has_input(1) && !axes) {
    const Shape removed = shape_of_length(c.shape(1));
    if (removed.ranked && removed.rank() <= in.rank())
      c.set_output(0, c.dtype(0), Shape::of_rank(in.rank() - removed.rank()));
    return {};
  }
  if (!axes && !in.static_dims()) return {};
  std::vector<bool> removed(in.dims.size(), false);
  if (axes) {
    MN_ASSIGN(const Ints normal, normalize_axes(*axes, in.rank()));
    for (int64_t axis : normal) {
      const Dim& dim = in.dims[static_cast<size_t>(axis)];
      MN_CHECK(!dim.known() || dim.value == 1, "cannot remove axis ", axis, " of ", to_string(in),
               ": its dimension is not 1");
      removed[static_cast<size_t>(axis)] = true;
    }
  } else {
    for (size_t i = 0; i < removed.size(); ++i) removed[i] = in.dims[i].value == 1;
  }
  Shape out(std::vector<Dim>{});
  for (size_t i = 0; i < removed.size(); ++i) {
    if (!removed[i]) out.dims.push_back(in.dims[i]);
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status unsqueeze_infer(InferContext& c) {
  const Shape& in = c.shape(0);
  MN_TRY(check_shape_input(c.type(1), "axes"));
  const auto axes = c.ints(1);
  c.set_output(0, c.dtype(0), Shape());
  if (!in.ranked) return {};
  if (!axes) {
    const Shape added = shape_of_length(c.shape(1));
    if (added.ranked) c.set_output(0, c.dtype(0), Shape::of_rank(in.rank() + added.rank()));
    return {};
  }
  const int64_t rank = in.rank() + static_cast<int64_t>(axes->size());
  MN_ASSIGN(const Ints normal, normalize_axes(*axes, rank));
  Shape out(std::vector<Dim>(static_cast<size_t>(rank)));
  std::vector<bool> added(static_cast<size_t>(rank), false);
  for (int64_t axis : normal) added[static_cast<size_t>(axis)] = true;
  size_t next = 0;
  for (size_t i = 0; i < added.size(); ++i) out.dims[i] = added[i] ? Dim(1) : in.dims[next++];
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status import_axes_attribute(ImportContext& c) { return import_list_as_input(c, "axes"); }

std::vector<Case> squeeze_cases() {
  const Tensor x = random_tensor(DType::float32, {1, 3, 1, 2}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {1, 2, 1}), Tensor::of_ints(std::vector<int64_t>{0})},
       .expected = {Tensor::of<float>({1, 2}, {2, 1})}},
      {.inputs = {x}, .note = "all dims of one"},
      {.inputs = {x, Tensor::of_ints(std::vector<int64_t>{-2, 0})}, .note = "negative axis"},
      {.inputs = {x, Tensor::of_ints({})}, .note = "nothing removed"},
      {.inputs = {Tensor::scalar(1.0f)}, .note = "0-d"},
  };
}

std::vector<Case> unsqueeze_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 2}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {2}), Tensor::of_ints(std::vector<int64_t>{0})},
       .expected = {Tensor::of<float>({1, 2}, {1, 2})}},
      {.inputs = {x, Tensor::of_ints(std::vector<int64_t>{3, 0})}, .note = "axes of the output, any order"},
      {.inputs = {x, Tensor::of_ints(std::vector<int64_t>{-1})}, .note = "negative axis"},
      {.inputs = {Tensor::scalar(1.0f), Tensor::of_ints(std::vector<int64_t>{0, 1})}, .note = "0-d"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> squeeze() {
  return {{
              .name = "squeeze",
              .doc = "Removes dims of one: those of axes, or all.",
              .inputs = {1, 2},
              .narrow_floats = NarrowFloats::native,
              .infer = squeeze_infer,
              .reference = reshaping_reference,
              .gradient = reshaping_gradient,
              .imports = {{"ai.onnx", "Squeeze", 1, 12, import_axes_attribute},
                          {"ai.onnx", "Squeeze", 13},
                          {"tflite", "SQUEEZE", 1, 1 << 20, tflite::import_squeeze}},
              .exports = {{"ai.onnx", "Squeeze", 13}},
              .cases = squeeze_cases,
          },
          {
              .name = "unsqueeze",
              .doc = "Inserts dims of one at axes of the output.",
              .inputs = {2, 2},
              .narrow_floats = NarrowFloats::native,
              .infer = unsqueeze_infer,
              .reference = reshaping_reference,
              .gradient = reshaping_gradient,
              .imports = {{"ai.onnx", "Unsqueeze", 1, 12, import_axes_attribute},
                          {"ai.onnx", "Unsqueeze", 13},
                          {"tflite", "EXPAND_DIMS", 1, 1 << 20, tflite::import_expand_dims}},
              .exports = {{"ai.onnx", "Unsqueeze", 13}},
              .cases = unsqueeze_cases,
          }};
}

}  // namespace minnow::ops
