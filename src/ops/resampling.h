// Resampling along axes as weighted sums: a table says which input elements an output element reads, and with what
// weight. Every interpolation of resize is separable, so one table an axis is all there is to it; backward reads the
// same table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/resampling.h"
#include "base/result.h"

namespace minnow {

struct ResamplingTable {
  std::vector<int64_t> first;  // per output element (and one more): its first entry below
  std::vector<int64_t> source;
  std::vector<double> weight;
  std::vector<bool> outside;  // tf_crop_and_resize: the element lies outside the input; it has no entries
  bool identity = false;      // every element is its own source
};

// in and out must be positive, the scale finite and positive.
ResamplingTable resampling_table(const ResampledAxis& axis, const Interpolation& interpolation);

Result<Interpolation::Mode> interpolation_mode(std::string_view text);
Result<Interpolation::Coordinates> interpolation_coordinates(std::string_view text);
Result<Interpolation::Nearest> interpolation_nearest(std::string_view text);

// Weight of Keys' cubic convolution at distance x, coefficient a (IEEE Trans. ASSP 29(6), 1981).
inline double cubic_weight(double x, double a) {
  x = x < 0 ? -x : x;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((x - 5) * x + 8) * x * a - 4 * a;
  return 0;
}

}  // namespace minnow
