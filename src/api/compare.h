// Compares outputs with what was expected, as numpy.testing.assert_allclose and ONNX's backend tests do.
#pragma once

#include <string>

#include "base/tensor.h"

namespace minnow {

struct Closeness {
  double relative = 1e-3;  // |actual - expected| <= absolute + relative * |expected|; NaN equals NaN
  double absolute = 1e-7;
};

struct Difference {
  bool close = true;
  std::string reason;    // why not: kind, dtype, shape, or the worst element
  int64_t elements = 0;  // compared
  int64_t mismatches = 0;
  double max_absolute = 0;  // over elements where both are finite
  double max_relative = 0;
  Dims worst_index;  // where the bound is exceeded most
};

// Equal kinds, dtypes and shapes; numbers within the bound, strings exactly; sequences element by element.
Difference compare_values(const Datum& actual, const Datum& expected, const Closeness& closeness);

// How far apart two tensors of the same shape are, whatever their dtypes.
struct ErrorMeasure {
  double max_absolute = 0;
  double relative = 0;        // ||actual - expected|| / ||expected||, 2-norms
  double range_relative = 0;  // max_absolute / (max expected - min expected)
  double snr_db = 0;          // 20 log10 (||expected|| / ||difference||); infinite when equal
  int64_t not_finite = 0;     // elements that are NaN or infinite in one but not the same in the other
};
Result<ErrorMeasure> measure_error(const Tensor& actual, const Tensor& expected);

}  // namespace minnow
