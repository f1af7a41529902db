#include "kernels/relations.h"

#include <algorithm>

#include "kernels/families.h"

namespace minnow::kernels {
namespace {

int64_t dim(const Operand& x, int32_t d) { return x.dims[static_cast<size_t>(d)]; }

// Row-major, and small enough that no product of its sizes overflows.
bool is_dense(const Operand& x) {
  const auto width = static_cast<int64_t>(element_bytes(x.dtype));
  if (width == 0 || x.dtype == DType::string || x.rank < 0 || x.rank > kMaxRank) return false;
  int64_t stride = 1, bytes = width;
  for (int32_t d = x.rank - 1; d >= 0; --d) {
    const int64_t size = dim(x, d);
    if (size < 0 || size > kMaxExtent || bytes > kMaxOperandBytes / std::max<int64_t>(size, 1)) return false;
    if (size > 1 && x.strides[static_cast<size_t>(d)] != stride) return false;
    bytes *= std::max<int64_t>(size, 1);
    stride *= size;
  }
  return true;
}

bool same_type(const Operand& a, const Operand& b) {
  return a.dtype == b.dtype && a.rank == b.rank && std::equal(a.dims.begin(), a.dims.begin() + a.rank, b.dims.begin());
}

bool is_known(const Epilogue& epilogue) { return epilogue.activation <= Activation::gelu_tanh; }

struct Axis {
  int64_t in, out, kernel, stride, dilation, begin;
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  int64_t padded() const { return in + 2 * extent(); }
  // Windows may lie in the padding, but not far outside: the memory for padded rows grows with them. Padding may be
  // negative: it takes rows or columns away.
  bool fits() const {
    return std::min({in, out, kernel, stride, dilation}) >= 1 && begin >= -in && extent() <= kMaxExtent &&
           begin <= in + extent() && (out - 1) * stride <= in + begin + extent();
  }
};

// The padded image and the taps of a row of outputs bound every buffer that kernels ask for: 2^40 elements of them,
// times channels in cache and threads, still fit 64 bits.
bool window_fits(const Axis& height, const Axis& width) {
  constexpr double kMost = 0x1p40;
  return height.fits() && width.fits() &&
         static_cast<double>(height.padded()) * static_cast<double>(width.padded()) <= kMost &&
         static_cast<double>(height.kernel) * static_cast<double>(width.kernel) * static_cast<double>(width.out) <=
             kMost;
}

struct Layout {
  int32_t channels, height, width;
};
Layout layout_of(bool channels_last) { return channels_last ? Layout{3, 1, 2} : Layout{1, 2, 3}; }

bool window_fits(const Problem& p, const Layout& at, const Operand& x, const Operand& out, int64_t kernel_h,
                 int64_t kernel_w) {
  return window_fits(
      {dim(x, at.height), dim(out, at.height), kernel_h, p.ints[kStrideH], p.ints[kDilationH], p.ints[kPadTop]},
      {dim(x, at.width), dim(out, at.width), kernel_w, p.ints[kStrideW], p.ints[kDilationW], p.ints[kPadLeft]});
}

}  // namespace

bool is_well_formed(const Problem& p) {
  if (p.input_count < 0 || p.input_count >= p.operand_count || p.operand_count > kMaxOperands) return false;
  for (int32_t i = 0; i < p.operand_count; ++i) {
    const Operand& x = p.operands[static_cast<size_t>(i)];
    if (x.dtype != DType::undefined && !is_dense(x)) return false;
  }
  for (int64_t value : p.ints) {
    if (value < -kMaxExtent - 1 || value > kMaxExtent) return false;
  }
  if (p.output(0).elements() <= 0 || !is_known(p.epilogue)) return false;
  return !p.epilogue.residual || (p.input_count >= 2 && same_type(p.input(p.input_count - 1), p.output(0)));
}

bool broadcasts_to(const Operand& x, const Operand& out) {
  if (x.rank != out.rank) return false;
  for (int32_t d = 0; d < x.rank; ++d) {
    const bool repeated = dim(x, d) == 1 && x.strides[static_cast<size_t>(d)] == 0;
    if (dim(x, d) != dim(out, d) && !repeated) return false;
  }
  return true;
}

bool is_vector(const Operand& x, int64_t elements) { return x.rank == 1 && dim(x, 0) == elements; }

bool is_product(const Operand& a, const Operand& b, const Operand& out, bool a_transposed, bool b_transposed) {
  if (std::min({a.rank, b.rank, out.rank}) < 2 || out.rank != std::max(a.rank, b.rank)) return false;
  const int64_t m = dim(a, a.rank - (a_transposed ? 1 : 2)), k = dim(a, a.rank - (a_transposed ? 2 : 1));
  const int64_t n = dim(b, b.rank - (b_transposed ? 2 : 1));
  if (dim(b, b.rank - (b_transposed ? 1 : 2)) != k || dim(out, out.rank - 2) != m || dim(out, out.rank - 1) != n)
    return false;
  for (int32_t d = 3; d <= out.rank; ++d) {
    const int64_t of_a = d <= a.rank ? dim(a, a.rank - d) : 1, of_b = d <= b.rank ? dim(b, b.rank - d) : 1;
    if (of_a != of_b && of_a != 1 && of_b != 1) return false;
    if (dim(out, out.rank - d) != (of_a == 1 ? of_b : of_a)) return false;
  }
  return true;
}

bool is_convolution(const Problem& p, const Operand& x, const Operand& w, const Operand& out) {
  if (x.rank != 4 || w.rank != 4 || out.rank != 4 || x.elements() == 0 || w.elements() == 0 || out.elements() == 0)
    return false;
  const Layout at = layout_of(p.ints[kChannelsLast] != 0);
  const int64_t group = p.ints[kGroup], filters = dim(w, 0);
  return group >= 1 && filters % group == 0 && dim(w, at.channels) * group == dim(x, at.channels) &&
         dim(out, 0) == dim(x, 0) && dim(out, at.channels) == filters &&
         window_fits(p, at, x, out, dim(w, at.height), dim(w, at.width));
}

bool is_pool(const Problem& p, const Operand& x, const Operand& out, bool channels_last) {
  if (x.rank != 4 || out.rank != 4 || x.elements() == 0 || out.elements() == 0) return false;
  const Layout at = layout_of(channels_last);
  return dim(out, 0) == dim(x, 0) && dim(out, at.channels) == dim(x, at.channels) &&
         window_fits(p, at, x, out, p.ints[kKernelH], p.ints[kKernelW]);
}

}  // namespace minnow::kernels
