// Optimizer steps of ONNX's training preview: (learning rate R, step count T, tensors..., gradients..., moments...) ->
// new tensors and moments.
#include "base/text.h"
#include "ops/builder.h"
#include "ops/cases.h"

namespace minnow::ops {
namespace {

// Inputs after R and T come in `kinds` groups of equal size: tensors, gradients, one or two kinds of moments.
Result<int> group_size(const NodeView& node, int kinds) {
  const int count = static_cast<int>(node.node().inputs.size()) - 2,
            outputs = static_cast<int>(node.node().outputs.size());
  MN_CHECK(count > 0 && count % kinds == 0, "expected R, T and ", kinds, " groups of inputs of the same size, got ",
           count, " inputs after R and T");
  MN_CHECK(outputs == count / kinds * (kinds - 1), "expected ", count / kinds * (kinds - 1), " outputs, got ", outputs);
  return count / kinds;
}

// A new tensor or moment has the type of the old one; gradients have no output.
Status optimizer_infer(InferContext& c, int kinds) {
  MN_ASSIGN(const int n, group_size(c, kinds));
  for (int i = 0; i < c.output_count(); ++i) {
    const int input = i < n ? 2 + i : 2 + n + i;
    if (c.wants_output(i)) c.set_output(i, c.dtype(input), c.shape(input));
  }
  return {};
}

Status three_infer(InferContext& c) { return optimizer_infer(c, 3); }
Status four_infer(InferContext& c) { return optimizer_infer(c, 4); }

// The operands of one tensor's step.
struct Step {
  Builder& b;
  ValueId rate, count, x, gradient;
  ValueId scalar(double value) const { return b.scalar_like(value, x); }
  ValueId scaled(double factor, ValueId id) const { return b.add("mul", {scalar(factor), id}); }
};

// The gradient includes that of norm_coefficient / 2 * |x|^2.
Step step_of(DecomposeContext& c, int i, int n) {
  Builder& b = c.b;
  const ValueId x = c.input(2 + i);
  Step step{b, b.add("cast_like", {c.input(0), x}), b.add("cast_like", {c.input(1), x}), x, c.input(2 + n + i)};
  step.gradient = b.add("add", {step.scaled(c.float_attribute("norm_coefficient"), x), step.gradient});
  return step;
}

Status adagrad_decompose(DecomposeContext& c) {
  MN_ASSIGN(const int n, group_size(c, 3));
  Builder& b = c.b;
  for (int i = 0; i < n; ++i) {
    const Step s = step_of(c, i, n);
    const ValueId rate =
        b.add("div", {s.rate, b.add("add", {s.scalar(1), s.scaled(c.float_attribute("decay_factor"), s.count)})});
    const ValueId squares = b.add("add", {c.input(2 + 2 * n + i), b.add("mul", {s.gradient, s.gradient})});
    const ValueId divisor = b.add("add", {b.add("sqrt", {squares}), s.scalar(c.float_attribute("epsilon"))});
    c.set_output(i, b.add("sub", {s.x, b.add("div", {b.add("mul", {rate, s.gradient}), divisor})}));
    c.set_output(n + i, squares);
  }
  return {};
}

Status adam_decompose(DecomposeContext& c) {
  MN_ASSIGN(const int n, group_size(c, 4));
  Builder& b = c.b;
  const double alpha = c.float_attribute("alpha"), beta = c.float_attribute("beta");
  for (int i = 0; i < n; ++i) {
    const Step s = step_of(c, i, n);
    const ValueId first = b.add("add", {s.scaled(alpha, c.input(2 + 2 * n + i)), s.scaled(1 - alpha, s.gradient)});
    const ValueId second = b.add(
        "add", {s.scaled(beta, c.input(2 + 3 * n + i)), s.scaled(1 - beta, b.add("mul", {s.gradient, s.gradient}))});
    // Bias correction from the first step on; step 0 has none.
    const auto corrected = [&](double base) {
      return b.add("sub", {s.scalar(1), b.add("pow", {s.scalar(base), s.count})});
    };
    const ValueId factor = b.add("div", {b.add("sqrt", {corrected(beta)}), corrected(alpha)});
    const ValueId rate =
        b.add("where", {b.add("greater", {s.count, s.scalar(0)}), b.add("mul", {s.rate, factor}), s.rate});
    const ValueId divisor = b.add("add", {b.add("sqrt", {second}), s.scalar(c.float_attribute("epsilon"))});
    const ValueId x = b.add("sub", {s.x, b.add("div", {b.add("mul", {rate, first}), divisor})});
    c.set_output(i, s.scaled(1.0 - static_cast<double>(c.float_attribute("norm_coefficient_post")), x));
    c.set_output(n + i, first);
    c.set_output(2 * n + i, second);
  }
  return {};
}

Status momentum_decompose(DecomposeContext& c) {
  MN_ASSIGN(const int n, group_size(c, 3));
  Builder& b = c.b;
  const std::string& mode = c.string_attribute("mode");
  MN_CHECK(mode == "standard" || mode == "nesterov", "attribute 'mode': expected standard or nesterov, got '",
           printable(mode), "'");
  const double alpha = c.float_attribute("alpha");
  for (int i = 0; i < n; ++i) {
    const Step s = step_of(c, i, n);
    const ValueId beta =
        b.add("where", {b.add("greater", {s.count, s.scalar(0)}), s.scalar(c.float_attribute("beta")), s.scalar(1)});
    const ValueId moment = b.add("add", {s.scaled(alpha, c.input(2 + 2 * n + i)), b.add("mul", {beta, s.gradient})});
    const ValueId direction = mode == "nesterov" ? b.add("add", {s.gradient, s.scaled(alpha, moment)}) : moment;
    c.set_output(i, b.add("sub", {s.x, b.add("mul", {s.rate, direction})}));
    c.set_output(n + i, moment);
  }
  return {};
}

Tensor f(Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed, 0.1, 1.0); }
Tensor one(float value) { return Tensor::of<float>({value}, {1}); }

std::vector<Case> adagrad_cases() {
  const Attributes attributes{{"epsilon", 0.0f}, {"decay_factor", 1.0f}, {"norm_coefficient", 1.0f}};
  return {{.inputs = {Tensor::scalar(2.0f), Tensor::scalar<int64_t>(1), one(1), one(2), one(16)},
           .attributes = attributes,
           .outputs = 2,
           .expected = {one(0.4f), one(25)}},
          {.inputs = {Tensor::scalar(0.1f), Tensor::scalar<int64_t>(3), f({2, 3}, 1), f({2}, 2), f({2, 3}, 3),
                      f({2}, 4), f({2, 3}, 5), f({2}, 6)},
           .outputs = 4}};
}

std::vector<Case> adam_cases() {
  const Attributes attributes{{"epsilon", 0.0f}, {"alpha", 0.5f}, {"beta", 0.75f}};
  return {{.inputs = {Tensor::scalar(1.0f), Tensor::scalar<int64_t>(1), one(1), one(2), one(4), one(4)},
           .attributes = attributes,
           .outputs = 3,
           .expected = {one(-0.5f), one(3), one(4)}},
          {.inputs = {Tensor::scalar(1.0f), Tensor::scalar<int64_t>(0), one(1), one(2), one(4), one(4)},
           .attributes = attributes,
           .outputs = 3,
           .expected = {one(-0.5f), one(3), one(4)},
           .differentiable = false,
           .note = "step 0, where the branch not taken divides by 0"},
          {.inputs = {Tensor::scalar(0.1f), Tensor::scalar<int64_t>(3), f({2}, 1), f({3}, 2), f({2}, 3), f({3}, 4),
                      f({2}, 5), f({3}, 6), f({2}, 7), f({3}, 8)},
           .attributes = {{"norm_coefficient_post", 0.1f}},
           .outputs = 6}};
}

std::vector<Case> momentum_cases() {
  const std::vector<Datum> inputs{Tensor::scalar(0.5f), Tensor::scalar<int64_t>(1), one(1), one(2), one(4)};
  const auto attributes = [](const char* mode) {
    return Attributes{{"alpha", 0.5f}, {"beta", 3.0f}, {"norm_coefficient", 0.0f}, {"mode", mode}};
  };
  return {{.inputs = inputs, .attributes = attributes("standard"), .outputs = 2, .expected = {one(-3), one(8)}},
          {.inputs = inputs, .attributes = attributes("nesterov"), .outputs = 2, .expected = {one(-2), one(8)}}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> optimizers() {
  constexpr std::string_view kDomain = "ai.onnx.preview.training";
  const Arity many{1, Arity::kMany};
  return {{.name = "adagrad",
           .doc = "One step of AdaGrad.",
           .inputs = {5, Arity::kMany},
           .outputs = many,
           .attributes = {{"decay_factor", 0.0f}, {"epsilon", 1e-6f}, {"norm_coefficient", 0.0f}},
           .infer = three_infer,
           .decompose = adagrad_decompose,
           .imports = {{kDomain, "Adagrad"}},
           .exports = {{kDomain, "Adagrad", 1}},
           .cases = adagrad_cases},
          {.name = "adam",
           .doc = "One step of Adam.",
           .inputs = {6, Arity::kMany},
           .outputs = many,
           .attributes = {{"alpha", 0.9f},
                          {"beta", 0.999f},
                          {"epsilon", 1e-6f},
                          {"norm_coefficient", 0.0f},
                          {"norm_coefficient_post", 0.0f}},
           .infer = four_infer,
           .decompose = adam_decompose,
           .imports = {{kDomain, "Adam"}},
           .exports = {{kDomain, "Adam", 1}},
           .cases = adam_cases},
          {.name = "momentum",
           .doc = "One step of stochastic gradient descent with momentum.",
           .inputs = {5, Arity::kMany},
           .outputs = many,
           .attributes = {required("alpha", AttributeKind::real), required("beta", AttributeKind::real),
                          required("mode", AttributeKind::text), required("norm_coefficient", AttributeKind::real)},
           .infer = three_infer,
           .decompose = momentum_decompose,
           .imports = {{kDomain, "Momentum"}},
           .exports = {{kDomain, "Momentum", 1}},
           .cases = momentum_cases}};
}

}  // namespace minnow::ops
