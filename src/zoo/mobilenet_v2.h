// MobileNetV2 (Sandler et al. 2018): inverted residuals with linear bottlenecks. Names as torchvision's.
#pragma once

#include "graph/graph.h"
#include "zoo/weights.h"

namespace minnow {

struct MobileNetV2Config {
  double width = 1.0;        // channel multiplier
  int64_t resolution = 224;  // a multiple of 32
  int64_t classes = 1000;
};

// Input: float32 [batch, 3, resolution, resolution]; output: logits [batch, classes].
Result<Graph> build_mobilenet_v2(const MobileNetV2Config& config, WeightSource& weights);

}  // namespace minnow
