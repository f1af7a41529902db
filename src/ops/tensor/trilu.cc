// trilu: the upper or lower triangle of matrices, zeros elsewhere.
#include <algorithm>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"
#include "ops/indexing.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

Status trilu_infer(InferContext& c) {
  MN_CHECK(!c.shape(0).ranked || c.shape(0).rank() >= 2, "expected matrices, got ", to_string(c.shape(0)));
  MN_CHECK(c.dtype(0) != DType::string, "strings have no zero");
  if (c.has_input(1)) {
    MN_TRY(check_shape_input(c.type(1), "k"));
    MN_CHECK(!c.shape(1).static_dims() || element_count(c.shape(1).to_dims()) == 1, "k must be one number, got ",
             to_string(c.shape(1)));
  }
  c.set_output(0, c.dtype(0), c.shape(0));
  return {};
}

Status trilu_reference(EvalContext& c) {
  const Tensor& in = c.input(0);
  const int64_t rows = in.dim(in.rank() - 2), columns = in.dim(in.rank() - 1);
  const bool upper = c.int_attribute("upper") != 0;
  // Clamped, so that i + k cannot overflow.
  const int64_t k = c.has_input(1) ? std::clamp(to_ints(c.input(1))[0], -rows - 1, columns + 1) : 0;
  if (in.size() == 0) return {};
  return dispatch_by_size(in.dtype(), [&]<class T>() -> Status {
    if constexpr (std::is_same_v<T, std::string>) {
      return unsupported({"strings have no zero"});
    } else {
      const T* from = in.data<T>();
      T* to = c.output(0).mutable_data<T>();
      for (int64_t row = 0; row < in.size() / columns; ++row, from += columns, to += columns) {
        // Columns [0, edge) lie below the diagonal of an upper triangle; up to and on it for a lower one.
        const int64_t edge = std::clamp<int64_t>(row % rows + k + (upper ? 0 : 1), 0, columns);
        std::copy_n(from, columns, to);
        std::fill(to + (upper ? 0 : edge), to + (upper ? edge : columns), T());
      }
      return c.budget()->step(0);
    }
  });
}

Status trilu_gradient(GradientContext& c) {
  const ValueId k = c.has_input(1) ? c.input(1) : kNoValue;
  const ValueId inputs[] = {c.output_gradient(0), k};
  c.set_input_gradient(
      0, c.b.add("trilu", std::span(inputs, c.has_input(1) ? 2 : 1), {{"upper", c.int_attribute("upper")}}));
  return {};
}

std::vector<Case> trilu_cases() {
  const Tensor x = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor batch = random_tensor(DType::float32, {2, 3, 4}, 1);
  return {
      {.inputs = {x}, .expected = {Tensor::of<float>({1, 2, 3, 0, 5, 6}, {2, 3})}},
      {.inputs = {x}, .attributes = {{"upper", 0}}, .expected = {Tensor::of<float>({1, 0, 0, 4, 5, 0}, {2, 3})}},
      {.inputs = {batch, Tensor::scalar<int64_t>(1)}},
      {.inputs = {batch, Tensor::scalar<int64_t>(-1)}, .attributes = {{"upper", 0}}},
      {.inputs = {batch, Tensor::scalar<int64_t>(INT64_MIN)}, .note = "beyond every diagonal"},
      {.inputs = {random_tensor(DType::float32, {3, 0}, 1)}, .note = "no elements"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> trilu() {
  return {{
      .name = "trilu",
      .doc = "Upper or lower triangle of matrices from diagonal k.",
      .inputs = {1, 2},
      .attributes = {{"upper", 1}},
      .narrow_floats = NarrowFloats::native,
      .infer = trilu_infer,
      .reference = trilu_reference,
      .gradient = trilu_gradient,
      .imports = {{"ai.onnx", "Trilu"}},
      .exports = {{"ai.onnx", "Trilu", 14}},
      .cases = trilu_cases,
  }};
}

}  // namespace minnow::ops
