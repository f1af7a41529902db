// Random graphs for tests of passes and lowering: the same seed gives the same graph. Values stay bounded, so that
// results can be compared; everything that passes look for turns up: constants, shape arithmetic, repeated, useless and
// dead nodes, nodes that return their input, convolutions with batch normalization, branches.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/check.h"

namespace minnow {

struct RandomGraphOptions {
  uint64_t seed = 0;
  int steps = 25;  // recipes; each adds one to five nodes
  DType dtype = DType::float32;
  bool smooth = false;    // only functions with continuous derivatives, and no branches
  bool symbolic = false;  // forget all types but those of the inputs, whose first dimension gets a name
};

struct RandomGraph {
  Graph graph;
  std::vector<Datum> inputs;
};

class RandomGraphMaker {
 public:
  explicit RandomGraphMaker(const RandomGraphOptions& options)
      : options_(options), random_(options.seed), builder_(made_.graph) {}

  Result<RandomGraph> make() {
    const Dims shapes[] = {{2, 3}, {1, 4, 6, 5}, {4, 3, 2}, {3}};
    for (int i = 0; i < 3; ++i) {
      const Dims& dims = shapes[random_.below(4)];
      made_.inputs.emplace_back(random_tensor(options_.dtype, dims, random_.next()));
      pool_.push_back(builder_.input(concat({"input_", i}), Type::tensor(options_.dtype, Shape(dims))));
    }
    for (int i = 0; i < options_.steps; ++i) {
      step();
      MN_TRY(builder_.status());
    }
    add_outputs();
    if (options_.symbolic) forget_types();
    MN_TRY(check_graph(made_.graph, Registry::builtin()));
    return std::move(made_);
  }

 private:
  void step() {
    using Recipe = void (RandomGraphMaker::*)();
    static constexpr Recipe kRecipes[] = {&RandomGraphMaker::unary,
                                          &RandomGraphMaker::unary,
                                          &RandomGraphMaker::binary,
                                          &RandomGraphMaker::binary,
                                          &RandomGraphMaker::product,
                                          &RandomGraphMaker::matrix_product,
                                          &RandomGraphMaker::permute,
                                          &RandomGraphMaker::reshape,
                                          &RandomGraphMaker::join,
                                          &RandomGraphMaker::identity,
                                          &RandomGraphMaker::repeat,
                                          &RandomGraphMaker::constant_expression,
                                          &RandomGraphMaker::convolution,
                                          &RandomGraphMaker::branch,
                                          &RandomGraphMaker::formula,
                                          &RandomGraphMaker::attention,
                                          &RandomGraphMaker::flattened_product,
                                          &RandomGraphMaker::quantized,
                                          &RandomGraphMaker::quantized};
    (this->*kRecipes[random_.below(std::size(kRecipes))])();
  }

  static bool known(std::string_view op) { return Registry::builtin().find(op) != nullptr; }
  Dims dims(ValueId id) const { return builder_.type(id).shape.to_dims(); }
  ValueId pick() { return pool_[random_.below(pool_.size())]; }
  ValueId random_constant(Dims dims) {
    return builder_.constant(random_tensor(options_.dtype, std::move(dims), random_.next()), "weight");
  }
  // Large tensors make slow tests: they stay out of the pool.
  void keep(ValueId id) {
    if (id != kNoValue && builder_.status().ok() && element_count(dims(id)) <= 300) pool_.push_back(id);
  }
  // The same where inference cannot know the dims: recipes need them.
  void keep_as(ValueId id, const Dims& dims) {
    if (id == kNoValue || !builder_.status().ok()) return;
    made_.graph.value(id).type.shape = Shape(dims);
    keep(id);
  }
  std::string_view any_of(std::initializer_list<std::string_view> names) {
    std::vector<std::string_view> present;
    for (std::string_view name : names) {
      if (known(name)) present.push_back(name);
    }
    return present.empty() ? "" : present[random_.below(present.size())];
  }

  void unary() {
    const std::string_view op = options_.smooth
                                    ? any_of({"sin", "cos", "tanh", "sigmoid", "neg", "erf", "softplus", "gelu"})
                                    : any_of({"relu", "tanh", "sigmoid", "neg", "abs", "cos", "softsign"});
    if (!op.empty()) keep(builder_.add(op, {pick()}));
  }

  void binary() {
    const ValueId a = pick();
    Dims other = dims(a);
    for (int64_t& dim : other) dim = random_.below(3) == 0 ? 1 : dim;
    if (!other.empty() && random_.below(3) == 0) other.erase(other.begin());
    ValueId b = random_constant(std::move(other));
    for (int attempt = 0; attempt < 4; ++attempt) {
      const ValueId candidate = pick();
      if (dims(candidate) == dims(a)) b = candidate;
    }
    const std::string_view op = options_.smooth ? any_of({"add", "sub"}) : any_of({"add", "sub", "max", "min"});
    keep(random_.below(2) == 0 ? builder_.add(op, {a, b}) : builder_.add(op, {b, a}));
  }

  // tanh keeps products of products from growing without bound.
  void product() {
    const ValueId a = pick();
    keep(builder_.add("tanh", {builder_.add("mul", {a, random_.below(2) == 0 ? a : random_constant(dims(a))})}));
  }

  void matrix_product() {
    const ValueId a = pick();
    if (dims(a).size() < 2) return;
    const auto columns = static_cast<int64_t>(1 + random_.below(4));
    keep(builder_.add("tanh", {builder_.add("matmul", {a, random_constant({dims(a).back(), columns})})}));
  }

  void permute() {
    const ValueId a = pick();
    if (!known("transpose")) return;
    Ints order;
    for (size_t i = 0; i < dims(a).size(); ++i) order.push_back(static_cast<int64_t>(i));
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
    if (!order.empty()) keep(builder_.add("transpose", {a}, {{"perm", order}}));
  }

  // To a constant shape, to one computed from another value's, or flat.
  void reshape() {
    if (!known("reshape") || !known("shape")) return;
    const ValueId a = pick(), b = pick();
    const Dims shape_a = dims(a), shape_b = dims(b);
    const int64_t count = element_count(shape_a);
    if (count == element_count(shape_b)) {
      keep_as(builder_.add("reshape", {a, builder_.add("shape", {b})}), shape_b);
    } else if (random_.below(2) == 0 || shape_a.empty() || !known("concat")) {
      keep(builder_.add("reshape", {a, builder_.ints({-1})}));
    } else {
      const ValueId first = builder_.add("shape", {a}, {{"end", 1}});
      const ValueId shape = builder_.add("concat", {first, builder_.ints({-1})}, {{"axis", 0}});
      keep_as(builder_.add("reshape", {a, shape}), {shape_a[0], count / shape_a[0]});
    }
  }

  void join() {
    const ValueId a = pick(), b = pick();
    if (!known("concat") || dims(a).empty()) return;
    const bool same = dims(a) == dims(b);
    const auto axis = static_cast<int64_t>(random_.below(dims(a).size()));
    keep(builder_.add("concat", {a, same ? b : random_constant(dims(a))}, {{"axis", axis}}));
  }

  // In one of the many ways to say nothing.
  void identity() {
    const ValueId a = pick();
    Ints order;
    for (size_t i = 0; i < dims(a).size(); ++i) order.push_back(static_cast<int64_t>(i));
    switch (random_.below(5)) {
      case 0: return known("identity") ? keep(builder_.add("identity", {a})) : void();
      case 1: return known("cast") ? keep(builder_.add("cast", {a}, {{"to", options_.dtype}})) : void();
      case 2:
        if (known("transpose") && !order.empty()) keep(builder_.add("transpose", {a}, {{"perm", order}}));
        return;
      case 3: return known("reshape") ? keep(builder_.add("reshape", {a, builder_.ints(dims(a))})) : void();
      default: return keep(builder_.add("max", {a}));
    }
  }

  void repeat() {
    if (made_.graph.nodes.empty()) return;
    const Node node = made_.graph.nodes[random_.below(made_.graph.nodes.size())];
    const auto count = static_cast<int>(node.outputs.size());
    const auto outputs = builder_.add_many(node.op, node.inputs, count, node.attributes);
    if (outputs.size() != 1 || builder_.type(outputs[0]).dtype != options_.dtype) return;
    keep_as(outputs[0], dims(node.outputs[0]));
  }

  void constant_expression() {
    const Dims dims = {2, 3};
    const ValueId sum = builder_.add("add", {random_constant(dims), random_constant(dims)});
    keep(builder_.add("tanh", {sum}));
  }

  void convolution() {
    const ValueId x = random_constant({1, 4, 5, 5});
    std::vector<ValueId> images = {x};
    for (ValueId id : pool_) {
      if (dims(id).size() == 4 && dims(id)[1] == 4 && dims(id)[2] >= 3 && dims(id)[3] >= 3) images.push_back(id);
    }
    if (!known("conv")) return;
    ValueId image = images[random_.below(images.size())];
    if (random_.below(2) == 0)
      image =
          builder_.add("pad", {image, builder_.ints({0, 0, 1, 0, 0, 0, static_cast<int64_t>(random_.below(2)), 1})});
    const auto group = static_cast<int64_t>(random_.below(2) == 0 ? 1 : 2);
    std::vector<ValueId> inputs = {image, random_constant({6, 4 / group, 3, 3})};
    if (random_.below(2) == 0) inputs.push_back(random_constant({6}));
    ValueId y = builder_.add("conv", inputs, {{"group", group}});
    if (known("batch_normalization")) {
      const ValueId scale = random_constant({6}), shift = random_constant({6}), mean = random_constant({6});
      const auto variance = builder_.constant(random_tensor(options_.dtype, {6}, random_.next(), 0.5, 2.0), "variance");
      y = builder_.add("batch_normalization", {y, scale, shift, mean, variance});
    }
    const Dims per_channel[] = {{}, {6, 1, 1}, {1, 6, 1, 1}, {1, 1, 1, 3}};
    if (random_.below(2) == 0) y = builder_.add("mul", {random_constant(per_channel[random_.below(3)]), y});
    if (random_.below(2) == 0 && dims(y)[3] == 3)
      y = builder_.add("add", {y, random_constant(per_channel[random_.below(4)])});
    keep(builder_.add("tanh", {y}));
  }

  // Activations and layer normalization as exporters spell them.
  void formula() {
    Builder& b = builder_;
    const ValueId x = pick();
    const auto number = [&](double value) { return b.scalar_like(value, x); };
    switch (random_.below(options_.smooth ? 4 : 5)) {
      case 0: {
        const ValueId erf = b.add("erf", {b.add("div", {x, number(std::sqrt(2.0))})});
        return keep(b.add("mul", {b.add("mul", {x, b.add("add", {erf, number(1)})}), number(0.5)}));
      }
      case 1: {
        const ValueId cube = b.add("mul", {number(0.044715), b.add("pow", {x, number(3)})});
        const ValueId inner = b.add("mul", {number(std::sqrt(2 / M_PI)), b.add("add", {x, cube})});
        const ValueId sum = b.add("add", {number(1), b.add("tanh", {inner})});
        return keep(b.add("mul", {b.add("mul", {number(0.5), x}), sum}));
      }
      case 2: return keep(b.add("mul", {b.add("sigmoid", {b.add("mul", {x, number(1.702)})}), x}));
      case 3: return layer_normalization(x);
      default: {
        const ValueId gate = b.add("clip", {b.add("add", {x, number(3)}), number(0), number(6)});
        return keep(b.add("div", {b.add("mul", {x, gate}), number(6)}));
      }
    }
  }

  void layer_normalization(ValueId x) {
    if (dims(x).empty()) return;
    Builder& b = builder_;
    const ValueId axes = b.ints({-1});
    const ValueId centered = b.add("sub", {x, b.add("reduce_mean", {x, axes})});
    const ValueId variance = b.add("reduce_mean", {b.add("pow", {centered, b.scalar_like(2, x)}), axes});
    const ValueId deviation = b.add("sqrt", {b.add("add", {variance, b.scalar_like(0.1, x)})});
    const Dims row = {dims(x).back()};
    const ValueId scaled = b.add("mul", {b.add("div", {centered, deviation}), random_constant(row)});
    keep(b.add("add", {scaled, random_constant(row)}));
  }

  // A tensor of these dims that depends on an input.
  ValueId computed(const Dims& dims) {
    const ValueId mean = builder_.add("tanh", {builder_.add("reduce_mean", {pick()}, {{"keepdims", 0}})});
    return builder_.add("add", {random_constant(dims), mean});
  }

  // softmax(scale Q K^T + masks) V, with heads split and joined, in some of the ways there are.
  void attention() {
    if (options_.smooth || !known("softmax")) return;
    Builder& b = builder_;
    const auto batch = static_cast<int64_t>(1 + random_.below(2)), length = static_cast<int64_t>(2 + random_.below(3));
    const auto chance = [&] { return random_.below(2) == 0; };
    const auto number = [&](double value, ValueId like) { return b.scalar_like(value, like); };
    const auto split = [&](const Ints& perm) {
      ValueId x = computed({batch, length, 4});
      if (chance()) x = b.add("mul", {x, number(0.5, x)});
      return b.add("transpose", {b.add("reshape", {x, b.ints({batch, -1, 2, 2})})}, {{"perm", perm}});
    };
    const ValueId q = split({0, 2, 1, 3}), v = split({0, 2, 1, 3});
    ValueId k =
        chance() ? split({0, 2, 3, 1}) : b.add("transpose", {split({0, 2, 1, 3})}, {{"perm", Ints{0, 1, 3, 2}}});
    if (chance()) k = b.add("mul", {k, number(0.7, k)});
    ValueId scores = b.add("matmul", {q, k});
    if (chance()) scores = b.add("div", {scores, number(1.5, scores)});
    const Dims masks[] = {
        {length}, {batch, 1, 1, length},      {1, 1, length, 1},
        {},       {batch, 2, length, length}, {3 - batch, 1, 1, length}};  // the last one may be too large
    if (chance()) scores = b.add("add", {scores, random_constant(masks[random_.below(std::size(masks))])});
    if (chance()) scores = b.add("add", {random_constant({length}), scores});
    const ValueId y = b.add("matmul", {b.add("softmax", {scores}, {{"axis", -1}}), v});
    const Dims all = dims(y);
    if (chance()) return keep(y);
    const ValueId turned = b.add("transpose", {y}, {{"perm", Ints{0, 2, 1, 3}}});
    keep(b.add("reshape", {turned, b.ints({all[0], all[2], 4})}));
  }

  // x W of a flattened x, as a product or as gemm, with its shape restored or not.
  void flattened_product() {
    if (options_.smooth || !known("gemm")) return;
    Builder& b = builder_;
    const auto batch = static_cast<int64_t>(1 + random_.below(2));
    const ValueId flat = b.add("reshape", {computed({batch, 3, 4}), b.ints({-1, 4})});
    const ValueId y = random_.below(2) == 0
                          ? b.add("matmul", {flat, random_constant({4, 2})})
                          : b.add("gemm", {flat, random_constant({2, 4}), random_constant({2})}, {{"transB", 1}});
    if (random_.below(3) == 0) return keep(b.add("add", {y, computed({batch, 3 * batch, 2})}));
    keep(b.add("reshape", {y, b.ints({batch, -1, 2})}));
  }

  // if (condition) tanh(a) else a + constant, the condition an input or a constant.
  void branch() {
    if (!known("if") || options_.smooth) return;
    const ValueId a = pick();
    const Attributes attributes = {
        {"then_branch", branch_graph("tanh", dims(a))}, {"else_branch", branch_graph("abs", dims(a))}, {"captures", 1}};
    const ValueId condition = builder_.constant(Tensor::scalar(random_.below(2) == 0), "condition");
    const auto outputs = builder_.add_many("if", std::vector<ValueId>{condition, a}, 1, attributes);
    if (builder_.type(outputs[0]).shape.static_dims()) keep(outputs[0]);
  }

  GraphRef branch_graph(std::string_view op, const Dims& dims) {
    auto graph = std::make_shared<Graph>();
    Builder builder(*graph);
    const ValueId x = builder.input("x", Type::tensor(options_.dtype, Shape(dims)));
    const ValueId y = builder.add(op, {x}), same = builder.add(op, {x});
    const ValueId half = builder.add("add", {builder.scalar_like(0.25, x), builder.scalar_like(0.25, x)});
    builder.add("neg", {y});
    builder.output(builder.add("mul", {half, builder.add("add", {y, same})}));
    return graph;
  }

  // Through 8-bit codes and back, as quantized models do between all operators.
  ValueId coded(ValueId x) {
    Builder& b = builder_;
    const double scale = random_.below(2) == 0 ? 0.015625 : 0.021;
    const auto zero = static_cast<double>(random_.below(9));
    const ValueId point = random_.below(2) == 0 ? b.constant(Tensor::scalar(static_cast<uint8_t>(zero + 120)))
                                                : b.constant(Tensor::scalar(static_cast<int8_t>(zero)));
    const ValueId scales = b.constant(Tensor::scalar(static_cast<float>(scale)));
    return b.add("dequantize_linear", {b.add("quantize_linear", {x, scales, point}), scales, point});
  }

  void quantized() {
    if (options_.smooth || options_.dtype != DType::float32) return;
    Builder& b = builder_;
    const ValueId a = coded(pick()), other = pick();
    const Dims shape = dims(a);
    switch (random_.below(6)) {
      case 0: return keep(coded(b.add("mul", {b.add("tanh", {a}), b.constant(0.7f)})));
      case 1: return keep(coded(b.add("clip", {b.add("sub", {b.constant(0.5f), a}), b.constant(-0.3f)})));
      case 2: {
        const ValueId sum =
            b.add(any_of({"add", "sub", "mul"}), {a, coded(dims(other) == shape ? other : random_constant(shape))});
        return keep(coded(random_.below(2) == 0 ? b.add("relu", {sum}) : sum));
      }
      case 3: return shape.empty() ? void() : keep(coded(b.add("concat", {a, coded(a)}, {{"axis", -1}})));
      case 4: return keep(coded(b.add("relu", {b.add("reshape", {a, b.ints({-1})})})));
      default: return shape.size() < 2 ? void() : keep(b.add("transpose", {b.add("reduce_max", {a, b.ints({0})})}));
    }
  }

  void add_outputs() {
    std::vector<ValueId> candidates(pool_.begin() + 3, pool_.end());
    if (candidates.empty()) candidates.push_back(builder_.add("tanh", {pool_[0]}));
    for (int i = 0; i < 3; ++i) {
      const ValueId id = i == 0 ? candidates.back() : candidates[random_.below(candidates.size())];
      auto& outputs = made_.graph.outputs;
      if (std::find(outputs.begin(), outputs.end(), id) == outputs.end()) outputs.push_back(id);
    }
  }

  void forget_types() {
    for (Value& value : made_.graph.values) {
      if (!value.is_constant()) value.type = Type();
    }
    for (size_t i = 0; i < made_.inputs.size(); ++i) {
      Type type = Type::of(made_.inputs[i]);
      type.shape.dims[0] = Dim(concat({"N", i}));
      made_.graph.value(made_.graph.inputs[i]).type = type;
    }
  }

  RandomGraphOptions options_;
  Random random_;
  RandomGraph made_;
  Builder builder_;
  std::vector<ValueId> pool_;
};

inline Result<RandomGraph> random_graph(const RandomGraphOptions& options) { return RandomGraphMaker(options).make(); }

}  // namespace minnow
