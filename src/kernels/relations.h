// What sizes and attributes must satisfy so that a kernel stays inside its operands. Lowering makes problems for which
// all of it holds; a plan from a file may say anything. takes() (kernel_row.h) checks is_well_formed for every row;
// each row's `accepts` checks the relation of its operator, one of the others here.
#pragma once

#include "base/problem.h"

namespace minnow::kernels {

// Sizes, and attributes that are integers, stay below this: sums of two products of two of them fit 64 bits.
inline constexpr int64_t kMaxExtent = (int64_t{1} << 31) - 1;
// Bytes of an operand, each empty dimension taken as 1: as much as an address can name.
inline constexpr int64_t kMaxOperandBytes = int64_t{1} << 47;

// Counts and ranks in range; every operand that is there (others have no dtype: `accepts` asks for it) row-major (a
// dimension of 1 may have any stride, 0 where it broadcasts), of fixed-size elements, within kMaxOperandBytes;
// something to compute; attributes within +-kMaxExtent; an activation that exists; a residual of the first output's
// type.
bool is_well_formed(const Problem& problem);

// One rank; each dimension of x is the output's, or 1 with stride 0.
bool broadcasts_to(const Operand& x, const Operand& out);

// As many elements as that, in one dimension.
bool is_vector(const Operand& x, int64_t elements);

// out [batch.., m, n] = a [batch.., m, k] b [batch.., k, n]; transposed: stored as [batch.., k, m], [batch.., n, k].
// Batch dimensions broadcast, aligned at the right.
bool is_product(const Operand& a, const Operand& b, const Operand& out, bool a_transposed, bool b_transposed);

// x, w and out are those of a convolution, in either layout, with the attributes of ConvInt (families.h).
bool is_convolution(const Problem& problem, const Operand& x, const Operand& w, const Operand& out);

// x and out are those of a pool, [N,C,H,W] or channels last, with the attributes of ConvInt and PoolInt.
bool is_pool(const Problem& problem, const Operand& x, const Operand& out, bool channels_last);

}  // namespace minnow::kernels
