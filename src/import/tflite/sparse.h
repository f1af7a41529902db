// Sparse constants of TensorFlow Lite: each dimension, in the order of traversal, is dense or compressed (a segment of
// indices for every entry of the dimension before it); blocks are further dimensions inside.
#pragma once

#include <memory>

#include "base/tensor.h"
#include "import/tflite/model_file.h"

namespace minnow::tflite {

// The dense tensor, counted against the budget; `values` holds the entries that the dimensions lead to, in that order.
Result<Tensor> read_sparse(const schema::SparsityParameters& sparsity, DType dtype, Dims dims, const Bytes& values,
                           const std::shared_ptr<Budget>& budget);

}  // namespace minnow::tflite
