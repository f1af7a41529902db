// Tensors of a TensorFlow Lite file: types, constants (dense, sparse, text) and quantization.
#pragma once

#include <memory>

#include "base/tensor.h"
#include "graph/imported_node.h"
#include "import/tflite/model_file.h"

namespace minnow::tflite {

// undefined for those that hold no elements (resources, variants) and for codes that the format does not define.
DType dtype_of(schema::TensorType type);
// As declared: dimensions that the signature leaves open are unknown.
Type declared_type(const schema::Tensor& tensor);
// Whether the file states the elements: a buffer with bytes.
bool is_constant(const ModelFile& file, const schema::Tensor& tensor);
// The elements of a constant; a view of the file where it is aligned.
Result<Tensor> read_constant(const ModelFile& file, const schema::Tensor& tensor,
                             const std::shared_ptr<Budget>& budget);
// Nothing where the tensor is not quantized.
Result<Quantization> read_quantization(const schema::Tensor& tensor);

}  // namespace minnow::tflite
