// range: start, start + delta, ... up to limit (exclusive).
#include <cmath>

#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/tflite.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

// Exact for integers of any size: the distance fits 64 bits without a sign.
int64_t integer_count(int64_t start, int64_t limit, int64_t delta) {
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  const uint64_t from = static_cast<uint64_t>(start), to = static_cast<uint64_t>(limit),
                 by = static_cast<uint64_t>(delta);
  const uint64_t distance = delta > 0 ? to - from : from - to, step = delta > 0 ? by : uint64_t{0} - by;
  const uint64_t count = (distance - 1) / step + 1;
  return count > static_cast<uint64_t>(INT64_MAX) ? INT64_MAX : static_cast<int64_t>(count);
}

Result<int64_t> range_count(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  if (is_integer(start.dtype())) {
    const int64_t step = to_ints(delta)[0];
    MN_CHECK(step != 0, "delta must not be 0");
    return integer_count(to_ints(start)[0], to_ints(limit)[0], step);
  }
  const double step = to_doubles(delta)[0];
  MN_CHECK(step != 0, "delta must not be 0");
  const double count = std::ceil((to_doubles(limit)[0] - to_doubles(start)[0]) / step);
  MN_CHECK(count < 0x1p62, "start, limit and delta give ", count, " elements");  // NaN compares false
  return count > 0 ? static_cast<int64_t>(count) : 0;
}

Status range_infer(InferContext& c) {
  const char* names[] = {"start", "limit", "delta"};
  DType dtype = DType::undefined;
  for (int i = 0; i < 3; ++i) {
    MN_TRY(expect_dtype(c, i, is_real_number, "a numeric type"));
    MN_TRY(c.expect_same_dtype(0, i));
    if (dtype == DType::undefined) dtype = c.dtype(i);
    if (c.shape(i).static_dims()) {
      MN_CHECK(element_count(c.shape(i).to_dims()) == 1, names[i], " must be a scalar, got ", to_string(c.shape(i)));
    }
  }
  if (c.value(0) == nullptr || c.value(1) == nullptr || c.value(2) == nullptr) {
    c.set_output(0, dtype, Shape::of_rank(1));
    return {};
  }
  MN_ASSIGN(const int64_t count, range_count(*c.value(0), *c.value(1), *c.value(2)));
  c.set_output(0, dtype, Shape{Dim(count)});
  return {};
}

Status range_reference(EvalContext& c) {
  Tensor& out = c.output(0);
  return dispatch<NumericTypes>(out.dtype(), [&]<class T>() -> Status {
    const T start = *c.input(0).data<T>(), delta = *c.input(2).data<T>();
    Pace pace(c.budget());
    for (int64_t i = 0; i < out.size(); ++i) {
      out.mutable_data<T>()[i] = wrapping_add(start, wrapping_mul(static_cast<T>(i), delta));
      MN_TRY(pace.work(1));
    }
    return {};
  });
}

// Element i is start + i delta; the limit only decides how many there are.
Status range_gradient(GradientContext& c) {
  const Expression start{&c.b, c.input(0)}, delta{&c.b, c.input(2)}, y{&c.b, c.output(0)},
      g{&c.b, c.output_gradient(0)};
  const auto shaped = [](const Expression& value, const Expression& like) {
    return value.apply("sum_to_shape", like.apply("shape"));
  };
  c.set_input_gradient(0, shaped(g, start).id);
  c.set_input_gradient(2, shaped(g * ((y - start) / delta), delta).id);
  return {};
}

template <class T>
Case range_case(T start, T limit, T delta, std::initializer_list<T> expected) {
  return {.inputs = {Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)},
          .expected = {Tensor::of<T>(expected, {static_cast<int64_t>(expected.size())})}};
}

std::vector<Case> range_cases() {
  return {range_case<int32_t>(3, 9, 3, {3, 6}), range_case<int64_t>(10, 4, -2, {10, 8, 6}),
          range_case<float>(1, 2.2f, 0.5f, {1, 1.5f, 2}), range_case<int64_t>(5, 5, 1, {}),
          range_case<int64_t>(INT64_MIN, INT64_MAX, INT64_MAX, {INT64_MIN, -1, INT64_MAX - 1})};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> range() {
  return {{
      .name = "range",
      .doc = "Numbers from start to limit (exclusive) by steps of delta.",
      .inputs = {3, 3},
      .attributes = {{"stash_type", 1}},
      .infer = range_infer,
      .reference = range_reference,
      .gradient = range_gradient,
      .imports = {{"ai.onnx", "Range"}, {"tflite", "RANGE", 1, 1 << 20, tflite::import_range}},
      .exports = {{"ai.onnx", "Range", 11}},
      .cases = range_cases,
  }};
}

}  // namespace minnow::ops
