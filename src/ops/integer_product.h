// What conv_integer and matmul_integer share: the one form of quantized products that all sources meet in (QLinear*,
// quantize and dequantize nodes, dynamic quantization, TensorFlow Lite).
//
// Inputs: x, w (8-bit), their zero points, bias, scale, y's zero point; all from the third on may be absent.
//   sums = (x - x_zero) (w - w_zero), in int32, wrapping
//   without scale: y = sums + bias (int32)
//   with scale:    y = float(sums + bias) * scale where the bias is int32, float(sums) * scale + bias where it is
//   float32 with y_zero:   y = limited(round(that) + y_zero), ties to even, in the type of y_zero
#pragma once

#include "ops/contexts.h"

namespace minnow {

enum IntegerProductInput { kX, kW, kXZero, kWZero, kBias, kScale, kYZero };

// Element types, and the sizes of what stands for all or one a channel of y. `channels`: of y, where known.
Result<DType> integer_product_dtype(const InferContext& c, const Dim& channels);
// The input less its zero point in int32. A zero point of several entries is reshaped to `zero_dims`, unless empty.
Result<ValueId> centered(RewriteContext& c, ValueId value, ValueId zero_point, const Ints& zero_dims);
// From the sums (without any bias) to y. Bias and scale of several entries are reshaped to `channel_dims`, unless
// empty.
ValueId finished_product(DecomposeContext& c, ValueId sums, const Ints& channel_dims);
// As `plain` ("ConvInteger", of ONNX) where there is neither bias nor scale.
Status export_integer_product(ExportContext& c, std::string_view plain);

}  // namespace minnow
