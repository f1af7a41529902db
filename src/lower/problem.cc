// The problems that nodes pose: one preparation for each operator that has kernels.
#include "lower/provider.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/families.h"
#include "lower/preparation.h"
#include "ops/convolution.h"

namespace minnow {

void insert_dim(Operand& operand, int32_t at) {
  for (int32_t d = operand.rank; d > at; --d) {
    operand.dims[static_cast<size_t>(d)] = operand.dims[static_cast<size_t>(d - 1)];
    operand.strides[static_cast<size_t>(d)] = operand.strides[static_cast<size_t>(d - 1)];
  }
  operand.dims[static_cast<size_t>(at)] = 1;
  operand.strides[static_cast<size_t>(at)] =
      at < operand.rank ? operand.dims[static_cast<size_t>(at + 1)] * operand.strides[static_cast<size_t>(at + 1)] : 1;
  ++operand.rank;
}

void keep_inputs(Problem& p, int32_t count) {
  for (int32_t i = count; i < p.operand_count; ++i) {
    const int32_t from = i + (p.input_count - count);
    p.operands[static_cast<size_t>(i)] = from < p.operand_count ? p.operands[static_cast<size_t>(from)] : Operand{};
  }
  p.operand_count -= p.input_count - count;
  p.input_count = count;
}

void set_extents(Problem& p, int64_t first, int64_t last) {
  int64_t extents[3] = {1, 1, 1};
  const Operand& x = p.input(0);
  for (int32_t d = 0; d < x.rank; ++d) extents[d < first ? 0 : d < last ? 1 : 2] *= x.dims[static_cast<size_t>(d)];
  p.ints = {extents[0], extents[1], extents[2]};
}

std::vector<int64_t> ints_of(const Tensor& tensor) {
  constexpr double kLarge = 0x1p53;
  std::vector<int64_t> values;
  for (double value : to_doubles(tensor)) values.push_back(static_cast<int64_t>(std::clamp(value, -kLarge, kLarge)));
  return values;
}

namespace {

using kernels::ConvInt;

Operand operand_of(const Type& type) {
  Operand operand;
  operand.dtype = type.dtype;
  operand.rank = static_cast<int32_t>(type.shape.rank());
  int64_t stride = 1;
  for (size_t d = type.shape.dims.size(); d-- > 0;) {
    operand.dims[d] = type.shape.dims[d].value;
    operand.strides[d] = stride;
    stride *= type.shape.dims[d].value;
  }
  return operand;
}

// Vectors become matrices; the output gets the dimension back that NumPy's rule drops.
bool prepare_matmul(const Step&, Problem& p) {
  Operand &a = p.operands[0], &b = p.operands[1], &out = p.operands[2];
  const bool a_vector = a.rank == 1, b_vector = b.rank == 1;
  if (out.rank + a_vector + b_vector > kMaxRank) return false;
  if (a_vector) insert_dim(a, 0);
  if (b_vector) insert_dim(b, 1);
  if (a_vector) insert_dim(out, std::max(out.rank - (b_vector ? 0 : 1), 0));
  if (b_vector) insert_dim(out, out.rank);
  return true;
}

bool prepare_gemm(const Step& step, Problem& p) {
  p.ints[0] = step.node.int_attribute("transA");
  p.ints[1] = step.node.int_attribute("transB");
  p.floats[0] = step.node.float_attribute("alpha");
  p.floats[1] = step.node.float_attribute("beta");
  return true;
}

void set_window(Problem& p, const Convolution& conv) {
  const WindowAxis &height = conv.window[1], &width = conv.window[2];
  p.ints[kernels::kStrideH] = height.stride;
  p.ints[kernels::kStrideW] = width.stride;
  p.ints[kernels::kDilationH] = height.dilation;
  p.ints[kernels::kDilationW] = width.dilation;
  p.ints[kernels::kPadTop] = height.pad_begin;
  p.ints[kernels::kPadLeft] = width.pad_begin;
  p.ints[kernels::kGroup] = conv.group;
}

bool prepare_conv(const Step& step, Problem& p) {
  const int32_t rank = p.operands[0].rank;
  const bool channels_last = step.node.string_attribute("data_layout") == "NHWC";
  if (rank != 4 && (rank != 3 || channels_last)) return false;
  const auto conv =
      concrete_convolution(step.node, step.input_dims(0), step.input_dims(1), step.outputs[0].shape.to_dims());
  if (!conv.ok()) return false;
  if (rank == 3) {  // one row of height 1
    insert_dim(p.operands[0], 2);
    insert_dim(p.operands[1], 2);
    insert_dim(p.operands[static_cast<size_t>(p.input_count)], 2);
  }
  set_window(p, *conv);
  p.ints[kernels::kChannelsLast] = channels_last;
  return true;
}

bool prepare_matmul_integer(const Step& step, Problem& p) {
  p.ints[0] = step.node.int_attribute("transB");
  return true;
}

// One scale for all; with several, inputs of one dimension and one element have an axis as well.
bool prepare_quantization(const Step& step, Problem&) { return step.node.int_attribute("block_size") == 0; }

bool prepare_conv_grad_input(const Step& step, Problem& p) {
  if (p.operands[0].rank != 4) return false;
  const auto conv =
      concrete_convolution(step.node, step.outputs[0].shape.to_dims(), step.input_dims(1), step.input_dims(0));
  if (!conv.ok()) return false;
  set_window(p, *conv);
  p.ints[kernels::kChannelsLast] = step.node.string_attribute("data_layout") == "NHWC";
  keep_inputs(p, 2);
  return true;
}

// Aligns the inputs with the output at the right; broadcast dimensions get stride 0.
bool prepare_binary(const Step&, Problem& p) {
  if (p.input_count != 2) return false;
  const Operand& out = p.operands[2];
  for (size_t i = 0; i < 2; ++i) {
    const Operand in = p.operands[i];
    Operand& aligned = p.operands[i];
    aligned.rank = out.rank;
    for (int32_t d = out.rank - 1, e = in.rank - 1; d >= 0; --d, --e) {
      const bool given = e >= 0;
      aligned.dims[static_cast<size_t>(d)] = given ? in.dims[static_cast<size_t>(e)] : 1;
      aligned.strides[static_cast<size_t>(d)] =
          given && in.dims[static_cast<size_t>(e)] != 1 ? in.strides[static_cast<size_t>(e)] : 0;
    }
  }
  return true;
}

bool prepare_quantized_binary(const Step& step, Problem& p) {
  const Tensor *scales = step.values[2], *zeros = step.values[3];
  if (scales == nullptr || zeros == nullptr) return false;
  keep_inputs(p, 2);
  for (size_t i = 0; i < 3; ++i) {
    p.floats[i] = scales->data<float>()[i];
    p.ints[kernels::kZeroPoints + i] = zeros->data<int32_t>()[i];
  }
  const DType dtype = p.output(0).dtype;
  const auto limit = [&](std::string_view name, int64_t fallback) {
    return step.node.has_attribute(name) ? step.node.int_attribute(name) : fallback;
  };
  p.ints[kernels::kLowestCode] = limit("low", integer_min(dtype));
  p.ints[kernels::kHighestCode] = limit("high", integer_max(dtype));
  return prepare_binary(step, p);
}

bool prepare_alpha(const Step& step, Problem& p) {
  p.floats[0] = step.node.float_attribute("alpha");
  return true;
}

bool prepare_swish(const Step& step, Problem&) { return step.node.float_attribute("alpha") == 1.0f; }

bool prepare_hard_sigmoid(const Step& step, Problem& p) {
  p.floats[1] = step.node.float_attribute("beta");
  return prepare_alpha(step, p);
}

bool prepare_gelu(const Step& step, Problem& p) {
  p.ints[0] = step.node.string_attribute("approximate") == "tanh";
  return true;
}

// Bounds that are not given leave their side open.
bool prepare_clip(const Step& step, Problem& p) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  p.floats = {-kInfinity, kInfinity};
  for (size_t i = 1; i < step.inputs.size(); ++i) {
    if (step.inputs[i].kind == Type::Kind::unknown) continue;
    if (step.values[i] == nullptr || step.values[i]->size() != 1) return false;
    p.floats[i - 1] = static_cast<float>(to_doubles(*step.values[i])[0]);
  }
  keep_inputs(p, 1);
  return true;
}

bool prepare_softmax(const Step& step, Problem& p) {
  const auto axis = normalize_axis(step.node.int_attribute("axis"), p.input(0).rank);
  if (axis.ok()) set_extents(p, *axis, *axis + 1);
  return axis.ok();
}

bool prepare_layer_normalization(const Step& step, Problem& p) {
  const auto axis = normalize_axis(step.node.int_attribute("axis"), p.input(0).rank);
  if (axis.ok()) set_extents(p, *axis, p.input(0).rank);
  p.floats[0] = step.node.float_attribute("epsilon");
  return axis.ok();
}

// Neighbouring axes.
bool prepare_reduce(const Step& step, Problem& p) {
  const int64_t rank = p.input(0).rank;
  uint32_t mask = (1u << rank) - 1;
  if (step.inputs.size() > 1) {
    if (step.values[1] == nullptr) return false;
    const std::vector<int64_t> axes = ints_of(*step.values[1]);
    if (!axes.empty() || step.node.int_attribute("noop_with_empty_axes") != 0) mask = 0;
    for (int64_t value : axes) {
      const auto axis = normalize_axis(value, rank);
      if (!axis.ok()) return false;
      mask |= 1u << *axis;
    }
  } else if (step.node.int_attribute("noop_with_empty_axes") != 0) {
    return false;
  }
  int64_t first = 0;
  while (first < rank && (mask >> first & 1) == 0) ++first;
  int64_t last = first;
  while (last < rank && (mask >> last & 1) != 0) ++last;
  set_extents(p, first, last);
  keep_inputs(p, 1);
  return mask != 0 && mask >> last == 0;
}

bool prepare_axis(const Step& step, Problem& p) {
  const auto axis = normalize_axis(step.node.int_attribute("axis"), p.output(0).rank);
  if (!axis.ok()) return false;
  if (p.op == "split") keep_inputs(p, 1);
  p.ints[0] = *axis;
  return true;
}

bool prepare_transpose(const Step& step, Problem& p) {
  const Ints& perm = step.node.ints_attribute("perm");
  const int64_t rank = p.input(0).rank;
  for (int64_t d = 0; d < rank; ++d) {
    const auto axis = normalize_axis(perm.empty() ? rank - 1 - d : perm[static_cast<size_t>(d)], rank);
    if (!axis.ok()) return false;
    p.ints[static_cast<size_t>(d)] = *axis;
  }
  return true;
}

// Starts as Python counts them; the output's shape tells the ends.
bool prepare_slice(const Step& step, Problem& p) {
  const int64_t rank = p.input(0).rank;
  for (int64_t d = 0; d < rank; ++d) p.ints[static_cast<size_t>(kMaxRank + d)] = 1;
  const auto list = [&](size_t i) {
    return i < step.inputs.size() && step.values[i] != nullptr ? ints_of(*step.values[i]) : std::vector<int64_t>();
  };
  for (size_t i = 1; i < step.inputs.size(); ++i) {
    if (step.inputs[i].kind != Type::Kind::unknown && step.values[i] == nullptr) return false;
  }
  const std::vector<int64_t> starts = list(1), axes = list(3), steps = list(4);
  if ((!axes.empty() && axes.size() != starts.size()) || (!steps.empty() && steps.size() != starts.size()))
    return false;
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto axis = normalize_axis(axes.empty() ? static_cast<int64_t>(i) : axes[i], rank);
    if (!axis.ok()) return false;
    const int64_t size = p.input(0).dims[static_cast<size_t>(*axis)], pace = steps.empty() ? 1 : steps[i];
    const int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
    p.ints[static_cast<size_t>(*axis)] = std::clamp<int64_t>(start, 0, size - 1);
    p.ints[static_cast<size_t>(kMaxRank + *axis)] = std::clamp<int64_t>(pace, -size, size);
  }
  keep_inputs(p, 1);
  return true;
}

bool prepare_expand(const Step&, Problem& p) {
  keep_inputs(p, 1);
  while (p.operands[0].rank < p.output(0).rank) insert_dim(p.operands[0], 0);
  return true;
}

struct Preparation {
  std::string_view op;
  Prepare prepare;
};

constexpr Preparation kPreparations[] = {
    {"matmul", prepare_matmul},
    {"gemm", prepare_gemm},
    {"conv", prepare_conv},
    {"conv_integer", prepare_conv},
    {"matmul_integer", prepare_matmul_integer},
    {"quantize_linear", prepare_quantization},
    {"dequantize_linear", prepare_quantization},
    {"conv_grad_input", prepare_conv_grad_input},
    {"add", prepare_binary},
    {"sub", prepare_binary},
    {"mul", prepare_binary},
    {"div", prepare_binary},
    {"pow", prepare_binary},
    {"quantized_add", prepare_quantized_binary},
    {"quantized_sub", prepare_quantized_binary},
    {"quantized_mul", prepare_quantized_binary},
    {"lookup", nullptr},
    {"max", prepare_binary},
    {"min", prepare_binary},
    {"prelu", prepare_binary},
    {"neg", nullptr},
    {"abs", nullptr},
    {"sqrt", nullptr},
    {"reciprocal", nullptr},
    {"exp", nullptr},
    {"erf", nullptr},
    {"relu", nullptr},
    {"sigmoid", nullptr},
    {"tanh", nullptr},
    {"hard_swish", nullptr},
    {"swish", prepare_swish},
    {"leaky_relu", prepare_alpha},
    {"hard_sigmoid", prepare_hard_sigmoid},
    {"gelu", prepare_gelu},
    {"clip", prepare_clip},
    {"softmax", prepare_softmax},
    {"layer_normalization", prepare_layer_normalization},
    {"reduce_mean", prepare_reduce},
    {"reduce_sum", prepare_reduce},
    {"reduce_max", prepare_reduce},
    {"reduce_min", prepare_reduce},
    {"global_average_pool", prepare_global_pool},
    {"global_max_pool", prepare_global_pool},
    {"max_pool", prepare_pool},
    {"average_pool", prepare_pool},
    {"integer_average_pool", prepare_pool},
    {"attention", prepare_attention},
    {"gather", prepare_gather},
    {"lstm", prepare_recurrent},
    {"gru", prepare_recurrent},
    {"concat", prepare_axis},
    {"split", prepare_axis},
    {"transpose", prepare_transpose},
    {"slice", prepare_slice},
    {"pad", prepare_pad},
    {"expand", prepare_expand},
    {"resize", prepare_resize},
    {"integer_resize", prepare_resize},
};

}  // namespace

std::optional<Problem> make_problem(const OpDef& op, const Node& node, std::span<const Type> inputs,
                                    std::span<const Tensor* const> values, std::span<const Type> outputs) {
  const auto* preparation = std::find_if(std::begin(kPreparations), std::end(kPreparations),
                                         [&](const Preparation& p) { return p.op == op.name; });
  if (preparation == std::end(kPreparations) || outputs.empty()) return std::nullopt;
  while (!inputs.empty() && inputs.back().kind == Type::Kind::unknown) inputs = inputs.first(inputs.size() - 1);
  Problem problem;
  problem.op = op.name;
  problem.input_count = static_cast<int32_t>(inputs.size());
  if (inputs.empty() || inputs.size() + outputs.size() > static_cast<size_t>(kMaxOperands)) return std::nullopt;
  problem.operand_count = static_cast<int32_t>(inputs.size() + outputs.size());
  for (size_t i = 0; i < inputs.size() + outputs.size(); ++i) {
    const Type& type = i < inputs.size() ? inputs[i] : outputs[i - inputs.size()];
    if (type.kind == Type::Kind::unknown) continue;  // absent
    if (!type.is_tensor() || !type.shape.static_dims() || type.shape.rank() > kMaxRank) return std::nullopt;
    problem.operands[i] = operand_of(type);
  }
  if (problem.output(0).elements() == 0) return std::nullopt;
  const Step step{NodeView(op, node), inputs, values, outputs};
  if (preparation->prepare != nullptr && !preparation->prepare(step, problem)) return std::nullopt;
  return problem;
}

}  // namespace minnow
