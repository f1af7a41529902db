// grid_sample: reads an image at the positions that a grid names. affine_grid makes such grids from affine maps.
#include <cmath>

#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/resampling.h"
#include "ops/spatial.h"

namespace minnow::ops {
namespace {

enum class Padding { zeros, border, reflection };

struct Sampler {
  Interpolation::Mode mode = Interpolation::Mode::linear;
  Padding padding = Padding::zeros;
  bool align_corners = false;
};

Result<Sampler> sampler_of(const NodeView& node) {
  Sampler out;
  MN_ASSIGN(out.mode, interpolation_mode(node.string_attribute("mode")));
  const std::string& padding = node.string_attribute("padding_mode");
  MN_CHECK(padding == "zeros" || padding == "border" || padding == "reflection",
           "attribute 'padding_mode': expected zeros, border or reflection, got '", printable(padding), "'");
  out.padding = padding == "zeros" ? Padding::zeros : padding == "border" ? Padding::border : Padding::reflection;
  out.align_corners = node.int_attribute("align_corners") != 0;
  return out;
}

// x [N, C, d...], grid [N, o..., r] -> [N, C, o...].
Status grid_infer(InferContext& c) {
  MN_TRY(sampler_of(c));
  const Shape &x = c.shape(0), &grid = c.shape(1);
  if (!x.ranked || !grid.ranked) {
    const Shape& known = x.ranked ? x : grid;
    c.set_output(0, c.dtype(0), known.ranked ? Shape::of_rank(known.rank()) : Shape());
    return {};
  }
  MN_TRY(image_shape(x, false, "input"));
  const int64_t spatial = x.rank() - 2;
  MN_CHECK(grid.rank() == x.rank(), "grid: expected ", x.rank(), " dimensions for input ", to_string(x), ", got ",
           to_string(grid));
  MN_CHECK(!grid.dims.back().known() || grid.dims.back().value == spatial, "grid: expected ", spatial,
           " coordinates, got ", to_string(grid));
  MN_CHECK(!x.dims[0].known() || !grid.dims[0].known() || x.dims[0].value == grid.dims[0].value, "input ", to_string(x),
           " and grid ", to_string(grid), " differ in batch");
  std::vector<Dim> out{x.dims[0], x.dims[1]};
  out.insert(out.end(), grid.dims.begin() + 1, grid.dims.end() - 1);
  c.set_output(0, c.dtype(0), Shape(std::move(out)));
  return {};
}

// Mirrors x at the borders until it lies between them.
double reflect(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) return low;
  const double folded = std::fmod(std::abs(x - low), 2 * range);
  return folded > range ? high - (folded - range) : low + folded;
}

// Up to four taps along one axis: where they read (-1: zero) and with what weight.
struct Taps {
  int count = 0;
  int64_t index[4] = {};
  double weight[4] = {};
};

int64_t tap_index(double position, int64_t size, const Sampler& sampler) {
  const double last = static_cast<double>(size - 1);
  if (sampler.padding == Padding::zeros) return position >= 0 && position <= last ? static_cast<int64_t>(position) : -1;
  if (sampler.padding == Padding::reflection)
    position = sampler.align_corners ? reflect(position, 0, last) : reflect(position, -0.5, last + 0.5);
  return static_cast<int64_t>(std::clamp(position, 0.0, last));
}

// `normalized`: -1 and 1 are the centres (align_corners) or the outer edges of the end elements. Not a number reads as
// -1.
Taps taps_at(double normalized, int64_t size, const Sampler& sampler) {
  if (std::isnan(normalized)) normalized = -1;
  normalized = std::clamp(normalized, -1e9, 1e9);
  const double extent = static_cast<double>(size);
  double x = sampler.align_corners ? (normalized + 1) / 2 * (extent - 1) : ((normalized + 1) * extent - 1) / 2;
  if (sampler.mode == Interpolation::Mode::nearest) x = std::nearbyint(x);
  const double low = sampler.align_corners ? 0 : -0.5, high = sampler.align_corners ? extent - 1 : extent - 0.5;
  if (x < low || x > high) {
    if (sampler.padding == Padding::border) x = std::clamp(x, 0.0, extent - 1);
    if (sampler.padding == Padding::reflection) x = reflect(x, low, high);
  }
  Taps taps;
  const double floor = std::floor(x);
  const auto add = [&](double position, double weight) {
    taps.index[taps.count] = tap_index(position, size, sampler);
    taps.weight[taps.count++] = weight;
  };
  switch (sampler.mode) {
    case Interpolation::Mode::nearest: add(std::nearbyint(x), 1); break;
    case Interpolation::Mode::linear:
      for (int i = 0; i < 2; ++i) add(floor + i, 1 - std::abs(x - floor - i));
      break;
    case Interpolation::Mode::cubic:
      for (int i = -1; i < 3; ++i) add(floor + i, cubic_weight(x - floor - i, -0.75));
      break;
  }
  return taps;
}

// Calls body(offset in the plane, weight) for every element that the product of three axes' taps reads.
template <class Body>
void for_each_read(const std::array<Taps, 3>& taps, const Planes& x, Body body) {
  for (int i = 0; i < taps[0].count; ++i) {
    for (int j = 0; j < taps[1].count; ++j) {
      for (int k = 0; k < taps[2].count; ++k) {
        if (taps[0].index[i] < 0 || taps[1].index[j] < 0 || taps[2].index[k] < 0) continue;
        body(x.at(taps[0].index[i], taps[1].index[j], taps[2].index[k]),
             taps[0].weight[i] * taps[1].weight[j] * taps[2].weight[k]);
      }
    }
  }
}

// Calls body(n, output position, taps) for every point of the grid.
template <class T, class Body>
Status for_each_point(const Tensor& grid, const Planes& x, const Sampler& sampler,
                      const std::shared_ptr<Budget>& budget, Body body) {
  const int64_t spatial = grid.dims().back(),
                points = element_count(std::span(grid.dims()).subspan(1)) / std::max<int64_t>(spatial, 1);
  const T* positions = grid.data<T>();
  Pace pace(budget);
  for (int64_t n = 0; n < grid.dim(0); ++n) {
    for (int64_t p = 0; p < points; ++p) {
      std::array<Taps, 3> taps;
      for (size_t axis = 0; axis < 3; ++axis) {
        const int64_t from_last = 2 - static_cast<int64_t>(axis);  // the grid names the innermost axis first
        if (from_last < spatial)
          taps[axis] =
              taps_at(static_cast<double>(positions[(n * points + p) * spatial + from_last]), x.size[axis], sampler);
        else taps[axis].count = 1, taps[axis].weight[0] = 1;
      }
      body(n, p, points, taps);
      MN_TRY(pace.work(x.channels * 8));
    }
  }
  return {};
}

Status grid_reference(EvalContext& c) {
  MN_ASSIGN(const Sampler sampler, sampler_of(c));
  const Planes x = planes_of(c.input(0).dims(), false);
  if (c.output(0).size() == 0) return {};
  MN_CHECK(x.plane_size() > 0, "cannot sample an empty image");
  MN_ASSIGN(const Tensor grid, convert_dtype(c.input(1), c.input(0).dtype(), c.budget()));
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* in = c.input(0).data<T>();
    T* out = c.output(0).mutable_data<T>();
    return for_each_point<T>(
        grid, x, sampler, c.budget(), [&](int64_t n, int64_t p, int64_t points, const std::array<Taps, 3>& taps) {
          for (int64_t channel = 0; channel < x.channels; ++channel) {
            const T* plane = in + x.offset(n, channel);
            double sum = 0;
            for_each_read(taps, x,
                          [&](int64_t offset, double weight) { sum += weight * static_cast<double>(plane[offset]); });
            out[(n * x.channels + channel) * points + p] = static_cast<T>(sum);
          }
        });
  });
}

// The gradient of the image alone; positions are taken as given.
Status grid_gradient(GradientContext& c) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(0, c.b.add("grid_sample_grad", {c.output_gradient(0), c.input(1), shape}, c.node().attributes));
  return {};
}

Status grid_grad_infer(InferContext& c) {
  MN_TRY(expect_integers(c, 2, "shape"));
  MN_TRY(sampler_of(c));
  const auto target = c.ints(2);
  if (target) {
    MN_TRY(checked_element_count(*target));
    MN_TRY(image_shape(Shape(*target), false, "input"));
    if (c.shape(0).static_dims() && c.shape(1).static_dims()) {
      const Dims dy = c.shape(0).to_dims(), grid = c.shape(1).to_dims();
      bool fits = dy.size() == target->size() && grid.size() == dy.size() && dy[0] == (*target)[0] &&
                  dy[1] == (*target)[1] && grid[0] == dy[0] && grid.back() == static_cast<int64_t>(dy.size()) - 2;
      for (size_t i = 2; fits && i < dy.size(); ++i) fits = dy[i] == grid[i - 1];
      MN_CHECK(fits, "output gradient ", to_string(dy), ", grid ", to_string(grid), " and input ", to_string(*target),
               " do not fit");
    }
  }
  c.set_output(0, c.dtype(0),
               target              ? Shape(*target)
               : c.shape(0).ranked ? Shape::of_rank(c.shape(0).rank())
                                   : Shape());
  return {};
}

Status grid_grad_reference(EvalContext& c) {
  MN_ASSIGN(const Sampler sampler, sampler_of(c));
  const Planes x = planes_of(c.output(0).dims(), false);
  MN_ASSIGN(const Tensor grid, convert_dtype(c.input(1), c.input(0).dtype(), c.budget()));
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* dy = c.input(0).data<T>();
    T* dx = c.output(0).mutable_data<T>();
    std::fill_n(dx, c.output(0).size(), T(0));
    if (c.output(0).size() == 0) return {};
    return for_each_point<T>(
        grid, x, sampler, c.budget(), [&](int64_t n, int64_t p, int64_t points, const std::array<Taps, 3>& taps) {
          for (int64_t channel = 0; channel < x.channels; ++channel) {
            T* plane = dx + x.offset(n, channel);
            const double share = static_cast<double>(dy[(n * x.channels + channel) * points + p]);
            for_each_read(taps, x,
                          [&](int64_t offset, double weight) { plane[offset] += static_cast<T>(weight * share); });
          }
        });
  });
}

Status grid_grad_gradient(GradientContext& c) {
  c.set_input_gradient(0, c.b.add("grid_sample", {c.output_gradient(0), c.input(1)}, c.node().attributes));
  return {};
}

// theta [N, r, r + 1], size (N, C, d...) -> [N, d..., r].
Status affine_infer(InferContext& c) {
  MN_TRY(c.expect_rank(0, 3, "theta"));
  MN_TRY(expect_integers(c, 1, "size"));
  const auto size = c.ints(1);
  if (!size) {
    c.set_output(0, c.dtype(0), Shape());
    return {};
  }
  MN_CHECK(size->size() == 4 || size->size() == 5, "size: expected 4 or 5 values, got ", size->size());
  MN_TRY(checked_element_count(*size));
  const int64_t spatial = static_cast<int64_t>(size->size()) - 2;
  if (c.shape(0).ranked) {
    const auto is = [&](size_t i, int64_t value) {
      return !c.shape(0).dims[i].known() || c.shape(0).dims[i].value == value;
    };
    MN_CHECK(is(0, (*size)[0]) && is(1, spatial) && is(2, spatial + 1), "theta: expected [", (*size)[0], ", ", spatial,
             ", ", spatial + 1, "], got ", to_string(c.shape(0)));
  }
  Dims out{(*size)[0]};
  out.insert(out.end(), size->begin() + 2, size->end());
  out.push_back(spatial);
  c.set_output(0, c.dtype(0), Shape(out));
  return {};
}

// grid = theta * (x, y, z, 1), x along the innermost axis, from -1 to 1.
Status affine_reference(EvalContext& c) {
  const Dims& dims = c.output(0).dims();
  const int64_t spatial = dims.back(),
                points = element_count(std::span(dims).subspan(1)) / std::max<int64_t>(spatial, 1);
  const bool align = c.int_attribute("align_corners") != 0;
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* theta = c.input(0).data<T>();
    T* out = c.output(0).mutable_data<T>();
    Pace pace(c.budget());
    for (int64_t n = 0; n < dims[0]; ++n) {
      for (int64_t p = 0; p < points; ++p) {
        double base[4] = {0, 0, 0, 1};
        int64_t rest = p;
        for (int64_t axis = 0; axis < spatial; ++axis) {
          const int64_t size = dims[static_cast<size_t>(spatial - axis)];
          const double at = static_cast<double>(rest % size), extent = static_cast<double>(size);
          base[axis] = !align ? (2 * at + 1) / extent - 1 : size == 1 ? -1 : 2 * at / (extent - 1) - 1;
          rest /= size;
        }
        base[spatial] = 1;
        for (int64_t row = 0; row < spatial; ++row) {
          double sum = 0;
          for (int64_t i = 0; i <= spatial; ++i)
            sum += static_cast<double>(theta[(n * spatial + row) * (spatial + 1) + i]) * base[i];
          out[(n * points + p) * spatial + row] = static_cast<T>(sum);
        }
        MN_TRY(pace.work(16));
      }
    }
    return {};
  });
}

// Row i of the base grid is the grid of the map that takes 1 from coordinate i alone, so the gradient by theta is
// gradient^T * base, and the base comes from unit maps.
Status affine_gradient(GradientContext& c) {
  Builder& b = c.b;
  const Shape out = c.type(c.output(0)).shape;
  MN_CHECK(out.ranked, "the gradient needs a known size");
  const int64_t spatial = out.rank() - 2;
  const ValueId dy = b.add("reshape", {c.output_gradient(0), b.ints({0, -1, spatial})});
  const ValueId rest = b.add("slice", {c.input(1), b.ints({1}), b.ints({spatial + 2})});
  const ValueId size = b.add("concat", {b.ints({1}), rest}, {{"axis", 0}});
  const auto unit = [&](bool constant) {
    std::vector<float> values(static_cast<size_t>(spatial * (spatial + 1)));
    for (int64_t i = 0; i < spatial; ++i) values[static_cast<size_t>(i * (spatial + 1) + (constant ? spatial : i))] = 1;
    const ValueId theta =
        b.add("cast_like",
              {b.constant(Tensor::of<float>(std::span<const float>(values), {1, spatial, spatial + 1})), c.input(0)});
    return b.add("reshape", {b.add("affine_grid", {theta, size}, c.node().attributes), b.ints({1, -1, spatial})});
  };
  const ValueId ones = b.add("slice", {unit(true), b.ints({0}), b.ints({1}), b.ints({2})});
  const ValueId base = b.add("concat", {unit(false), ones}, {{"axis", 2}});
  c.set_input_gradient(0, b.add("matmul", {b.add("transpose", {dy}, {{"perm", Ints{0, 2, 1}}}), base}));
  return {};
}

// Before version 20 the modes were called bilinear and bicubic.
Status import_16(ImportContext& c) {
  MN_ASSIGN(const std::string mode, c.string_attribute("mode", "bilinear"));
  return c.take_over({c.input(0), c.input(1)}, {{"mode", mode == "bilinear"  ? "linear"
                                                         : mode == "bicubic" ? "cubic"
                                                                             : mode.c_str()}});
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); }
Tensor points(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, -1.6, 1.6); }

std::vector<Case> grid_cases() {
  const Tensor row = Tensor::of<float>({1, 2, 3, 4}, {1, 1, 4}), at = Tensor::of<float>({-1, 0, 1, 2}, {1, 4, 1});
  const auto expected = [](std::initializer_list<float> values) {
    return std::vector<Tensor>{Tensor::of<float>(values, {1, 1, 4})};
  };
  return {
      {.inputs = {row, at}, .expected = expected({0.5f, 2.5f, 2, 0})},
      {.inputs = {row, at},
       .attributes = {{"align_corners", 1}, {"padding_mode", "border"}},
       .expected = expected({1, 2.5f, 4, 4})},
      {.inputs = {row, at},
       .attributes = {{"padding_mode", "reflection"}, {"mode", "nearest"}},
       .expected = expected({1, 3, 4, 2})},
      {.inputs = {f({2, 3, 4, 5}, 1), points({2, 3, 2, 2}, 2)},
       .attributes = {{"mode", "cubic"}, {"padding_mode", "reflection"}}},
      {.inputs = {f({1, 2, 3, 4, 2}, 3), points({1, 2, 2, 3, 3}, 4)}, .note = "3-D"},
  };
}

std::vector<Case> grid_grad_cases() {
  return {{.inputs = {Tensor::of<float>({1, 2}, {1, 1, 2}), Tensor::of<float>({0, 1}, {1, 2, 1}),
                      Tensor::of_ints(Dims{1, 1, 4})},
           .expected = {Tensor::of<float>({0, 0.5f, 0.5f, 1}, {1, 1, 4})}},
          {.inputs = {f({2, 3, 2, 2}, 1), points({2, 2, 2, 2}, 2), Tensor::of_ints(Dims{2, 3, 3, 4})},
           .attributes = {{"padding_mode", "border"}}}};
}

std::vector<Case> affine_cases() {
  const Tensor shift = Tensor::of<float>({1, 0, 0.5f, 0, 2, 0}, {1, 2, 3});
  return {{.inputs = {shift, Tensor::of_ints(Dims{1, 1, 2, 2})},
           .expected = {Tensor::of<float>({0, -1, 1, -1, 0, 1, 1, 1}, {1, 2, 2, 2})}},
          {.inputs = {shift, Tensor::of_ints(Dims{1, 1, 2, 2})},
           .attributes = {{"align_corners", 1}},
           .expected = {Tensor::of<float>({-0.5f, -2, 1.5f, -2, -0.5f, 2, 1.5f, 2}, {1, 2, 2, 2})}},
          {.inputs = {f({2, 3, 4}, 1), Tensor::of_ints(Dims{2, 1, 2, 3, 2})}, .note = "3-D"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> grid_sample() {
  const std::vector<AttributeSpec> attributes{{"align_corners", 0}, {"mode", "linear"}, {"padding_mode", "zeros"}};
  return {{.name = "grid_sample",
           .doc = "Samples an image at the positions of a grid.",
           .inputs = {2, 2},
           .attributes = attributes,
           .infer = grid_infer,
           .reference = grid_reference,
           .gradient = grid_gradient,
           .imports = {{"ai.onnx", "GridSample", 16, 19, import_16},
                       {"ai.onnx", "GridSample", 20},
                       {"com.microsoft", "GridSample", 1, 1, import_16}},
           .exports = {{"ai.onnx", "GridSample", 20}},
           .cases = grid_cases},
          {.name = "grid_sample_grad",
           .doc = "Gradient of grid_sample by the image: (output gradient, grid, shape of the image).",
           .inputs = {3, 3},
           .attributes = attributes,
           .infer = grid_grad_infer,
           .reference = grid_grad_reference,
           .gradient = grid_grad_gradient,
           .cases = grid_grad_cases},
          {.name = "affine_grid",
           .doc = "The grid of an affine map, for grid_sample.",
           .inputs = {2, 2},
           .attributes = {{"align_corners", 0}},
           .infer = affine_infer,
           .reference = affine_reference,
           .gradient = affine_gradient,
           .imports = {{"ai.onnx", "AffineGrid"}},
           .exports = {{"ai.onnx", "AffineGrid", 20}},
           .cases = affine_cases}};
}

}  // namespace minnow::ops
