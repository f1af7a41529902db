// How integer kernels of TensorFlow Lite round.
#pragma once

#include "ops/expression.h"

namespace minnow {

// The codes nearest to x, halves away from zero.
inline ValueId rounded_away(const Expression& x, DType codes) {
  const Expression whole = x.apply("sign") * (x.apply("abs") + 0.5).apply("floor");
  return x.b->add("cast", {whole.id}, {{"to", codes}});
}

// An operator of real numbers on codes themselves.
inline Status decompose_on_codes(DecomposeContext& c, std::string_view op) {
  const DType codes = c.type(c.input(0)).dtype;
  MN_CHECK(codes != DType::undefined, "needs codes of a known type");
  std::vector<ValueId> inputs = c.node().inputs;
  inputs[0] = c.b.add("cast", {inputs[0]}, {{"to", DType::float32}});
  c.set_output(0, rounded_away({&c.b, c.b.add(op, inputs, c.node().attributes)}, codes));
  return c.b.status();
}

}  // namespace minnow
