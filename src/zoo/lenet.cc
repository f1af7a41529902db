#include "zoo/lenet.h"

#include "zoo/layers.h"

namespace minnow {

Result<Graph> build_lenet(const LeNetConfig& config, WeightSource& weights) {
  MN_CHECK(config.classes > 0, "classes must be positive, got ", config.classes);
  Graph graph;
  graph.name = "lenet5";
  Builder b(graph);
  Layers layers(b, weights);
  const auto pooled = [&](ValueId x) {
    return b.add("max_pool", {b.add("relu", {x})}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  };
  const ValueId input = b.input("input", Type::tensor(DType::float32, Shape{Dim("batch"), Dim(1), Dim(28), Dim(28)}));
  ValueId x =
      pooled(layers.conv("conv1", input, 1, 6, {.kernel = 5, .padding = 2, .bias = true}));  // [batch, 6, 14, 14]
  x = pooled(layers.conv("conv2", x, 6, 16, {.kernel = 5, .padding = 0, .bias = true}));     // [batch, 16, 5, 5]
  x = b.add("flatten", {x}, {{"axis", 1}});
  x = b.add("relu", {layers.linear("fc1", x, 400, 120)});
  x = b.add("relu", {layers.linear("fc2", x, 120, 84)});
  b.output(layers.linear("fc3", x, 84, config.classes));
  MN_TRY(b.status());
  return graph;
}

}  // namespace minnow
