// The compiled model, .mnw: tensors, the graph as text, and plans that run without it. One file, sections at multiples
// of 64 bytes, so that tensors are used where they lie. docs/formats.md has the layout.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "plan/plan.h"

namespace minnow {

struct CompiledModel {
  std::string name;
  std::vector<Tensor> tensors;       // what the graph's text and the plans refer to
  std::string graph_text;            // .mng with externals in `tensors`; empty: only plans
  std::vector<Plan> plans;           // the best instruction set first; those that this machine can run
  std::vector<Tensor> states;        // initial values, in the plans' order
  std::vector<std::string> skipped;  // why other plans of the file are not in `plans`
};

// Every plan must have kernels for all steps. Tensors that plans use are added to `tensors`.
Result<std::string> write_mnw(CompiledModel model);

// Checks the header, the sections' checksums (all but the weights', which verify_weights checks), every plan
// (verify_plan) and that it runs in limits.bytes. Tensors view `bytes`, or a copy of the weights where these are not
// aligned there.
Result<CompiledModel> read_mnw(const Bytes& bytes, std::string_view name, const Limits& limits = {});
// Whether the weights are those that were written.
Status verify_weights(const Bytes& bytes, std::string_view name);

}  // namespace minnow
