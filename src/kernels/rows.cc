#include <algorithm>
#include <iterator>
#include <limits>
#include <vector>

#include "base/cpu.h"
#include "kernels/families.h"
#include "kernels/relations.h"

namespace minnow {
namespace {

struct IsaTable {
  Isa isa;
  const simd::F32Table* (*f32)();
  bool integer_products_alone = false;  // all else is the next set's
};

// Another set's loops with these integer products. Made here: no code of a set runs before the processor is known to
// have it.
template <const simd::F32Table* (*kBase)(), const simd::IntegerProducts& kProducts>
[[maybe_unused]] const simd::F32Table* with_products() {
  static const simd::IntegerTable integer = [] {
    simd::IntegerTable table = *kBase()->integer;
    static_cast<simd::IntegerProducts&>(table) = kProducts;
    return table;
  }();
  static const simd::F32Table f32 = [] {
    simd::F32Table table = *kBase();
    table.integer = &integer;
    return table;
  }();
  return &f32;
}

// The best first.
constexpr IsaTable kTables[] = {
#if defined(MINNOW_X86_KERNELS)
    {Isa::avx512vnni, with_products<simd::avx512::f32_table, simd::avx512vnni::kIntegerProducts>, true},
    {Isa::avx512, simd::avx512::f32_table},
    {Isa::avx_vnni, with_products<simd::avx2::f32_table, simd::avx_vnni::kIntegerProducts>, true},
    {Isa::avx2, simd::avx2::f32_table},
#elif defined(MINNOW_ARM_KERNELS)
    {Isa::i8mm, with_products<simd::neon::f32_table, simd::i8mm::kIntegerProducts>, true},
    {Isa::dotprod, with_products<simd::neon::f32_table, simd::dotprod::kIntegerProducts>, true},
    {Isa::neon, simd::neon::f32_table},
#endif
    {Isa::generic, simd::generic::f32_table},
};

std::vector<KernelRow> build_rows() {
  std::vector<KernelRow> rows;
  const auto add = [&](std::span<const KernelRow> family, const IsaTable& table) {
    for (KernelRow row : family) {
      row.isa = table.isa;
      row.f32 = table.f32();
      rows.push_back(row);
    }
  };
  for (const IsaTable& table : kTables) {
    add(kernels::kIntegerMatmulRows, table);
    add(kernels::kIntegerConvRows, table);
    if (table.integer_products_alone) continue;
    add(kernels::kGemmRows, table);
    add(kernels::kConvRows, table);
    add(kernels::kConvNhwcRows, table);
    add(kernels::kConvGradRows, table);
    add(kernels::kConvGradNhwcRows, table);
    add(kernels::kQuantizeRows, table);
    add(kernels::kElementwiseRows, table);
    add(kernels::kCodeRows, table);
    add(kernels::kCodePoolRows, table);
    add(kernels::kReduceRows, table);
    add(kernels::kPoolRows, table);
    add(kernels::kMoveRows, table);
    add(kernels::kResizeRows, table);
    add(kernels::kGatherRows, table);
    add(kernels::kAttentionRows, table);
    add(kernels::kRecurrentRows, table);
  }
  return rows;
}

}  // namespace

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::generic: return "generic";
    case Isa::avx2: return "avx2";
    case Isa::avx_vnni: return "avx_vnni";
    case Isa::avx512: return "avx512";
    case Isa::avx512vnni: return "avx512vnni";
    case Isa::neon: return "neon";
    case Isa::dotprod: return "dotprod";
    case Isa::i8mm: return "i8mm";
  }
  return "generic";
}

std::span<const KernelRow> kernel_rows() {
  static const std::vector<KernelRow> rows = build_rows();
  return rows;
}

bool isa_built(Isa isa) {
  return std::any_of(std::begin(kTables), std::end(kTables), [&](const IsaTable& table) { return table.isa == isa; });
}

bool isa_available(Isa isa) {
  if (!isa_built(isa)) return false;
  switch (isa) {
    case Isa::generic: return true;
    case Isa::avx2: return cpu_features().has_avx2_kernels();
    case Isa::avx_vnni: return cpu_features().has_avx_vnni_kernels();
    case Isa::avx512: return cpu_features().has_avx512_kernels();
    case Isa::avx512vnni: return cpu_features().has_avx512vnni_kernels();
    case Isa::neon: return cpu_features().neon;
    case Isa::dotprod: return cpu_features().has_dotprod_kernels();
    case Isa::i8mm: return cpu_features().has_i8mm_kernels();
  }
  return false;
}

Isa best_isa() {
  for (const IsaTable& table : kTables) {
    if (isa_available(table.isa)) return table.isa;
  }
  return Isa::generic;
}

const KernelRow* find_kernel(const Problem& problem, Isa best) {
  for (const KernelRow& row : kernel_rows()) {
    if (row.op == problem.op && row.isa <= best && isa_available(row.isa) && takes(row, problem)) return &row;
  }
  return nullptr;
}

bool takes(const KernelRow& row, const Problem& problem) {
  return row.op == problem.op && kernels::is_well_formed(problem) && row.accepts(problem);
}

simd::Finish kernels::finish_of(const Epilogue& epilogue) {
  // simd/ has no access to base: its names for the activations must go along.
  static_assert(static_cast<int>(Activation::clip) == simd::kActClip &&
                static_cast<int>(Activation::hard_sigmoid) == simd::kActHardSigmoid &&
                static_cast<int>(Activation::gelu_tanh) == simd::kActGeluTanh &&
                static_cast<int>(Activation::gelu_tanh) + 1 == simd::kActCount);
  if (epilogue.activation == Activation::relu) return {simd::kActRelu, 0.0f, std::numeric_limits<float>::infinity()};
  return {static_cast<int>(epilogue.activation), epilogue.parameters[0], epilogue.parameters[1]};
}

const float* kernels::residual_of(const KernelCall& call) {
  return call.problem->epilogue.residual ? call.input(call.problem->input_count - 1) : nullptr;
}

bool kernels::all_float32(const Problem& problem, int low, int high) {
  for (int i = 0; i < problem.operand_count; ++i) {
    const Operand& operand = problem.operands[static_cast<size_t>(i)];
    if (operand.dtype != DType::float32 || operand.rank < low || operand.rank > high) return false;
  }
  return true;
}

}  // namespace minnow
