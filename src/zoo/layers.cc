#include "zoo/layers.h"

namespace minnow {
namespace {

std::string join_name(std::string_view name, std::string_view part) { return concat({name, ".", part}); }

// [rows, columns] to [columns, rows]: matmul takes its right operand so, and a constant is turned once, here.
Result<Tensor> transpose_matrix(const Tensor& in) {
  const int64_t rows = in.dim(0), columns = in.dim(1);
  MN_ASSIGN(Tensor out, Tensor::allocate(DType::float32, {columns, rows}));
  const float* from = in.data<float>();
  float* to = out.mutable_data<float>();
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  }
  return out;
}

}  // namespace

ValueId Layers::weight(std::string_view name, const Dims& dims, Initial initial) {
  Result<Tensor> tensor = weights_.get(name, dims, initial);
  if (!tensor.ok()) {
    b.fail(std::move(tensor.error()));
    return kNoValue;
  }
  return b.constant(std::move(tensor).value(), name);
}

ValueId Layers::conv(std::string_view name, ValueId x, int64_t in, int64_t out, const ConvOptions& o) {
  std::vector<ValueId> inputs = {
      x, weight(join_name(name, "weight"), {out, in / o.groups, o.kernel, o.kernel}, Initial::he_normal)};
  if (o.bias) inputs.push_back(weight(join_name(name, "bias"), {out}, Initial::zeros));
  return b.add("conv", inputs,
               {{"kernel_shape", Ints{o.kernel, o.kernel}},
                {"strides", Ints{o.stride, o.stride}},
                {"pads", Ints{o.padding, o.padding, o.padding, o.padding}},
                {"group", o.groups}},
               name);
}

ValueId Layers::batch_norm(std::string_view name, ValueId x, int64_t channels) {
  return b.add("batch_normalization",
               {x, weight(join_name(name, "weight"), {channels}, Initial::ones),
                weight(join_name(name, "bias"), {channels}, Initial::zeros),
                weight(join_name(name, "running_mean"), {channels}, Initial::zeros),
                weight(join_name(name, "running_var"), {channels}, Initial::ones)},
               {{"epsilon", 1e-5}}, name);
}

ValueId Layers::linear(std::string_view name, ValueId x, int64_t in, int64_t out, Initial initial) {
  const std::string weight_name = join_name(name, "weight");
  Result<Tensor> tensor = weights_.get(weight_name, {out, in}, initial);
  if (tensor.ok()) tensor = transpose_matrix(*tensor);
  if (!tensor.ok()) {
    b.fail(std::move(tensor.error()));
    return kNoValue;
  }
  const ValueId product =
      b.add("matmul", {x, b.constant(std::move(tensor).value(), weight_name)}, {}, join_name(name, "product"));
  return b.add("add", {product, weight(join_name(name, "bias"), {out}, Initial::zeros)}, {}, name);
}

ValueId Layers::layer_norm(std::string_view name, ValueId x, int64_t size, double epsilon) {
  return b.add("layer_normalization",
               {x, weight(join_name(name, "weight"), {size}, Initial::ones),
                weight(join_name(name, "bias"), {size}, Initial::zeros)},
               {{"axis", -1}, {"epsilon", epsilon}}, name);
}

}  // namespace minnow
