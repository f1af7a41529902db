// Residual networks for 32 x 32 pictures (He et al. 2015, section 4.2): 6 n + 2 layers, shortcuts of option A (every
// second pixel, channels padded with zeros). PyTorch names: conv1, bn1, layer1.0.conv1, …, linear.
#pragma once

#include "graph/graph.h"
#include "zoo/weights.h"

namespace minnow {

struct CifarResNetConfig {
  int64_t depth = 20;  // 6 n + 2: 20, 32, 44, 56, 110
  int64_t classes = 10;
};

// Input: float32 [batch, 3, 32, 32]; output: logits [batch, classes].
Result<Graph> build_cifar_resnet(const CifarResNetConfig& config, WeightSource& weights);

}  // namespace minnow
