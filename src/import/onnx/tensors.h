// ONNX's TensorProto and SparseTensorProto as tensors. Bytes stay where they are when they are aligned for their type
// and coded as in memory; otherwise they are copied, counted against a budget.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/tensor.h"
#include "import/onnx/onnx_proto.h"

namespace minnow::onnx {

struct TensorSource {
  Source source;
  Bytes file;          // keeps views alive
  std::string folder;  // where external data may lie; empty: refused
  bool map_external = false;
  std::shared_ptr<Budget> budget;
};

Result<Tensor> read_tensor(const TensorSource& from, Unparsed tensor);
// The dense tensor with zeros (empty strings are not allowed in sparse tensors) where no value is given.
Result<Tensor> read_sparse_tensor(const TensorSource& from, Unparsed tensor);

}  // namespace minnow::onnx
