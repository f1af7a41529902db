#include "ops/cases.h"

#include <cmath>

#include "base/random.h"

namespace minnow {

Tensor random_tensor(DType dtype, Dims dims, uint64_t seed, double low, double high) {
  Random random(seed);
  auto drawn = Tensor::allocate(DType::float64, dims);
  assert(drawn.ok());
  double* values = drawn->mutable_data<double>();
  for (int64_t i = 0; i < drawn->size(); ++i) values[i] = low + (high - low) * random.uniform();
  if (dtype == DType::boolean) {
    auto out = Tensor::allocate(dtype, std::move(dims));
    assert(out.ok());
    for (int64_t i = 0; i < out->size(); ++i) out->mutable_data<bool>()[i] = values[i] >= (low + high) / 2;
    return std::move(out).value();
  }
  if (is_integer(dtype)) {
    for (int64_t i = 0; i < drawn->size(); ++i) values[i] = std::floor(values[i]);
  }
  auto out = convert_dtype(*drawn, dtype);
  assert(out.ok());
  return std::move(out).value();
}

}  // namespace minnow
