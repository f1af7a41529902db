// Elementwise operators on 8-bit codes: tables of 256 entries, and sums, differences and products.
#include "kernels/broadcast_rows.h"
#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow::kernels {
namespace {

bool is_byte(const Operand& x) { return x.dtype == DType::uint8 || x.dtype == DType::int8; }
uint8_t flip_of(const Operand& x) { return x.dtype == DType::int8 ? 128 : 0; }

bool accepts_lookup(const Problem& p) {
  return p.epilogue.none() && p.input_count == 2 && p.operand_count == 3 && is_byte(p.input(0)) &&
         is_byte(p.input(1)) && p.input(1).dtype == p.output(0).dtype && p.input(1).elements() == 256 &&
         p.input(0).elements() == p.output(0).elements();
}

KernelStatus run_lookup(const KernelCall& call) {
  const int64_t count = call.problem->output(0).elements();
  const auto* in = static_cast<const uint8_t*>(call.inputs[0]);
  const auto* table = static_cast<const uint8_t*>(call.inputs[1]);
  auto* out = static_cast<uint8_t*>(call.outputs[0]);
  const uint8_t flip = flip_of(call.problem->input(0));
  split_elements(call, count, count, [&](int64_t begin, int64_t end) {
    call.row->f32->codes->lookup(end - begin, in + begin, flip, table, out + begin);
  });
  return kDone;
}

bool accepts_binary(const Problem& p) {
  if (!p.epilogue.none() || p.input_count != 2 || p.operand_count != 3) return false;
  for (int i = 0; i < 3; ++i) {
    const Operand& x = p.operands[static_cast<size_t>(i)];
    if (!is_byte(x) || !broadcasts_to(x, p.output(0))) return false;
    // Products and quotients of these and of differences of codes are normal numbers.
    const float scale = p.floats[static_cast<size_t>(i)];
    if (!(scale >= 0x1p-40f && scale <= 0x1p40f)) return false;
    const int64_t zero = p.ints[static_cast<size_t>(kZeroPoints + i)], flip = flip_of(x);
    if (zero < -flip || zero > 255 - flip) return false;
  }
  const int64_t low = p.ints[kLowestCode], high = p.ints[kHighestCode], flip = flip_of(p.output(0));
  return low >= -flip && low <= high && high <= 255 - flip;
}

simd::CodeInput input_of(const KernelCall& call, int i, int64_t step) {
  const Problem& p = *call.problem;
  const uint8_t flip = flip_of(p.input(i));
  return {static_cast<const uint8_t*>(call.inputs[i]), step, flip,
          static_cast<int32_t>(p.ints[static_cast<size_t>(kZeroPoints + i)] + flip), p.floats[static_cast<size_t>(i)]};
}

simd::CodeOutput output_of(const Problem& p, int i) {
  const uint8_t flip = flip_of(p.output(0));
  const int64_t zero = p.ints[static_cast<size_t>(kZeroPoints + i)];
  return {flip, static_cast<int32_t>(zero + flip), p.floats[static_cast<size_t>(i)],
          static_cast<float>(p.ints[kLowestCode] - zero), static_cast<float>(p.ints[kHighestCode] - zero)};
}

template <simd::CodeBinary op>
KernelStatus run_binary(const KernelCall& call) {
  const Problem& p = *call.problem;
  const Operand& shape = p.output(0);
  if (shape.elements() == 0) return kDone;
  const BroadcastRows rows = broadcast_rows(p);
  const auto apply = call.row->f32->codes->binary[op];
  const simd::CodeInput a = input_of(call, 0, rows.step[0]), b = input_of(call, 1, rows.step[1]);
  const simd::CodeOutput target = output_of(p, 2);
  auto* out = static_cast<uint8_t*>(call.outputs[0]);
  const auto part = [&](int64_t a_offset, int64_t b_offset, int64_t count, uint8_t* to) {
    simd::CodeInput left = a, right = b;
    left.codes += a_offset;
    right.codes += b_offset;
    apply(count, &left, &right, &target, to);
  };
  if (rows.count == 1) {
    split_elements(call, rows.run, rows.run, [&](int64_t begin, int64_t end) {
      part(begin * rows.step[0], begin * rows.step[1], end - begin, out + begin);
    });
    return kDone;
  }
  split_elements(call, rows.count * rows.run, rows.count, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      part(row_offset(row, shape, p.input(0), rows.outer_rank), row_offset(row, shape, p.input(1), rows.outer_rank),
           rows.run, out + row * rows.run);
    }
  });
  return kDone;
}

}  // namespace

const std::array<KernelRow, 4> kCodeRows = {{
    {.op = "lookup", .accepts = accepts_lookup, .run = run_lookup, .in_place = true},
    {.op = "quantized_add", .accepts = accepts_binary, .run = run_binary<simd::kCodesAdd>, .in_place = true},
    {.op = "quantized_sub", .accepts = accepts_binary, .run = run_binary<simd::kCodesSub>, .in_place = true},
    {.op = "quantized_mul", .accepts = accepts_binary, .run = run_binary<simd::kCodesMul>, .in_place = true},
}};

}  // namespace minnow::kernels
