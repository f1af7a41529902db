#include "zoo/weights.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/text.h"

namespace minnow {

NamedWeights::NamedWeights(std::vector<std::pair<std::string, Tensor>> tensors, std::string prefix)
    : prefix_(std::move(prefix)) {
  for (auto& [name, tensor] : tensors) tensors_[name].tensor = std::move(tensor);
}

const Tensor* NamedWeights::find(std::string_view name) const {
  const auto found = tensors_.find(prefix_ + std::string(name));
  return found == tensors_.end() ? nullptr : &found->second.tensor;
}

Result<Tensor> NamedWeights::get(std::string_view name, const Dims& dims, Initial) {
  const std::string full = prefix_ + std::string(name);
  const auto found = tensors_.find(full);
  MN_CHECK(found != tensors_.end(), "the weights lack '", printable(full), "', expected with shape ", to_string(dims));
  found->second.used = true;
  const Tensor& tensor = found->second.tensor;
  MN_CHECK(tensor.dims() == dims, "weight '", printable(full), "': expected shape ", to_string(dims), ", got ",
           to_string(tensor.dims()));
  MN_CHECK(is_float(tensor.dtype()), "weight '", printable(full), "': expected a floating-point type, got ",
           to_string(tensor.dtype()));
  if (tensor.dtype() == DType::float32) return tensor;
  return convert_dtype(tensor, DType::float32);
}

std::vector<std::string> NamedWeights::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : tensors_) {
    if (!entry.used) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Tensor> RandomWeights::get(std::string_view name, const Dims& dims, Initial initial) {
  MN_ASSIGN(Tensor tensor, Tensor::allocate(DType::float32, dims));
  float* values = tensor.mutable_data<float>();
  if (initial == Initial::zeros || initial == Initial::ones) {
    std::fill(values, values + tensor.size(), initial == Initial::ones ? 1.0f : 0.0f);
    return tensor;
  }
  uint64_t hash = seed_ ^ 0xcbf29ce484222325u;  // FNV-1a over the name
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  Random random(hash);
  const int64_t fan_in = dims.empty() || dims[0] == 0 ? 1 : std::max<int64_t>(1, tensor.size() / dims[0]);
  const double deviation = initial == Initial::he_normal ? std::sqrt(2.0 / static_cast<double>(fan_in)) : 0.02;
  for (int64_t i = 0; i < tensor.size(); ++i) values[i] = static_cast<float>(deviation * random.normal());
  return tensor;
}

}  // namespace minnow
