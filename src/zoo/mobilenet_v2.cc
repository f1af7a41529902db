#include "zoo/mobilenet_v2.h"

#include <algorithm>

#include "zoo/layers.h"

namespace minnow {
namespace {

// Channel counts stay multiples of 8 and lose at most a tenth, as in the authors' code.
int64_t scaled_channels(int64_t channels, double width) {
  const double wanted = static_cast<double>(channels) * width;
  int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(wanted + 4) / 8 * 8);
  if (static_cast<double>(rounded) < 0.9 * wanted) rounded += 8;
  return rounded;
}

// conv, batch normalization and ReLU6 as torchvision's Conv2dNormActivation names them: scope.0 and scope.1.
ValueId conv_relu6(Layers& layers, const std::string& scope, ValueId x, int64_t in, int64_t out,
                   const ConvOptions& options) {
  Builder& b = layers.b;
  x = layers.batch_norm(scope + ".1", layers.conv(scope + ".0", x, in, out, options), out);
  return b.add("clip", {x, b.constant(0.0f), b.constant(6.0f)}, {}, scope + ".relu6");
}

ValueId inverted_residual(Layers& layers, const std::string& scope, ValueId x, int64_t in, int64_t out, int64_t stride,
                          int64_t expansion) {
  const int64_t hidden = in * expansion;
  int part = 0;
  ValueId y = x;
  if (expansion != 1)
    y = conv_relu6(layers, concat({scope, ".conv.", part++}), y, in, hidden, {.kernel = 1, .padding = 0});
  y = conv_relu6(layers, concat({scope, ".conv.", part++}), y, hidden, hidden, {.stride = stride, .groups = hidden});
  y = layers.conv(concat({scope, ".conv.", part++}), y, hidden, out, {.kernel = 1, .padding = 0});
  y = layers.batch_norm(concat({scope, ".conv.", part}), y, out);
  return stride == 1 && in == out ? layers.b.add("add", {x, y}, {}, scope + ".sum") : y;
}

struct Stage {
  int64_t expansion, channels, blocks, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

}  // namespace

Result<Graph> build_mobilenet_v2(const MobileNetV2Config& config, WeightSource& weights) {
  MN_CHECK(config.width >= 0.05 && config.width <= 16, "width must be 0.05 to 16, got ", config.width);
  MN_CHECK(config.resolution > 0 && config.resolution % 32 == 0, "resolution must be a multiple of 32, got ",
           config.resolution);
  MN_CHECK(config.classes > 0, "classes must be positive, got ", config.classes);
  Graph graph;
  graph.name = "mobilenet_v2";
  Builder b(graph);
  Layers layers(b, weights);
  const ValueId input = b.input(
      "input",
      Type::tensor(DType::float32, Shape{Dim("batch"), Dim(3), Dim(config.resolution), Dim(config.resolution)}));
  int64_t channels = scaled_channels(32, config.width);
  ValueId x = conv_relu6(layers, "features.0", input, 3, channels, {.stride = 2});
  int64_t index = 1;
  for (const Stage& stage : kStages) {
    const int64_t out = scaled_channels(stage.channels, config.width);
    for (int64_t block = 0; block < stage.blocks; ++block) {
      x = inverted_residual(layers, concat({"features.", index++}), x, channels, out, block == 0 ? stage.stride : 1,
                            stage.expansion);
      channels = out;
    }
  }
  const int64_t last = scaled_channels(1280, std::max(1.0, config.width));
  x = conv_relu6(layers, concat({"features.", index}), x, channels, last, {.kernel = 1, .padding = 0});
  x = b.add("flatten", {b.add("global_average_pool", {x}, {}, "pool")}, {{"axis", 1}});
  b.output(layers.linear("classifier.1", x, last, config.classes));
  MN_TRY(b.status());
  return graph;
}

}  // namespace minnow
