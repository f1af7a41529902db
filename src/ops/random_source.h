// The generator of the random operators: MT19937 with NumPy's RandomState conversions, so that an operator with a seed
// draws what ONNX's reference implementation draws.
#pragma once

#include <memory>

#include "ops/op.h"

namespace minnow {

class RandomSource {
 public:
  explicit RandomSource(uint32_t seed);
  // The node's `seed` attribute where it has one, else the run's seed for this node.
  explicit RandomSource(const EvalContext& c);
  ~RandomSource();
  double uniform();  // [0, 1), 53 bits
  double normal();   // mean 0, standard deviation 1 (polar method)

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Import of a node whose `dtype` attribute is one of ONNX's codes: the code becomes our name.
Status import_with_dtype(ImportContext& c);
// Writes the node as op.exports[0] with the code of its `dtype`.
Status export_with_dtype(ExportContext& c);

}  // namespace minnow
