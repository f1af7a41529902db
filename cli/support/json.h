// JSON forms shared by verbs. Only sources that print JSON include this.
#pragma once

#include <nlohmann/json.hpp>

#include "base/tensor.h"
#include "cli/support/verb.h"
#include "graph/graph.h"

namespace minnow::cli {

using Json = nlohmann::ordered_json;

// {"name": …, "type": "float32[batch, 3]", "dtype": …, "shape": [-1, 3]}; dims that are not known are -1.
Json value_json(const Value& value);
Json dims_json(const Dims& dims);
// Numbers as they are, NaN and infinities as strings: JSON has none.
Json number_json(double value);
// --json: the object; else the text.
Status emit(const CommonFlags& common, const Json& json, const std::string& text);

}  // namespace minnow::cli
