// pad: adds elements around a tensor, or removes them (negative pads), and its gradient. center_crop_pad is spelled
// with it.
#include <algorithm>

#include "base/checked.h"
#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/spatial.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

struct AxisPad {
  int64_t begin = 0, end = 0;
};

bool is_pad_mode(std::string_view mode) {
  return mode == "constant" || mode == "reflect" || mode == "edge" || mode == "wrap";
}

// pads and axes as given -> one entry for each axis of a tensor of this rank.
Result<std::vector<AxisPad>> pads_of(std::span<const int64_t> pads, const std::optional<std::vector<int64_t>>& axes,
                                     int64_t rank) {
  const size_t count = axes ? axes->size() : static_cast<size_t>(rank);
  MN_CHECK(pads.size() == 2 * count, "pads: expected ", 2 * count, " values for ", count, " axes, got ", pads.size());
  std::vector<AxisPad> out(static_cast<size_t>(rank));
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (size_t i = 0; i < count; ++i) {
    MN_ASSIGN(const int64_t axis, normalize_axis(axes ? (*axes)[i] : static_cast<int64_t>(i), rank));
    MN_CHECK(!seen[static_cast<size_t>(axis)], "axis ", axis, " is padded twice");
    seen[static_cast<size_t>(axis)] = true;
    out[static_cast<size_t>(axis)] = {pads[i], pads[count + i]};
  }
  return out;
}

Result<int64_t> padded_size(int64_t size, const AxisPad& pad, std::string_view mode) {
  int64_t out = 0;
  MN_CHECK(checked_add(size, pad.begin, &out) && checked_add(out, pad.end, &out) && out >= 0, "pads ", pad.begin,
           " and ", pad.end, " do not fit a dimension of ", size);
  if (mode == "constant") return out;
  // The other modes read elements, which must be left after cropping.
  const int64_t crop_begin = pad.begin < 0 ? -std::max(pad.begin, -size - 1) : 0,
                crop_end = pad.end < 0 ? -std::max(pad.end, -size - 1) : 0;
  MN_CHECK(out == 0 || size - crop_begin - crop_end > 0, "mode ", mode, " has nothing to repeat in a dimension of ",
           size, " with pads ", pad.begin, " and ", pad.end);
  return out;
}

// Source index of every output index along one axis; -1: the constant.
std::vector<int64_t> source_indices(int64_t size, int64_t out, const AxisPad& pad, std::string_view mode) {
  std::vector<int64_t> table(static_cast<size_t>(out));
  const bool constant = mode == "constant";
  // Cropping comes first: what was cut off is not repeated.
  const int64_t first = constant ? 0 : std::max<int64_t>(0, -pad.begin),
                left = constant ? size : size - first - std::max<int64_t>(0, -pad.end);
  const int64_t shift = constant ? pad.begin : std::max<int64_t>(0, pad.begin);
  for (int64_t o = 0; o < out; ++o) {
    int64_t i = o - shift;
    if (i < 0 || i >= left) {
      const int64_t period = mode == "reflect" ? 2 * (left - 1) : left;
      if (constant) i = -1;
      else if (mode == "edge") i = std::clamp<int64_t>(i, 0, left - 1);
      else if (period == 0) i = 0;
      else i = ((i % period) + period) % period;
      if (mode == "reflect" && i >= left) i = period - i;
    }
    table[static_cast<size_t>(o)] = i < 0 ? -1 : i + first;
  }
  return table;
}

struct PadTables {
  std::vector<std::vector<int64_t>> source;  // per axis
  Dims outer;                                // output dims without the innermost
  Dims strides;                              // of the unpadded tensor
};

// Calls body(offset, inside, position) for every innermost row of the output: the row's offset in the unpadded tensor,
// whether it lies inside at all, and its first element in the output.
template <class Body>
Status for_each_row(const PadTables& tables, int64_t row, const std::shared_ptr<Budget>& budget, Body body) {
  Pace pace(budget);
  std::vector<int64_t> counter(tables.outer.size());
  const int64_t rows = element_count(tables.outer);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t offset = 0;
    bool inside = true;
    for (size_t i = 0; i < counter.size(); ++i) {
      const int64_t source = tables.source[i][static_cast<size_t>(counter[i])];
      inside = inside && source >= 0;
      offset += std::max<int64_t>(source, 0) * tables.strides[i];
    }
    body(offset, inside, r * row);
    MN_TRY(pace.work(row));
    for (size_t i = counter.size(); i-- > 0;) {
      if (++counter[i] < tables.outer[i]) break;
      counter[i] = 0;
    }
  }
  return {};
}

Result<PadTables> pad_tables(const NodeView& node, const Dims& small, const Dims& padded, const Tensor& pads,
                             const Tensor* axes) {
  std::optional<std::vector<int64_t>> axis_list;
  if (axes != nullptr) axis_list = to_ints(*axes);
  MN_ASSIGN(const std::vector<AxisPad> list, pads_of(to_ints(pads), axis_list, static_cast<int64_t>(small.size())));
  PadTables tables;
  for (size_t i = 0; i < small.size(); ++i)
    tables.source.push_back(source_indices(small[i], padded[i], list[i], node.string_attribute("mode")));
  tables.strides = row_major_strides(small);
  tables.outer = padded;
  if (!padded.empty()) tables.outer.pop_back();
  return tables;
}

Status pad_infer(InferContext& c) {
  const std::string& mode = c.string_attribute("mode");
  MN_CHECK(is_pad_mode(mode), "attribute 'mode': expected constant, reflect, edge or wrap, got '", printable(mode),
           "'");
  MN_TRY(c.expect_rank(1, 1, "pads"));
  MN_TRY(expect_integers(c, 1, "pads"));
  MN_TRY(expect_integers(c, 3, "axes"));
  const auto pads = c.ints(1), axes = c.ints(3);
  Shape shape = c.shape(0);
  if (shape.ranked && (!pads || (c.has_input(3) && !axes))) {
    shape = Shape::of_rank(shape.rank());
  } else if (shape.ranked) {
    MN_ASSIGN(const std::vector<AxisPad> list, pads_of(*pads, axes, shape.rank()));
    for (size_t i = 0; i < list.size(); ++i) {
      Dim& dim = shape.dims[i];
      if (list[i].begin == 0 && list[i].end == 0) continue;
      if (!dim.known()) {
        dim = Dim();
        continue;
      }
      MN_ASSIGN(const int64_t size, padded_size(dim.value, list[i], mode));
      dim = Dim(size);
    }
  }
  if (c.has_input(2)) {
    MN_TRY(c.expect_same_dtype(0, 2));
    MN_CHECK(!c.shape(2).static_dims() || element_count(c.shape(2).to_dims()) == 1,
             "constant_value: expected one value, got ", to_string(c.shape(2)));
  }
  c.set_output(0, c.dtype(0), shape);
  return {};
}

Status pad_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0);
  if (y.size() == 0) return {};
  MN_ASSIGN(const PadTables tables,
            pad_tables(c, x.dims(), y.dims(), c.input(1), c.has_input(3) ? &c.input(3) : nullptr));
  return dispatch_by_size(x.dtype(), [&]<class T>() -> Status {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T constant = c.has_input(2) ? c.input(2).data<T>()[0] : T{};
    const std::vector<int64_t> scalar{0};
    const std::vector<int64_t>& inner = tables.source.empty() ? scalar : tables.source.back();
    return for_each_row(
        tables, static_cast<int64_t>(inner.size()), c.budget(), [&](int64_t offset, bool inside, int64_t position) {
          for (size_t i = 0; i < inner.size(); ++i) {
            out[position + static_cast<int64_t>(i)] = inside && inner[i] >= 0 ? in[offset + inner[i]] : constant;
          }
        });
  });
}

Status pad_gradient(GradientContext& c) {
  Builder& b = c.b;
  const ValueId shape = b.add("shape", {c.input(0)}), dy = c.output_gradient(0);
  const ValueId dx =
      b.add("pad_grad", {dy, c.input(1), shape, c.has_input(3) ? c.input(3) : kNoValue}, c.node().attributes);
  c.set_input_gradient(0, dx);
  if (c.has_input(2)) {
    // All that did not come from the data came from the constant.
    const auto total = [&](ValueId id) { return b.add("reduce_sum", {id}, {{"keepdims", 0}}); };
    const ValueId sum =
        c.string_attribute("mode") == "constant" ? b.add("sub", {total(dy), total(dx)}) : b.scalar_like(0.0, dy);
    c.set_input_gradient(2, b.add("reshape", {sum, b.add("shape", {c.input(2)})}));
  }
  return {};
}

Status pad_grad_infer(InferContext& c) {
  MN_TRY(c.expect_rank(2, 1, "shape"));
  MN_TRY(expect_integers(c, 1, "pads"));
  MN_TRY(expect_integers(c, 2, "shape"));
  MN_TRY(expect_integers(c, 3, "axes"));
  const auto target = c.ints(2);
  if (target) MN_TRY(checked_element_count(*target));
  MN_CHECK(!target || !c.shape(0).ranked || static_cast<int64_t>(target->size()) == c.shape(0).rank(), "shape has ",
           target->size(), " dimensions, the gradient ", to_string(c.shape(0)));
  c.set_output(0, c.dtype(0),
               target              ? Shape(*target)
               : c.shape(0).ranked ? Shape::of_rank(c.shape(0).rank())
                                   : Shape());
  return {};
}

Status pad_grad_reference(EvalContext& c) {
  const Tensor& dy = c.input(0);
  Tensor& dx = c.output(0);
  MN_ASSIGN(const PadTables tables,
            pad_tables(c, dx.dims(), dy.dims(), c.input(1), c.has_input(3) ? &c.input(3) : nullptr));
  return dispatch<FloatTypes>(dy.dtype(), [&]<class T>() -> Status {
    const T* in = dy.data<T>();
    T* out = dx.mutable_data<T>();
    std::fill(out, out + dx.size(), T(0));
    if (dy.size() == 0) return {};
    const std::vector<int64_t> scalar{0};
    const std::vector<int64_t>& inner = tables.source.empty() ? scalar : tables.source.back();
    return for_each_row(tables, static_cast<int64_t>(inner.size()), c.budget(),
                        [&](int64_t offset, bool inside, int64_t position) {
                          for (size_t i = 0; inside && i < inner.size(); ++i) {
                            if (inner[i] >= 0) out[offset + inner[i]] += in[position + static_cast<int64_t>(i)];
                          }
                        });
  });
}

Status pad_grad_gradient(GradientContext& c) {
  c.set_input_gradient(
      0, c.b.add("pad", {c.output_gradient(0), c.input(1), kNoValue, c.has_input(3) ? c.input(3) : kNoValue},
                 c.node().attributes));
  return {};
}

// Target size of each axis; those not named keep theirs.
Status center_infer(InferContext& c) {
  MN_TRY(expect_integers(c, 1, "shape"));
  Shape shape = c.shape(0);
  if (shape.ranked) {
    Ints axes = c.ints_attribute("axes");
    if (!c.find("axes").present()) {
      for (int64_t i = 0; i < shape.rank(); ++i) axes.push_back(i);
    }
    const auto target = c.ints(1);
    MN_CHECK(!target || target->size() == axes.size(), "shape: expected ", axes.size(), " values, got ",
             target ? target->size() : 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      MN_ASSIGN(const int64_t axis, normalize_axis(axes[i], shape.rank()));
      MN_CHECK(!target || (*target)[i] >= 0, "shape: sizes must not be negative, got ", target ? (*target)[i] : 0);
      shape.dims[static_cast<size_t>(axis)] = target ? Dim((*target)[i]) : Dim();
    }
  }
  c.set_output(0, c.dtype(0), shape);
  return {};
}

// Cropping starts at floor(excess / 2), padding puts the odd element behind: both are one pad.
Status center_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const Shape shape = c.type(c.input(0)).shape;
  const Tensor* target = b.constant_value(c.input(1));
  MN_CHECK(shape.static_dims() && target != nullptr, "needs known input and target shapes");
  const std::vector<int64_t> sizes = to_ints(*target);
  Ints pads(static_cast<size_t>(2 * shape.rank()), 0);
  const Ints& axes = c.ints_attribute("axes");
  for (size_t i = 0; i < sizes.size(); ++i) {
    MN_ASSIGN(const int64_t axis, normalize_axis(axes.empty() ? static_cast<int64_t>(i) : axes[i], shape.rank()));
    const int64_t missing = sizes[i] - shape.dims[static_cast<size_t>(axis)].value;
    pads[static_cast<size_t>(axis)] = missing >= 0 ? missing / 2 : -(-missing / 2);
    pads[static_cast<size_t>(axis + shape.rank())] = missing - pads[static_cast<size_t>(axis)];
  }
  c.set_output(0, b.add("pad", {c.input(0), b.ints(pads)}));
  return {};
}

// Versions 1 and 2: pads and value are attributes.
Status import_attributes(ImportContext& c) {
  Builder& b = c.b;
  MN_ASSIGN(const Ints pads, c.ints_attribute(c.node.version == 1 ? "paddings" : "pads"));
  MN_ASSIGN(const float value, c.float_attribute("value", 0.0f));
  std::vector<ValueId> inputs{c.input(0), b.ints(pads)};
  if (value != 0.0f) inputs.push_back(b.add("cast_like", {b.constant(value), c.input(0)}));
  return c.take_over(std::move(inputs));
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }

std::vector<Case> pad_cases() {
  const Tensor row = Tensor::of<float>({1, 2, 3}, {3}), by22 = Tensor::of_ints(Dims{2, 2}),
               by4d = Tensor::of_ints(Dims{0, 1, 2, 0, 2, 1});
  const auto of = [](std::initializer_list<float> values) {
    return Tensor::of<float>(values, {static_cast<int64_t>(values.size())});
  };
  return {
      {.inputs = {row, by22, Tensor::scalar(9.0f)}, .expected = {of({9, 9, 1, 2, 3, 9, 9})}},
      {.inputs = {row, by22}, .attributes = {{"mode", "reflect"}}, .expected = {of({3, 2, 1, 2, 3, 2, 1})}},
      {.inputs = {row, Tensor::of_ints(Dims{5, 0})},
       .attributes = {{"mode", "reflect"}},
       .expected = {of({2, 1, 2, 3, 2, 1, 2, 3})},
       .note = "reflected twice"},
      {.inputs = {row, by22}, .attributes = {{"mode", "edge"}}, .expected = {of({1, 1, 1, 2, 3, 3, 3})}},
      {.inputs = {row, by22}, .attributes = {{"mode", "wrap"}}, .expected = {of({2, 3, 1, 2, 3, 1, 2})}},
      {.inputs = {row, Tensor::of_ints(Dims{-1, 2})}, .expected = {of({2, 3, 0, 0})}, .note = "crops in front"},
      {.inputs = {row, Tensor::of_ints(Dims{-1, 2})}, .attributes = {{"mode", "wrap"}}, .expected = {of({2, 3, 2, 3})}},
      {.inputs = {f({2, 3, 2}, 1), by4d, Tensor::scalar(0.5f)}},
      {.inputs = {f({2, 3, 4}, 2), Tensor::of_ints(Dims{1, 2, 2, 1}), {}, Tensor::of_ints(Dims{-1, 1})},
       .attributes = {{"mode", "reflect"}},
       .note = "axes"},
      {.inputs = {Tensor::scalar(3.0f), Tensor::of_ints(Dims{})}, .expected = {Tensor::scalar(3.0f)}, .note = "0-d"},
      {.inputs = {f({0, 2}, 3), Tensor::of_ints(Dims{1, 0, 0, 1})},
       .expected = {Tensor::of<float>({0, 0, 0}, {1, 3})},
       .note = "nothing to pad"},
  };
}

std::vector<Case> pad_grad_cases() {
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7}, {7}), Tensor::of_ints(Dims{2, 2}), Tensor::of_ints(Dims{3})},
       .attributes = {{"mode", "reflect"}},
       .expected = {Tensor::of<float>({10, 12, 6}, {3})}},
      {.inputs = {f({2, 4}, 1), Tensor::of_ints(Dims{1, -1}), Tensor::of_ints(Dims{2, 4}), Tensor::of_ints(Dims{1})}}};
}

std::vector<Case> center_cases() {
  const Tensor row = Tensor::of<float>({1, 2, 3, 4, 5}, {5});
  return {{.inputs = {row, Tensor::of_ints(Dims{2})}, .expected = {Tensor::of<float>({2, 3}, {2})}},
          {.inputs = {row, Tensor::of_ints(Dims{8})}, .expected = {Tensor::of<float>({0, 1, 2, 3, 4, 5, 0, 0}, {8})}},
          {.inputs = {f({3, 4, 5}, 1), Tensor::of_ints(Dims{3, 5})}, .attributes = {{"axes", Ints{-1, 0}}}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> pad() {
  return {{.name = "pad",
           .doc = "Adds elements at the ends of axes, or removes them.",
           .inputs = {2, 4},
           .attributes = {{"mode", "constant"}},
           .narrow_floats = NarrowFloats::native,
           .infer = pad_infer,
           .reference = pad_reference,
           .gradient = pad_gradient,
           .imports = {{"ai.onnx", "Pad", 1, 10, import_attributes},
                       {"ai.onnx", "Pad", 11},
                       {"com.microsoft", "Pad"},
                       {"tflite", "PAD", 1, 1 << 20, tflite::import_pad},
                       {"tflite", "PADV2", 1, 1 << 20, tflite::import_pad},
                       {"tflite", "MIRROR_PAD", 1, 1 << 20, tflite::import_mirror_pad}},
           .exports = {{"ai.onnx", "Pad", 19}},
           .cases = pad_cases},
          {.name = "pad_grad",
           .doc = "Gradient of pad: (output gradient, pads, shape of the input, axes).",
           .inputs = {3, 4},
           .attributes = {{"mode", "constant"}},
           .infer = pad_grad_infer,
           .reference = pad_grad_reference,
           .gradient = pad_grad_gradient,
           .cases = pad_grad_cases},
          {.name = "center_crop_pad",
           .doc = "Crops or pads to a shape, around the centre.",
           .inputs = {2, 2},
           .attributes = {{"axes", AttributeKind::integers}},
           .narrow_floats = NarrowFloats::native,
           .infer = center_infer,
           .decompose = center_decompose,
           .imports = {{"ai.onnx", "CenterCropPad"}},
           .exports = {{"ai.onnx", "CenterCropPad", 18}},
           .cases = center_cases}};
}

}  // namespace minnow::ops
