// quantize_linear and dequantize_linear between float32 and 8-bit codes with one scale.
#include <algorithm>

#include "kernels/families.h"
#include "kernels/integer_gemm.h"

namespace minnow::kernels {
namespace {

enum { kValues, kScale, kZero };

// Elements of a piece of work.
constexpr int64_t kPiece = 1 << 14;

bool accepts(const Problem& p, const Operand& codes, const Operand& real) {
  if (p.input_count < 2 || p.input_count > 3 || p.operand_count != p.input_count + 1 || !p.epilogue.none())
    return false;
  if (!is_byte(codes.dtype) || real.dtype != DType::float32 || codes.elements() != real.elements()) return false;
  const Operand& scale = p.input(kScale);
  if (scale.dtype != DType::float32 || scale.elements() != 1) return false;
  return !has_input(p, kZero) || (p.input(kZero).dtype == codes.dtype && p.input(kZero).elements() == 1);
}

bool accepts_quantize(const Problem& p) { return accepts(p, p.output(0), p.input(kValues)); }
bool accepts_dequantize(const Problem& p) { return accepts(p, p.input(kValues), p.output(0)); }

int32_t zero_point(const KernelCall& call) {
  if (!has_input(*call.problem, kZero)) return 0;
  const void* zero = call.inputs[kZero];
  return call.problem->input(kZero).dtype == DType::int8 ? *static_cast<const int8_t*>(zero)
                                                         : *static_cast<const uint8_t*>(zero);
}

template <class Body>
KernelStatus for_pieces(const KernelCall& call, Body body) {
  const int64_t count = call.problem->output(0).elements();
  return for_each_item(call, (count + kPiece - 1) / kPiece,
                       [&](int64_t piece, int) { body(piece * kPiece, std::min(kPiece, count - piece * kPiece)); });
}

KernelStatus run_quantize(const KernelCall& call) {
  const int32_t zero = zero_point(call);
  const bool is_signed = call.problem->output(0).dtype == DType::int8;
  const float low = static_cast<float>((is_signed ? -128 : 0) - zero);
  const float high = static_cast<float>((is_signed ? 127 : 255) - zero);
  auto* out = static_cast<uint8_t*>(call.outputs[0]);
  return for_pieces(call, [&](int64_t first, int64_t count) {
    call.row->f32->integer->quantize(count, call.input(kValues) + first, call.input(kScale)[0], low, high, zero,
                                     out + first);
  });
}

KernelStatus run_dequantize(const KernelCall& call) {
  const int32_t zero = zero_point(call);
  const bool is_signed = call.problem->input(kValues).dtype == DType::int8;
  const auto* in = static_cast<const uint8_t*>(call.inputs[kValues]);
  return for_pieces(call, [&](int64_t first, int64_t count) {
    call.row->f32->integer->dequantize(count, in + first, is_signed, zero, call.input(kScale)[0],
                                       call.output(0) + first);
  });
}

}  // namespace

const std::array<KernelRow, 2> kQuantizeRows = {{
    {.op = "quantize_linear", .accepts = accepts_quantize, .run = run_quantize},
    {.op = "dequantize_linear", .accepts = accepts_dequantize, .run = run_dequantize},
}};

}  // namespace minnow::kernels
