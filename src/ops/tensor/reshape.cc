// reshape: the same elements under other dims; -1 is what remains, 0 copies the input's dim (unless allowzero).
#include "base/checked.h"
#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/reshaping.h"
#include "ops/tflite.h"
#include "ops/tflite_mediapipe.h"

namespace minnow::ops {
namespace {

// Dims as spelled, with 0 resolved; `wildcard` is the position of -1 or npos.
struct Target {
  Shape shape;
  size_t wildcard = SIZE_MAX;
};

Result<Target> spelled_dims(const Shape& in, std::span<const int64_t> spelled, bool allow_zero) {
  Target target{Shape(std::vector<Dim>{})};
  bool zero = false;
  for (size_t i = 0; i < spelled.size(); ++i) {
    Dim dim(spelled[i]);
    if (spelled[i] == -1) {
      MN_CHECK(target.wildcard == SIZE_MAX, "shape ", to_string(spelled),
               " has more than one -1; leave one dimension open at most");
      target.wildcard = i;
      dim = Dim();
    } else if (spelled[i] == 0 && !allow_zero) {
      MN_CHECK(!in.ranked || static_cast<int64_t>(i) < in.rank(), "shape ", to_string(spelled), " copies dimension ", i,
               " of a ", in.rank(), "-D input");
      dim = in.ranked ? in.dims[i] : Dim();
    } else {
      MN_CHECK(spelled[i] >= 0, "shape ", to_string(spelled), " has the negative dimension ", spelled[i]);
      zero = zero || spelled[i] == 0;
    }
    target.shape.dims.push_back(std::move(dim));
  }
  MN_CHECK(!(zero && target.wildcard != SIZE_MAX), "shape ", to_string(spelled), " has both 0 and -1 with allowzero");
  return target;
}

// Fills the wildcard of a target whose other dims are known, and checks the count.
Status fit(const Shape& in, Target& target) {
  MN_ASSIGN(const int64_t count, checked_element_count(in.to_dims()));
  Dims others;
  for (size_t i = 0; i < target.shape.dims.size(); ++i) {
    if (i != target.wildcard) others.push_back(target.shape.dims[i].value);
  }
  MN_ASSIGN(const int64_t rest, checked_element_count(others));
  if (target.wildcard == SIZE_MAX) {
    MN_CHECK(rest == count, "cannot reshape ", to_string(in), " (", count, " elements) to ", to_string(target.shape),
             " (", rest, ")");
    return {};
  }
  MN_CHECK(rest != 0 ? count % rest == 0 : count == 0, "cannot reshape ", to_string(in), " (", count, " elements) to ",
           to_string(target.shape), ": not a multiple of ", rest);
  target.shape.dims[target.wildcard] = Dim(rest == 0 ? 0 : count / rest);
  return {};
}

// When some dims are only names: -1 stands for the one input dim that the target does not carry along, where the rest
// agrees.
void cancel_symbols(const Shape& in, Target& target) {
  if (target.wildcard == SIZE_MAX || !in.ranked) return;
  std::vector<Dim> left = in.dims;
  int64_t factor = 1;
  for (size_t i = 0; i < target.shape.dims.size(); ++i) {
    if (i == target.wildcard) continue;
    const Dim& dim = target.shape.dims[i];
    if (dim.known()) {
      if (!checked_mul(factor, dim.value, &factor)) return;
      continue;
    }
    bool found = false;
    for (size_t k = 0; k < left.size() && !found; ++k) {
      found = left[k].same(dim);
      if (found) left.erase(left.begin() + static_cast<int64_t>(k));
    }
    if (!found) return;
  }
  int64_t product = 1;
  Dim symbol(1);
  int symbols = 0;
  for (const Dim& dim : left) {
    if (!dim.known()) {
      symbol = dim;
      ++symbols;
    } else if (!checked_mul(product, dim.value, &product)) {
      return;
    }
  }
  if (symbols == 0 && factor > 0 && product % factor == 0) target.shape.dims[target.wildcard] = Dim(product / factor);
  if (symbols == 1 && factor == product && factor > 0) target.shape.dims[target.wildcard] = symbol;
}

Status reshape_infer(InferContext& c) {
  MN_TRY(check_shape_input(c.type(1), "shape"));
  const auto spelled = c.ints(1);
  if (!spelled) {
    c.set_output(0, c.dtype(0), shape_of_length(c.shape(1)));
    return {};
  }
  const Shape& in = c.shape(0);
  MN_ASSIGN(Target target, spelled_dims(in, *spelled, c.int_attribute("allowzero") != 0));
  bool others_known = true;
  for (size_t i = 0; i < target.shape.dims.size(); ++i)
    others_known = others_known && (i == target.wildcard || target.shape.dims[i].known());
  if (in.static_dims() && others_known) {
    MN_TRY(fit(in, target));
  } else {
    cancel_symbols(in, target);
  }
  c.set_output(0, c.dtype(0), target.shape);
  return {};
}

Status import_shape_attribute(ImportContext& c) { return import_list_as_input(c, "shape"); }

std::vector<Case> reshape_cases() {
  const Tensor x = random_tensor(DType::float32, {2, 3, 4}, 1);
  const auto dims = [](std::initializer_list<int64_t> values) { return Tensor::of_ints(std::vector<int64_t>(values)); };
  return {
      {.inputs = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3}), dims({3, 2})},
       .expected = {Tensor::of<float>({1, 2, 3, 4, 5, 6}, {3, 2})}},
      {.inputs = {x, dims({0, -1})}, .note = "copied and open dims"},
      {.inputs = {x, dims({-1})}},
      {.inputs = {x, dims({4, 1, 3, 2})}},
      {.inputs = {random_tensor(DType::float32, {0, 3, 4}, 1), dims({3, 4, 0})},
       .attributes = {{"allowzero", 1}},
       .note = "no elements"},
      {.inputs = {Tensor::scalar(2.0f), dims({1, 1})}, .note = "0-d to 2-D"},
      {.inputs = {Tensor::of<float>({2}, {1}), dims({})}, .note = "to 0-d"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> reshape() {
  return {{
      .name = "reshape",
      .doc = "The same elements under other dims.",
      .inputs = {2, 2},
      .attributes = {{"allowzero", 0}},
      .narrow_floats = NarrowFloats::native,
      .infer = reshape_infer,
      .reference = reshaping_reference,
      .gradient = reshaping_gradient,
      .imports = {{"ai.onnx", "Reshape", 1, 4, import_shape_attribute},
                  {"ai.onnx", "Reshape", 5},
                  {"tflite", "RESHAPE", 1, 1 << 20, tflite::import_reshape},
                  {"tflite.custom", "TransformTensorBilinear", 2, 2, tflite::import_transform_tensor},
                  {"tflite.custom", "Landmarks2TransformMatrix", 2, 2, tflite::import_landmarks_to_matrix}},
      .exports = {{"ai.onnx", "Reshape", 14}},
      .cases = reshape_cases,
  }};
}

}  // namespace minnow::ops
