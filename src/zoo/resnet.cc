#include "zoo/resnet.h"

#include <limits>

#include "zoo/layers.h"

namespace minnow {
namespace {

// Every second pixel, and as many zero channels on either side as double the count.
ValueId option_a(Builder& b, ValueId x, int64_t in, int64_t out) {
  const int64_t end = std::numeric_limits<int64_t>::max();
  const ValueId halved = b.add("slice", {x, b.ints({0, 0}), b.ints({end, end}), b.ints({2, 3}), b.ints({2, 2})});
  const int64_t before = (out - in) / 2, after = out - in - before;
  return b.add("pad", {halved, b.ints({0, before, 0, 0, 0, after, 0, 0}), b.scalar_like(0, x)});
}

ValueId basic_block(Layers& layers, const std::string& scope, ValueId x, int64_t in, int64_t out, int64_t stride) {
  Builder& b = layers.b;
  ValueId y = layers.conv(scope + ".conv1", x, in, out, {.stride = stride});
  y = b.add("relu", {layers.batch_norm(scope + ".bn1", y, out)}, {}, scope + ".relu1");
  y = layers.batch_norm(scope + ".bn2", layers.conv(scope + ".conv2", y, out, out, {}), out);
  const ValueId shortcut = in == out ? x : option_a(b, x, in, out);
  return b.add("relu", {b.add("add", {y, shortcut}, {}, scope + ".sum")}, {}, scope + ".relu2");
}

}  // namespace

Result<Graph> build_cifar_resnet(const CifarResNetConfig& config, WeightSource& weights) {
  MN_CHECK(config.depth >= 8 && (config.depth - 2) % 6 == 0, "depth must be 6 n + 2 (20, 32, 44, …), got ",
           config.depth);
  MN_CHECK(config.classes > 0, "classes must be positive, got ", config.classes);
  Graph graph;
  graph.name = concat({"resnet", config.depth});
  Builder b(graph);
  Layers layers(b, weights);
  const ValueId input = b.input("input", Type::tensor(DType::float32, Shape{Dim("batch"), Dim(3), Dim(32), Dim(32)}));
  ValueId x = b.add("relu", {layers.batch_norm("bn1", layers.conv("conv1", input, 3, 16, {}), 16)}, {}, "relu1");
  int64_t channels = 16;
  for (int64_t stage = 0; stage < 3; ++stage) {
    const int64_t out = int64_t{16} << stage;
    for (int64_t block = 0; block < (config.depth - 2) / 6; ++block) {
      const int64_t stride = block == 0 && stage > 0 ? 2 : 1;
      x = basic_block(layers, concat({"layer", stage + 1, ".", block}), x, channels, out, stride);
      channels = out;
    }
  }
  x = b.add("flatten", {b.add("global_average_pool", {x}, {}, "pool")}, {{"axis", 1}});
  b.output(layers.linear("linear", x, channels, config.classes));
  MN_TRY(b.status());
  return graph;
}

}  // namespace minnow
