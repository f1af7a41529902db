// det: determinants of square matrices, by elimination with partial pivoting.
#include <cmath>
#include <utility>

#include "ops/cases.h"
#include "ops/elementwise.h"

namespace minnow::ops {
namespace {

Status det_infer(InferContext& c) {
  MN_TRY(expect_dtype(c, 0, is_float, "a floating-point type"));
  Shape shape = c.shape(0);
  if (shape.ranked) {
    MN_CHECK(shape.rank() >= 2, "expected matrices, got ", to_string(shape));
    const Dim &rows = shape.dims[shape.dims.size() - 2], &columns = shape.dims.back();
    MN_CHECK(!rows.known() || !columns.known() || rows.value == columns.value, "expected square matrices, got ",
             to_string(shape));
    shape.dims.resize(shape.dims.size() - 2);
  }
  c.set_output(0, c.dtype(0), std::move(shape));
  return {};
}

// Destroys a[n,n].
double determinant(double* a, int64_t n) {
  double result = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::fabs(a[i * n + k]) > std::fabs(a[pivot * n + k])) pivot = i;
    }
    if (a[pivot * n + k] == 0) return 0;
    if (pivot != k) {
      result = -result;
      for (int64_t j = k; j < n; ++j) std::swap(a[k * n + j], a[pivot * n + j]);
    }
    result *= a[k * n + k];
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (int64_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return result;
}

Status det_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  const int64_t n = x.dim(x.rank() - 1);
  MN_ASSIGN(Tensor matrix, c.scratch(DType::float64, {n, n}));
  Pace pace(c.budget());
  return dispatch<FloatTypes>(x.dtype(), [&]<class T>() -> Status {
    for (int64_t batch = 0; batch < c.output(0).size(); ++batch) {
      MN_TRY(pace.work(n * n + n));
      for (int64_t i = 0; i < n * n; ++i) matrix.mutable_data<double>()[i] = x.data<T>()[batch * n * n + i];
      c.output(0).mutable_data<T>()[batch] = static_cast<T>(determinant(matrix.mutable_data<double>(), n));
    }
    return {};
  });
}

std::vector<Case> det_cases() {
  return {{.inputs = {Tensor::of<float>({0, 1, 2, 3}, {2, 2})}, .expected = {Tensor::scalar(-2.0f)}},
          {.inputs = {Tensor::of<float>({2, 0, 0, 0, 3, 0, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {2, 3, 3})},
           .expected = {Tensor::of<float>({24, 0}, {2})}},
          {.inputs = {random_tensor(DType::float32, {2, 1, 3, 3}, 1)}},
          {.inputs = {Tensor::of<float>({}, {2, 0, 0})},
           .expected = {Tensor::of<float>({1, 1}, {2})},
           .note = "empty matrices"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> det() {
  return {{
      .name = "det",
      .doc = "Determinant of the last two axes.",
      .infer = det_infer,
      .reference = det_reference,
      .imports = {{"ai.onnx", "Det"}},
      .exports = {{"ai.onnx", "Det", 11}},
      .cases = det_cases,
  }};
}

}  // namespace minnow::ops
