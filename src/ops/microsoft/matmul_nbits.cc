// matmul_nbits: a product with weights of few bits, quantized along k in blocks (ONNX Runtime's MatMulNBits):
//   w[n, k] = (code[n, k] - zero[n, block(k)]) scale[n, block(k)],  y = a w^T + bias.
// Codes are packed low bits first, each block in ceil(block_size bits / 8) bytes.
#include <algorithm>

#include "ops/builder.h"
#include "ops/cases.h"
#include "ops/dispatch.h"

namespace minnow::ops {
namespace {

constexpr int kA = 0, kCodes = 1, kScales = 2, kZeros = 3, kGroups = 4, kBias = 5;

struct Layout {
  int64_t k, n, bits, block, blocks, block_bytes, zero_bytes;  // zero_bytes: of one row's packed zero points
};

Result<Layout> layout_of(const NodeView& node) {
  Layout l{};
  l.k = node.int_attribute("K");
  l.n = node.int_attribute("N");
  l.bits = node.int_attribute("bits");
  l.block = node.int_attribute("block_size");
  constexpr int64_t kMaxSide = int64_t{1} << 30;  // keeps every product of the two below 2^63
  MN_CHECK(l.k > 0 && l.n > 0 && l.k < kMaxSide && l.n < kMaxSide, "K and N must be positive, got ", l.k, " and ", l.n);
  MN_CHECK(l.bits >= 2 && l.bits <= 8, "bits must be 2 to 8, got ", l.bits);
  MN_CHECK(l.block >= 16 && l.block <= (1 << 20) && (l.block & (l.block - 1)) == 0,
           "block_size must be a power of two from 16, got ", l.block);
  l.blocks = (l.k + l.block - 1) / l.block;
  l.block_bytes = (l.block * l.bits + 7) / 8;
  l.zero_bytes = (l.blocks * l.bits + 7) / 8;
  return l;
}

// Tensors that may come flat or as a table: only the count of elements is fixed.
Status expect_count(const InferContext& c, int i, std::string_view what, int64_t count) {
  if (!c.has_input(i) || !c.shape(i).static_dims()) return {};
  MN_ASSIGN(const int64_t have, checked_element_count(c.shape(i).to_dims()));
  MN_CHECK(have == count, what, " has shape ", to_string(c.shape(i)), ", expected ", count, " elements");
  return {};
}

Status nbits_infer(InferContext& c) {
  MN_ASSIGN(const Layout l, layout_of(c));
  const Shape a = c.shape(kA);
  MN_CHECK(!a.ranked || a.rank() >= 1, "expected A of at least 1 dimension");
  MN_CHECK(!a.ranked || !a.dims.back().known() || a.dims.back().value == l.k, "A has shape ", to_string(a),
           ", expected K = ", l.k, " columns");
  MN_TRY(expect_count(c, kCodes, "the packed weight", l.n * l.blocks * l.block_bytes));
  MN_TRY(expect_count(c, kScales, "scales", l.n * l.blocks));
  if (c.has_input(kZeros)) {
    const bool packed = c.dtype(kZeros) == DType::uint8;
    MN_TRY(expect_count(c, kZeros, "zero_points", l.n * (packed ? l.zero_bytes : l.blocks)));
    MN_CHECK(packed || c.dtype(kZeros) == DType::undefined || is_float(c.dtype(kZeros)),
             "zero_points must be uint8 or floating point, got ", to_string(c.dtype(kZeros)));
  }
  MN_TRY(expect_count(c, kGroups, "g_idx", l.k));
  MN_TRY(expect_count(c, kBias, "bias", l.n));
  MN_CHECK(c.dtype(kCodes) == DType::uint8 || c.dtype(kCodes) == DType::undefined,
           "the packed weight must be uint8, got ", to_string(c.dtype(kCodes)));
  MN_TRY(c.expect_same_dtype(kA, kScales));
  Shape out = a;
  if (out.ranked) out.dims.back() = Dim(l.n);
  c.set_output(0, c.dtype(kA), out);
  return {};
}

// The `index`th code of `bits` bits; codes may straddle bytes.
int32_t code_at(const uint8_t* bytes, int64_t index, int64_t bits) {
  const int64_t bit = index * bits;
  uint32_t window = bytes[bit / 8];
  if (bit % 8 + bits > 8) window |= static_cast<uint32_t>(bytes[bit / 8 + 1]) << 8;
  return static_cast<int32_t>((window >> (bit % 8)) & ((1u << bits) - 1));
}

// One row of the weight, dequantized.
template <class T>
Status dequantize_row(EvalContext& c, const Layout& l, int64_t n, T* row) {
  const uint8_t* codes = c.input(kCodes).data<uint8_t>() + n * l.blocks * l.block_bytes;
  const T* scales = c.input(kScales).data<T>() + n * l.blocks;
  const int32_t* groups = c.has_input(kGroups) ? c.input(kGroups).data<int32_t>() : nullptr;
  const auto zero = [&](int64_t block) -> T {
    if (!c.has_input(kZeros)) return static_cast<T>(int64_t{1} << (l.bits - 1));
    const Tensor& zeros = c.input(kZeros);
    if (zeros.dtype() == DType::uint8)
      return static_cast<T>(code_at(zeros.data<uint8_t>() + n * l.zero_bytes, block, l.bits));
    return zeros.data<T>()[n * l.blocks + block];
  };
  for (int64_t k = 0; k < l.k; ++k) {
    const int64_t block = groups != nullptr ? groups[k] : k / l.block;
    MN_CHECK(block >= 0 && block < l.blocks, "g_idx has ", block, " at ", k, ", expected 0 to ", l.blocks - 1);
    const int32_t code = code_at(codes + k / l.block * l.block_bytes, k % l.block, l.bits);
    row[k] = (static_cast<T>(code) - zero(block)) * scales[block];
  }
  return {};
}

template <class T>
T dot(const T* a, const T* b, int64_t count) {
  constexpr int64_t kLanes = 8;  // independent sums, so that the compiler may vectorise
  T sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  T total = 0;
  for (; i < count; ++i) total += a[i] * b[i];
  for (const T sum : sums) total += sum;
  return total;
}

template <class T>
Status nbits_typed(EvalContext& c, const Layout& l) {
  const int64_t rows = c.input(kA).size() / l.k;
  MN_ASSIGN(Tensor scratch, c.scratch(dtype_of<T>(), {l.k}));
  T* weight = scratch.mutable_data<T>();
  const T* a = c.input(kA).data<T>();
  T* out = c.output(0).mutable_data<T>();
  for (int64_t n = 0; n < l.n; ++n) {
    if (n % 64 == 0) MN_TRY(c.budget()->step(0));
    MN_TRY(dequantize_row(c, l, n, weight));
    const T bias = c.has_input(kBias) ? c.input(kBias).data<T>()[n] : T(0);
    for (int64_t m = 0; m < rows; ++m) out[m * l.n + n] = dot(a + m * l.k, weight, l.k) + bias;
  }
  return {};
}

Status nbits_reference(EvalContext& c) {
  MN_ASSIGN(const Layout l, layout_of(c));
  const Tensor* zeros = c.has_input(kZeros) ? &c.input(kZeros) : nullptr;
  MN_CHECK(zeros == nullptr || zeros->dtype() == DType::uint8 || zeros->dtype() == c.input(kA).dtype(),
           "zero_points must be uint8 or of A's type, got ", to_string(zeros->dtype()));
  if (c.has_input(kGroups))
    MN_CHECK(c.input(kGroups).dtype() == DType::int32, "g_idx must be int32, got ",
             to_string(c.input(kGroups).dtype()));
  if (c.has_input(kBias))
    MN_CHECK(c.input(kBias).dtype() == c.input(kA).dtype(), "bias must have A's type, got ",
             to_string(c.input(kBias).dtype()));
  return dispatch<FloatTypes>(c.input(kA).dtype(), [&]<class T>() -> Status { return nbits_typed<T>(c, l); });
}

Cost nbits_cost(const InferContext& c) {
  const int64_t k = c.int_attribute("K"), n = c.int_attribute("N");
  const int64_t a = element_count(c.shape(kA).to_dims());
  const int64_t size = static_cast<int64_t>(element_bytes(c.dtype(kA)));
  return {a * n, a * size + a / std::max<int64_t>(k, 1) * n * size + element_count(c.shape(kCodes).to_dims()) +
                     element_count(c.shape(kScales).to_dims()) * size};
}

std::vector<Case> nbits_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const auto bytes = [](Dims dims, uint64_t seed) {
    return random_tensor(DType::uint8, std::move(dims), seed, 0, 256);
  };
  // Codes 0, 1, … 15 with zero point 8 and scale 0.5 against ones: sum of (i - 8) / 2 = -4.
  const Tensor ramp = Tensor::of<uint8_t>({0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE}, {1, 1, 8});
  const Tensor ones = Tensor::of<float>(std::vector<float>(16, 1.0f), {1, 16});
  const auto attributes = [](int64_t k, int64_t n, int64_t bits) -> Attributes {
    return {{"K", k}, {"N", n}, {"bits", bits}, {"block_size", 16}};
  };
  const Tensor groups = Tensor::of<int32_t>({0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0}, {20});
  return {
      {.inputs = {ones, ramp, Tensor::of<float>({0.5f}, {1})},
       .attributes = attributes(16, 1, 4),
       .expected = {Tensor::of<float>({-4}, {1, 1})},
       .differentiable = false},
      {.inputs = {f({2, 3, 20}, 1), bytes({3, 2, 8}, 2), f({6}, 3), bytes({3}, 4), groups, f({3}, 5)},
       .attributes = attributes(20, 3, 4),
       .differentiable = false,
       .note = "packed zero points, groups, bias"},
      {.inputs = {f({2, 20}, 1), bytes({3, 2, 16}, 2), f({3, 2}, 3), f({3, 2}, 4)},
       .attributes = attributes(20, 3, 8),
       .differentiable = false,
       .note = "8 bits, float zero points"},
      {.inputs = {f({2, 40}, 1), bytes({2, 3, 4}, 2), f({6}, 3)},
       .attributes = attributes(40, 2, 2),
       .differentiable = false,
       .note = "2 bits"},
      {.inputs = {f({1, 16}, 1), bytes({2, 1, 6}, 2), f({2}, 3)},
       .attributes = attributes(16, 2, 3),
       .differentiable = false,
       .note = "3 bits straddle bytes"},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> matmul_nbits() {
  return {{
      .name = "matmul_nbits",
      .doc = "Matrix product with block-quantized weights of 2 to 8 bits.",
      .inputs = {3, 6},
      .attributes = {required("K", AttributeKind::integer),
                     required("N", AttributeKind::integer),
                     {"bits", 4},
                     required("block_size", AttributeKind::integer)},
      .infer = nbits_infer,
      .reference = nbits_reference,
      .cost = nbits_cost,
      .imports = {{"com.microsoft", "MatMulNBits"}},
      .exports = {{"com.microsoft", "MatMulNBits", 1}},
      .tolerance = {.relative = 1e-4, .absolute = 1e-5},
      .cases = nbits_cases,
  }};
}

}  // namespace minnow::ops
