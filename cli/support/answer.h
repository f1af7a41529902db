// Outputs of catalogue models in words.
#pragma once

#include <string>

#include "api/catalogue.h"
#include "base/result.h"
#include "base/tensor.h"
#include "graph/graph.h"

namespace minnow::cli {

// What the contract says the first output means: the best three classes, or the text that a recogniser reads; ""
// without one.
Result<std::string> answer_in_words(const OutputContract& contract, const Graph& graph, const Tensor& output);

}  // namespace minnow::cli
