// slice: every step-th element of ranges along axes. slice_gradient: the gradient put back into zeros.
#include <algorithm>
#include <limits>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

struct Range {
  int64_t begin = 0, count = 0, step = 1;
};

// Python's rules: negative positions count from the end, positions outside are clamped.
Range resolve(int64_t begin, int64_t end, int64_t step, int64_t extent) {
  step = std::max(step, -std::numeric_limits<int64_t>::max());
  const auto from_end = [extent](int64_t position) { return position < 0 ? position + extent : position; };
  Range range;
  range.step = step;
  if (step > 0) {
    range.begin = std::clamp<int64_t>(from_end(begin), 0, extent);
    const int64_t stop = std::clamp<int64_t>(from_end(end), 0, extent);
    range.count = stop > range.begin ? (stop - range.begin - 1) / step + 1 : 0;
  } else {
    range.begin = std::clamp<int64_t>(from_end(begin), -1, extent - 1);
    const int64_t stop = std::clamp<int64_t>(from_end(end), -1, extent - 1);
    range.count = range.begin > stop ? (range.begin - stop - 1) / -step + 1 : 0;
  }
  return range;
}

// Starts, ends, axes and steps of one node, as far as they are known; the first of these inputs is number `first`.
struct Spelling {
  std::optional<Ints> starts, ends, axes, steps;
};

Result<Spelling> spelled(std::optional<Ints> starts, std::optional<Ints> ends, std::optional<Ints> axes,
                         std::optional<Ints> steps, bool has_axes, bool has_steps) {
  const std::optional<Ints>& any = starts ? starts : ends ? ends : axes ? axes : steps;
  if (any) {
    const size_t count = any->size();
    if (!has_axes) {
      axes.emplace();
      for (size_t i = 0; i < count; ++i) axes->push_back(static_cast<int64_t>(i));
    }
    if (!has_steps) steps.emplace(count, 1);
    for (const auto* list : {&starts, &ends, &axes, &steps}) {
      MN_CHECK(!*list || (*list)->size() == count, "starts, ends, axes and steps must have one length, got ", count,
               " and ", (*list)->size());
    }
  }
  if (steps) {
    for (int64_t step : *steps) MN_CHECK(step != 0, "a step is 0; steps must not be 0");
  }
  return Spelling{std::move(starts), std::move(ends), std::move(axes), std::move(steps)};
}

Result<Spelling> spelled(const InferContext& c, int first) {
  constexpr std::string_view kNames[] = {"starts", "ends", "axes", "steps"};
  for (int i = 0; i < 4; ++i) {
    if (c.has_input(first + i)) MN_TRY(check_shape_input(c.type(first + i), kNames[i]));
  }
  return spelled(c.ints(first), c.ints(first + 1), c.ints(first + 2), c.ints(first + 3), c.has_input(first + 2),
                 c.has_input(first + 3));
}

Result<Spelling> spelled(const EvalContext& c, int first) {
  const auto list = [&](int i) { return c.has_input(i) ? std::optional<Ints>(to_ints(c.input(i))) : std::nullopt; };
  return spelled(list(first), list(first + 1), list(first + 2), list(first + 3), c.has_input(first + 2),
                 c.has_input(first + 3));
}

// A range for every axis of `dims`.
Result<std::vector<Range>> ranges_of(const Spelling& s, std::span<const int64_t> dims) {
  std::vector<Range> ranges;
  for (int64_t dim : dims) ranges.push_back({0, dim, 1});
  MN_ASSIGN(const Ints axes, normalize_axes(*s.axes, static_cast<int64_t>(dims.size())));
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t axis = static_cast<size_t>(axes[i]);
    ranges[axis] = resolve((*s.starts)[i], (*s.ends)[i], (*s.steps)[i], dims[axis]);
  }
  return ranges;
}

// Where the ranges lie in memory: the first element and the step in elements along each axis.
struct Placement {
  int64_t offset = 0;
  Dims strides;
};

Placement placement_of(std::span<const Range> ranges, std::span<const int64_t> dims) {
  const Dims strides = row_major_strides(dims);
  Placement place;
  for (size_t i = 0; i < ranges.size(); ++i) {
    // With one element the step may be anything up to 2^63 and does not matter.
    place.strides.push_back(ranges[i].count > 1 ? ranges[i].step * strides[i] : 0);
    if (ranges[i].count > 0) place.offset += ranges[i].begin * strides[i];
  }
  return place;
}

Status slice_infer(InferContext& c) {
  MN_ASSIGN(const Spelling s, spelled(c, 1));
  Shape out = c.shape(0);
  if (!out.ranked || !s.axes) {
    c.set_output(0, c.dtype(0), out.ranked ? Shape::of_rank(out.rank()) : Shape());
    return {};
  }
  MN_ASSIGN(const Ints axes, normalize_axes(*s.axes, out.rank()));
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = out.dims[static_cast<size_t>(axes[i])];
    if (s.starts && s.ends && s.steps && dim.known()) {
      dim = Dim(resolve((*s.starts)[i], (*s.ends)[i], (*s.steps)[i], dim.value).count);
    } else {
      const bool whole = s.starts && s.ends && s.steps && (*s.starts)[i] == 0 && (*s.steps)[i] == 1 &&
                         (*s.ends)[i] >= std::numeric_limits<int32_t>::max();
      if (!whole) dim = Dim();
    }
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

Status slice_reference(EvalContext& c) {
  MN_ASSIGN(const Spelling s, spelled(c, 1));
  MN_ASSIGN(const std::vector<Range> ranges, ranges_of(s, c.input(0).dims()));
  const Placement place = placement_of(ranges, c.input(0).dims());
  return copy_from_strides(c.input(0), place.offset, place.strides, c.output(0), *c.budget());
}

Status slice_gradient_of(GradientContext& c) {
  std::vector<ValueId> inputs = {c.output_gradient(0), c.b.add("shape", {c.input(0)})};
  for (int i = 1; i < c.input_count(); ++i) inputs.push_back(c.input(i));
  c.set_input_gradient(0, c.b.add("slice_gradient", inputs));
  return {};
}

Status slice_gradient_infer(InferContext& c) {
  MN_TRY(check_shape_input(c.type(1), "shape"));
  MN_ASSIGN(const Spelling s, spelled(c, 2));
  const auto dims = c.ints(1);
  c.set_output(0, c.dtype(0), dims ? Shape(*dims) : c.shape(0).ranked ? Shape::of_rank(c.shape(0).rank()) : Shape());
  if (!dims || !s.starts || !s.ends || !s.axes || !s.steps || !c.shape(0).static_dims()) return {};
  MN_TRY(checked_element_count(*dims));
  MN_ASSIGN(const std::vector<Range> ranges, ranges_of(s, *dims));
  Dims expected;
  for (const Range& range : ranges) expected.push_back(range.count);
  MN_CHECK(c.shape(0).to_dims() == expected, "expected a gradient of shape ", to_string(expected), ", got ",
           to_string(c.shape(0)));
  return {};
}

Status slice_gradient_reference(EvalContext& c) {
  MN_ASSIGN(const Spelling s, spelled(c, 2));
  MN_ASSIGN(const std::vector<Range> ranges, ranges_of(s, c.output(0).dims()));
  const Placement place = placement_of(ranges, c.output(0).dims());
  fill_zero(c.output(0));
  return copy_to_strides(c.input(0), c.output(0), place.offset, place.strides, *c.budget());
}

Status slice_gradient_gradient(GradientContext& c) {
  std::vector<ValueId> inputs = {c.output_gradient(0)};
  for (int i = 2; i < c.input_count(); ++i) inputs.push_back(c.input(i));
  c.set_input_gradient(0, c.b.add("slice", inputs));
  return {};
}

// Before version 10 the lists were attributes.
Status import_attributes(ImportContext& c) {
  MN_ASSIGN(const Ints starts, c.ints_attribute("starts"));
  MN_ASSIGN(const Ints ends, c.ints_attribute("ends"));
  std::vector<ValueId> inputs = {c.input(0), c.b.ints(starts), c.b.ints(ends)};
  if (c.node.attributes.find("axes") != nullptr) {
    MN_ASSIGN(const Ints axes, c.ints_attribute("axes"));
    inputs.push_back(c.b.ints(axes));
  }
  return c.take_over(std::move(inputs));
}

Tensor list(std::vector<int64_t> values) { return Tensor::of_ints(values); }

std::vector<Case> slice_cases() {
  const Tensor x = random_tensor(DType::float32, {4, 5}, 1);
  return {
      {.inputs = {Tensor::of<float>({0, 1, 2, 3, 4, 5}, {6}), list({1}), list({5}), list({0}), list({2})},
       .expected = {Tensor::of<float>({1, 3}, {2})}},
      {.inputs = {Tensor::of<float>({0, 1, 2, 3, 4}, {5}), list({-1}), list({std::numeric_limits<int64_t>::min()}),
                  list({0}), list({-2})},
       .expected = {Tensor::of<float>({4, 2, 0}, {3})},
       .note = "backwards to the beginning"},
      {.inputs = {x, list({1, 0}), list({3, 1000})}, .note = "without axes and steps"},
      {.inputs = {x, list({-3}), list({-1}), list({-1})}, .note = "negative axis and positions"},
      {.inputs = {x, list({3}), list({1}), list({0})}, .note = "empty"},
      {.inputs = {x, list({0}), list({5}), list({1}), list({std::numeric_limits<int64_t>::max()})},
       .note = "huge step"},
      {.inputs = {x, list({4}), list({-9}), list({1}), list({std::numeric_limits<int64_t>::min()})},
       .note = "huge step back"},
      {.inputs = {random_tensor(DType::float32, {0, 3}, 1), list({0}), list({9}), list({0}), list({-1})},
       .note = "no elements"},
  };
}

std::vector<Case> slice_gradient_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {2}), list({5}), list({0}), list({4}), list({0}), list({2})},
       .expected = {Tensor::of<float>({1, 0, 2, 0, 0}, {5})}},
      {.inputs = {random_tensor(DType::float32, {2, 3}, 1), list({4, 3}), list({3}), list({1}), list({0}), list({-1})}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> slice() {
  return {{
              .name = "slice",
              .doc = "Ranges with steps along axes.",
              .inputs = {3, 5},
              .narrow_floats = NarrowFloats::native,
              .infer = slice_infer,
              .reference = slice_reference,
              .gradient = slice_gradient_of,
              .imports = {{"ai.onnx", "Slice", 1, 9, import_attributes},
                          {"ai.onnx", "Slice", 10},
                          {"tflite", "SLICE", 1, 1 << 20, tflite::import_slice},
                          {"tflite", "STRIDED_SLICE", 1, 1 << 20, tflite::import_strided_slice},
                          {"tflite", "REVERSE_V2", 1, 1 << 20, tflite::import_reverse}},
              .exports = {{"ai.onnx", "Slice", 10}},
              .cases = slice_cases,
          },
          {
              .name = "slice_gradient",
              .doc = "A slice put into zeros of a shape: inputs gradient, shape, then slice's.",
              .inputs = {4, 6},
              .narrow_floats = NarrowFloats::native,
              .infer = slice_gradient_infer,
              .reference = slice_gradient_reference,
              .gradient = slice_gradient_gradient,
              .cases = slice_gradient_cases,
          }};
}

}  // namespace minnow::ops
