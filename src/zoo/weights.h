// Where a network's parameters come from: a file's named tensors, or a seed.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/tensor.h"

namespace minnow {

// How a parameter starts when nobody trained it.
enum class Initial : uint8_t {
  zeros,
  ones,
  he_normal,     // normal with deviation sqrt(2 / fan_in), fan_in = elements / dims[0] (He et al. 2015)
  small_normal,  // normal with deviation 0.02, as transformers start
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // The float32 parameter with that name and those dims; errors name the parameter.
  virtual Result<Tensor> get(std::string_view name, const Dims& dims, Initial initial) = 0;
};

// Tensors by name, as read from a safetensors file. `prefix` is put in front of every name asked for ("bert.").
class NamedWeights : public WeightSource {
 public:
  explicit NamedWeights(std::vector<std::pair<std::string, Tensor>> tensors, std::string prefix = "");
  Result<Tensor> get(std::string_view name, const Dims& dims, Initial initial) override;
  const Tensor* find(std::string_view name) const;
  // Names that nobody asked for, sorted: a sign of another architecture.
  std::vector<std::string> unused() const;

 private:
  struct Entry {
    Tensor tensor;
    bool used = false;
  };
  std::unordered_map<std::string, Entry> tensors_;
  std::string prefix_;
};

// Initial values from a seed and the parameter's name, so that they do not depend on the order of asking.
class RandomWeights : public WeightSource {
 public:
  explicit RandomWeights(uint64_t seed) : seed_(seed) {}
  Result<Tensor> get(std::string_view name, const Dims& dims, Initial initial) override;

 private:
  uint64_t seed_;
};

}  // namespace minnow
