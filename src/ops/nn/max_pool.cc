// max_pool: maximum over sliding windows, with the positions of the maxima. NaN wins over numbers.
#include <cmath>
#include <limits>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/pooling.h"
#include "ops/tflite.h"
#include "ops/tflite_mediapipe.h"

namespace minnow::ops {
namespace {

Status max_pool_infer(InferContext& c) {
  MN_TRY(set_pool_output(c, 0, c.dtype(0)));
  return set_pool_output(c, 1, DType::int64);
}

// Flat index of an element of x: row-major, or with the spatial axes of its plane in column-major order.
int64_t index_of(const Planes& x, int64_t n, int64_t c, int64_t offset, const std::array<int64_t, kMaxSpatialRank>& at,
                 bool column_major) {
  if (!column_major) return offset;
  return (n * x.channels + c) * x.plane_size() + at[0] + x.size[0] * (at[1] + x.size[1] * at[2]);
}

template <class T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

Status max_pool_reference(EvalContext& c) {
  MN_ASSIGN(const Pool pool, concrete_pool(c, c.input(0).dims(), c.output(0).dims()));
  const bool column_major = c.int_attribute("storage_order") != 0;
  int64_t* indices = c.wants_output(1) ? c.output(1).mutable_data<int64_t>() : nullptr;
  return dispatch<TypeList<float, double, int8_t, uint8_t>>(c.input(0).dtype(), [&]<class T>() -> Status {
    const T* x = c.input(0).data<T>();
    T* y = c.output(0).mutable_data<T>();
    return for_each_window(
        pool, c.budget(), [&](int64_t n, int64_t channel, const auto& o, int64_t offset, const WindowTaps& taps) {
          T best = std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
          int64_t index = -1;
          for_each_tap(pool, n, channel, o, taps, [&](int64_t i, const auto& at) {
            const T value = x[i];
            if (index >= 0 && !(value > best) && !is_nan(value)) return;
            best = value;
            index = index_of(pool.x, n, channel, i, at, column_major);
          });
          y[offset] = best;
          // A window that lies in the padding altogether has no maximum; the first element of its plane stands in.
          if (indices != nullptr)
            indices[offset] = index >= 0 ? index
                                         : (column_major ? (n * pool.x.channels + channel) * pool.x.plane_size()
                                                         : pool.x.offset(n, channel));
        });
  });
}

// The gradient goes to the position of each maximum, added up where windows overlap.
Status max_pool_gradient(GradientContext& c) {
  Builder& b = c.b;
  ValueId indices = c.output_count() > 1 && c.int_attribute("storage_order") == 0 ? c.output(1) : kNoValue;
  if (indices == kNoValue) {
    Attributes attributes = c.node().attributes;
    attributes.erase("storage_order");
    const ValueId x = c.input(0);
    indices = b.add_many("max_pool", std::span<const ValueId>(&x, 1), 2, attributes)[1];
  }
  const ValueId shape = b.add("shape", {c.input(0)}), flat = b.ints({-1});
  const ValueId size = b.add("unsqueeze", {b.add("size", {c.input(0)}), b.ints({0})});
  const ValueId zeros = b.add("expand", {b.scalar_like(0.0, c.input(0)), size});
  const ValueId sums = b.add("scatter_elements",
                             {zeros, b.add("reshape", {indices, flat}), b.add("reshape", {c.output_gradient(0), flat})},
                             {{"axis", 0}, {"reduction", "add"}});
  c.set_input_gradient(0, b.add("reshape", {sums, shape}));
  return {};
}

Status import_nhwc(ImportContext& c) {
  return c.take_over({c.node.inputs.begin(), c.node.inputs.end()}, {{"data_layout", "NHWC"}});
}

std::vector<Case> max_pool_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Ints k2{2, 2};
  const Tensor square = Tensor::of<float>({1, 2, 3, 4, 9, 6, 7, 8, 5}, {1, 1, 3, 3});
  return {
      {.inputs = {square},
       .attributes = {{"kernel_shape", k2}},
       .outputs = 2,
       .expected = {Tensor::of<float>({9, 9, 9, 9}, {1, 1, 2, 2}), Tensor::of<int64_t>({4, 4, 4, 4}, {1, 1, 2, 2})}},
      {.inputs = {square},
       .attributes = {{"kernel_shape", k2}, {"strides", k2}, {"ceil_mode", 1}, {"storage_order", 1}},
       .outputs = 2,
       .expected = {Tensor::of<float>({9, 6, 8, 5}, {1, 1, 2, 2}), Tensor::of<int64_t>({4, 7, 5, 8}, {1, 1, 2, 2})},
       .note = "column-major indices"},
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 8, 7, 6, 5, 1, 5, 2, 3, 4, 4.5, 9, 0}, {2, 2, 2, 2})},
       .attributes = {{"kernel_shape", k2}, {"storage_order", 1}},
       .outputs = 2,
       .expected = {Tensor::of<float>({4, 8, 5, 9}, {2, 2, 1, 1}), Tensor::of<int64_t>({3, 4, 10, 13}, {2, 2, 1, 1})},
       .note = "column-major indices of several planes"},
      {.inputs = {f({2, 3, 5, 4}, 1)},
       .attributes = {{"kernel_shape", Ints{3, 2}}, {"pads", Ints{1, 0, 1, 1}}, {"strides", k2}}},
      {.inputs = {f({1, 2, 9}, 2)},
       .attributes = {{"kernel_shape", Ints{3}}, {"dilations", Ints{2}}, {"auto_pad", "SAME_LOWER"}},
       .outputs = 2},
      {.inputs = {f({1, 2, 4, 3, 3}, 3)}, .attributes = {{"kernel_shape", Ints{2, 2, 2}}}, .note = "3-D"},
      {.inputs = {f({2, 5, 4, 3}, 4)},
       .attributes = {{"kernel_shape", k2}, {"strides", k2}, {"ceil_mode", 1}, {"data_layout", "NHWC"}},
       .outputs = 2,
       .note = "channels last"},
      {.inputs = {Tensor::of<uint8_t>({1, 200, 3, 4}, {1, 1, 4})},
       .attributes = {{"kernel_shape", Ints{2}}, {"pads", Ints{1, 0}}},
       .expected = {Tensor::of<uint8_t>({1, 200, 200, 4}, {1, 1, 4})}},
      {.inputs = {f({0, 3, 4, 4}, 5)}, .attributes = {{"kernel_shape", k2}}, .note = "no images"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> max_pool() {
  std::vector<AttributeSpec> attributes = pool_attributes();
  attributes.push_back({"storage_order", Attribute(0)});
  return {{
      .name = "max_pool",
      .doc = "Maximum over sliding windows, and the flat indices of the maxima.",
      .outputs = {1, 2},
      .attributes = std::move(attributes),
      .infer = max_pool_infer,
      .reference = max_pool_reference,
      .gradient = max_pool_gradient,
      .cost = pool_cost,
      .imports = {{"ai.onnx", "MaxPool"},
                  {"com.microsoft", "NhwcMaxPool", 1, 1, import_nhwc},
                  {"tflite", "MAX_POOL_2D", 1, 1 << 20, tflite::import_max_pool},
                  {"tflite.custom", "MaxPoolingWithArgmax2D", 1, 1 << 20, tflite::import_max_pool_with_argmax}},
      .exports = {{"ai.onnx", "MaxPool", 12}},
      .cases = max_pool_cases,
  }};
}

}  // namespace minnow::ops
