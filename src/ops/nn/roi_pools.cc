// Pools over regions of interest: roi_align (interpolated samples) and max_roi_pool (whole pixels).
#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/spatial.h"

namespace minnow::ops {
namespace {

// Samples of one bin along one axis; more says that the region is nonsense.
constexpr int64_t kMaxSamples = int64_t{1} << 20;

// x [N, C, H, W], rois [R, columns] -> [R, C, height, width].
Status region_infer(InferContext& c, int64_t columns, int64_t height, int64_t width) {
  MN_TRY(c.expect_rank(0, 4, "input"));
  MN_TRY(c.expect_rank(1, 2, "rois"));
  MN_TRY(expect_real(c, 1, "rois"));
  MN_CHECK(height >= 1 && width >= 1, "the output size must be at least 1 x 1, got ", height, " x ", width);
  Dim count, channels;
  if (c.shape(0).ranked) channels = c.shape(0).dims[1];
  if (c.shape(1).ranked) {
    count = c.shape(1).dims[0];
    MN_CHECK(!c.shape(1).dims[1].known() || c.shape(1).dims[1].value == columns, "rois: expected ", columns,
             " columns, got ", to_string(c.shape(1)));
  }
  c.set_output(0, c.dtype(0), Shape({count, channels, Dim(height), Dim(width)}));
  return {};
}

Status align_infer(InferContext& c) {
  const std::string &mode = c.string_attribute("mode"),
                    &coordinates = c.string_attribute("coordinate_transformation_mode");
  MN_CHECK(mode == "avg" || mode == "max", "attribute 'mode': expected avg or max, got '", printable(mode), "'");
  MN_CHECK(coordinates == "half_pixel" || coordinates == "output_half_pixel",
           "attribute 'coordinate_transformation_mode': expected half_pixel or output_half_pixel, got '",
           printable(coordinates), "'");
  const int64_t ratio = c.int_attribute("sampling_ratio");
  MN_CHECK(ratio >= 0 && ratio <= kMaxSamples, "attribute 'sampling_ratio' must be in [0, ", kMaxSamples, "], got ",
           ratio);
  MN_TRY(c.expect_rank(1, 2, "rois"));
  MN_TRY(c.expect_rank(2, 1, "batch_indices"));
  MN_TRY(expect_integers(c, 2, "batch_indices"));
  if (c.shape(1).ranked && c.shape(2).ranked) {
    const Dim &rois = c.shape(1).dims[0], &indices = c.shape(2).dims[0];
    MN_CHECK(!rois.known() || !indices.known() || rois.value == indices.value, "batch_indices has ", indices.value,
             " values for ", rois.value, " rois");
  }
  return region_infer(c, 4, c.int_attribute("output_height"), c.int_attribute("output_width"));
}

// One axis of a bin's samples: neighbours and the weight of the second one; outside: reads zero.
struct Sample {
  int64_t low = 0, high = 0;
  double fraction = 0;
  bool outside = false;
};

Sample sample_at(double x, int64_t size) {
  if (!(x >= -1 && x <= static_cast<double>(size))) return {0, 0, 0, true};
  x = std::max(x, 0.0);
  const int64_t low = static_cast<int64_t>(x);
  if (low >= size - 1) return {size - 1, size - 1, 0, false};
  return {low, low + 1, x - static_cast<double>(low), false};
}

// One axis of a region: bins and how many samples each takes.
struct Bins {
  double start = 0, size = 0;
  int64_t samples = 1;
  double at(int64_t bin, int64_t sample) const {
    return start + static_cast<double>(bin) * size +
           (static_cast<double>(sample) + 0.5) * size / static_cast<double>(samples);
  }
};

Result<Bins> bins_of(double begin, double end, int64_t bins, const NodeView& node) {
  const double scale = node.float_attribute("spatial_scale");
  const bool half_pixel = node.string_attribute("coordinate_transformation_mode") == "half_pixel";
  const double offset = half_pixel ? 0.5 : 0.0;
  Bins out;
  out.start = begin * scale - offset;
  double length = end * scale - offset - out.start;
  if (!half_pixel) length = std::max(length, 1.0);
  out.size = length / static_cast<double>(bins);
  const int64_t ratio = node.int_attribute("sampling_ratio");
  MN_CHECK(std::isfinite(out.start) && out.size <= static_cast<double>(kMaxSamples) &&
               out.size >= -static_cast<double>(kMaxSamples),
           "rois: a region from ", begin, " to ", end, " is not finite or too large");
  out.samples = ratio > 0 ? ratio : static_cast<int64_t>(std::ceil(out.size));
  return out;
}

struct Corner {
  int64_t offset;
  double weight;
};

// Value of one bin: the mean of its interpolated samples, or the largest weighted neighbour.
template <class T>
double bin_value(const T* plane, std::span<const Corner> corners, bool mean, int64_t count) {
  double sum = 0, best = -std::numeric_limits<double>::infinity();
  for (const Corner& corner : corners) {
    const double value = corner.weight * static_cast<double>(plane[corner.offset]);
    sum += value;
    best = std::max(best, value);
  }
  if (mean) return sum / static_cast<double>(count);
  return corners.empty() ? 0 : best;
}

Status align_reference(EvalContext& c) {
  const Planes x = planes_of(c.input(0).dims(), false), y = planes_of(c.output(0).dims(), false);
  const std::vector<double> rois = to_doubles(c.input(1));
  const std::vector<int64_t> batch = to_ints(c.input(2));
  const bool mean = c.string_attribute("mode") == "avg";
  if (c.output(0).size() == 0) return {};
  MN_CHECK(x.plane_size() > 0, "cannot pool over an empty image");
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* in = c.input(0).data<T>();
    T* out = c.output(0).mutable_data<T>();
    Pace pace(c.budget());
    std::vector<Corner> corners;
    for (int64_t r = 0; r < y.batch; ++r) {
      const int64_t n = batch[static_cast<size_t>(r)];
      MN_CHECK(n >= 0 && n < x.batch, "batch_indices: ", n, " is outside [0, ", x.batch, ")");
      const double* roi = rois.data() + r * 4;
      MN_ASSIGN(const Bins rows, bins_of(roi[1], roi[3], y.size[1], c));
      MN_ASSIGN(const Bins columns, bins_of(roi[0], roi[2], y.size[2], c));
      const int64_t count = std::max<int64_t>(rows.samples * columns.samples, 1);
      for (int64_t ph = 0; ph < y.size[1]; ++ph) {
        for (int64_t pw = 0; pw < y.size[2]; ++pw) {
          corners.clear();
          for (int64_t i = 0; i < rows.samples; ++i) {
            const Sample h = sample_at(rows.at(ph, i), x.size[1]);
            MN_TRY(pace.work(columns.samples));
            for (int64_t j = 0; j < columns.samples; ++j) {
              const Sample w = sample_at(columns.at(pw, j), x.size[2]);
              if (h.outside || w.outside) {
                // A mean only counts it; a maximum sees one zero.
                if (!mean && (corners.empty() || corners.back().weight != 0)) corners.push_back({0, 0});
                continue;
              }
              corners.push_back({x.at(0, h.low, w.low), (1 - h.fraction) * (1 - w.fraction)});
              corners.push_back({x.at(0, h.low, w.high), (1 - h.fraction) * w.fraction});
              corners.push_back({x.at(0, h.high, w.low), h.fraction * (1 - w.fraction)});
              corners.push_back({x.at(0, h.high, w.high), h.fraction * w.fraction});
              // The samples that lie inside cannot be many more than the pixels unless the ratio is absurd.
              MN_CHECK(corners.size() < size_t{1} << 22, "rois: more than 2^20 samples in one bin");
            }
          }
          for (int64_t channel = 0; channel < x.channels; ++channel) {
            out[y.offset(r, channel) + y.at(0, ph, pw)] =
                static_cast<T>(bin_value(in + x.offset(n, channel), corners, mean, count));
            MN_TRY(pace.work(static_cast<int64_t>(corners.size())));
          }
        }
      }
    }
    return {};
  });
}

Status max_infer(InferContext& c) {
  const Ints& shape = c.ints_attribute("pooled_shape");
  MN_CHECK(shape.size() == 2, "attribute 'pooled_shape': expected 2 values, got ", shape.size());
  return region_infer(c, 5, shape[0], shape[1]);
}

// Pixels [begin, end) of a bin of a region that starts at pixel `start` and is `length` pixels long, inside the image.
std::pair<int64_t, int64_t> pixels_of(int64_t bin, int64_t bins, int64_t start, int64_t length, int64_t size) {
  const double width = static_cast<double>(length) / static_cast<double>(bins);
  const double begin = std::floor(static_cast<double>(bin) * width) + static_cast<double>(start),
               end = std::ceil(static_cast<double>(bin + 1) * width) + static_cast<double>(start);
  const double last = static_cast<double>(size);
  return {static_cast<int64_t>(std::clamp(begin, 0.0, last)), static_cast<int64_t>(std::clamp(end, 0.0, last))};
}

Status max_reference(EvalContext& c) {
  const Planes x = planes_of(c.input(0).dims(), false), y = planes_of(c.output(0).dims(), false);
  const std::vector<double> rois = to_doubles(c.input(1));
  const double scale = c.float_attribute("spatial_scale");
  return dispatch<FloatTypes>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* in = c.input(0).data<T>();
    T* out = c.output(0).mutable_data<T>();
    Pace pace(c.budget());
    for (int64_t r = 0; r < y.batch; ++r) {
      const double* roi = rois.data() + r * 5;
      MN_CHECK(roi[0] >= 0 && roi[0] < static_cast<double>(x.batch), "rois: batch index ", roi[0], " is outside [0, ",
               x.batch, ")");
      int64_t edges[4];
      for (int i = 0; i < 4; ++i) {
        const double edge = std::round(roi[i + 1] * scale);
        MN_CHECK(std::abs(edge) < 1e15, "rois: coordinate ", roi[i + 1], " is not finite or too large");
        edges[i] = static_cast<int64_t>(edge);
      }
      const int64_t width = std::max<int64_t>(edges[2] - edges[0] + 1, 1),
                    height = std::max<int64_t>(edges[3] - edges[1] + 1, 1);
      for (int64_t channel = 0; channel < x.channels; ++channel) {
        const T* plane = in + x.offset(static_cast<int64_t>(roi[0]), channel);
        for (int64_t ph = 0; ph < y.size[1]; ++ph) {
          const auto [h_begin, h_end] = pixels_of(ph, y.size[1], edges[1], height, x.size[1]);
          for (int64_t pw = 0; pw < y.size[2]; ++pw) {
            const auto [w_begin, w_end] = pixels_of(pw, y.size[2], edges[0], width, x.size[2]);
            const bool empty = h_begin >= h_end || w_begin >= w_end;
            T best = empty ? T(0) : -std::numeric_limits<T>::infinity();
            for (int64_t h = h_begin; h < h_end; ++h) {
              for (int64_t w = w_begin; w < w_end; ++w) best = std::max(best, plane[x.at(0, h, w)]);
            }
            out[y.offset(r, channel) + y.at(0, ph, pw)] = best;
            MN_TRY(pace.work(empty ? 1 : (h_end - h_begin) * (w_end - w_begin)));
          }
        }
      }
    }
    return {};
  });
}

// Before version 16 coordinates were not shifted by half a pixel.
Status import_10(ImportContext& c) {
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()},
                     {{"coordinate_transformation_mode", "output_half_pixel"}});
}

std::vector<Case> align_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor image = Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3}),
               whole = Tensor::of<float>({0, 0, 2, 2}, {1, 4}), first = Tensor::of<int64_t>({0}, {1});
  return {
      {.inputs = {image, whole, first},
       .attributes = {{"sampling_ratio", 1}, {"coordinate_transformation_mode", "output_half_pixel"}},
       .expected = {Tensor::of<float>({5}, {1, 1, 1, 1})}},
      {.inputs = {image, whole, first},
       .attributes = {{"sampling_ratio", 1}},
       .expected = {Tensor::of<float>({3}, {1, 1, 1, 1})}},
      {.inputs = {image, whole, first},
       .attributes = {{"output_height", 2}, {"output_width", 2}, {"sampling_ratio", 1}, {"mode", "max"}},
       .expected = {Tensor::of<float>({1, 2, 4, 5}, {1, 1, 2, 2})}},
      {.inputs = {f({2, 3, 6, 5}, 1), Tensor::of<float>({0, 1, 8, 9, 2, 2, 11, 7}, {2, 4}),
                  Tensor::of<int64_t>({1, 0}, {2})},
       .attributes = {{"output_height", 2}, {"output_width", 3}, {"spatial_scale", 0.5f}}},
  };
}

std::vector<Case> max_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor image = Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  return {
      {.inputs = {image, Tensor::of<float>({0, 0, 0, 1, 2}, {1, 5})},
       .attributes = {{"pooled_shape", Ints{3, 1}}},
       .expected = {Tensor::of<float>({2, 5, 8}, {1, 1, 3, 1})}},
      {.inputs = {f({2, 3, 6, 5}, 1), Tensor::of<float>({1, 0, 1, 8, 9, 0, 2, 2, 30, 7}, {2, 5})},
       .attributes = {{"pooled_shape", Ints{2, 2}}, {"spatial_scale", 0.5f}}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> roi_pools() {
  return {{.name = "roi_align",
           .doc = "Pools interpolated samples over regions of interest.",
           .inputs = {3, 3},
           .attributes = {{"coordinate_transformation_mode", "half_pixel"},
                          {"mode", "avg"},
                          {"output_height", 1},
                          {"output_width", 1},
                          {"sampling_ratio", 0},
                          {"spatial_scale", 1.0f}},
           .infer = align_infer,
           .reference = align_reference,
           .imports = {{"ai.onnx", "RoiAlign", 10, 15, import_10}, {"ai.onnx", "RoiAlign", 16}},
           .exports = {{"ai.onnx", "RoiAlign", 16}},
           .cases = align_cases},
          {.name = "max_roi_pool",
           .doc = "Maximum over the pixels of regions of interest.",
           .inputs = {2, 2},
           .attributes = {required("pooled_shape", AttributeKind::integers), {"spatial_scale", 1.0f}},
           .infer = max_infer,
           .reference = max_reference,
           .imports = {{"ai.onnx", "MaxRoiPool"}},
           .exports = {{"ai.onnx", "MaxRoiPool", 1}},
           .cases = max_cases}};
}

}  // namespace minnow::ops
