// Layers that the networks of the zoo share: a Builder plus a source of weights, with names as PyTorch writes them.
#pragma once

#include <string>
#include <string_view>

#include "ops/builder.h"
#include "zoo/weights.h"

namespace minnow {

struct ConvOptions {
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;
  int64_t groups = 1;
  bool bias = false;
};

// The first error sticks in the builder, as with its own calls.
class Layers {
 public:
  Layers(Builder& builder, WeightSource& weights) : b(builder), weights_(weights) {}
  Builder& b;

  // The parameter `name` as a constant.
  ValueId weight(std::string_view name, const Dims& dims, Initial initial);
  // x [N, in, H, W] by name.weight [out, in / groups, k, k].
  ValueId conv(std::string_view name, ValueId x, int64_t in, int64_t out, const ConvOptions& options);
  // Inference form, with name.weight, bias, running_mean, running_var; epsilon 1e-5.
  ValueId batch_norm(std::string_view name, ValueId x, int64_t channels);
  // x [..., in] by name.weight [out, in] and name.bias [out].
  ValueId linear(std::string_view name, ValueId x, int64_t in, int64_t out, Initial initial = Initial::he_normal);
  // Over the last axis.
  ValueId layer_norm(std::string_view name, ValueId x, int64_t size, double epsilon);

 private:
  WeightSource& weights_;
};

}  // namespace minnow
