// resize: nearest, linear and cubic resampling along any axes, and its gradient. Inputs (x, roi, scales, sizes); one of
// scales and sizes is given. An empty tensor counts as absent.
#include <cmath>

#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/elementwise.h"
#include "ops/resize_arguments.h"
#include "ops/rounding.h"
#include "ops/spatial.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status expect_arguments(const InferContext& c, int first) {
  MN_TRY(expect_real(c, first, "roi"));
  MN_TRY(expect_real(c, first + 1, "scales"));
  return expect_integers(c, first + 2, "sizes");
}

Status resize_infer(InferContext& c) {
  MN_TRY(expect_arguments(c, 1));
  MN_TRY(interpolation_of(c));
  const Shape& shape = c.shape(0);
  const bool known = (!c.has_input(2) || c.value(2) != nullptr) && (!c.has_input(3) || c.value(3) != nullptr) &&
                     (!c.has_input(1) || c.value(1) != nullptr);
  if (!shape.ranked || !known) {
    c.set_output(0, c.dtype(0), shape.ranked ? Shape::of_rank(shape.rank()) : Shape());
    return {};
  }
  if (shape.static_dims()) {
    MN_ASSIGN(const std::vector<ResampledAxis> axes,
              resize_axes(c, shape.to_dims(), c.value(1), c.value(2), c.value(3)));
    Dims out;
    for (const ResampledAxis& axis : axes) out.push_back(axis.out);
    c.set_output(0, c.dtype(0), Shape(out));
    return {};
  }
  // Axes that are not named keep their size, and so do those with scale 1.
  MN_ASSIGN(const Ints axes, named_axes(c, shape.rank()));
  const std::vector<double> scales = values_or_none(c.value(2)), sizes = values_or_none(c.value(3));
  Shape out = shape;
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = out.dims[static_cast<size_t>(axes[i])];
    const Dim in = dim;
    if (i < scales.size() && scales[i] == 1) continue;
    dim = Dim();
    if (i < sizes.size() && sizes.size() == axes.size() &&
        c.string_attribute("keep_aspect_ratio_policy") == "stretch" && sizes[i] >= 0 && sizes[i] < 4e18) {
      dim = Dim(static_cast<int64_t>(sizes[i]));
    } else if (i < scales.size() && in.known()) {
      MN_ASSIGN(dim.value, scaled_size(in.value, scales[i]));
    }
  }
  c.set_output(0, c.dtype(0), out);
  return {};
}

// [outer, in, inner] -> [outer, out, inner] by the table, or the transposed way.
template <class T>
Status resample(const T* in, T* out, int64_t outer, const ResampledAxis& axis, int64_t inner,
                const ResamplingTable& table, bool transposed, const std::shared_ptr<Budget>& budget) {
  Pace pace(budget);
  if (transposed) std::fill(out, out + outer * axis.in * inner, T(0));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t r = 0; r < axis.out; ++r) {
      const T* source = in + (o * (transposed ? axis.out : axis.in)) * inner;
      T* target = out + (o * (transposed ? axis.in : axis.out)) * inner;
      if (!transposed) std::fill(target + r * inner, target + (r + 1) * inner, T(0));
      for (int64_t e = table.first[static_cast<size_t>(r)]; e < table.first[static_cast<size_t>(r) + 1]; ++e) {
        const T weight = static_cast<T>(table.weight[static_cast<size_t>(e)]);
        const int64_t s = table.source[static_cast<size_t>(e)];
        const T* from = source + (transposed ? r : s) * inner;
        T* to = target + (transposed ? s : r) * inner;
        for (int64_t i = 0; i < inner; ++i) to[i] += weight * from[i];
        MN_TRY(pace.work(inner));
      }
    }
  }
  return {};
}

// Axis after axis; only those whose table is not the identity.
template <class T>
Status resample_all(const EvalContext& c, const Tensor& input, Tensor& output, const std::vector<ResampledAxis>& axes,
                    const std::vector<ResamplingTable>& tables, bool transposed) {
  Tensor current = input;
  Dims dims = input.dims();
  for (size_t i = 0; i < axes.size(); ++i) {
    if (tables[i].identity) continue;
    const int64_t outer = element_count(std::span(dims).first(i)),
                  inner = element_count(std::span(dims).subspan(i + 1));
    dims[i] = transposed ? axes[i].in : axes[i].out;
    MN_ASSIGN(Tensor next, c.scratch(input.dtype(), dims));
    MN_TRY(
        resample(current.data<T>(), next.mutable_data<T>(), outer, axes[i], inner, tables[i], transposed, c.budget()));
    current = std::move(next);
  }
  const T* values = current.data<T>();
  std::copy(values, values + current.size(), output.mutable_data<T>());
  return {};
}

// Calls body(output index, input index or -1) for every output element; tables hold at most one entry an element
// (nearest).
template <class Body>
void for_each_nearest(const std::vector<ResampledAxis>& axes, const std::vector<ResamplingTable>& tables, int64_t count,
                      Body body) {
  Dims in;
  for (const ResampledAxis& axis : axes) in.push_back(axis.in);
  const Dims strides = row_major_strides(in);
  std::vector<int64_t> counter(axes.size());
  for (int64_t o = 0; o < count; ++o) {
    int64_t offset = 0;
    for (size_t i = 0; i < axes.size() && offset >= 0; ++i) {
      const size_t at = static_cast<size_t>(counter[i]);
      if (tables[i].identity) offset += counter[i] * strides[i];
      else if (tables[i].outside[at]) offset = -1;
      else offset += tables[i].source[static_cast<size_t>(tables[i].first[at])] * strides[i];
    }
    body(o, offset);
    for (size_t i = axes.size(); i-- > 0;) {
      if (++counter[i] < axes[i].out) break;
      counter[i] = 0;
    }
  }
}

// Overwrites elements that lie outside along any axis.
template <class T>
void fill_outside(T* out, const std::vector<ResampledAxis>& axes, const std::vector<ResamplingTable>& tables, T value) {
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t outer = 1, inner = 1;
    for (size_t k = 0; k < i; ++k) outer *= axes[k].out;
    for (size_t k = i + 1; k < axes.size(); ++k) inner *= axes[k].out;
    for (int64_t r = 0; !tables[i].identity && r < axes[i].out; ++r) {
      if (!tables[i].outside[static_cast<size_t>(r)]) continue;
      for (int64_t o = 0; o < outer; ++o) std::fill_n(out + (o * axes[i].out + r) * inner, inner, value);
    }
  }
}

struct Plan {
  std::vector<ResampledAxis> axes;
  std::vector<ResamplingTable> tables;
  Interpolation interpolation;
};

Result<Plan> plan_of(const EvalContext& c, const Dims& dims, int first) {
  const auto given = [&](int i) { return c.has_input(first + i) ? &c.input(first + i) : nullptr; };
  Plan plan;
  MN_ASSIGN(plan.interpolation, interpolation_of(c));
  MN_ASSIGN(plan.axes, resize_axes(c, dims, given(0), given(1), given(2)));
  for (const ResampledAxis& axis : plan.axes) plan.tables.push_back(resampling_table(axis, plan.interpolation));
  return plan;
}

// Integers are interpolated in double and rounded to nearest even.
Status resize_integers(EvalContext& c, const Plan& plan) {
  MN_ASSIGN(const Tensor wide, convert_dtype(c.input(0), DType::float64, c.budget()));
  MN_ASSIGN(Tensor out, c.scratch(DType::float64, c.output(0).dims()));
  MN_TRY(resample_all<double>(c, wide, out, plan.axes, plan.tables, false));
  double* values = out.mutable_data<double>();
  fill_outside(values, plan.axes, plan.tables, static_cast<double>(c.float_attribute("extrapolation_value")));
  for (int64_t i = 0; i < out.size(); ++i) values[i] = std::nearbyint(values[i]);
  MN_ASSIGN(Tensor narrow, convert_dtype(out, c.output(0).dtype(), c.budget()));
  c.set_output(0, Datum(std::move(narrow)));
  return {};
}

Status resize_reference(EvalContext& c) {
  if (c.output(0).size() == 0) return {};
  MN_ASSIGN(const Plan plan, plan_of(c, c.input(0).dims(), 1));
  const DType dtype = c.input(0).dtype();
  if (plan.interpolation.mode == Interpolation::Mode::nearest) {
    MN_ASSIGN(const Tensor extrapolation,
              dtype == DType::string ? Result<Tensor>(Tensor::of_strings({""}, {}))
                                     : convert_dtype(Tensor::scalar(c.float_attribute("extrapolation_value")), dtype));
    return dispatch_by_size(dtype, [&]<class T>() -> Status {
      const T* in = c.input(0).data<T>();
      T* out = c.output(0).mutable_data<T>();
      const T outside = extrapolation.data<T>()[0];
      for_each_nearest(plan.axes, plan.tables, c.output(0).size(),
                       [&](int64_t o, int64_t i) { out[o] = i < 0 ? outside : in[i]; });
      return {};
    });
  }
  if (dtype != DType::float32 && dtype != DType::float64) return resize_integers(c, plan);
  return dispatch<FloatTypes>(dtype, [&]<class T>() -> Status {
    MN_TRY(resample_all<T>(c, c.input(0), c.output(0), plan.axes, plan.tables, false));
    fill_outside(c.output(0).mutable_data<T>(), plan.axes, plan.tables,
                 static_cast<T>(c.float_attribute("extrapolation_value")));
    return {};
  });
}

Status integer_resize_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_integer, "an integer type"));
  return resize_infer(c);
}
Status integer_resize_decompose(DecomposeContext& c) { return decompose_on_codes(c, "resize"); }

Status resize_gradient(GradientContext& c) {
  const auto given = [&](int i) { return c.has_input(i) ? c.input(i) : kNoValue; };
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(
      0, c.b.add("resize_grad", {c.output_gradient(0), shape, given(1), given(2), given(3)}, c.node().attributes));
  return {};
}

Status resize_grad_infer(InferContext& c) {
  MN_TRY(expect_arguments(c, 2));
  MN_TRY(expect_integers(c, 1, "shape"));
  MN_TRY(c.expect_rank(1, 1, "shape"));
  const auto target = c.ints(1);
  if (target) MN_TRY(checked_element_count(*target));
  c.set_output(0, c.dtype(0),
               target              ? Shape(*target)
               : c.shape(0).ranked ? Shape::of_rank(c.shape(0).rank())
                                   : Shape());
  if (!target || !c.shape(0).static_dims()) return {};
  for (int i = 2; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.value(i) == nullptr) return {};
  }
  MN_ASSIGN(const std::vector<ResampledAxis> axes, resize_axes(c, *target, c.value(2), c.value(3), c.value(4)));
  Dims expected;
  for (const ResampledAxis& axis : axes) expected.push_back(axis.out);
  MN_CHECK(expected == c.shape(0).to_dims(), "output gradient: expected ", to_string(expected), ", got ",
           to_string(c.shape(0)));
  return {};
}

Status resize_grad_reference(EvalContext& c) {
  MN_ASSIGN(const Plan plan, plan_of(c, c.output(0).dims(), 2));
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    if (c.input(0).size() == 0) {
      std::fill_n(c.output(0).mutable_data<T>(), c.output(0).size(), T(0));
      return {};
    }
    return resample_all<T>(c, c.input(0), c.output(0), plan.axes, plan.tables, true);
  });
}

// Linear in the output gradient; what lies outside has no part in it.
Status resize_grad_gradient(GradientContext& c) {
  const auto given = [&](int i) { return c.has_input(i) ? c.input(i) : kNoValue; };
  Attributes attributes = c.node().attributes;
  attributes.set("extrapolation_value", Attribute(0.0f));
  c.set_input_gradient(0, c.b.add("resize", {c.output_gradient(0), given(2), given(3), given(4)}, attributes));
  return {};
}

// Upsample, and version 10 of Resize: (x, scales), or scales as attributes; positions o / scale, rounded down.
Status import_scales(ImportContext& c) {
  Builder& b = c.b;
  ValueId scales = c.input_count() > 1 ? c.input(1) : kNoValue;
  if (const Attribute* attribute = c.node.attributes.find("scales"); scales == kNoValue && attribute != nullptr) {
    const Floats* values = attribute->get<Floats>();
    MN_CHECK(values != nullptr, "attribute 'scales': expected real numbers, got ", to_string(attribute->kind()));
    scales = b.constant(Tensor::of<float>(std::span<const float>(*values), {static_cast<int64_t>(values->size())}));
  } else if (scales == kNoValue) {
    MN_ASSIGN(const float height, c.float_attribute("height_scale", 1.0f));
    MN_ASSIGN(const float width, c.float_attribute("width_scale", 1.0f));
    scales = b.constant(Tensor::of<float>({1, 1, height, width}, {4}));
  }
  return c.take_over({c.input(0), kNoValue, scales},
                     {{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }
Tensor floats(std::initializer_list<float> values) {
  return Tensor::of<float>(values, {static_cast<int64_t>(values.size())});
}

std::vector<Case> resize_cases() {
  const Tensor row = floats({1, 2, 3, 4}), image = f({1, 2, 4, 5}, 1);
  const Ints hw{2, 3};
  return {
      {.inputs = {row, {}, floats({2})}, .expected = {floats({1, 1, 2, 2, 3, 3, 4, 4})}},
      {.inputs = {row, {}, floats({0.5f})}, .attributes = {{"mode", "linear"}}, .expected = {floats({1.5f, 3.5f})}},
      {.inputs = {row, {}, {}, Tensor::of_ints(Dims{7})},
       .attributes = {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}},
       .expected = {floats({1, 1.5f, 2, 2.5f, 3, 3.5f, 4})}},
      {.inputs = {row, floats({0.5f, 2}), {}, Tensor::of_ints(Dims{2})},
       .attributes = {{"mode", "linear"},
                      {"coordinate_transformation_mode", "tf_crop_and_resize"},
                      {"extrapolation_value", 9.0f}},
       .expected = {floats({2.5f, 9})},
       .note = "outside"},
      {.inputs = {Tensor::of<uint8_t>({10, 13}, {2}), {}, floats({2})},
       .attributes = {{"mode", "linear"}},
       .expected = {Tensor::of<uint8_t>({10, 11, 12, 13}, {4})},
       .differentiable = false,
       .note = "integers round"},
      {.inputs = {image, {}, floats({1.6f, 0.7f})}, .attributes = {{"axes", hw}, {"mode", "cubic"}}},
      {.inputs = {image, {}, floats({0.6f, 0.5f})}, .attributes = {{"axes", hw}, {"mode", "linear"}, {"antialias", 1}}},
      {.inputs = {image, {}, floats({0.6f, 2.5f})},
       .attributes = {{"axes", hw}, {"mode", "cubic"}, {"antialias", 1}, {"exclude_outside", 1}}},
      {.inputs = {image, {}, {}, Tensor::of_ints(Dims{6, 3})},
       .attributes = {{"axes", Ints{-1, 2}}, {"keep_aspect_ratio_policy", "not_larger"}}},
      {.inputs = {image, {}, {}, Tensor::of_ints(Dims{1, 2, 3, 8})},
       .attributes = {{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel_symmetric"}}},
      {.inputs = {f({0, 3}, 2), {}, floats({1, 2})}, .note = "nothing to resize"},
  };
}

std::vector<Case> integer_resize_cases() {
  const auto sizes = [](int64_t h, int64_t w) { return Tensor::of_ints(Dims{1, h, w, 19}); };
  return {
      {.inputs = {Tensor::of<int8_t>({-3, 2}, {2}), {}, {}, Tensor::of_ints(Dims{3})},
       .attributes = {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}},
       .expected = {Tensor::of<int8_t>({-3, -1, 2}, {3})},
       .note = "half way between"},
      {.inputs = {random_tensor(DType::uint8, {1, 3, 5, 19}, 1, 0, 256), {}, {}, sizes(6, 20)},
       .attributes = {{"mode", "linear"}},
       .note = "channels last"},
  };
}

std::vector<Case> resize_grad_cases() {
  return {{.inputs = {floats({1, 2, 3, 4}), Tensor::of_ints(Dims{2}), {}, floats({2})}, .expected = {floats({3, 7})}},
          {.inputs = {f({2, 5}, 1), Tensor::of_ints(Dims{3, 3}), {}, {}, Tensor::of_ints(Dims{2, 5})},
           .attributes = {{"mode", "cubic"}}}};
}

std::vector<AttributeSpec> resize_attributes() {
  return {{"antialias", 0},
          {"axes", AttributeKind::integers},
          {"coordinate_transformation_mode", "half_pixel"},
          {"cubic_coeff_a", -0.75f},
          {"exclude_outside", 0},
          {"extrapolation_value", 0.0f},
          {"keep_aspect_ratio_policy", "stretch"},
          {"mode", "nearest"},
          {"nearest_mode", "round_prefer_floor"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> resize() {
  return {{.name = "integer_resize",
           .doc = "Resamples integers as real numbers, rounded to nearest, halves away from zero.",
           .inputs = {1, 4},
           .attributes = resize_attributes(),
           .infer = integer_resize_infer,
           .decompose = integer_resize_decompose,
           .cases = integer_resize_cases},
          {.name = "resize",
           .doc = "Resamples a tensor to another size: nearest, linear or cubic.",
           .inputs = {1, 4},
           .attributes = resize_attributes(),
           .infer = resize_infer,
           .reference = resize_reference,
           .gradient = resize_gradient,
           .imports = {{"ai.onnx", "Resize", 10, 10, import_scales},
                       {"ai.onnx", "Resize", 11},
                       {"ai.onnx", "Upsample", 1, 10, import_scales},
                       {"tflite", "RESIZE_BILINEAR", 1, 1 << 20, tflite::import_resize_bilinear},
                       {"tflite", "RESIZE_NEAREST_NEIGHBOR", 1, 1 << 20, tflite::import_resize_nearest}},
           .exports = {{"ai.onnx", "Resize", 19}},
           .tolerance = {.relative = 1e-5, .absolute = 1e-5},
           .cases = resize_cases},
          {.name = "resize_grad",
           .doc = "Gradient of resize: (output gradient, shape of the input, roi, scales, sizes).",
           .inputs = {2, 5},
           .attributes = resize_attributes(),
           .infer = resize_grad_infer,
           .reference = resize_grad_reference,
           .gradient = resize_grad_gradient,
           .cases = resize_grad_cases}};
}

}  // namespace minnow::ops
