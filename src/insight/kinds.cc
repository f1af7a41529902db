#include "insight/kinds.h"

#include <algorithm>

#include "base/text.h"
#include "kernels/kernel_row.h"
#include "ops/registry.h"

namespace minnow {
namespace {

enum Kind {
  kConvolution,
  kMatrix,
  kSequenceModel,
  kNormalization,
  kReduction,
  kQuantization,
  kMovement,
  kControl,
  kElementwise,
  kKernel,
  kNoKernel
};

constexpr FlameKind kKinds[] = {
    {"convolution", {244, 164, 96}},    {"matrix product", {120, 170, 235}}, {"attention, recurrent", {196, 154, 224}},
    {"normalization", {127, 205, 187}}, {"pool, reduce", {236, 205, 96}},    {"quantize", {243, 160, 190}},
    {"move data", {205, 180, 150}},     {"control", {185, 185, 195}},        {"elementwise", {190, 214, 100}},
    {"kernel", {168, 221, 168}},        {"no kernel", {236, 128, 118}},
};

struct Rule {
  std::string_view part;  // of the operator's name
  Kind kind;
};

// The first that fits decides: qlinear_conv is a convolution, and so on.
constexpr Rule kRules[] = {
    {"conv", kConvolution},      {"col2im", kConvolution},      {"matmul", kMatrix},          {"gemm", kMatrix},
    {"einsum", kMatrix},         {"attention", kSequenceModel}, {"lstm", kSequenceModel},     {"gru", kSequenceModel},
    {"rnn", kSequenceModel},     {"rotary", kSequenceModel},    {"normaliz", kNormalization}, {"lrn", kNormalization},
    {"quantize", kQuantization}, {"pool", kReduction},          {"reduce", kReduction},       {"arg_m", kReduction},
    {"softmax", kReduction},     {"cum", kReduction},           {"sum_to_shape", kReduction}, {"top_k", kReduction},
    {"roi_align", kReduction},   {"reshape", kMovement},        {"transpose", kMovement},     {"concat", kMovement},
    {"slice", kMovement},        {"split", kMovement},          {"gather", kMovement},        {"scatter", kMovement},
    {"pad", kMovement},          {"resize", kMovement},         {"upsample", kMovement},      {"cast", kMovement},
    {"identity", kMovement},     {"flatten", kMovement},        {"squeeze", kMovement},       {"expand", kMovement},
    {"tile", kMovement},         {"shape", kMovement},          {"space", kMovement},         {"one_hot", kMovement},
    {"reverse", kMovement},      {"constant", kMovement},       {"loop", kControl},           {"scan", kControl},
    {"sequence", kControl},      {"optional", kControl},
};

}  // namespace

std::span<const FlameKind> operator_kinds() { return kKinds; }

int operator_kind(std::string_view name) {
  for (Isa isa : kIsas) {
    if (name == to_string(isa)) return kKernel;
  }
  if (name == "reference" || name == "composed" || name == "custom") return kNoKernel;
  if (Registry::builtin().find(name) == nullptr) return -1;
  if (name == "if") return kControl;
  const auto* rule = std::find_if(std::begin(kRules), std::end(kRules),
                                  [&](const Rule& r) { return name.find(r.part) != std::string_view::npos; });
  return rule != std::end(kRules) ? rule->kind : kElementwise;
}

}  // namespace minnow
