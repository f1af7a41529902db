// dropout: in training, elements are zeroed with probability `ratio` and the rest scaled by 1 / (1 - ratio); else
// identity.
#include <algorithm>

#include "ops/broadcast.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/expression.h"
#include "ops/random_source.h"

namespace minnow::ops {
namespace {

constexpr double kDefaultRatio = 0.5;

Status dropout_infer(InferContext& c) {
  MN_CHECK(c.dtype(0) == DType::undefined || is_float(c.dtype(0)), "expected a floating-point input, got ",
           to_string(c.dtype(0)));
  if (const auto ratio = c.scalar(1)) MN_CHECK(*ratio >= 0 && *ratio < 1, "ratio must lie in [0, 1), got ", *ratio);
  for (int i = 1; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.shape(i).static_dims()) {
      MN_CHECK(element_count(c.shape(i).to_dims()) == 1, i == 1 ? "ratio" : "training_mode", " must be a scalar, got ",
               to_string(c.shape(i)));
    }
  }
  c.set_output(0, c.dtype(0), c.shape(0));
  c.set_output(1, DType::boolean, c.shape(0));
  return {};
}

Status dropout_reference(EvalContext& c) {
  const Tensor& x = c.input(0);
  const bool training = c.has_input(2) && to_ints(c.input(2))[0] != 0;
  const double ratio = c.has_input(1) ? to_doubles(c.input(1))[0] : kDefaultRatio;
  bool* mask = c.wants_output(1) ? c.output(1).mutable_data<bool>() : nullptr;
  if (!training || ratio == 0) {
    if (mask != nullptr) std::fill(mask, mask + x.size(), true);
    c.set_output(0, c.datum(0));
    return {};
  }
  RandomSource random(c);
  Pace pace(c.budget());
  return dispatch<FloatTypes>(x.dtype(), [&]<class T>() -> Status {
    const T scale = static_cast<T>(1 / (1 - ratio));
    for (int64_t i = 0; i < x.size(); ++i) {
      const bool keep = random.uniform() >= ratio;
      if (mask != nullptr) mask[i] = keep;
      c.output(0).mutable_data<T>()[i] = keep ? x.data<T>()[i] * scale : T(0);
      MN_TRY(pace.work(8));
    }
    return {};
  });
}

Status dropout_gradient(GradientContext& c) {
  const Expression g{&c.b, c.output_gradient(0)};
  const Tensor* training = c.has_input(2) ? c.b.constant_value(c.input(2)) : nullptr;
  if (!c.has_input(2) || (training != nullptr && to_ints(*training)[0] == 0)) {
    c.set_input_gradient(0, g.id);
    return {};
  }
  MN_CHECK(c.output_count() > 1 && c.output(1) != kNoValue,
           "the gradient of a dropout in training needs its mask: give the node a second output");
  const Expression kept = select({&c.b, c.output(1)}, g, g.number(0));
  const Expression ratio = c.has_input(1) ? Expression{&c.b, c.input(1)}.cast_like(g) : g.number(kDefaultRatio);
  const Expression scaled = kept / (1.0 - ratio);
  if (!c.has_input(2) || training != nullptr) c.set_input_gradient(0, scaled.id);
  else c.set_input_gradient(0, select({&c.b, c.input(2)}, scaled, g).id);
  return {};
}

// Before version 12 the ratio was an attribute, and a model said nothing about training: networks are imported to be
// run.
Status dropout_import_11(ImportContext& c) { return c.take_over({c.input(0)}); }

std::vector<Case> dropout_cases() {
  const Tensor x = random_tensor(DType::float32, {3, 4}, 1);
  return {
      {.inputs = {Tensor::of<float>({1, 2}, {2})},
       .outputs = 2,
       .expected = {Tensor::of<float>({1, 2}, {2}), Tensor::of<bool>({true, true}, {2})}},
      {.inputs = {x, Tensor::scalar(0.25f)}, .note = "inference"},
      {.inputs = {x, Tensor::scalar(0.25f), Tensor::scalar(true)},
       .attributes = {{"seed", 7}},
       .outputs = 2,
       .note = "training"},
      {.inputs = {x, Datum(), Tensor::scalar(true)},
       .attributes = {{"seed", 7}},
       .outputs = 2,
       .note = "default ratio"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> dropout() {
  return {{
      .name = "dropout",
      .doc = "In training, zeroes elements at random and scales the rest; else the input.",
      .inputs = {1, 3},
      .outputs = {1, 2},
      .attributes = {{"seed", AttributeKind::integer}},
      .pure = false,
      .infer = dropout_infer,
      .reference = dropout_reference,
      .gradient = dropout_gradient,
      .imports = {{"ai.onnx", "Dropout", 1, 11, dropout_import_11}, {"ai.onnx", "Dropout", 12}},
      .exports = {{"ai.onnx", "Dropout", 12}},
      .cases = dropout_cases,
  }};
}

}  // namespace minnow::ops
