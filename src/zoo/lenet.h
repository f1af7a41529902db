// LeNet-5 in its present-day form (LeCun et al. 1998; ReLU and max pooling) for 28 x 28 grey pictures: 61,706
// parameters.
#pragma once

#include "graph/graph.h"
#include "zoo/weights.h"

namespace minnow {

struct LeNetConfig {
  int64_t classes = 10;
};

// Input: float32 [batch, 1, 28, 28]; output: logits [batch, classes]. Parameters conv1, conv2, fc1, fc2, fc3.
Result<Graph> build_lenet(const LeNetConfig& config, WeightSource& weights);

}  // namespace minnow
