// ONNX's AttributeProto as an Attribute.
#pragma once

#include <optional>

#include "graph/attribute.h"
#include "import/onnx/tensors.h"

namespace minnow::onnx {

// The type that is stated, or (old files state none) the one that the value has.
Result<AttributeType> attribute_type(const AttributeProto& attribute);
// Everything but graphs, which need their surroundings: nothing for these. Types become their text form.
Result<std::optional<Attribute>> read_attribute_value(const TensorSource& from, const AttributeProto& attribute);

}  // namespace minnow::onnx
