// The problems of pools, resizing and padding.
#include <algorithm>
#include <limits>

#include "kernels/families.h"
#include "lower/preparation.h"
#include "ops/pooling.h"
#include "ops/resize_arguments.h"

namespace minnow {

namespace {

bool channels_last_of(const Step& step) { return step.node.string_attribute("data_layout") == "NHWC"; }

}  // namespace

bool prepare_pool(const Step& step, Problem& p) {
  const int32_t rank = p.input(0).rank;
  if ((rank != 3 && rank != 4) || step.outputs.size() != 1) return false;
  const auto pool = concrete_pool(step.node, step.input_dims(0), step.outputs[0].shape.to_dims());
  if (!pool.ok()) return false;
  const bool last = channels_last_of(step);
  if (rank == 3) {  // one row of height 1
    for (size_t i = 0; i < 2; ++i) insert_dim(p.operands[i], last ? 1 : 2);
  }
  const WindowAxis &height = pool->window[1], &width = pool->window[2];
  p.ints = {height.stride, width.stride, height.dilation, width.dilation, height.pad_begin, width.pad_begin, 1};
  p.ints[kernels::kKernelH] = height.kernel;
  p.ints[kernels::kKernelW] = width.kernel;
  p.ints[kernels::kPadBottom] = height.pad_end;
  p.ints[kernels::kPadRight] = width.pad_end;
  p.ints[kernels::kChannelsLast] = last;
  p.ints[kernels::kCountPadding] = p.op != "max_pool" && step.node.int_attribute("count_include_pad") != 0;
  return true;
}

bool prepare_global_pool(const Step& step, Problem& p) {
  const int32_t rank = p.input(0).rank;
  const bool last = channels_last_of(step);
  set_extents(p, last ? 1 : 2, last ? rank - 1 : rank);
  return rank > 2;
}

// Two neighbouring axes, the others left as they are.
bool prepare_resize(const Step& step, Problem& p) {
  if (!step.known_from(1)) return false;
  const auto axes = resize_axes(step.node, step.input_dims(0), step.value(1), step.value(2), step.value(3));
  const auto interpolation = interpolation_of(step.node);
  if (!axes.ok() || !interpolation.ok() || interpolation->exclude_outside ||
      interpolation->mode == Interpolation::Mode::cubic)
    return false;
  const auto changes = [&](size_t d) { return (*axes)[d].in != (*axes)[d].out || (*axes)[d].scale != 1; };
  const size_t rank = axes->size();
  size_t first = 0, last = rank;
  while (first < rank && !changes(first)) ++first;
  while (last > first && !changes(last - 1)) --last;
  if (rank < 2 || last - first > 2) return false;
  first = std::min(first, rank - 2);
  set_extents(p, static_cast<int64_t>(first), static_cast<int64_t>(first + 2));
  const ResampledAxis &height = (*axes)[first], &width = (*axes)[first + 1];
  const bool shrinks = height.scale < 1 || width.scale < 1;
  if (interpolation->antialias && shrinks) return false;
  p.ints = {p.ints[0], height.in, width.in, height.out, width.out, p.ints[2]};
  p.ints[kernels::kResizeMode] = static_cast<int64_t>(interpolation->mode);
  p.ints[kernels::kCoordinates] = static_cast<int64_t>(interpolation->coordinates);
  p.ints[kernels::kNearest] = static_cast<int64_t>(interpolation->nearest);
  kernels::set_scale(p, kernels::kScaleH, height.scale);
  kernels::set_scale(p, kernels::kScaleW, width.scale);
  keep_inputs(p, 1);
  return true;
}

bool prepare_pad(const Step& step, Problem& p) {
  if (!step.known_from(1) || step.value(1) == nullptr || step.node.string_attribute("mode") != "constant") return false;
  const int64_t rank = p.input(0).rank;
  const std::vector<int64_t> pads = ints_of(*step.values[1]);
  const bool has_axes = step.inputs.size() > 3 && step.values[3] != nullptr;
  const std::vector<int64_t> axes = has_axes ? ints_of(*step.values[3]) : std::vector<int64_t>();
  const size_t count = pads.size() / 2;
  if (has_axes ? axes.size() != count : static_cast<int64_t>(count) != rank) return false;
  for (size_t i = 0; i < count; ++i) {
    const auto axis = normalize_axis(has_axes ? axes[i] : static_cast<int64_t>(i), rank);
    if (!axis.ok() || pads[i] < 0 || pads[i + count] < 0) return false;
    p.ints[static_cast<size_t>(*axis)] = pads[i];
  }
  if (step.inputs.size() > 2 && step.values[2] != nullptr && step.values[2]->size() == 1)
    p.floats[0] = static_cast<float>(to_doubles(*step.values[2])[0]);
  keep_inputs(p, 1);
  return true;
}

}  // namespace minnow
