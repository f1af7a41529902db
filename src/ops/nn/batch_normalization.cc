// batch_normalization: with given statistics (inference), or with those of the batch, which also move the running ones
// (training).
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/normalization.h"
#include "ops/spatial.h"

namespace minnow::ops {
namespace {

Status batch_infer(InferContext& c) {
  MN_ASSIGN(const bool last, channels_last(c));
  if (c.shape(0).ranked) {
    MN_CHECK(c.shape(0).rank() >= 1, "expected an input with channels, got a 0-D tensor");
    const Dim channels =
        c.shape(0).rank() == 1 ? Dim(1) : c.shape(0).dims[static_cast<size_t>(channel_axis(c.shape(0).rank(), last))];
    for (int i = 1; i < 5; ++i) {
      MN_TRY(c.expect_rank(i, 1, "scale, bias, mean and variance"));
      if (!c.shape(i).ranked || !channels.known() || !c.shape(i).dims[0].known()) continue;
      MN_CHECK(c.shape(i).dims[0].value == channels.value, "input ", i, " has ", c.shape(i).dims[0].value,
               " values for ", channels.value, " channels");
    }
  }
  MN_CHECK(c.int_attribute("training_mode") != 0 || c.output_count() == 1 || !(c.wants_output(1) || c.wants_output(2)),
           "running statistics are only computed with training_mode = 1");
  c.set_output(0, c.dtype(0), c.shape(0));
  for (int i = 1; i < c.output_count(); ++i) {
    if (c.wants_output(i)) c.set_output(i, c.dtype(i + 2), c.shape(i + 2));
  }
  return {};
}

Status batch_decompose(DecomposeContext& c) {
  Builder& b = c.b;
  const ValueId x = c.input(0);
  const Shape shape = c.type(x).shape;
  MN_CHECK(shape.ranked, "needs an input of known rank");
  MN_ASSIGN(const bool last, channels_last(c));
  const int64_t rank = shape.rank(), axis = rank == 1 ? -1 : channel_axis(rank, last);
  Ints others, broadcast(static_cast<size_t>(rank), 1);
  for (int64_t i = 0; i < rank; ++i) {
    if (i != axis) others.push_back(i);
  }
  if (axis >= 0) broadcast[static_cast<size_t>(axis)] = -1;
  const float epsilon = c.float_attribute("epsilon");
  const auto spread = [&](ValueId id) { return axis == rank - 1 ? id : b.add("reshape", {id, b.ints(broadcast)}); };
  const bool training = c.int_attribute("training_mode") != 0;
  if (!training) {
    const ValueId deviation = b.add("sqrt", {b.add("add", {c.input(4), b.scalar_like(epsilon, c.input(4))})});
    const ValueId scale = b.add("div", {c.input(1), deviation});
    const ValueId centered = b.add("sub", {x, spread(c.input(3))});
    c.set_output(0, b.add("add", {b.add("mul", {centered, spread(scale)}), spread(c.input(2))}));
    return {};
  }
  const Moments moments = normalize(b, x, others, epsilon);
  c.set_output(0, b.add("add", {b.add("mul", {moments.normalized, spread(c.input(1))}), spread(c.input(2))}));
  const float momentum = c.float_attribute("momentum");
  for (int i = 1; i <= 2; ++i) {
    if (!c.wants_output(i)) continue;
    const ValueId running = c.input(i + 2),
                  current = b.add("reshape", {i == 1 ? moments.mean : moments.variance, b.ints({-1})});
    const ValueId kept = b.add("mul", {running, b.scalar_like(momentum, running)});
    c.set_output(
        i, b.add("add", {kept, b.add("mul", {current, b.scalar_like(1.0 - static_cast<double>(momentum), running)})}));
  }
  return {};
}

// Before version 14 an inference graph has one output; five of them meant training with other meanings.
Status import_before_14(ImportContext& c) {
  MN_ASSIGN(const int64_t spatial, c.int_attribute("spatial", 1));
  if (spatial == 0) return unsupported({"spatial = 0 (statistics for every position) is not supported"});
  for (int i = 1; i < c.output_count(); ++i) {
    if (c.wants_output(i))
      return unsupported(
          {"training outputs of BatchNormalization before version 14 are not supported: convert the model to version "
           "15"});
  }
  const OpDef& op = c.op;
  Attributes attributes;
  MN_ASSIGN(const float epsilon, c.float_attribute("epsilon", 1e-5f));
  attributes.set("epsilon", Attribute(epsilon));
  c.set_output(0, c.b.add(op.name, {c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)}, attributes));
  return {};
}

std::vector<Case> batch_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const auto positive = [](Dims dims, uint64_t seed) {
    return random_tensor(DType::float32, std::move(dims), seed, 0.5, 2.0);
  };
  const Tensor x = Tensor::of<float>({1, 3, 5, 7}, {2, 2}), ones = Tensor::of<float>({1, 2}, {2}),
               bias = Tensor::of<float>({0, 1}, {2});
  const Tensor mean = Tensor::of<float>({1, 1}, {2}), variance = Tensor::of<float>({4, 1}, {2});
  return {
      {.inputs = {x, ones, bias, mean, variance},
       .attributes = {{"epsilon", 0.0f}},
       .expected = {Tensor::of<float>({0, 5, 2, 13}, {2, 2})}},
      {.inputs = {x, ones, bias, mean, variance},
       .attributes = {{"epsilon", 0.0f}, {"training_mode", 1}, {"momentum", 0.5f}},
       .outputs = 3,
       .expected = {Tensor::of<float>({-1, -1, 1, 3}, {2, 2}), Tensor::of<float>({2, 3}, {2}),
                    Tensor::of<float>({4, 2.5f}, {2})}},
      {.inputs = {f({2, 3, 4, 2}, 1), f({3}, 2), f({3}, 3), f({3}, 4), positive({3}, 5)}},
      {.inputs = {f({2, 3, 4}, 1), f({3}, 2), f({3}, 3), f({3}, 4), positive({3}, 5)},
       .attributes = {{"training_mode", 1}},
       .outputs = 3},
      {.inputs = {f({2, 4, 2, 3}, 1), f({3}, 2), f({3}, 3), f({3}, 4), positive({3}, 5)},
       .attributes = {{"data_layout", "NHWC"}},
       .note = "channels last"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> batch_normalization() {
  return {{
      .name = "batch_normalization",
      .doc = "Normalizes every channel by given statistics, or in training by those of the batch.",
      .inputs = {5, 5},
      .outputs = {1, 3},
      .attributes = {{"epsilon", 1e-5f}, {"momentum", 0.9f}, {"training_mode", 0}, {"data_layout", "NCHW"}},
      .infer = batch_infer,
      .decompose = batch_decompose,
      .imports = {{"ai.onnx", "BatchNormalization", 1, 13, import_before_14}, {"ai.onnx", "BatchNormalization", 14}},
      .exports = {{"ai.onnx", "BatchNormalization", 15}},
      .cases = batch_cases,
  }};
}

}  // namespace minnow::ops
