// reverse_sequence: the first sequence_lens[b] steps of every batch entry in reverse order; the rest stays.
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/tflite.h"

namespace minnow::ops {
namespace {

Status reverse_sequence_infer(InferContext& c) {
  const int64_t batch = c.int_attribute("batch_axis"), time = c.int_attribute("time_axis");
  MN_CHECK((batch == 0 && time == 1) || (batch == 1 && time == 0),
           "batch_axis and time_axis must be 0 and 1 in either order, got ", batch, " and ", time);
  MN_CHECK(c.dtype(1) == DType::undefined || is_integer(c.dtype(1)), "sequence_lens must be integers, got ",
           to_string(c.dtype(1)));
  MN_TRY(c.expect_rank(1, 1, "sequence_lens"));
  const Shape& in = c.shape(0);
  if (in.ranked) {
    MN_CHECK(in.rank() >= 2, "expected an input of 2 or more dimensions, got ", to_string(in));
    const Dim& entries = in.dims[static_cast<size_t>(batch)];
    MN_CHECK(!c.shape(1).static_dims() || !entries.known() || c.shape(1).dims[0].value == entries.value,
             "sequence_lens ", to_string(c.shape(1)), " does not fit the batch of ", entries.value);
  }
  c.set_output(0, c.dtype(0), in);
  return {};
}

Status reverse_sequence_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  const bool batch_first = c.int_attribute("batch_axis") == 0;
  const int64_t batch = in.dim(batch_first ? 0 : 1), time = in.dim(batch_first ? 1 : 0);
  const Ints lengths = to_ints(c.input(1));
  if (in.size() == 0) return {};
  const int64_t inner = in.size() / (batch * time);
  Ints offsets(static_cast<size_t>(batch * time));
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t length = lengths[static_cast<size_t>(b)];
    MN_CHECK(length >= 0 && length <= time, "sequence length ", length, " is outside [0, ", time, "]");
    for (int64_t t = 0; t < time; ++t) {
      const int64_t from = t < length ? length - 1 - t : t;
      const auto row = [&](int64_t step) { return batch_first ? b * time + step : step * batch + b; };
      offsets[static_cast<size_t>(row(t))] = row(from) * inner;
    }
  }
  return take_runs(in, offsets, inner, c.output(0), *c.budget());
}

// Reversing is its own inverse.
Status reverse_sequence_gradient(GradientContext& c) {
  c.set_input_gradient(
      0, c.b.add("reverse_sequence", {c.output_gradient(0), c.input(1)},
                 {{"batch_axis", c.int_attribute("batch_axis")}, {"time_axis", c.int_attribute("time_axis")}}));
  return {};
}

std::vector<Case> reverse_sequence_cases() {
  return {
      {.inputs = {Tensor::of<float>({0, 1, 2, 3, 4, 5}, {3, 2}), Tensor::of<int64_t>({3, 2}, {2})},
       .expected = {Tensor::of<float>({4, 3, 2, 1, 0, 5}, {3, 2})}},
      {.inputs = {random_tensor(DType::float32, {2, 4, 3}, 1), Tensor::of<int64_t>({1, 4}, {2})},
       .attributes = {{"batch_axis", 0}, {"time_axis", 1}}},
      {.inputs = {random_tensor(DType::float32, {0, 2}, 1), Tensor::of<int64_t>({0, 0}, {2})}, .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> reverse_sequence() {
  return {{
      .name = "reverse_sequence",
      .doc = "Reverses the first sequence_lens[b] time steps of batch entry b.",
      .inputs = {2, 2},
      .attributes = {{"batch_axis", 1}, {"time_axis", 0}},
      .narrow_floats = NarrowFloats::native,
      .infer = reverse_sequence_infer,
      .reference = reverse_sequence_reference,
      .gradient = reverse_sequence_gradient,
      .imports = {{"ai.onnx", "ReverseSequence"},
                  {"tflite", "REVERSE_SEQUENCE", 1, 1 << 20, tflite::import_reverse_sequence}},
      .exports = {{"ai.onnx", "ReverseSequence", 10}},
      .cases = reverse_sequence_cases,
  }};
}

}  // namespace minnow::ops
