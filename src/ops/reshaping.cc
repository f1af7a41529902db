#include "ops/reshaping.h"

#include "ops/builder.h"

namespace minnow {

Status reshaping_reference(EvalContext& c) {
  Dims dims = c.output(0).dims();
  c.set_output(0, c.input(0).reshaped(std::move(dims)));
  return {};
}

Status reshaping_gradient(GradientContext& c) {
  const ValueId shape = c.b.add("shape", {c.input(0)});
  c.set_input_gradient(0, c.b.add("reshape", {c.output_gradient(0), shape}, {{"allowzero", 1}}));
  return {};
}

Status import_list_as_input(ImportContext& c, std::string_view attribute) {
  if (c.node.attributes.find(attribute) == nullptr) return c.take_over({c.input(0)});
  MN_ASSIGN(const Ints values, c.ints_attribute(attribute));
  return c.take_over({c.input(0), c.b.ints(values)});
}

}  // namespace minnow
