#include "api/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace minnow {
namespace {

std::string_view kind_name(const Datum& datum) {
  switch (datum.kind) {
    case Datum::Kind::none: return "nothing";
    case Datum::Kind::tensor: return "a tensor";
    case Datum::Kind::sequence: return "a sequence";
  }
  return "nothing";
}

Difference differs(std::string reason) {
  Difference difference;
  difference.close = false;
  difference.reason = std::move(reason);
  return difference;
}

Dims index_of(int64_t position, const Dims& dims) {
  Dims index(dims.size());
  for (size_t i = dims.size(); i-- > 0;) {
    index[i] = position % dims[i];
    position /= dims[i];
  }
  return index;
}

Difference compare_strings(const Tensor& actual, const Tensor& expected) {
  Difference result;
  result.elements = actual.size();
  for (int64_t i = 0; i < actual.size(); ++i) {
    const std::string& a = actual.strings()[static_cast<size_t>(i)];
    const std::string& b = expected.strings()[static_cast<size_t>(i)];
    if (a == b) continue;
    if (result.mismatches++ == 0) {
      result.worst_index = index_of(i, actual.dims());
      result.reason = concat(
          {"element ", to_string(result.worst_index), ": got \"", printable(a), "\", expected \"", printable(b), "\""});
    }
  }
  result.close = result.mismatches == 0;
  return result;
}

// Complex values have no decoding here: they are equal when their bytes are.
Difference compare_bytes(const Tensor& actual, const Tensor& expected) {
  Difference result;
  result.elements = actual.size();
  result.close = std::memcmp(actual.raw().data(), expected.raw().data(), actual.raw().size()) == 0;
  if (!result.close) result.reason = concat({"bytes of ", to_string(actual.dtype()), " values differ"});
  return result;
}

// By how much the bound is exceeded; 0 when it holds.
double excess(double actual, double expected, const Closeness& closeness) {
  if (std::isnan(actual) || std::isnan(expected)) {
    return std::isnan(actual) && std::isnan(expected) ? 0.0 : std::numeric_limits<double>::infinity();
  }
  if (actual == expected) return 0.0;
  if (std::isinf(actual) || std::isinf(expected)) return std::numeric_limits<double>::infinity();
  return std::max(0.0, std::abs(actual - expected) - (closeness.absolute + closeness.relative * std::abs(expected)));
}

Difference compare_numbers(const Tensor& actual, const Tensor& expected, const Closeness& closeness) {
  const std::vector<double> a = to_doubles(actual), b = to_doubles(expected);
  // 64-bit integers above 2^53 may be equal as doubles and differ as integers.
  const bool wide = element_bytes(actual.dtype()) == 8 && is_integer(actual.dtype());
  Difference result;
  result.elements = actual.size();
  double worst = 0;
  size_t worst_at = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double over = excess(a[i], b[i], closeness);
    if (wide && a[i] == b[i] && actual.data<int64_t>()[i] != expected.data<int64_t>()[i]) {
      over = closeness.absolute + closeness.relative * std::abs(b[i]) < 1.0 ? 1.0 : 0.0;
    }
    const double distance = std::abs(a[i] - b[i]);
    if (std::isfinite(distance)) {
      result.max_absolute = std::max(result.max_absolute, distance);
      if (b[i] != 0) result.max_relative = std::max(result.max_relative, distance / std::abs(b[i]));
    }
    if (over <= 0) continue;
    ++result.mismatches;
    if (over > worst) {
      worst = over;
      worst_at = i;
    }
  }
  result.close = result.mismatches == 0;
  if (!result.close) {
    result.worst_index = index_of(static_cast<int64_t>(worst_at), actual.dims());
    result.reason = concat({result.mismatches, " of ", result.elements, " elements differ, worst at ",
                            to_string(result.worst_index), ": got ", a[worst_at], ", expected ", b[worst_at]});
  }
  return result;
}

Difference compare_tensors(const Tensor& actual, const Tensor& expected, const Closeness& closeness) {
  if (actual.dtype() != expected.dtype()) {
    return differs(concat({"expected ", to_string(expected.dtype()), ", got ", to_string(actual.dtype())}));
  }
  if (actual.dims() != expected.dims()) {
    return differs(concat({"expected shape ", to_string(expected.dims()), ", got ", to_string(actual.dims())}));
  }
  if (actual.dtype() == DType::string) return compare_strings(actual, expected);
  if (is_complex(actual.dtype())) return compare_bytes(actual, expected);
  return compare_numbers(actual, expected, closeness);
}

void merge(Difference& total, Difference part, size_t element) {
  total.elements += part.elements;
  total.mismatches += part.mismatches;
  total.max_absolute = std::max(total.max_absolute, part.max_absolute);
  total.max_relative = std::max(total.max_relative, part.max_relative);
  if (part.close || !total.close) return;
  total.close = false;
  total.reason = concat({"element ", element, " of the sequence: ", part.reason});
  total.worst_index = std::move(part.worst_index);
}

}  // namespace

Difference compare_values(const Datum& actual, const Datum& expected, const Closeness& closeness) {
  if (actual.kind != expected.kind)
    return differs(concat({"expected ", kind_name(expected), ", got ", kind_name(actual)}));
  if (actual.kind == Datum::Kind::none) return {};
  if (actual.kind == Datum::Kind::tensor) return compare_tensors(actual.tensor, expected.tensor, closeness);
  const std::vector<Datum>& a = *actual.sequence;
  const std::vector<Datum>& b = *expected.sequence;
  if (a.size() != b.size()) return differs(concat({"expected a sequence of ", b.size(), " elements, got ", a.size()}));
  Difference total;
  for (size_t i = 0; i < a.size(); ++i) merge(total, compare_values(a[i], b[i], closeness), i);
  return total;
}

Result<ErrorMeasure> measure_error(const Tensor& actual, const Tensor& expected) {
  MN_CHECK(actual.dims() == expected.dims(), "shapes differ: ", to_string(actual.dims()), " and ",
           to_string(expected.dims()));
  for (const Tensor* tensor : {&actual, &expected}) {
    if (tensor->dtype() == DType::string || is_complex(tensor->dtype())) {
      return unsupported({"no error measure for ", to_string(tensor->dtype()), " values"});
    }
  }
  const std::vector<double> a = to_doubles(actual), b = to_doubles(expected);
  ErrorMeasure measure;
  double signal = 0, noise = 0, low = std::numeric_limits<double>::infinity(), high = -low;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      measure.not_finite += a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) ? 0 : 1;
      continue;
    }
    const double distance = a[i] - b[i];
    signal += b[i] * b[i];
    noise += distance * distance;
    low = std::min(low, b[i]);
    high = std::max(high, b[i]);
    measure.max_absolute = std::max(measure.max_absolute, std::abs(distance));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  measure.relative = noise == 0 ? 0 : (signal > 0 ? std::sqrt(noise / signal) : infinity);
  measure.range_relative =
      measure.max_absolute == 0 ? 0 : (high > low ? measure.max_absolute / (high - low) : infinity);
  measure.snr_db = noise == 0 ? infinity : (signal > 0 ? 10 * std::log10(signal / noise) : -infinity);
  return measure;
}

}  // namespace minnow
