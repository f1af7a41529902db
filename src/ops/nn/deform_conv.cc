// deform_conv: a convolution whose taps are moved by offsets that are data, read by linear interpolation, and weighted
// by a mask. arXiv:1703.06211, arXiv:1811.11168.
#include <cmath>

#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/convolution.h"
#include "ops/dispatch.h"

namespace minnow::ops {
namespace {

Status expect_dims(const Shape& shape, const Shape& expected, std::string_view what) {
  if (!shape.ranked) return {};
  bool fits = shape.rank() == expected.rank();
  for (size_t i = 0; fits && i < shape.dims.size(); ++i)
    fits = !shape.dims[i].known() || !expected.dims[i].known() || shape.dims[i].value == expected.dims[i].value;
  MN_CHECK(fits, what, ": expected ", to_string(expected), ", got ", to_string(shape));
  return {};
}

// Inputs: x [N, C, d...], w [M, C/group, k...], offset [N, offset_group * taps * axes, o...], bias [M], mask [N,
// offset_group * taps, o...].
Status deform_infer(InferContext& c) {
  MN_TRY(c.expect_same_dtype(0, 1));
  MN_TRY(c.expect_same_dtype(0, 2));
  for (int i = 3; i < c.input_count(); ++i) {
    if (c.has_input(i)) MN_TRY(c.expect_same_dtype(0, i));
  }
  if (!c.shape(0).ranked || !c.shape(1).ranked) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  MN_ASSIGN(const ConvolutionShapes shapes, convolution_shapes(c, c.shape(0), c.shape(1)));
  const int64_t groups = c.int_attribute("offset_group");
  MN_CHECK(groups >= 1, "attribute 'offset_group' must be at least 1, got ", groups);
  MN_CHECK(!shapes.x.channels.known() || shapes.x.channels.value % groups == 0, "offset_group ", groups,
           " does not divide the ", shapes.x.channels.value, " input channels");
  Dims kernel;
  for (const Dim& dim : shapes.w.spatial) {
    if (dim.known()) kernel.push_back(dim.value);
  }
  ImageShape expected{shapes.x.batch, Dim(), shapes.y.spatial};
  const int64_t axes = static_cast<int64_t>(shapes.w.spatial.size());
  if (kernel.size() == shapes.w.spatial.size()) {
    MN_ASSIGN(const int64_t taps, checked_element_count(kernel));
    int64_t rows = 0;
    MN_CHECK(checked_mul(taps, groups, &rows) && checked_mul(rows, axes, &expected.channels.value), "offset_group ",
             groups, " is too large");
    MN_TRY(expect_dims(c.shape(2), expected.shape(false), "offset"));
    expected.channels = Dim(rows);
    if (c.has_input(4)) MN_TRY(expect_dims(c.shape(4), expected.shape(false), "mask"));
  }
  if (c.has_input(3)) MN_TRY(expect_dims(c.shape(3), Shape({shapes.y.channels}), "bias"));
  c.set_output(0, c.dtype(0), shapes.y.shape(false));
  return {};
}

// Up to eight neighbours of a position, with weights; those outside the image read zero and are left out.
struct Neighbours {
  int count = 0;
  int64_t offset[8];
  double weight[8];
};

Neighbours neighbours_of(const std::array<double, 3>& at, const Planes& x) {
  Neighbours out;
  int64_t low[3];
  double fraction[3];
  for (size_t i = 0; i < 3; ++i) {
    if (!(at[i] > -1 && at[i] < static_cast<double>(x.size[i]))) return out;
    const double floor = std::floor(at[i]);
    low[i] = static_cast<int64_t>(floor);
    fraction[i] = at[i] - floor;
  }
  for (int corner = 0; corner < 8; ++corner) {
    int64_t offset = 0;
    double weight = 1;
    bool inside = true;
    for (size_t i = 0; i < 3; ++i) {
      const int64_t step = corner >> i & 1, index = low[i] + step;
      weight *= step != 0 ? fraction[i] : 1 - fraction[i];
      inside = inside && index >= 0 && index < x.size[i];
      offset += index * x.stride[i];
    }
    if (!inside || weight == 0) continue;
    out.offset[out.count] = offset;
    out.weight[out.count++] = weight;
  }
  return out;
}

struct Deformation {
  Convolution conv;
  int64_t offset_groups, axes, taps;
};

// What every tap of every channel reads at output position `at` (number `o` in its plane) of image n -> column [C,
// taps].
template <class T>
void gather_column(const Deformation& d, const T* x, const T* offsets, const T* mask, int64_t n,
                   const std::array<int64_t, 3>& at, int64_t o, std::vector<double>& column) {
  const Planes& planes = d.conv.x;
  const int64_t plane = d.conv.y.plane_size(), channels = planes.channels / d.offset_groups;
  const Window& window = d.conv.window;
  for (int64_t g = 0; g < d.offset_groups; ++g) {
    for (int64_t tap = 0; tap < d.taps; ++tap) {
      const int64_t row = (n * d.offset_groups + g) * d.taps + tap, width = window[2].kernel, height = window[1].kernel;
      const std::array<int64_t, 3> k{tap / width / height, tap / width % height, tap % width};
      std::array<double, 3> position{};
      for (size_t i = 0; i < 3; ++i) {
        const int64_t axis =
            static_cast<int64_t>(i) - (3 - d.axes);  // of the offsets, which leave out axes the data does not have
        position[i] = static_cast<double>(window[i].position(at[i], k[i]));
        if (axis >= 0) position[i] += static_cast<double>(offsets[(row * d.axes + axis) * plane + o]);
      }
      const Neighbours near = neighbours_of(position, planes);
      const double scale = mask != nullptr ? static_cast<double>(mask[row * plane + o]) : 1.0;
      for (int64_t c = g * channels; c < (g + 1) * channels; ++c) {
        const T* image = x + planes.offset(n, c);
        double sum = 0;
        for (int i = 0; i < near.count; ++i) sum += near.weight[i] * static_cast<double>(image[near.offset[i]]);
        column[static_cast<size_t>(c * d.taps + tap)] = sum * scale;
      }
    }
  }
}

Status deform_reference(EvalContext& c) {
  Deformation d{};
  MN_ASSIGN(d.conv, concrete_convolution(c, c.input(0).dims(), c.input(1).dims(), c.output(0).dims()));
  const Planes &y = d.conv.y, &w = d.conv.w;
  d.offset_groups = c.int_attribute("offset_group");
  d.axes = c.input(0).rank() - 2;
  d.taps = w.plane_size();
  if (c.output(0).size() == 0) return {};
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* weights = c.input(1).data<T>();
    const T* bias = c.has_input(3) ? c.input(3).data<T>() : nullptr;
    const T* mask = c.has_input(4) ? c.input(4).data<T>() : nullptr;
    T* out = c.output(0).mutable_data<T>();
    const int64_t length = w.channels * d.taps, maps = y.channels / d.conv.group;
    std::vector<double> column(static_cast<size_t>(d.conv.x.channels * d.taps));
    Pace pace(c.budget());
    for (int64_t n = 0; n < y.batch; ++n) {
      for (int64_t o = 0; o < y.plane_size(); ++o) {
        const std::array<int64_t, 3> at{o / y.size[2] / y.size[1], o / y.size[2] % y.size[1], o % y.size[2]};
        gather_column(d, c.input(0).data<T>(), c.input(2).data<T>(), mask, n, at, o, column);
        for (int64_t m = 0; m < y.channels; ++m) {
          const double* values = column.data() + m / maps * length;
          double sum = bias != nullptr ? static_cast<double>(bias[m]) : 0;
          for (int64_t i = 0; i < length; ++i) sum += values[i] * static_cast<double>(weights[m * length + i]);
          out[y.offset(n, m) + o] = static_cast<T>(sum);
        }
        MN_TRY(pace.work(length * y.channels + static_cast<int64_t>(column.size())));
      }
    }
    return {};
  });
}

Cost deform_cost(const InferContext& c) {
  int64_t elements = element_count(c.outputs()[0].shape.to_dims());
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i)) elements += element_count(c.shape(i).to_dims());
  }
  return {convolution_multiply_adds(c, c.shape(0), c.shape(1)),
          elements * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

std::vector<Case> deform_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor row = Tensor::of<float>({1, 2, 4, 8}, {1, 1, 4}), kernel = Tensor::of<float>({1, 10}, {1, 1, 2});
  // Offsets [tap, position]: the first tap moves by 0, 0.5 and 1, the second out of the image at the end.
  const Tensor offset = Tensor::of<float>({0, 0.5f, 1, 0, 0, 3}, {1, 2, 3});
  return {
      {.inputs = {row, kernel, offset}, .expected = {Tensor::of<float>({21, 43, 8}, {1, 1, 3})}},
      {.inputs = {row, kernel, offset, Tensor::of<float>({100}, {1}),
                  Tensor::of<float>({1, 1, 1, 0, 0.5f, 1}, {1, 2, 3})},
       .expected = {Tensor::of<float>({101, 123, 108}, {1, 1, 3})}},
      {.inputs = {f({2, 4, 5, 4}, 1), f({4, 2, 3, 2}, 2), f({2, 24, 3, 3}, 3), f({4}, 4), f({2, 12, 3, 3}, 5)},
       .attributes = {{"group", 2}, {"offset_group", 2}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> deform_conv() {
  std::vector<AttributeSpec> attributes = convolution_attributes();
  std::erase_if(attributes, [](const AttributeSpec& spec) { return spec.name == "auto_pad"; });
  attributes.push_back({"offset_group", Attribute(1)});
  return {{
      .name = "deform_conv",
      .doc = "Convolution with taps moved by offsets.",
      .inputs = {3, 5},
      .attributes = std::move(attributes),
      .infer = deform_infer,
      .reference = deform_reference,
      .cost = deform_cost,
      .imports = {{"ai.onnx", "DeformConv"}},
      .exports = {{"ai.onnx", "DeformConv", 19}},
      .cases = deform_cases,
  }};
}

}  // namespace minnow::ops
